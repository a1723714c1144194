// Package examples holds what `becomingone run --demo` needs, so that the binary brings it along: a
// recorded signal, the config that listens to it, and the built example plugins.
package examples

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// ErrNotBuilt means that this binary was built before its guests were.
var ErrNotBuilt = errors.New("built without the example plugins")

// DemoConfig is the name of the demo's config inside Demo.
const DemoConfig = "demo.yaml"

//go:embed demo.yaml signals/*.ndjson guests
var files embed.FS

// Demo returns the demo's files: demo.yaml, signals and guests, laid out as the config expects them.
func Demo() (fs.FS, error) {
	if _, err := Guests(); err != nil {
		return nil, err
	}
	return files, nil
}

// Guests returns the folder of the built plugins, NAME.wasm and NAME.yaml for each of Names.
func Guests() (fs.FS, error) {
	if len(Names()) == 0 {
		return nil, fmt.Errorf("examples: guests: %w: run `make build`", ErrNotBuilt)
	}
	return fs.Sub(files, "guests")
}

// Names lists the built plugins in the order of their names.
func Names() []string {
	modules, err := fs.Glob(files, "guests/*.wasm")
	if err != nil { // only a malformed pattern, and this one is not
		return nil
	}
	names := make([]string, len(modules))
	for i, m := range modules {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(m, "guests/"), ".wasm")
	}
	return names
}
