package config

import (
	"fmt"
	"slices"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// EnvPrefix begins the names of variables that are ours.
const EnvPrefix = "BECOMINGONE_"

// variables adds every variable of env that is a key. One of ours without __ belongs to others (a
// script's BECOMINGONE_EVENT, say), unless it spells a key with one _ too few.
func (l *loader) variables(env []string) {
	last := make(map[string]string)
	for _, kv := range env {
		if name, value, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(name, EnvPrefix) {
			last[name] = value
		}
	}
	for _, name := range sortedKeys(last) {
		path := strings.TrimPrefix(name, EnvPrefix)
		if strings.Contains(path, "__") {
			l.value(name, strings.Split(path, "__"), last[name])
		} else if key := keyOf(path); key != "" {
			l.faults = append(l.faults, &Fault{Where: name,
				What: "is no key: did you mean " + EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "__")) + "?"})
		}
	}
}

// keyOf returns the key below a section that name spells without the joint, or "".
func keyOf(name string) string {
	i := slices.IndexFunc(Keys(), func(key string) bool {
		return strings.Contains(key, ".") && !strings.Contains(key, "[") && fold(key) == fold(name)
	})
	if i < 0 {
		return ""
	}
	return Keys()[i]
}

// value puts text where parts lead to, from the source called where.
func (l *loader) value(where string, parts []string, text string) {
	s, present, path := root(), l.tree.Raw(), ""
	tree := make(map[string]any)
	for inner := tree; ; {
		below, key, ok := s.child(parts[0], present)
		if !ok {
			l.origins.set(join(path, strings.ToLower(parts[0])), where)
			l.unknown(path, strings.ToLower(parts[0]), s)
			return
		}
		s, path = below, join(path, key)
		if parts = parts[1:]; len(parts) == 0 {
			v, err := parseText(s, text)
			if err != nil {
				l.faults = append(l.faults, &Fault{Where: where, Key: path, What: err.Error()})
				return
			}
			inner[key] = v
			break
		}
		present, _ = present[key].(map[string]any)
		next := make(map[string]any)
		inner[key] = next
		inner = next
	}
	l.origins.addTree(where, "", tree)
	if err := l.merge(tree); err != nil {
		l.faults = append(l.faults, &Fault{Where: where, Key: path, What: err.Error()})
	}
}

// parseText reads what a variable or flag says, as the place that it is meant for wants it.
func parseText(s *shape, t string) (any, error) {
	switch s.kind {
	case text, named, duration:
		return t, nil
	}
	var v any
	if err := yamlv3.Unmarshal([]byte(t), &v); err != nil {
		return nil, fmt.Errorf("%q: not YAML: %w", short(t), err)
	}
	if one, ok := v.(string); ok && s.kind == list && s.elem.kind == text {
		var l []any
		for part := range strings.SplitSeq(one, ",") {
			l = append(l, strings.TrimSpace(part))
		}
		return l, nil
	}
	if v == nil && s.kind == list {
		return []any{}, nil
	}
	return v, nil
}
