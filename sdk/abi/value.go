package abi

// These few functions read and write single values, for a guest that wants no encoding/json.

// Field returns the value of an object's field, aliasing object; the last one of that name wins.
// It is false for null, for a field that is absent and for what is no object.
func Field(object Raw, name string) (Raw, bool) {
	var value Raw
	err := decode("object", object, func(r *reader) {
		r.object(func(n string) {
			if v := r.raw(); n == name {
				value = v
			}
		})
	})
	return value, err == nil && value != nil
}

// Text returns the string that v is.
func Text(v Raw) (string, error) {
	var s string
	err := decode("string", v, func(r *reader) { s = r.quoted() })
	return s, err
}

// Number returns the number that v is.
func Number(v Raw) (float64, error) {
	var n float64
	err := decode("number", v, func(r *reader) {
		if r.peek() == 'n' {
			r.fail("want a number")
		}
		n = r.float()
	})
	return n, err
}

// AppendText appends s as a JSON string.
func AppendText(dst []byte, s string) []byte {
	w := writer{b: dst}
	w.quoted(s)
	return w.b
}
