package intent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	maxRoles = 1024 // leaves of one call
	maxDepth = 64   // nesting of one call
)

// role is one scalar leaf of a call's arguments.
type role struct {
	path   string // JSON pointer (RFC 6901)
	value  string // as given: a string's characters, a number's digits, true, false or null
	normal string
	number string // canonical number, or ""
}

func newRole(path, value string) role {
	r := role{path: path, value: value, normal: normal(value)}
	if n, ok := canonical(r.normal); ok {
		r.number = n
	}
	return r
}

// rolesOf returns the leaves of a JSON object in their order. Keys that repeat give one role each, so
// that no reader of the arguments sees a value that was not judged.
func rolesOf(arguments []byte) ([]role, error) {
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber()
	open, err := d.Token()
	if err != nil || open != json.Delim('{') {
		return nil, errors.New("intent: arguments: not a JSON object")
	}
	w := walker{d: d}
	if err := w.object(""); err != nil {
		return nil, fmt.Errorf("intent: arguments: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("intent: arguments: more than one JSON object")
	}
	return w.roles, nil
}

type walker struct {
	d     *json.Decoder
	roles []role
	depth int
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func (w *walker) object(path string) error {
	for w.d.More() {
		key, err := w.d.Token()
		if err != nil {
			return fmt.Errorf("key in %q: %w", path, err)
		}
		name, ok := key.(string)
		if !ok {
			return fmt.Errorf("key in %q: not a string", path)
		}
		if err := w.value(path + "/" + escape.Replace(name)); err != nil {
			return err
		}
	}
	return w.end(path)
}

func (w *walker) array(path string) error {
	for i := 0; w.d.More(); i++ {
		if err := w.value(path + "/" + strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return w.end(path)
}

func (w *walker) end(path string) error {
	if _, err := w.d.Token(); err != nil {
		return fmt.Errorf("end of %q: %w", path, err)
	}
	return nil
}

func (w *walker) value(path string) error {
	t, err := w.d.Token()
	if err != nil {
		return fmt.Errorf("value of %q: %w", path, err)
	}
	switch v := t.(type) {
	case json.Delim:
		if w.depth++; w.depth > maxDepth {
			return fmt.Errorf("depth at %q: more than %d", path, maxDepth)
		}
		defer func() { w.depth-- }()
		if v == '{' {
			return w.object(path)
		}
		return w.array(path)
	case string:
		return w.leaf(path, v)
	case json.Number:
		return w.leaf(path, v.String())
	case bool:
		return w.leaf(path, strconv.FormatBool(v))
	default:
		return w.leaf(path, "null")
	}
}

func (w *walker) leaf(path, value string) error {
	if len(w.roles) == maxRoles {
		return fmt.Errorf("values: more than %d", maxRoles)
	}
	w.roles = append(w.roles, newRole(path, value))
	return nil
}
