package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/becomingone/becomingone/sdk/abi"
)

const maxSchema = 64 << 10 // bytes

// schema is a compiled JSON Schema; nil accepts every object.
type schema struct {
	s *jsonschema.Schema
}

// noLoader keeps a plugin's schema from reading files or addresses through $ref.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: only references inside the schema are accepted", url)
}

// newSchema compiles the schema of an object. Anything but an object schema is refused, because
// arguments and results are objects.
func newSchema(text abi.Raw) (*schema, error) {
	if len(text) == 0 {
		return nil, nil
	}
	if len(text) > maxSchema {
		return nil, fmt.Errorf("schema: %d bytes, want at most %d", len(text), maxSchema)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if m, ok := doc.(map[string]any); !ok || (m["type"] != nil && m["type"] != "object") {
		return nil, errors.New(`schema: want an object with "type": "object"`)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	const url = "bo1:schema"
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	s, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return &schema{s}, nil
}

// check reports how value, a JSON text, breaks the schema: field, rule, and what it was.
func (s *schema) check(value abi.Raw) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	if _, ok := doc.(map[string]any); !ok {
		return fmt.Errorf("%s: want a JSON object", short(string(value)))
	}
	if s == nil {
		return nil
	}
	err = s.s.Validate(doc)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	return errors.New(explain(invalid, doc))
}

// explain is one line for the first few broken rules.
func explain(invalid *jsonschema.ValidationError, doc any) string {
	const most = 3
	var lines []string
	for _, unit := range invalid.BasicOutput().Errors {
		if unit.Error == nil || len(unit.Errors) > 0 {
			continue
		}
		if len(lines) == most {
			lines = append(lines, "…")
			break
		}
		field := strings.ReplaceAll(strings.TrimPrefix(unit.InstanceLocation, "/"), "/", ".")
		line := unit.Error.String()
		if field != "" {
			line = field + " " + at(doc, unit.InstanceLocation) + ": " + line
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return invalid.Error()
	}
	return strings.Join(lines, "; ")
}

// at is the value under a JSON pointer, readable and short.
func at(doc any, pointer string) string {
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch v := doc.(type) {
		case map[string]any:
			doc = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return ""
			}
			doc = v[i]
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return ""
	}
	return short(string(b))
}
