package abi

// Append appends m.
func (m *SenseInput) Append(dst []byte) ([]byte, error) {
	return encode("sense input", dst, func(w *writer) {
		w.object(func() {
			w.text("channel", m.Channel)
			w.int("time_ns", m.TimeNS)
			w.uint("seed", m.Seed)
			w.opt("mimeType", m.MimeType)
			w.opt("text", m.Text)
			w.opt("data", m.Data)
		})
	})
}

// Decode reads m.
func (m *SenseInput) Decode(b []byte) error {
	*m = SenseInput{}
	return decode("sense input", b, func(r *reader) {
		r.object(func(name string) {
			switch name {
			case "channel":
				m.Channel = r.text()
			case "time_ns":
				m.TimeNS = r.int()
			case "seed":
				m.Seed = r.uint()
			case "mimeType":
				m.MimeType = r.text()
			case "text":
				m.Text = r.text()
			case "data":
				m.Data = r.text()
			default:
				r.skip()
			}
		})
	})
}

// Append appends m.
func (m *SenseOutput) Append(dst []byte) ([]byte, error) {
	return encode("sense output", dst, func(w *writer) {
		w.object(func() {
			if len(m.Samples) > 0 {
				w.array("samples", len(m.Samples), MaxBatch, func(i int) { m.Samples[i].write(w) })
			}
		})
	})
}

func (s *Sample) write(w *writer) {
	w.object(func() {
		w.int("t", s.T)
		w.opt("ch", s.Channel)
		if len(s.U) > 0 {
			w.array("u", len(s.U), MaxBatch, func(i int) { w.pair("u", s.U[i]) })
		}
		if len(s.X) > 0 {
			w.array("x", len(s.X), MaxBatch, func(i int) { w.number("x", s.X[i]) })
		}
		if len(s.Phase) > 0 {
			w.array("phase", len(s.Phase), MaxBatch, func(i int) { w.number("phase", s.Phase[i]) })
		}
		if s.Event {
			w.flag("event", &s.Event)
		}
	})
}

// Decode reads m.
func (m *SenseOutput) Decode(b []byte) error {
	*m = SenseOutput{}
	return decode("sense output", b, func(r *reader) {
		r.object(func(name string) {
			if name != "samples" {
				r.skip()
				return
			}
			m.Samples = nil
			r.array(MaxBatch, func(int) { m.Samples = append(m.Samples, readSample(r)) })
		})
	})
}

func readSample(r *reader) (s Sample) {
	floats := func() (v []float64) {
		r.array(MaxBatch, func(int) { v = append(v, r.float()) })
		return v
	}
	r.object(func(name string) {
		switch name {
		case "t":
			s.T = r.int()
		case "ch":
			s.Channel = r.text()
		case "u":
			s.U = nil
			r.array(MaxBatch, func(int) { s.U = append(s.U, readPair(r)) })
		case "x":
			s.X = floats()
		case "phase":
			s.Phase = floats()
		case "event":
			s.Event = r.flag()
		default:
			r.skip()
		}
	})
	return s
}
