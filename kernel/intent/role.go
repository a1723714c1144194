package intent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxRoles = 1024 // leaves of one call
	maxDepth = 64   // nesting of one call
)

// role is one value of a call's arguments: a scalar leaf, or an identifier inside a longer text.
type role struct {
	path   string // JSON pointer (RFC 6901); a part of a text has "#" and its kind behind it
	value  string // as given: a string's characters, a number's digits, true, false or null
	normal string
	number string // canonical number, or ""
	date   date   // the day that the value is, or begins with
	clock  string // the time behind it as 15:04, or ""
	words  []hash // as the words of untrusted texts
	text   bool   // a JSON string
}

func newRole(path, value string) role {
	r := role{path: path, value: value, normal: normal(value)}
	if n, ok := canonical(r.normal); ok {
		r.number = n
	}
	plain := r.normal
	if _, rest, found := strings.Cut(plain, "://"); found { // a link is the same without its scheme
		plain = rest
	}
	scanWords(plain, func(from, to int) { r.words = append(r.words, hashBasis.text(plain[from:to])) })
	r.date, r.clock = day(r.normal)
	return r
}

// day reads a date in digits with or without a time behind it.
func day(s string) (date, string) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return date{}, ""
	}
	d := date{whole(s[:4]), whole(s[5:7]), whole(s[8:10])}
	if d.year < 1 || d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 {
		return date{}, ""
	}
	rest := s[10:]
	switch {
	case rest == "":
		return d, ""
	case len(rest) >= 6 && (rest[0] == ' ' || rest[0] == 't') && rest[3] == ':' && whole(rest[1:3]) >= 0 && whole(rest[4:6]) >= 0 &&
		(len(rest) == 6 || strings.TrimLeft(rest[6:], ":0z") == ""):
		return d, rest[1:6]
	}
	return date{}, ""
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
		if err := w.leaf(path, v); err != nil {
			return err
		}
		w.roles[len(w.roles)-1].text = true
		return w.parts(path, v)
	case json.Number:
		return w.leaf(path, v.String())
	case bool:
		return w.leaf(path, strconv.FormatBool(v))
	default: // null is no value
		return nil
	}
}

func (w *walker) leaf(path, value string) error {
	if len(w.roles) == maxRoles {
		return fmt.Errorf("values: more than %d", maxRoles)
	}
	w.roles = append(w.roles, newRole(path, value))
	return nil
}

// parts adds the identifiers inside a text of several words: links, addresses, account numbers, dates.
func (w *walker) parts(path, text string) error {
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`"'<>()[]{}|,;`, r) })
	if d, _ := day(normal(text)); len(words) < 2 || d != (date{}) {
		return nil
	}
	for _, word := range words {
		word = strings.TrimRight(strings.TrimLeft(word, "*_#:"), ".:!?*_")
		if !isIdentifier(word) {
			continue
		}
		if err := w.leaf(path+"#part", word); err != nil {
			return err
		}
	}
	return nil
}

// isIdentifier says whether a word inside a text names something by itself.
func isIdentifier(word string) bool {
	if strings.Contains(word, "://") || strings.HasPrefix(word, "www.") || strings.Contains(word, "@") && len(word) > 2 {
		return true
	}
	digits := 0
	for i := range len(word) {
		if isDigit(word[i]) {
			digits++
		}
	}
	if digits >= 5 {
		return true
	}
	d, _ := day(word)
	return d != date{}
}
