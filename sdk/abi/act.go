package abi

// Append appends m.
func (m *ActInput) Append(dst []byte) ([]byte, error) {
	return encode("act input", dst, func(w *writer) {
		w.object(func() {
			w.text("action", m.Action)
			w.raw("arguments", m.Arguments)
			w.opt("session", m.Session)
			w.int("time_ns", m.TimeNS)
			w.uint("seed", m.Seed)
			if m.State != nil {
				w.name("state")
				m.State.write(w)
			}
			w.raw("context", m.Context)
		})
	})
}

func (s *State) write(w *writer) {
	w.object(func() {
		w.text("field", s.Field)
		w.complex("T_master", s.Master)
		w.complex("T_emissary", s.Emissary)
		w.complex("T_sync", s.Sync)
		w.float("phase", s.Phase)
		w.float("phase_rate", s.PhaseRate)
		w.float("nu", s.Nu)
		if len(s.Margins) > 0 {
			w.array("margins", len(s.Margins), MaxMargins, func(i int) {
				w.object(func() {
					w.text("name", s.Margins[i].Name)
					w.float("margin", s.Margins[i].Margin)
				})
			})
		}
	})
}

// Decode reads m.
func (m *ActInput) Decode(b []byte) error {
	*m = ActInput{}
	return decode("act input", b, func(r *reader) {
		r.object(func(name string) {
			switch name {
			case "action":
				m.Action = r.text()
			case "arguments":
				m.Arguments = r.raw()
			case "session":
				m.Session = r.text()
			case "time_ns":
				m.TimeNS = r.int()
			case "seed":
				m.Seed = r.uint()
			case "state":
				m.State = readState(r)
			case "context":
				m.Context = r.raw()
			default:
				r.skip()
			}
		})
	})
}

func readState(r *reader) *State {
	if r.null() {
		return nil
	}
	s := new(State)
	r.object(func(name string) {
		switch name {
		case "field":
			s.Field = r.text()
		case "T_master":
			s.Master = readPair(r)
		case "T_emissary":
			s.Emissary = readPair(r)
		case "T_sync":
			s.Sync = readPair(r)
		case "phase":
			s.Phase = r.float()
		case "phase_rate":
			s.PhaseRate = r.float()
		case "nu":
			s.Nu = r.float()
		case "margins":
			s.Margins = nil
			r.array(MaxMargins, func(int) { s.Margins = append(s.Margins, readMargin(r)) })
		default:
			r.skip()
		}
	})
	return s
}

func readMargin(r *reader) (m Margin) {
	r.object(func(name string) {
		switch name {
		case "name":
			m.Name = r.text()
		case "margin":
			m.Margin = r.float()
		default:
			r.skip()
		}
	})
	return m
}

// readPair reads [re, im]; null is 0.
func readPair(r *reader) (v [2]float64) {
	n := 2
	if r.peek() != 'n' {
		n = 0
	}
	r.array(2, func(i int) {
		v[i] = r.float()
		n++
	})
	if n != 2 {
		r.fail("want [re, im]")
	}
	return v
}

// Append appends m.
func (m *ActOutput) Append(dst []byte) ([]byte, error) {
	return encode("act output", dst, func(w *writer) {
		w.object(func() {
			if len(m.Content) > 0 {
				w.array("content", len(m.Content), MaxContent, func(i int) { m.Content[i].write(w) })
			}
			w.raw("structured", m.Structured)
			if m.Request != nil {
				w.name("request")
				w.object(func() {
					w.text("action", m.Request.Action)
					w.raw("arguments", m.Request.Arguments)
				})
			}
		})
	})
}

func (c *Content) write(w *writer) {
	w.object(func() {
		w.text("type", c.Type)
		w.opt("text", c.Text)
		w.opt("data", c.Data)
		w.opt("mimeType", c.MimeType)
	})
}

// Decode reads m; Validate judges it.
func (m *ActOutput) Decode(b []byte) error {
	*m = ActOutput{}
	return decode("act output", b, func(r *reader) {
		r.object(func(name string) {
			switch name {
			case "content":
				m.Content = nil
				r.array(MaxContent, func(int) { m.Content = append(m.Content, readContent(r)) })
			case "structured":
				m.Structured = r.raw()
			case "request":
				m.Request = readRequest(r)
			default:
				r.skip()
			}
		})
	})
}

func readContent(r *reader) (c Content) {
	r.object(func(name string) {
		switch name {
		case "type":
			c.Type = r.text()
		case "text":
			c.Text = r.text()
		case "data":
			c.Data = r.text()
		case "mimeType":
			c.MimeType = r.text()
		default:
			r.skip()
		}
	})
	return c
}

func readRequest(r *reader) *Request {
	if r.null() {
		return nil
	}
	q := new(Request)
	r.object(func(name string) {
		switch name {
		case "action":
			q.Action = r.text()
		case "arguments":
			q.Arguments = r.raw()
		default:
			r.skip()
		}
	})
	return q
}
