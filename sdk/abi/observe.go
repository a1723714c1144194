package abi

// Append appends m.
func (m *ObserveInput) Append(dst []byte) ([]byte, error) {
	return encode("observe input", dst, func(w *writer) {
		w.object(func() {
			w.array("records", len(m.Records), MaxBatch, func(i int) { m.Records[i].write(w) })
		})
	})
}

func (c *Record) write(w *writer) {
	w.object(func() {
		w.uint("index", c.Index)
		w.text("level", c.Level)
		w.text("type", c.Type)
		w.int("at", c.At)
		w.raw("data", c.Data)
	})
}

// Decode reads m.
func (m *ObserveInput) Decode(b []byte) error {
	*m = ObserveInput{}
	return decode("observe input", b, func(r *reader) {
		r.object(func(name string) {
			if name != "records" {
				r.skip()
				return
			}
			m.Records = nil
			r.array(MaxBatch, func(int) { m.Records = append(m.Records, readRecord(r)) })
		})
	})
}

func readRecord(r *reader) (c Record) {
	r.object(func(name string) {
		switch name {
		case "index":
			c.Index = r.uint()
		case "level":
			c.Level = r.text()
		case "type":
			c.Type = r.text()
		case "at":
			c.At = r.int()
		case "data":
			c.Data = r.raw()
		default:
			r.skip()
		}
	})
	return c
}

// Append appends m.
func (m *ObserveOutput) Append(dst []byte) ([]byte, error) {
	return encode("observe output", dst, func(w *writer) {
		w.object(func() {
			if len(m.Observations) == 0 {
				return
			}
			w.array("observations", len(m.Observations), MaxBatch, func(i int) {
				o := &m.Observations[i]
				w.object(func() {
					w.uint("index", o.Index)
					w.text("type", o.Type)
					w.raw("data", o.Data)
				})
			})
		})
	})
}

// Decode reads m.
func (m *ObserveOutput) Decode(b []byte) error {
	*m = ObserveOutput{}
	return decode("observe output", b, func(r *reader) {
		r.object(func(name string) {
			if name != "observations" {
				r.skip()
				return
			}
			m.Observations = nil
			r.array(MaxBatch, func(int) { m.Observations = append(m.Observations, readObservation(r)) })
		})
	})
}

func readObservation(r *reader) (o Observation) {
	r.object(func(name string) {
		switch name {
		case "index":
			o.Index = r.uint()
		case "type":
			o.Type = r.text()
		case "data":
			o.Data = r.raw()
		default:
			r.skip()
		}
	})
	return o
}
