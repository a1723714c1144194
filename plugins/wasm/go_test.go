package wasm_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/wasm"
	"github.com/becomingone/becomingone/sdk/abi"
)

const (
	voiceFolder   = "../../examples/plugins/voice"
	tallyFolder   = "../../examples/plugins/tally"
	profileFolder = "./testdata/profile"
)

func named(name, version, kind string) func(m *plugins.Manifest) {
	return func(m *plugins.Manifest) { m.Name, m.Version, m.Kind = name, version, kind }
}

func TestVoice(t *testing.T) {
	p := load(t, newLoader(t, wasm.Config{}), goGuest(t, voiceFolder), named("voice", "1.0.0", abi.KindAction))
	d := p.Description()
	require.NoError(t, d.Validate())
	require.Len(t, d.Actions, 3)
	out, err := act(t, p, "s", `{"action":"say","arguments":{"text":"hello"},"time_ns":1,"seed":2}`)
	require.NoError(t, err)
	require.Equal(t, "\x00"+`{"content":[{"type":"text","text":"hello"}],"structured":{"said":"hello"}}`, out)
	out, err = act(t, p, "s", `{"action":"announce","arguments":{},"time_ns":1,"seed":2,"state":{"field":"co2","T_sync":[0.6,0.8]}}`)
	require.NoError(t, err)
	require.Equal(t, "\x00"+`{"content":[{"type":"text","text":"the CO2 record is coherent"}],"structured":{"said":"the CO2 record is coherent","field":"co2","coherence":1}}`, out)
}

func TestTally(t *testing.T) {
	p := load(t, newLoader(t, wasm.Config{}), goGuest(t, tallyFolder), named("tally", "1.0.0", abi.KindObserver))
	for _, c := range []struct{ in, want string }{
		{`{"records":[{"index":1,"type":"sample"},{"index":2,"type":"decision"}]}`, `{"observations":[{"index":2,"type":"tally","data":{"counts":{"sample":1,"decision":1}}}]}`},
		{`{"records":[{"index":3,"type":"sample"}]}`, `{"observations":[{"index":3,"type":"tally","data":{"counts":{"sample":2,"decision":1}}}]}`},
		{`{"records":[{"index":4,"type":"sample"}]}`, `{}`},
	} {
		out, err := p.Call(t.Context(), plugins.Call{Op: abi.OpObserve, In: []byte(c.in)}, nil)
		require.NoError(t, err)
		require.Equal(t, "\x00"+c.want, string(out))
	}
}

// A Go guest finds the call's time, its seed's entropy, goroutines and sleep, and nothing else.
func TestGoRuntimeProfile(t *testing.T) {
	p := load(t, newLoader(t, wasm.Config{}), goGuest(t, profileFolder), func(m *plugins.Manifest) { m.Fresh = true })
	look := func(seed uint64) string {
		out, err := p.Call(t.Context(), plugins.Call{Op: abi.OpAct, TimeNS: 1_700_000_000_000_000_000, Seed: seed, In: []byte(`{"action":"world"}`)}, nil)
		require.NoError(t, err)
		return string(out)
	}
	before := time.Now()
	first := look(1)
	require.Less(t, time.Since(before), time.Minute, "slept for real")
	var out abi.ActOutput
	payload, err := abi.Answer([]byte(first))
	require.NoError(t, err)
	require.NoError(t, out.Decode(payload))
	var f struct {
		Now                  int64
		Slept                bool
		Random               string
		Args, Environ, Async int
	}
	require.NoError(t, json.Unmarshal(out.Structured, &f))
	require.EqualValues(t, 1_700_000_000, f.Now)
	require.True(t, f.Slept)
	require.Equal(t, 42, f.Async)
	require.Zero(t, f.Environ)
	require.LessOrEqual(t, f.Args, 1)
	require.Contains(t, p.Printed(), "seen at 1700000000\n")
	require.Equal(t, first, look(1), "the same call answers the same")
	require.NotEqual(t, first, look(2), "another seed is another world")
}

func TestHostileGo(t *testing.T) {
	p := load(t, newLoader(t, wasm.Config{}), goGuest(t, profileFolder), nil)
	for _, c := range []struct{ action, want string }{
		{"exit", plugins.CodeTrap}, {"spin", plugins.CodeFuel}, {"hoard", plugins.CodeMemory}, {"panic", plugins.CodeTrap},
	} {
		action, want := c.action, c.want
		before := time.Now()
		_, err := act(t, p, "s", `{"action":"`+action+`"}`)
		require.Equal(t, want, codeOf(err), "%s: %v", action, err)
		require.Less(t, time.Since(before), 2*time.Second, action)
	}
	require.Contains(t, p.Printed(), "out of tune")
	_, err := act(t, p, "s", `{"action":"world"}`)
	require.NoError(t, err)
}

func TestCompileCacheServesTheNextLoader(t *testing.T) {
	dir, code := t.TempDir(), guest{}.bytes()
	for range 2 {
		l := newLoader(t, wasm.Config{CacheDir: dir})
		p := load(t, l, code, nil)
		_, err := act(t, p, "s", "x")
		require.NoError(t, err)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
}

func BenchmarkCall(b *testing.B) {
	l := newLoader(b, wasm.Config{})
	say := `{"action":"say","arguments":{"text":"` + strings.Repeat("x", 100) + `"},"time_ns":1,"seed":2}`
	for _, c := range []struct {
		name, in string
		p        *wasm.Plugin
	}{
		{"raw/1kB", strings.Repeat("x", 1000), load(b, l, guest{}.bytes(), nil)},
		{"raw/fresh", "x", load(b, l, guest{}.bytes(), func(m *plugins.Manifest) { m.Fresh = true })},
		{"go/say", say, load(b, l, goGuest(b, voiceFolder), named("voice", "1.0.0", abi.KindAction))},
		{"go/fresh", say, load(b, l, goGuest(b, voiceFolder), func(m *plugins.Manifest) { m.Fresh = true })},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			dst, call := make([]byte, 0, 4096), plugins.Call{Op: abi.OpAct, In: []byte(c.in)}
			for b.Loop() {
				if _, err := c.p.Call(b.Context(), call, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoad is a start of the node: cold compiles, warm finds the code on disk.
func BenchmarkLoad(b *testing.B) {
	code := goGuest(b, voiceFolder)
	run := func(b *testing.B, dir func() string) {
		for b.Loop() {
			l, err := wasm.NewLoader(wasm.Config{CacheDir: dir()})
			require.NoError(b, err)
			p, err := l.Load(b.Context(), manifest(code, nil), code)
			require.NoError(b, err)
			require.NoError(b, p.Close(b.Context()))
			require.NoError(b, l.Close(b.Context()))
		}
	}
	b.Run("cold", func(b *testing.B) { run(b, b.TempDir) })
	dir := b.TempDir()
	l := newLoader(b, wasm.Config{CacheDir: dir})
	load(b, l, code, nil)
	b.Run("warm", func(b *testing.B) { run(b, func() string { return dir }) })
}
