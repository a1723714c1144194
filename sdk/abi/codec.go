package abi

// Each message has Append, which appends its JSON to dst and on an error returns dst as it was,
// and Decode, which replaces the message by what b says. Decoded Raw values alias b.

// Append appends e. It cannot fail.
func (e *Error) Append(dst []byte) []byte {
	w := &writer{b: dst}
	w.object(func() {
		w.text("code", e.Code)
		w.text("message", e.Message)
		if e.Retry {
			w.flag("retry", &e.Retry)
		}
	})
	return w.b
}

// Decode reads an error's payload.
func (e *Error) Decode(b []byte) error {
	*e = Error{}
	return decode("error", b, func(r *reader) {
		r.object(func(name string) {
			switch name {
			case "code":
				e.Code = r.text()
			case "message":
				e.Message = r.text()
			case "retry":
				e.Retry = r.flag()
			default:
				r.skip()
			}
		})
	})
}

// Append appends d.
func (d *Description) Append(dst []byte) ([]byte, error) {
	return encode("description", dst, func(w *writer) {
		w.object(func() {
			w.text("kind", d.Kind)
			w.text("name", d.Name)
			w.text("version", d.Version)
			w.text("abi", d.ABI)
			if len(d.Actions) > 0 {
				w.array("actions", len(d.Actions), MaxActions, func(i int) { d.Actions[i].write(w) })
			}
			if len(d.Capabilities) > 0 {
				w.array("capabilities", len(d.Capabilities), MaxActions, func(i int) { w.quoted(d.Capabilities[i]) })
			}
		})
	})
}

func (a *Action) write(w *writer) {
	w.object(func() {
		w.text("name", a.Name)
		w.opt("title", a.Title)
		w.opt("description", a.Description)
		w.raw("input_schema", a.InputSchema)
		w.raw("output_schema", a.OutputSchema)
		if a.Annotations != (Annotations{}) {
			w.name("annotations")
			a.Annotations.write(w)
		}
	})
}

func (a *Annotations) write(w *writer) {
	w.object(func() {
		w.opt("title", a.Title)
		w.flag("readOnlyHint", a.ReadOnly)
		w.flag("destructiveHint", a.Destructive)
		w.flag("idempotentHint", a.Idempotent)
		w.flag("openWorldHint", a.OpenWorld)
	})
}

// Decode reads a description; Validate judges it.
func (d *Description) Decode(b []byte) error {
	*d = Description{}
	return decode("description", b, func(r *reader) {
		r.object(func(name string) {
			switch name {
			case "kind":
				d.Kind = r.text()
			case "name":
				d.Name = r.text()
			case "version":
				d.Version = r.text()
			case "abi":
				d.ABI = r.text()
			case "actions":
				d.Actions = nil
				r.array(MaxActions, func(int) { d.Actions = append(d.Actions, readAction(r)) })
			case "capabilities":
				d.Capabilities = nil
				r.array(MaxActions, func(int) { d.Capabilities = append(d.Capabilities, r.text()) })
			default:
				r.skip()
			}
		})
	})
}

func readAction(r *reader) (a Action) {
	r.object(func(name string) {
		switch name {
		case "name":
			a.Name = r.text()
		case "title":
			a.Title = r.text()
		case "description":
			a.Description = r.text()
		case "input_schema":
			a.InputSchema = r.raw()
		case "output_schema":
			a.OutputSchema = r.raw()
		case "annotations":
			a.Annotations = readAnnotations(r)
		default:
			r.skip()
		}
	})
	return a
}

func readAnnotations(r *reader) (a Annotations) {
	r.object(func(name string) {
		switch name {
		case "title":
			a.Title = r.text()
		case "readOnlyHint":
			a.ReadOnly = r.optional()
		case "destructiveHint":
			a.Destructive = r.optional()
		case "idempotentHint":
			a.Idempotent = r.optional()
		case "openWorldHint":
			a.OpenWorld = r.optional()
		default:
			r.skip()
		}
	})
	return a
}
