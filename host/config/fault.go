package config

import (
	"fmt"
	"maps"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// Fault is one thing that is wrong with a configuration. Load joins all that it finds.
type Fault struct {
	Where string // "becomingone.yaml:12", the variable's name, or "flag"; empty where only the default is at fault
	Key   string // the path of the key, "kernel.fields.co2.gate.threshold"
	What  string // the value and what is accepted
}

// Error returns all three in one line.
func (f *Fault) Error() string {
	parts := []string{"config"}
	if f.Where != "" {
		parts = append(parts, f.Where)
	}
	return strings.Join(append(parts, strings.TrimSpace(f.Key+" "+f.What)), ": ")
}

// origins says where each key path got its value: "becomingone.yaml:12", a variable, "flag".
type origins map[string]string

// at returns the place of the key path, or of the nearest one above it that has one.
func (o origins) at(path string) string {
	for ; path != ""; path = parent(path) {
		if where, ok := o[path]; ok {
			return where
		}
	}
	return ""
}

// set notes that path is a value from where: all that was below it is gone.
func (o origins) set(path, where string) {
	maps.DeleteFunc(o, func(key, _ string) bool {
		return strings.HasPrefix(key, path) && len(key) > len(path) && (key[len(path)] == '.' || key[len(path)] == '[')
	})
	o[path] = where
}

// addTree notes where for every key of a tree whose lines are not known.
func (o origins) addTree(where, path string, tree map[string]any) {
	for key, v := range tree {
		below := join(path, key)
		if m, ok := v.(map[string]any); ok {
			o[below] = where
			o.addTree(where, below, m)
			continue
		}
		o.set(below, where)
	}
}

// addNode notes file and line for every key below node. What an alias stands for is not followed: its
// place is that of the alias.
func (o origins) addNode(file, path string, node *yamlv3.Node) {
	switch node.Kind {
	case yamlv3.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, v := node.Content[i], node.Content[i+1]
			below, where := join(path, key.Value), fmt.Sprintf("%s:%d", file, key.Line)
			if v.Kind == yamlv3.MappingNode {
				o[below] = where
			} else {
				o.set(below, where)
			}
			o.addNode(file, below, v)
		}
	case yamlv3.SequenceNode:
		for i, v := range node.Content {
			o[at(path, i)] = fmt.Sprintf("%s:%d", file, v.Line)
			o.addNode(file, at(path, i), v)
		}
	}
}

// parent returns the path above path: "a.b[2]" -> "a.b" -> "a" -> "".
func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

// nearest returns the candidate that takes the fewest edits from name, or "" where even that one is
// too far off to be meant.
func nearest(name string, candidates []string) string {
	best, least := "", max(2, (len(name)+1)/2)
	for _, c := range candidates {
		if d := distance(fold(name), fold(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// fold makes names comparable that differ in case and in how their words are joined.
func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "").Replace(s))
}

// distance counts the insertions, deletions and substitutions of bytes that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, substitute)
		}
	}
	return row[len(b)]
}
