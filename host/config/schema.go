package config

import (
	"encoding/json"
	"fmt"
	"math"
)

// node is a JSON Schema as far as a configuration needs one.
type node struct {
	Schema      string           `json:"$schema,omitempty"`
	Title       string           `json:"title,omitempty"`
	Description string           `json:"description,omitempty"`
	Type        string           `json:"type,omitempty"`
	Enum        []string         `json:"enum,omitempty"`
	Pattern     string           `json:"pattern,omitempty"`
	Minimum     *float64         `json:"minimum,omitempty"`
	Above       *float64         `json:"exclusiveMinimum,omitempty"`
	Maximum     *float64         `json:"maximum,omitempty"`
	Below       *float64         `json:"exclusiveMaximum,omitempty"`
	Properties  map[string]*node `json:"properties,omitempty"`
	Names       *node            `json:"propertyNames,omitempty"`
	Others      *others          `json:"additionalProperties,omitempty"`
	Items       *node            `json:"items,omitempty"`
}

// others says what keys beside the named ones may hold: nil none at all.
type others struct{ node *node }

// MarshalJSON returns false or the schema.
func (o *others) MarshalJSON() ([]byte, error) {
	if o.node == nil {
		return []byte("false"), nil
	}
	return json.Marshal(o.node)
}

// durationPattern is what parseDuration accepts; ranges are in the description.
const durationPattern = `^[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$|^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?[dwy]$|^[-+]?0$`

// Schema returns the JSON Schema (2020-12) of a configuration file, indented. An editor that knows it
// completes keys and marks what Load would refuse, but for what one key has to do with another.
func Schema() ([]byte, error) {
	n := schemaOf(root())
	n.Schema, n.Title = "https://json-schema.org/draft/2020-12/schema", "becomingone configuration"
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("config: schema: %w", err)
	}
	return append(b, '\n'), nil
}

func schemaOf(s *shape) *node {
	n := &node{Description: s.doc, Enum: s.oneof}
	switch s.kind {
	case section:
		n.Type, n.Properties, n.Others = "object", make(map[string]*node), &others{}
		for _, key := range s.keys {
			n.Properties[key] = schemaOf(s.fields[key])
		}
	case table:
		n.Type, n.Others = "object", &others{schemaOf(s.elem)}
		if s.names {
			n.Names = &node{Pattern: fieldName.String()}
		}
	case list:
		n.Type, n.Items = "array", schemaOf(s.elem)
	case text, named:
		n.Type = "string"
	case duration:
		n.Type, n.Pattern = "string", durationPattern
		if s.interval != nil {
			n.Description += " (" + s.interval.text + ")"
		}
	case boolean:
		n.Type = "boolean"
	case integer, number:
		n.numeric(s)
	}
	return n
}

func (n *node) numeric(s *shape) {
	n.Type = "number"
	if s.kind == integer {
		n.Type = "integer"
	}
	if s.interval == nil {
		return
	}
	if low := s.interval.low; !math.IsInf(low, 0) {
		if s.interval.openLow {
			n.Above = &low
		} else {
			n.Minimum = &low
		}
	}
	if high := s.interval.high; !math.IsInf(high, 0) {
		if s.interval.openHigh {
			n.Below = &high
		} else {
			n.Maximum = &high
		}
	}
}
