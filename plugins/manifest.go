package plugins

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/sdk/abi"
)

// MaxManifest bounds a manifest file, in bytes.
const MaxManifest = 64 << 10

// Manifest is what the owner grants a plugin: which file, by digest, with which rights. It is a
// plugin.yaml beside the module; its decisions count, the plugin's own description only informs.
type Manifest struct {
	Name         string
	Version      string
	Kind         string // abi.KindAction, KindObserver or KindInput
	ABI          string // which loader: "bo1"
	File         string // the module, relative to the manifest, inside its folder
	SHA256       string // of the file, 64 hexadecimal digits, lower case
	Capabilities []string
	Limits       Limits
	Fresh        bool // a new instance for each call, so that nothing outlives one
	Actions      map[string]Grant
	Channels     []string // of kind input: whose raw input it hears, and on which its samples may be
}

// Sandboxed reports whether plugins of an ABI run where they can reach nothing but what their
// manifest grants. The others are processes with the rights of the node's user.
func Sandboxed(name string) bool { return name == abi.Version || name == "extism" }

// Grant is what the owner says about one action: what it can do to the world, what must hold
// before, and when the kernel proposes it by itself.
type Grant struct {
	Effect      gate.Effect
	Requires    gate.Requires
	Trigger     gate.Trigger
	Description string // replaces the plugin's own if not empty
}

// file is the manifest as YAML has it.
type file struct {
	Name         string               `yaml:"name"`
	Version      string               `yaml:"version"`
	Kind         string               `yaml:"kind"`
	ABI          string               `yaml:"abi"`
	File         string               `yaml:"file"`
	SHA256       string               `yaml:"sha256"`
	Capabilities []string             `yaml:"capabilities"`
	Limits       fileLimits           `yaml:"limits"`
	Fresh        bool                 `yaml:"fresh"`
	Actions      map[string]fileGrant `yaml:"actions"`
	Channels     []string             `yaml:"channels"`
}

type fileLimits struct {
	MemoryPages *int    `yaml:"memory_pages"`
	Fuel        *int64  `yaml:"fuel"`
	Deadline    *string `yaml:"deadline"`
	InputBytes  *int    `yaml:"input_bytes"`
	OutputBytes *int    `yaml:"output_bytes"`
	Instances   *int    `yaml:"instances"`
	HostCalls   *int    `yaml:"host_calls"`
}

type fileGrant struct {
	Effect      string        `yaml:"effect"`
	Description string        `yaml:"description"`
	Requires    gate.Requires `yaml:"requires"`
	Trigger     struct {
		Collapse  []string  `yaml:"collapse"`
		Arguments yaml.Node `yaml:"arguments"`
	} `yaml:"trigger"`
}

