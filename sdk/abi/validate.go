package abi

import (
	"errors"
	"strconv"
)

// Validate reports the first field of d that breaks the ABI.
func (d *Description) Validate() error {
	switch {
	case d.ABI != Version:
		return invalid("abi", d.ABI, Version)
	case d.Kind != KindAction && d.Kind != KindObserver && d.Kind != KindInput:
		return invalid("kind", d.Kind, "action, observer or input")
	case !ValidName(d.Name):
		return invalid("name", d.Name, nameRule)
	case d.Kind == KindAction && len(d.Actions) == 0:
		return errors.New("abi: description: actions: none, an action plugin needs at least one")
	case d.Kind != KindAction && len(d.Actions) > 0:
		return errors.New("abi: description: actions: " + strconv.Itoa(len(d.Actions)) + ", only an action plugin has any")
	}
	seen := make(map[string]bool, len(d.Actions))
	for i := range d.Actions {
		a := &d.Actions[i]
		field := "actions[" + strconv.Itoa(i) + "]"
		switch {
		case !ValidName(a.Name):
			return invalid(field+".name", a.Name, nameRule)
		case seen[a.Name]:
			return invalid(field+".name", a.Name, "a name that no other action has")
		case !isObject(a.InputSchema):
			return invalid(field+".input_schema", string(a.InputSchema), "a JSON object")
		case !isObject(a.OutputSchema):
			return invalid(field+".output_schema", string(a.OutputSchema), "a JSON object")
		}
		seen[a.Name] = true
	}
	return nil
}

// Validate reports the first field of m that breaks the ABI.
func (m *ActOutput) Validate() error {
	for i := range m.Content {
		c := &m.Content[i]
		field := "content[" + strconv.Itoa(i) + "]"
		switch c.Type {
		case "text":
			if c.Data != "" {
				return errors.New("abi: act output: " + field + ".data: set on text")
			}
		case "image", "audio":
			if !isBase64(c.Data) {
				return errors.New("abi: act output: " + field + ".data: want base64, standard alphabet, padded")
			}
		default:
			return errors.New("abi: act output: " + field + ".type " + quote(c.Type) + ": want text, image or audio")
		}
	}
	if !isObject(m.Structured) {
		return errors.New("abi: act output: structured: want a JSON object")
	}
	if m.Request != nil && (!ValidName(m.Request.Action) || !isObject(m.Request.Arguments)) {
		return errors.New("abi: act output: request: want an action's name and an object of arguments")
	}
	return nil
}

const nameRule = "1 to 64 of a-z 0-9 - _ . beginning with a letter"

func invalid(field, value, accepted string) error {
	return errors.New("abi: description: " + field + " " + quote(value) + ": want " + accepted)
}

// quote keeps a foreign value readable and short.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(s)
}

// isObject accepts the absence of a value too.
func isObject(v Raw) bool { return len(v) == 0 || v[0] == '{' }

func isBase64(s string) bool {
	if s == "" || len(s)%4 != 0 {
		return false
	}
	pad := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '=' && i >= len(s)-2:
			pad++
		case pad > 0, (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '/':
			return false
		}
	}
	return true
}
