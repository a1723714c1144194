package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// refusalSchema is the shape of structuredContent in every answer that is an error.
const refusalSchema = `{"type":"object","description":"The call was not executed, or the action failed.",` +
	`"properties":{"verdict":{"enum":["held","dissipate","collapse"]},"reason":{"type":"string"},` +
	`"keys":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"pass":{"type":"boolean"},` +
	`"margin":{"type":"number"},"need":{"type":"string"}},"required":["name","pass","margin","need"]}},` +
	`"realign":{"type":"string"},"question_id":{"type":"string"},"witness_index":{"type":"integer","minimum":0},` +
	`"error":{"type":"object","properties":{"code":{"type":"string"},"message":{"type":"string"}},"required":["code","message"]}},` +
	`"anyOf":[{"required":["verdict","reason","keys","witness_index"]},{"required":["error"]}]}`

// maxNumber bounds the literal of one number. A longer one, or one beyond float64's exponents, would
// make exact arithmetic on it expensive.
const maxNumber = 512

// compile parses raw as the JSON Schema of an object. It refuses references out of the document:
// a plugin's schema must not make the node read files.
func compile(raw json.RawMessage) (*jsonschema.Schema, map[string]any, error) {
	if d := nesting(raw); d > 64 {
		return nil, nil, fmt.Errorf("nested %d levels deep; at most 64 are accepted", d)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, nil, err
	}
	obj, ok := doc.(map[string]any)
	if !ok {
		return nil, nil, errors.New("is not a JSON object")
	}
	if typ, ok := obj["type"]; ok && typ != "object" {
		return nil, nil, fmt.Errorf(`type: %.40q is not "object"`, fmt.Sprint(typ))
	}
	const url = "urn:becomingone:schema"
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(url, doc); err != nil {
		return nil, nil, err
	}
	s, err := c.Compile(url)
	return s, obj, err
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("reference to %.100q leaves the schema", url)
}

// listedInput returns the schema as clients are shown it: older revisions want the type spelled out.
func listedInput(raw json.RawMessage, doc map[string]any) json.RawMessage {
	if _, ok := doc["type"]; ok {
		return raw
	}
	if len(doc) == 0 {
		return json.RawMessage(`{"type":"object"}`)
	}
	body := bytes.TrimLeft(raw, " \t\r\n{")
	return append([]byte(`{"type":"object",`), body...)
}

// listedOutput returns the union of the tool's own schema and the refusal. A schema with references
// gets an identifier, so that they still resolve within it.
func listedOutput(name string, raw json.RawMessage, doc map[string]any) (json.RawMessage, error) {
	head := map[string]any{"type": "object"}
	own := raw
	_, hasID := doc["$id"]
	needsID := !hasID && (bytes.Contains(raw, []byte(`"$ref"`)) || bytes.Contains(raw, []byte(`"$dynamicRef"`)))
	if draft, ok := doc["$schema"]; ok || needsID {
		if ok {
			head["$schema"] = draft
			delete(doc, "$schema")
		}
		if needsID {
			doc["$id"] = "urn:becomingone:tool:" + name + ":output"
		}
		var err error
		if own, err = json.Marshal(doc); err != nil {
			return nil, err
		}
	}
	head["anyOf"] = []json.RawMessage{own, json.RawMessage(refusalSchema)}
	union, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	if _, _, err := compile(union); err != nil {
		return nil, fmt.Errorf("with the refusal beside it: %w", err)
	}
	return union, nil
}

// arguments checks raw against the schema and returns it as one canonical object: keys sorted, of
// duplicate keys the last, numbers with the digits that were sent. What is checked is what is called.
func arguments(raw json.RawMessage, schema *jsonschema.Schema) (json.RawMessage, error) {
	if t := bytes.TrimSpace(raw); len(t) == 0 || string(t) == "null" {
		raw = json.RawMessage("{}")
	}
	v, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, fmt.Errorf("arguments: %s is not a JSON object", excerpt(v))
	}
	if err := conforms(schema, v, "arguments"); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// decode parses one JSON value, keeping numbers as they are written.
func decode(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, numbers(v)
}

// numbers refuses those that float64 cannot stand for, not even roughly.
func numbers(v any) error {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if err := numbers(e); err != nil {
				return fmt.Errorf("%.40s: %w", k, err)
			}
		}
	case []any:
		for _, e := range v {
			if err := numbers(e); err != nil {
				return err
			}
		}
	case json.Number:
		f, err := v.Float64()
		mantissa, _, _ := strings.Cut(strings.ToLower(v.String()), "e")
		if err != nil || len(v) > maxNumber || (f == 0 && strings.ContainsAny(mantissa, "123456789")) {
			return fmt.Errorf("number %.40s is beyond ±1.8e308, below 5e-324 or longer than %d characters", v, maxNumber)
		}
	}
	return nil
}

// conforms validates v and names each place that does not conform, its value and what was wanted.
func conforms(schema *jsonschema.Schema, v any, what string) error {
	if schema == nil {
		return nil
	}
	err := schema.Validate(v)
	var ve *jsonschema.ValidationError
	if err == nil || !errors.As(err, &ve) {
		return err
	}
	var found []string
	for _, unit := range leaves(ve.DetailedOutput(), nil) {
		found = append(found, fmt.Sprintf("%s%s: %s (it is %s)", what, unit.InstanceLocation, unit.Error, excerpt(lookup(v, unit.InstanceLocation))))
	}
	return errors.New(strings.Join(found, "; "))
}

// leaves appends the innermost findings, at most eight.
func leaves(u *jsonschema.OutputUnit, found []*jsonschema.OutputUnit) []*jsonschema.OutputUnit {
	if len(u.Errors) == 0 && u.Error != nil && len(found) < 8 {
		return append(found, u)
	}
	for i := range u.Errors {
		found = leaves(&u.Errors[i], found)
	}
	return found
}

// lookup follows a JSON pointer into v.
func lookup(v any, pointer string) any {
	for _, tok := range strings.Split(pointer, "/")[1:] {
		tok = strings.ReplaceAll(strings.ReplaceAll(tok, "~1", "/"), "~0", "~")
		switch c := v.(type) {
		case map[string]any:
			v = c[tok]
		case []any:
			var i int
			if _, err := fmt.Sscan(tok, &i); err != nil || i < 0 || i >= len(c) {
				return nil
			}
			v = c[i]
		}
	}
	return v
}

// excerpt returns at most 60 bytes of v's JSON.
func excerpt(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "unprintable"
	}
	if len(b) > 60 {
		return strings.ToValidUTF8(string(b[:60]), "") + "…"
	}
	return string(b)
}