// ParseManifest reads one YAML document, strictly, fills in DefaultLimits and validates all but
// the digest, which a source tree need not have yet.
func ParseManifest(b []byte) (Manifest, error) {
	if len(b) > MaxManifest {
		return Manifest{}, fmt.Errorf("plugins: manifest: %d bytes, want at most %d", len(b), MaxManifest)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	var f file
	if err := dec.Decode(&f); err != nil {
		return Manifest{}, fmt.Errorf("plugins: manifest: %s", yamlText(err))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Manifest{}, errors.New("plugins: manifest: more than one document")
	}
	m := Manifest{
		Name: f.Name, Version: f.Version, Kind: f.Kind, ABI: f.ABI, File: f.File, SHA256: f.SHA256,
		Capabilities: f.Capabilities, Fresh: f.Fresh, Actions: make(map[string]Grant, len(f.Actions)),
		Channels: f.Channels,
	}
	var err error
	if m.Limits, err = f.Limits.merged(); err != nil {
		return Manifest{}, err
	}
	for _, name := range sortedKeys(f.Actions) {
		if m.Actions[name], err = f.Actions[name].grant("actions." + name); err != nil {
			return Manifest{}, err
		}
	}
	return m, m.Validate()
}

var inType = regexp.MustCompile(` (in|into) (type )?plugins\.\w+`)

// yamlText is what the YAML package says, without our types' names.
func yamlText(err error) string {
	if errors.Is(err, io.EOF) {
		return "empty"
	}
	return inType.ReplaceAllString(err.Error(), "")
}

func (f fileLimits) merged() (Limits, error) {
	l := DefaultLimits()
	set(&l.MemoryPages, f.MemoryPages)
	set(&l.Fuel, f.Fuel)
	set(&l.InputBytes, f.InputBytes)
	set(&l.OutputBytes, f.OutputBytes)
	set(&l.Instances, f.Instances)
	set(&l.HostCalls, f.HostCalls)
	if f.Deadline != nil {
		d, err := time.ParseDuration(*f.Deadline)
		if err != nil {
			return l, &ManifestError{"limits.deadline", *f.Deadline, `a duration as "250ms"`}
		}
		l.Deadline = d
	}
	return l, nil
}

func set[T any](dst, v *T) {
	if v != nil {
		*dst = *v
	}
}

func (f fileGrant) grant(path string) (Grant, error) {
	g := Grant{Requires: f.Requires, Description: f.Description}
	if err := g.Effect.UnmarshalText([]byte(f.Effect)); err != nil {
		return g, &ManifestError{path + ".effect", f.Effect, "read, open, write or critical"}
	}
	g.Trigger.Collapse = f.Trigger.Collapse
	if f.Trigger.Arguments.IsZero() {
		return g, nil
	}
	var args map[string]any
	if err := f.Trigger.Arguments.Decode(&args); err != nil {
		return g, &ManifestError{path + ".trigger.arguments", yamlText(err), "a mapping"}
	}
	b, err := json.Marshal(args)
	if err != nil {
		return g, &ManifestError{path + ".trigger.arguments", err.Error(), "what JSON can say"}
	}
	g.Trigger.Arguments = b
	return g, nil
}

// Validate names the first field that breaks its rule. An empty digest is left to Load.
func (m *Manifest) Validate() error {
	_, digestErr := hex.DecodeString(m.SHA256)
	switch {
	case !abi.ValidName(m.Name):
		return &ManifestError{"name", m.Name, nameRule}
	case m.Version == "" || len(m.Version) > abi.MaxName:
		return &ManifestError{"version", m.Version, "1 to 64 bytes"}
	case m.Kind != abi.KindAction && m.Kind != abi.KindObserver && m.Kind != abi.KindInput:
		return &ManifestError{"kind", m.Kind, "action, observer or input"}
	case m.ABI == "":
		return &ManifestError{"abi", m.ABI, abi.Version}
	case !fs.ValidPath(m.File) || m.File == ".":
		return &ManifestError{"file", m.File, "a path below the manifest's folder, with '/'"}
	case m.SHA256 != "" && (len(m.SHA256) != 64 || digestErr != nil || bytes.ContainsAny([]byte(m.SHA256), "ABCDEF")):
		return &ManifestError{"sha256", m.SHA256, "64 hexadecimal digits, lower case"}
	case m.Kind == abi.KindAction && len(m.Actions) == 0:
		return &ManifestError{"actions", "", "at least one for kind action"}
	case m.Kind != abi.KindAction && len(m.Actions) > 0:
		return &ManifestError{"actions", sortedKeys(m.Actions)[0], "none for kind " + m.Kind}
	case m.Kind == abi.KindInput && len(m.Channels) == 0:
		return &ManifestError{"channels", "", "at least one for kind input"}
	case m.Kind != abi.KindInput && len(m.Channels) > 0:
		return &ManifestError{"channels", m.Channels[0], "none for kind " + m.Kind}
	case slices.Contains(m.Channels, ""):
		return &ManifestError{"channels", "", "names of channels"}
	}
	if err := m.Limits.Validate(); err != nil {
		return err
	}
	for _, name := range sortedKeys(m.Actions) {
		if err := m.Actions[name].validate(name); err != nil {
			return err
		}
	}
	return nil
}

const nameRule = "1 to 64 of a-z 0-9 - _ . beginning with a letter"

func (g Grant) validate(name string) error {
	path := "actions." + name
	if !abi.ValidName(name) {
		return &ManifestError{path, name, nameRule}
	}
	if _, err := g.Effect.MarshalText(); err != nil {
		return &ManifestError{path + ".effect", "", "read, open, write or critical"}
	}
	for _, list := range []struct {
		field string
		names []string
	}{{".requires.signal", g.Requires.Signal}, {".trigger.collapse", g.Trigger.Collapse}} {
		if i := slices.Index(list.names, ""); i >= 0 {
			return &ManifestError{path + list.field + "[" + strconv.Itoa(i) + "]", "", "a field's name"}
		}
	}
	if mesh := g.Requires.Mesh; mesh != nil {
		if !(mesh.Coherence > 0 && mesh.Coherence <= 1) {
			return &ManifestError{path + ".requires.mesh.coherence", fmt.Sprint(mesh.Coherence), "above 0, at most 1"}
		}
		if mesh.Peers < 1 {
			return &ManifestError{path + ".requires.mesh.peers", strconv.Itoa(mesh.Peers), "1 or more"}
		}
	}
	if len(g.Trigger.Arguments) > 0 && len(g.Trigger.Collapse) == 0 {
		return &ManifestError{path + ".trigger.collapse", "", "at least one field when there are arguments"}
	}
	return nil
}

// MaxFile is how large the file may be that the manifest names, in bytes.
func (m *Manifest) MaxFile() int64 {
	if Sandboxed(m.ABI) {
		return MaxModule
	}
	return MaxProgram
}
