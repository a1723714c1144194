package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	yamlv3 "go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// delimiter is one that no key contains: names of tools and fields may have dots.
const delimiter = "\x1f"

// Load returns the configuration that files, variables ("NAME=value", as os.Environ has them) and
// overrides (values of flags by key path, as a variable writes them) amount to. A file must exist; its
// name says what it is: .yaml, .yml, .json or .toml. The error joins a *Fault for everything that is
// wrong.
func Load(paths, env []string, overrides map[string]string) (*Config, error) {
	l := newLoader()
	dir := ""
	for _, path := range paths {
		b, err := readFile(path)
		if err == nil {
			err = l.file(path, b)
		}
		if err != nil {
			return nil, err
		}
		dir = filepath.Dir(path)
	}
	l.variables(env)
	for _, path := range slices.Sorted(maps.Keys(overrides)) {
		l.value("flag", strings.Split(path, "."), overrides[path])
	}
	cfg, err := l.config()
	if err != nil {
		return nil, err
	}
	cfg.Dir = dir
	return cfg, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("config: %w", err)
	case len(b) > maxFile:
		return nil, fmt.Errorf("config: %s: larger than %d bytes", path, maxFile)
	}
	return b, nil
}

// loader merges sources into one tree of plain values.
type loader struct {
	decoder
	tree *koanf.Koanf
}

func (l *loader) file(path string, b []byte) error {
	var tree map[string]any
	var err error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".yaml", ".yml", ".json":
		tree, err = l.yaml(path, b)
	case ".toml":
		tree, err = toml.Parser().Unmarshal(b)
		l.origins.addTree(path, "", tree)
	default:
		err = fmt.Errorf("%q is not one of .yaml, .yml, .json, .toml", ext)
	}
	if err != nil {
		return fmt.Errorf("config: %s: %w", path, err)
	}
	return l.merge(tree)
}

func (l *loader) yaml(path string, b []byte) (map[string]any, error) {
	tree, err := yaml.Parser().Unmarshal(b)
	if err != nil {
		return nil, err
	}
	d := yamlv3.NewDecoder(bytes.NewReader(b))
	var first, second yamlv3.Node
	if err := d.Decode(&first); errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one document")
	}
	l.origins.addNode(path, "", first.Content[0])
	return tree, nil
}

// merge puts tree over what is there. A section that is named and left empty changes nothing.
func (l *loader) merge(tree map[string]any) error {
	dropEmpty(root(), tree)
	return l.tree.Load(confmap.Provider(tree, ""), nil)
}

func dropEmpty(s *shape, tree map[string]any) {
	for key, v := range tree {
		var below *shape
		switch s.kind {
		case section:
			below = s.fields[key]
		case table:
			below = s.elem
		}
		if below == nil || below.kind > list {
			continue
		}
		if v == nil && s.kind == section {
			delete(tree, key)
		} else if m, ok := v.(map[string]any); ok {
			dropEmpty(below, m)
		}
	}
}

func (l *loader) config() (*Config, error) {
	cfg := Default()
	l.section("", root(), l.tree.Raw(), reflect.ValueOf(cfg).Elem())
	if len(l.faults) == 0 {
		l.check(cfg)
	}
	slices.SortStableFunc(l.faults, func(a, b error) int {
		var x, y *Fault
		if errors.As(a, &x) && errors.As(b, &y) {
			return cmp.Compare(x.Key, y.Key)
		}
		return 0
	})
	return cfg, errors.Join(l.faults...)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func newLoader() *loader {
	return &loader{tree: koanf.New(delimiter), decoder: decoder{origins: make(origins)}}
}
