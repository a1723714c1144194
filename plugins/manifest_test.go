package plugins_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

const voiceYAML = `
name: voice
version: 1.0.0
kind: action
abi: bo1
file: voice.wasm
sha256: 0b6077659955ed8d08bad3c9e711e882f31797029dc01e1ec774736e98664942
capabilities: [log]
limits: {memory_pages: 64, fuel: 1000, deadline: 250ms, input_bytes: 100, output_bytes: 200, instances: 3, host_calls: 7}
fresh: true
actions:
  say:
    effect: write
    description: says
    trigger: {collapse: [co2], arguments: {text: co2 is coherent, n: 1}}
  announce:
    effect: critical
    requires: {signal: [co2], mesh: {coherence: 0.9, peers: 2}}
`

func TestParseManifest(t *testing.T) {
	m, err := plugins.ParseManifest([]byte(voiceYAML))
	require.NoError(t, err)
	require.Equal(t, plugins.Manifest{
		Name: "voice", Version: "1.0.0", Kind: abi.KindAction, ABI: "bo1", File: "voice.wasm",
		SHA256:       "0b6077659955ed8d08bad3c9e711e882f31797029dc01e1ec774736e98664942",
		Capabilities: []string{"log"},
		Limits: plugins.Limits{MemoryPages: 64, Fuel: 1000, Deadline: 250 * time.Millisecond, InputBytes: 100,
			OutputBytes: 200, Instances: 3, HostCalls: 7},
		Fresh: true,
		Actions: map[string]plugins.Grant{
			"say":      {Effect: gate.Write, Description: "says", Trigger: gate.Trigger{Collapse: []string{"co2"}, Arguments: []byte(`{"n":1,"text":"co2 is coherent"}`)}},
			"announce": {Effect: gate.Critical, Requires: gate.Requires{Signal: []string{"co2"}, Mesh: &gate.Mesh{Coherence: 0.9, Peers: 2}}},
		},
	}, m)

	m, err = plugins.ParseManifest([]byte("{name: t, version: '1', kind: observer, abi: bo1, file: t.wasm}"))
	require.NoError(t, err)
	require.Equal(t, plugins.DefaultLimits(), m.Limits)
}

func TestParseManifestRefuses(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"name: voice", "name: Voice", `name "Voice": want 1 to 64 of a-z 0-9 - _ . beginning with a letter`},
		{"name: voice", "nome: voice", `line 2: field nome not found`},
		{"version: 1.0.0", "", `version "": want 1 to 64 bytes`},
		{"kind: action", "kind: actor", `kind "actor": want action, observer or input`},
		{"kind: action", "kind: observer", `actions "announce": want none for kind observer`},
		{"file: voice.wasm", "file: ../voice.wasm", `file "../voice.wasm": want a path below`},
		{"file: voice.wasm", "file: /voice.wasm", `file "/voice.wasm": want a path below`},
		{"sha256: 0b", "sha256: 0B", `64 hexadecimal digits, lower case`},
		{"fuel: 1000", "fuel: 0", `limits.fuel "0": want 1…200000000`},
		{"fuel: 1000", "fuel: much", "cannot unmarshal !!str `much`"},
		{"memory_pages: 64", "memory_pages: 5000", `limits.memory_pages "5000": want 1…4096`},
		{"deadline: 250ms", "deadline: 250", `limits.deadline "250": want a duration as "250ms"`},
		{"deadline: 250ms", "deadline: 2h", `limits.deadline "2h0m0s": want 1ms…1m0s`},
		{"instances: 3", "instances: -1", `limits.instances "-1": want 1…64`},
		{"effect: write", "effect: wrote", `actions.say.effect "wrote": want read, open, write or critical`},
		{"effect: write", "", `actions.say.effect "": want read, open, write or critical`},
		{"  announce:", "  An nounce:", `actions.An nounce "An nounce": want 1 to 64`},
		{"coherence: 0.9", "coherence: 1.5", `actions.announce.requires.mesh.coherence "1.5": want above 0, at most 1`},
		{"coherence: 0.9", "coherence: .nan", `want above 0, at most 1`},
		{"peers: 2", "peers: 0", `actions.announce.requires.mesh.peers "0": want 1 or more`},
		{"collapse: [co2]", "collapse: ['']", `actions.say.trigger.collapse[0] "": want a field's name`},
		{"collapse: [co2]", "collapse: []", `actions.say.trigger.collapse "": want at least one field`},
		{"arguments: {", "arguments: [{", ``},
		{"text: co2 is coherent", "text: .inf", `actions.say.trigger.arguments`},
		{"\nname", "\n---\n---\nname", ``},
	} {
		text := strings.Replace(voiceYAML, c.old, c.new, 1)
		require.NotEqual(t, voiceYAML, text)
		_, err := plugins.ParseManifest([]byte(text))
		require.ErrorContains(t, err, c.want, "%s", c.new)
		require.NotContains(t, err.Error(), "plugins.f", "our types' names are nobody's business")
	}
	_, err := plugins.ParseManifest(nil)
	require.EqualError(t, err, "plugins: manifest: empty")
	_, err = plugins.ParseManifest(make([]byte, 1<<20))
	require.ErrorContains(t, err, "want at most 65536")
	_, err = plugins.ParseManifest([]byte(voiceYAML + "\n---\nname: two\n"))
	require.EqualError(t, err, "plugins: manifest: more than one document")
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(voiceYAML))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("{name: t, version: '1', kind: observer, abi: bo1, file: t.wasm}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := plugins.ParseManifest(b)
		if err == nil {
			require.NoError(t, m.Validate())
		}
	})
}

func TestDiscover(t *testing.T) {
	fsys := fstest.MapFS{
		"b/plugin.yaml": {Data: []byte(voiceYAML)}, "a.yaml": {Data: []byte("x: 1")},
		"b/other.yaml": {Data: []byte("never read")}, "a.wasm": {},
	}
	found := plugins.DiscoverFS("here", fsys)
	require.Len(t, found, 2)
	require.Equal(t, "here/a.yaml", found[0].Path)
	require.ErrorContains(t, found[0].Err, "plugins: read here/a.yaml: plugins: manifest:")
	require.NoError(t, found[1].Err)
	require.Equal(t, "voice", found[1].Manifest.Name)

	found = plugins.Discover([]string{t.TempDir() + "/absent"})
	require.Len(t, found, 1)
	require.Error(t, found[0].Err)
}

func ExampleParseManifest() {
	_, err := plugins.ParseManifest([]byte("{name: mouth, version: '1', kind: action, abi: bo1, file: m.wasm, actions: {say: {effect: shout}}}"))
	fmt.Println(err)
	// Output: plugins: manifest: actions.say.effect "shout": want read, open, write or critical
}
