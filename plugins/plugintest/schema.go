package plugintest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/becomingone/becomingone/sdk/abi"
)

const maxSchema = 64 << 10 // bytes, as plugins/ABI.md 4.1 has it

// schema is a compiled JSON Schema; one without s accepts every object.
type schema struct {
	s   *jsonschema.Schema
	doc map[string]any
}

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: only references inside the schema are accepted", url)
}

func compile(text abi.Raw) (schema, error) {
	if len(text) == 0 {
		return schema{}, nil
	}
	if len(text) > maxSchema {
		return schema{}, fmt.Errorf("%d bytes, want at most %d", len(text), maxSchema)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return schema{}, err
	}
	doc, ok := v.(map[string]any)
	if !ok || (doc["type"] != nil && doc["type"] != "object") {
		return schema{}, errors.New(`want an object with "type": "object"`)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("bo1:schema", v); err != nil {
		return schema{}, err
	}
	s, err := c.Compile("bo1:schema")
	return schema{s, doc}, err
}

// accepts reports how value breaks the schema.
func (s schema) accepts(value []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	if _, ok := v.(map[string]any); !ok {
		return fmt.Errorf("%s: want an object", short(value))
	}
	if s.s == nil {
		return nil
	}
	if err := s.s.Validate(v); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// sample makes an object that the schema accepts, if its keywords are simple enough.
func (s schema) sample() (json.RawMessage, error) {
	if s.s == nil {
		return json.RawMessage("{}"), nil
	}
	v, err := json.Marshal(instance(s.doc, 0))
	if err != nil {
		return nil, err
	}
	return v, s.accepts(v)
}

// instance makes a value by a schema's keywords; what it does not know it leaves to accepts.
func instance(doc map[string]any, depth int) any {
	if depth > 16 {
		return nil
	}
	if all, ok := doc["examples"].([]any); ok && len(all) > 0 {
		return all[0]
	}
	if all, ok := doc["enum"].([]any); ok && len(all) > 0 {
		return all[0]
	}
	for _, keyword := range []string{"const", "default"} {
		if v, ok := doc[keyword]; ok {
			return v
		}
	}
	for _, keyword := range []string{"anyOf", "oneOf", "allOf"} {
		if all, ok := doc[keyword].([]any); ok && len(all) > 0 && doc["type"] == nil {
			if first, ok := all[0].(map[string]any); ok {
				return instance(first, depth+1)
			}
		}
	}
	kind := doc["type"]
	if all, ok := kind.([]any); ok && len(all) > 0 {
		kind = all[0]
	}
	return ofKind(kind, doc, depth)
}

func ofKind(kind any, doc map[string]any, depth int) any {
	switch kind {
	case "string":
		return strings.Repeat("a", int(max(1, bound(doc, "minLength", 1))))
	case "integer":
		return int64(math.Ceil(number(doc)))
	case "number":
		return number(doc)
	case "boolean":
		return true
	case "null":
		return nil
	case "array":
		items, _ := doc["items"].(map[string]any)
		out := []any{}
		for range int(min(64, bound(doc, "minItems", 0))) {
			out = append(out, instance(items, depth+1))
		}
		return out
	}
	out := map[string]any{}
	properties, _ := doc["properties"].(map[string]any)
	for name, v := range properties {
		if sub, ok := v.(map[string]any); ok {
			out[name] = instance(sub, depth+1)
		}
	}
	return out
}

func number(doc map[string]any) float64 {
	low := bound(doc, "minimum", math.Inf(-1))
	if v := bound(doc, "exclusiveMinimum", math.Inf(-1)); v >= low {
		low = v + 1
	}
	high := min(bound(doc, "maximum", math.Inf(1)), bound(doc, "exclusiveMaximum", math.Inf(1))-1)
	return max(low, min(high, 1))
}

func bound(doc map[string]any, keyword string, otherwise float64) float64 {
	n, ok := doc[keyword].(json.Number)
	if !ok {
		return otherwise
	}
	v, err := n.Float64()
	if err != nil {
		return otherwise
	}
	return v
}

// short keeps a foreign value readable.
func short(b []byte) string {
	const most = 120
	if len(b) <= most {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:most], len(b))
}
