package config

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/hooks"
)

func TestPrintReadsBack(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []*Config{Default(), load(t, full)} {
		c.Dir = ""
		b, err := Print(c)
		require.NoError(t, err)
		back, err := Load([]string{write(t, dir, "p.yaml", string(b))}, nil, nil)
		require.NoError(t, err, string(b))
		back.Dir = ""
		require.Equal(t, c, back, string(b))
	}
}

func load(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load([]string{write(t, t.TempDir(), "x.yaml", text)}, nil, nil)
	require.NoError(t, err)
	return c
}

func TestHooksHasEveryEvent(t *testing.T) {
	var names []hooks.Kind
	h := Default().Hooks
	for _, e := range h.events() {
		names = append(names, hooks.Kind(e.name))
		require.Contains(t, root().fields["hooks"].keys, e.name)
	}
	require.Equal(t, hooks.Kinds(), names)
}

func TestEveryKeyIsDescribed(t *testing.T) {
	root().walk("", func(path string, s *shape) {
		if !strings.HasSuffix(path, "[]") && !strings.HasSuffix(path, "NAME") {
			require.NotEmpty(t, s.doc, path)
		}
	})
}

// Every default that is set is one that Load would take.
func TestDefaultsAreInRange(t *testing.T) {
	c := Default()
	c.Kernel.Fields = map[string]Field{"a": DefaultField()}
	b, err := Print(c)
	require.NoError(t, err)
	require.Equal(t, DefaultField(), load(t, string(b)).Kernel.Fields["a"])
}

// The schema is built from the same tree as the checks; what is tested is that it says the same.
func TestSchema(t *testing.T) {
	b, err := Schema()
	require.NoError(t, err)
	var s struct {
		Schema     string `json:"$schema"`
		Others     bool   `json:"additionalProperties"`
		Properties map[string]json.RawMessage
	}
	s.Others = true
	require.NoError(t, json.Unmarshal(b, &s))
	require.False(t, s.Others, "unknown keys are errors")
	require.Len(t, s.Properties, reflect.TypeFor[Config]().NumField()-1)
	for _, key := range Keys() {
		require.Contains(t, string(schemaAt(t, b, key)), `"type"`, key)
	}
	require.JSONEq(t, `{"description":"least joint |T|² of a collapse","type":"number","minimum":0.5,"exclusiveMaximum":1}`,
		string(schemaAt(t, b, "kernel.fields.NAME.gate.threshold")))
	require.JSONEq(t, `{"description":"the least that is said","type":"string","enum":["debug","info","warn","error"]}`,
		string(schemaAt(t, b, "log.level")))
}

// schemaAt follows a key path of Keys through a JSON Schema.
func schemaAt(t *testing.T, b json.RawMessage, key string) json.RawMessage {
	t.Helper()
	key = strings.ReplaceAll(key, "[]", ".[]")
	for part := range strings.SplitSeq(key, ".") {
		var n struct {
			Properties           map[string]json.RawMessage
			AdditionalProperties json.RawMessage
			Items                json.RawMessage
		}
		require.NoError(t, json.Unmarshal(b, &n))
		switch part {
		case "NAME":
			b = n.AdditionalProperties
		case "[]":
			b = n.Items
		default:
			b = n.Properties[part]
		}
		require.NotEmpty(t, b, key)
	}
	return b
}

func TestSchemasDurationsAreLoads(t *testing.T) {
	re := regexp.MustCompile(durationPattern)
	for _, text := range []string{"250ms", "1h30m", "2d", "0.5y", ".5w", "1e-3d", "0", "-1s", "+1d", "", "d", "1", "1 d", "1d2h", "0x1d", "infy", "1_0d", "1.h"} {
		_, err := parseDuration(text)
		require.Equal(t, err == nil, re.MatchString(text), text)
	}
}

var (
	manifestRow = regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|$")
	quoted      = regexp.MustCompile("`([^`]+)`")
)

// manifestExample is appendix D of the manifest, by its leaves.
var manifestExample = []string{
	"name", "kairos.tau_scale", "kairos.coherence_threshold", "kairos.omega",
	"master.enabled", "master.tau_max", "master.witness_interval",
	"emissary.enabled", "emissary.tau_max", "emissary.witness_interval",
	"sync.phase_threshold", "sync.mesh_enabled", "mesh.peers.host", "mesh.peers.port",
	"memory.temporal_signatures", "memory.coherence_history", "memory.witness_logs",
	"memory.storage.type", "memory.storage.path",
	"witnessing.enabled", "witnessing.layers",
	"security.intrinsic", "security.transport", "security.node_auth",
	"logging.level", "logging.format", "logging.witness_logs",
}

func TestManifestTable(t *testing.T) {
	b, err := os.ReadFile("MANIFEST.md")
	require.NoError(t, err)
	known := make(map[string]bool)
	for _, key := range Keys() {
		known[key] = true
	}
	var rows []string
	for line := range strings.Lines(string(b)) {
		m := manifestRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		rows = append(rows, m[1])
		switch state := strings.TrimSpace(m[2]); {
		case state == "here":
			ours := quoted.FindAllStringSubmatch(m[3], -1)
			require.NotEmpty(t, ours, line)
			require.True(t, known[ours[0][1]], "%s: %s is no key", m[1], ours[0][1])
		default:
			require.Regexp(t, `^(part [1-9]|always|not built)$`, state, line)
			require.NotEmpty(t, strings.TrimSpace(m[3]), line)
		}
	}
	require.Equal(t, manifestExample, rows, "one row for each key, in the manifest's order")
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{full, "", "a: b", "log: {level: debug}", "kernel: {fields: {a: {lag: 1d}}}", "hooks: {PreAction: [{hooks: [{command: x}]}]}",
		"1: 2", "kernel: {fields: {1: {}}}", "http: {hosts: [a, [b]]}", "? [a]\n: b", "x: &a [*a]", "<<: {log: {level: info}}", "log: !!binary aGk=",
		"agent: {classes: {a: read}}", "agent: {classes: {}}", "node: {name: !!str 1}", "\x00", "\xff", "a: &a {b: *a}", "log: !x {level: info}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		l := newLoader()
		if l.file("x.yaml", b) != nil {
			return
		}
		c, err := l.config()
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		printed, err := Print(c)
		require.NoError(t, err)
		again := newLoader()
		require.NoError(t, again.file("x.yaml", printed), string(printed))
		back, err := again.config()
		require.NoError(t, err, string(printed))
		require.Equal(t, c, back, string(printed))
	})
}

func ExampleLoad() {
	c, err := Load(nil, []string{"BECOMINGONE_HTTP__ADDR=127.0.0.1:8080"}, map[string]string{"log.level": "debug"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.HTTP.Addr, c.Log.Level, c.Hooks.Queue)
	_, err = Load(nil, []string{"BECOMINGONE_HTTP__ADRR=127.0.0.1:8080"}, nil)
	fmt.Println(err)
	// Output:
	// 127.0.0.1:8080 debug 256
	// config: BECOMINGONE_HTTP__ADRR: http.adrr is unknown: did you mean http.addr?
}

func ExamplePrint() {
	c := Default()
	c.Kernel.Fields = map[string]Field{"presence": DefaultField()}
	b, err := Print(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "kernel:") || strings.Contains(line, "tau:") || strings.Contains(line, "threshold:") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// kernel:
	// tau: 200ms
	// tau: 1h
	// threshold: 0.95
}
