package config

import (
	"bytes"
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	yamlv3 "go.yaml.in/yaml/v3"
)

// Print returns c as a YAML file that Load reads back as the same configuration. Keys that are not set
// are left out.
func Print(c *Config) ([]byte, error) {
	node, err := nodeOf(root(), reflect.ValueOf(c).Elem())
	if err != nil {
		return nil, fmt.Errorf("config: print: %w", err)
	}
	var out bytes.Buffer
	enc := yamlv3.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(node); err != nil {
		return nil, fmt.Errorf("config: print: %w", err)
	}
	return out.Bytes(), enc.Close()
}

// nodeOf returns v as YAML, nil where it is not set.
func nodeOf(s *shape, v reflect.Value) (*yamlv3.Node, error) {
	switch s.kind {
	case section:
		return sectionNode(s, v)
	case table:
		return tableNode(s, v)
	case list:
		return listNode(s, v)
	default:
		return scalarNode(s, v)
	}
}

func sectionNode(s *shape, v reflect.Value) (*yamlv3.Node, error) {
	out := &yamlv3.Node{Kind: yamlv3.MappingNode}
	for _, key := range s.keys {
		below, err := nodeOf(s.fields[key], v.Field(s.index[key]))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if below == nil || below.Kind == yamlv3.MappingNode && len(below.Content) == 0 {
			continue
		}
		out.Content = append(out.Content, textNode(key), below)
	}
	return out, nil
}

func tableNode(s *shape, v reflect.Value) (*yamlv3.Node, error) {
	if v.IsNil() {
		return nil, nil
	}
	out := &yamlv3.Node{Kind: yamlv3.MappingNode}
	keys := make(map[string]bool)
	for _, key := range v.MapKeys() {
		keys[key.String()] = true
	}
	for _, key := range sortedKeys(keys) {
		below, err := nodeOf(s.elem, v.MapIndex(reflect.ValueOf(key)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if below != nil {
			out.Content = append(out.Content, textNode(key), below)
		}
	}
	return out, nil
}

func listNode(s *shape, v reflect.Value) (*yamlv3.Node, error) {
	if v.IsNil() {
		return nil, nil
	}
	out := &yamlv3.Node{Kind: yamlv3.SequenceNode}
	if v.Len() == 0 || s.elem.kind > list {
		out.Style = yamlv3.FlowStyle
	}
	for i := range v.Len() {
		below, err := nodeOf(s.elem, v.Index(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		if below == nil {
			below = textNode("")
		}
		out.Content = append(out.Content, below)
	}
	return out, nil
}

func scalarNode(s *shape, v reflect.Value) (*yamlv3.Node, error) {
	if v.IsZero() && !s.acceptsZero() {
		return nil, nil
	}
	switch s.kind {
	case named:
		b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		return textNode(string(b)), err
	case duration:
		return textNode(formatDuration(time.Duration(v.Int()))), nil
	case text:
		return textNode(v.String()), nil
	case boolean:
		return &yamlv3.Node{Kind: yamlv3.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}, nil
	case integer:
		return &yamlv3.Node{Kind: yamlv3.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v.Int(), 10)}, nil
	}
	if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
		return nil, fmt.Errorf("%v: not a finite number", v.Float())
	}
	return &yamlv3.Node{Kind: yamlv3.ScalarNode, Value: strconv.FormatFloat(v.Float(), 'g', -1, 64)}, nil
}

// acceptsZero reports whether the zero value can be written down: where it cannot, it means "not set".
func (s *shape) acceptsZero() bool {
	switch s.kind {
	case named:
		_, err := reflect.Zero(s.typ).Interface().(encoding.TextMarshaler).MarshalText()
		return err == nil
	case text:
		return s.oneof == nil
	}
	return s.interval.check(0) == ""
}

func textNode(t string) *yamlv3.Node {
	n := &yamlv3.Node{}
	n.SetString(t)
	return n
}
