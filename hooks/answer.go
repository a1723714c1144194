package hooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// answer is what a script said on stdout.
type answer struct {
	block   bool
	reason  string
	signals []json.RawMessage
}

// parseAnswer reads the stdout of a script that ended with 0: nothing but white space, or exactly one
// JSON object with the keys block, reason and signal, each at most once.
func parseAnswer(out []byte) (answer, error) {
	var a answer
	out = bytes.TrimSpace(out)
	if len(out) == 0 {
		return a, nil
	}
	if !utf8.Valid(out) {
		return a, errors.New("stdout is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(out))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return a, errors.New("stdout is not one JSON object (text for people belongs on stderr)")
	}
	seen := make(map[string]bool, 3)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return a, fmt.Errorf("stdout is not JSON: %w", err)
		}
		name := fmt.Sprint(key)
		if seen[name] {
			return a, fmt.Errorf("answer key %q occurs twice", name)
		}
		seen[name] = true
		if err := a.set(name, d); err != nil {
			return a, err
		}
	}
	if _, err := d.Token(); err != nil {
		return a, fmt.Errorf("stdout is not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("stdout goes on after its JSON object")
	}
	return a, nil
}

func (a *answer) set(name string, d *json.Decoder) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return fmt.Errorf("stdout is not JSON: %w", err)
	}
	var err error
	switch name {
	case "block":
		a.block, err = parseBool(raw)
	case "reason":
		err = json.Unmarshal(raw, &a.reason)
	case "signal":
		a.signals, err = parseSignals(raw)
	default:
		return fmt.Errorf("answer key %q is not one of block, reason, signal", name)
	}
	if err != nil {
		return fmt.Errorf("answer key %q: %w", name, err)
	}
	return nil
}

// parseBool takes no null, which encoding/json would read as "leave it false".
func parseBool(raw json.RawMessage) (bool, error) {
	switch string(raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%s is not true or false", clip(string(raw), 40))
}

func parseSignals(raw json.RawMessage) ([]json.RawMessage, error) {
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
	}
	for _, s := range list {
		if s[0] != '{' {
			return nil, fmt.Errorf("%s is not an object", clip(string(s), 40))
		}
	}
	return list, nil
}

// maxReason bounds a reason: it is shown to people and models and kept in the log.
const maxReason = 2 << 10

// clean makes foreign text fit for a terminal and a log: one line, no control characters, bounded.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return clip(strings.TrimSpace(s), maxReason)
}

// clip cuts s to at most n bytes, at the border of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
