package wasm_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/wasm"
	"github.com/becomingone/becomingone/sdk/abi"
)

func manifest(code []byte, change func(m *plugins.Manifest)) plugins.Manifest {
	sum := sha256.Sum256(code)
	m := plugins.Manifest{
		Name: "raw", Version: "1", Kind: abi.KindAction, ABI: abi.Version, File: "raw.wasm",
		SHA256: hex.EncodeToString(sum[:]), Limits: plugins.DefaultLimits(),
	}
	if change != nil {
		change(&m)
	}
	return m
}

// cacheDir holds compiled guests for all tests of this run: compiling a Go guest takes seconds
// under the race detector.
var cacheDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bo1-cache-")
	if err != nil {
		panic(err)
	}
	cacheDir = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

func newLoader(tb testing.TB, cfg wasm.Config) *wasm.Loader {
	if cfg.CacheDir == "" {
		cfg.CacheDir = cacheDir
	}
	l, err := wasm.NewLoader(cfg)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, l.Close(context.WithoutCancel(tb.Context()))) })
	return l
}

func load(tb testing.TB, l *wasm.Loader, code []byte, change func(m *plugins.Manifest)) *wasm.Plugin {
	p, err := l.Load(tb.Context(), manifest(code, change), code)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, p.Close(context.WithoutCancel(tb.Context()))) })
	return p.(*wasm.Plugin)
}

// goGuest builds the program in folder, relative to this package, once per test binary.
func goGuest(tb testing.TB, folder string) []byte {
	built.Lock()
	defer built.Unlock()
	if code, ok := built.code[folder]; ok {
		return code
	}
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, folder)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	text, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", text)
	code, err := os.ReadFile(out)
	require.NoError(tb, err)
	built.code[folder] = code
	return code
}

var built = struct {
	sync.Mutex
	code map[string][]byte
}{code: map[string][]byte{}}

func act(tb testing.TB, p *wasm.Plugin, session, in string) (string, error) {
	out, err := p.Call(tb.Context(), plugins.Call{Op: abi.OpAct, Session: session, TimeNS: 1_700_000_000_000_000_000, Seed: 7, In: []byte(in)}, nil)
	return string(out), err
}

func TestEcho(t *testing.T) {
	p := load(t, newLoader(t, wasm.Config{}), guest{}.bytes(), nil)
	require.Equal(t, "raw", p.Description().Name)
	out, err := act(t, p, "a", `{"x":1}`)
	require.NoError(t, err)
	require.Equal(t, "\x00"+`{"x":1}`, out)
	kept, err := p.Call(t.Context(), plugins.Call{Op: abi.OpAct, In: []byte("y")}, []byte("kept"))
	require.NoError(t, err)
	require.Equal(t, "kept\x00y", string(kept))
}

func codeOf(err error) string {
	var e *abi.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Each hostile guest costs its caller an error with the right code, in bounded time, and the same
// loader's other plugin nothing.
func TestHostileCalls(t *testing.T) {
	l := newLoader(t, wasm.Config{MemoryBytes: 64 << 20})
	good := load(t, l, guest{}.bytes(), nil)
	grow := cat(i32c(16), []byte{0x40, 0x00})
	for _, c := range []struct {
		name string
		g    guest
		code string
	}{
		{"endless loop", guest{call: loop()}, plugins.CodeFuel},
		{"endless loop in alloc", guest{alloc: loop()}, plugins.CodeFuel},
		{"endless recursion", guest{call: []byte{0x20, 0, 0x20, 1, 0x20, 2, 0x10, 1}}, plugins.CodeTrap},
		{"allocates without end, ignoring refusals", guest{call: loop(grow, []byte{0x1a})}, plugins.CodeFuel},
		{"allocates until refused, then traps", guest{call: cat([]byte{0x03, 0x40}, grow, i32c(-1), []byte{0x47, 0x0d, 0, 0x0b, 0x00})}, plugins.CodeMemory},
		{"traps", guest{call: []byte{0x00}}, plugins.CodeTrap},
		{"divides by zero", guest{call: cat(i64c(1), i64c(0), []byte{0x7f})}, plugins.CodeTrap},
		{"reads outside", guest{call: cat(i32c(-1), []byte{0x29, 0, 0})}, plugins.CodeTrap},
		{"answers nothing", guest{call: packed(0, 0)}, plugins.CodeProtocol},
		{"answers 4 GiB", guest{call: packed(0, 0xffffffff)}, plugins.CodeOutput},
		{"answers outside", guest{call: packed(0xfffffff0, 100)}, plugins.CodeProtocol},
		{"answers across the end", guest{call: packed(2<<16-10, 11)}, plugins.CodeProtocol},
		{"answers more than allowed", guest{memory: []byte{0, 8}, call: packed(0, 256<<10+1)}, plugins.CodeOutput},
		{"answers an unknown status", guest{call: packed(inputAt, 7)}, plugins.CodeProtocol},
		{"allocates outside", guest{alloc: i32c(-1)}, plugins.CodeProtocol},
		{"floods the host", guest{imports: []hostImport{{"bo1", "log"}}, call: loop(i32c(0), i32c(1), []byte{0x10, 0})}, plugins.CodeHostCalls},
		{"logs the whole memory", guest{imports: []hostImport{{"bo1", "log"}}, memory: []byte{1, 200, 1, 200, 1}, call: loop(i32c(0), i32c(200<<16), []byte{0x10, 0})}, plugins.CodeFuel},
		{"logs outside", guest{imports: []hostImport{{"bo1", "log"}}, call: loop(i32c(-1), i32c(2), []byte{0x10, 0})}, plugins.CodeProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.g.imports) > 0 && c.g.call != nil {
				// one import moves the module's own functions by one; the bodies above count it
				require.Len(t, c.g.imports, 1)
			}
			p := load(t, l, c.g.bytes(), func(m *plugins.Manifest) {
				if len(c.g.imports) > 0 {
					m.Capabilities = []string{"log"}
				}
			})
			for range 3 { // the second call finds a fresh instance, not the broken one
				before := time.Now()
				_, err := act(t, p, "a", `7777777`)
				require.Error(t, err)
				if c.code != "" {
					require.Equal(t, c.code, codeOf(err), "%v", err)
				}
				require.Less(t, time.Since(before), time.Second)
			}
			out, err := act(t, good, "a", `{}`)
			require.NoError(t, err)
			require.Equal(t, "\x00{}", out)
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	l := newLoader(t, wasm.Config{MemoryBytes: 8 << 20})
	for _, c := range []struct {
		name, want string
		g          guest
		change     func(m *plugins.Manifest)
	}{
		{name: "no memory", want: `export "memory": missing`, g: guest{memories: -1, call: echo()}},
		{name: "no alloc", want: `export "bo1_alloc": missing`, g: guest{without: abi.ExportAlloc}},
		{name: "no call", want: `export "bo1_call": missing`, g: guest{without: abi.ExportCall}},
		{name: "wrong signature", want: `export "bo1_call": (i32) -> (i32), want (i32 i32 i32) -> (i64)`,
			g: guest{callType: []byte{0x60, 1, 0x7f, 1, 0x7f}, call: i32c(0)}},
		{name: "unknown import", want: `import "env" "system": not granted`, g: guest{imports: []hostImport{{"env", "system"}}}},
		{name: "WASI beyond the profile", want: `import "wasi_snapshot_preview1" "path_open": not granted`,
			g: guest{imports: []hostImport{{"wasi_snapshot_preview1", "path_open"}}}},
		{name: "capability not granted", want: `import "bo1" "log": not granted`, g: guest{imports: []hostImport{{"bo1", "log"}}}},
		{name: "import with another signature", want: "signature", g: guest{imports: []hostImport{{"wasi_snapshot_preview1", "proc_exit"}}}},
		{name: "unknown capability", want: `capabilities "net": want log`, change: func(m *plugins.Manifest) { m.Capabilities = []string{"net"} }},
		{name: "memory above the manifest", want: "memory of 300 pages: limits.memory_pages is 256", g: guest{memory: []byte{0, 0xac, 2}}},
		{name: "memory above the node's budget", want: "memory: instantiate", g: guest{memory: []byte{0, 200, 1}}},
		{name: "spinning start function", want: "start function", g: guest{start: loop()}},
		{name: "spinning _initialize", want: "fuel: _initialize", g: guest{init: loop()}},
		{name: "garbage description", want: "describe", g: guest{describe: []byte("\x00{\"kind\":")}},
		{name: "error as description", want: "no: thanks", g: guest{describe: []byte("\x01{\"code\":\"no\",\"message\":\"thanks\"}")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code := c.g.bytes()
			before := time.Now()
			_, err := l.Load(t.Context(), manifest(code, c.change), code)
			require.ErrorContains(t, err, c.want)
			require.Less(t, time.Since(before), 2*time.Second)
		})
	}
	_, err := l.Load(t.Context(), manifest(nil, nil), []byte("not wasm"))
	require.ErrorContains(t, err, "header")
}

func TestInstancesKeepSessionsApart(t *testing.T) {
	// Answers the byte that the previous call left at 8, then leaves the input's first byte there.
	leak := guest{call: cat(
		i32c(9), i32c(8), []byte{0x2d, 0, 0, 0x3a, 0, 0}, // m[9] = m[8]
		i32c(8), []byte{0x20, 1, 0x2d, 0, 0, 0x3a, 0, 0}, // m[8] = in[0]
		i32c(8), []byte{0x2d, 0, 0, 0x1a},
		packed(7, 3), // m[7] = 0 is the status
	)}.bytes()
	l := newLoader(t, wasm.Config{})
	shared := load(t, l, leak, nil)
	for _, c := range []struct{ session, in, want string }{
		{"a", "A", "\x00A\x00"}, {"a", "B", "\x00BA"}, {"b", "C", "\x00C\x00"}, {"a", "D", "\x00DB"},
		{"c", "E", "\x00E\x00"}, {"d", "F", "\x00F\x00"}, {"", "G", "\x00G\x00"}, {"", "H", "\x00HG"},
	} {
		out, err := act(t, shared, c.session, c.in)
		require.NoError(t, err)
		require.Equal(t, c.want, out)
	}
	fresh := load(t, l, leak, func(m *plugins.Manifest) { m.Fresh = true })
	for range 5 {
		out, err := act(t, fresh, "a", "A")
		require.NoError(t, err)
		require.Equal(t, "\x00A\x00", out)
	}
}

func TestMemoryBudgetIsGivenBack(t *testing.T) {
	l := newLoader(t, wasm.Config{MemoryBytes: 3 << 20}) // two pages each: 24 instances at once
	for n := range 40 {
		code := guest{memory: []byte{0, 4}}.bytes()
		p, err := l.Load(t.Context(), manifest(code, nil), code)
		require.NoError(t, err)
		for _, session := range []string{"a", "b", "c", "d"} {
			_, err = p.Call(t.Context(), plugins.Call{Op: abi.OpAct, Session: session, In: []byte("x")}, nil)
			require.NoError(t, err, "round %d", n)
		}
		require.NoError(t, p.Close(t.Context()))
		require.NoError(t, p.Close(t.Context()))
		_, err = p.Call(t.Context(), plugins.Call{Op: abi.OpAct}, nil)
		require.Equal(t, plugins.CodeClosed, codeOf(err))
	}
}

// Eight callers share a node in which one plugin does nothing but loop: those of the other plugin
// all have their answers, and the loopers their errors.
func TestOneLoopingPluginAmongEightCallers(t *testing.T) {
	l := newLoader(t, wasm.Config{})
	good := load(t, l, guest{}.bytes(), func(m *plugins.Manifest) { m.Limits.Instances = 4 })
	bad := load(t, l, guest{call: loop()}.bytes(), func(m *plugins.Manifest) { m.Limits.Fuel = 5_000_000 })
	var callers sync.WaitGroup
	for n := range 8 {
		callers.Go(func() {
			p, want := good, ""
			if n%2 == 1 {
				p, want = bad, plugins.CodeFuel
			}
			for range 20 {
				_, err := act(t, p, strings.Repeat("s", n), `{}`)
				if codeOf(err) != want {
					t.Errorf("caller %d: %v", n, err)
				}
			}
		})
	}
	callers.Wait()
}

func TestDeadlineBeforeTheCall(t *testing.T) {
	p := load(t, newLoader(t, wasm.Config{}), guest{}.bytes(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Call(ctx, plugins.Call{Op: abi.OpAct, In: []byte("x")}, nil)
	require.Equal(t, plugins.CodeDeadline, codeOf(err))
}

func TestNoAllocationPerCall(t *testing.T) {
	p := load(t, newLoader(t, wasm.Config{}), guest{}.bytes(), nil)
	c := plugins.Call{Op: abi.OpAct, Session: "s", In: []byte(strings.Repeat("x", 1000))}
	dst := make([]byte, 0, 2048)
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(200, func() {
		out, err := p.Call(ctx, c, dst)
		if err != nil || len(out) != 1001 {
			t.Fatal(len(out), err)
		}
	}))
}

func TestConfigValidate(t *testing.T) {
	for want, cfg := range map[string]wasm.Config{
		"MemoryBytes -1: want 0 or more": {MemoryBytes: -1},
		"Running 1025: want 0…1024":      {Running: 1025},
	} {
		_, err := wasm.NewLoader(cfg)
		require.ErrorContains(t, err, want)
	}
}

// The smallest guest of the specification does what is said of it.
func TestSmallestGuestOfABI(t *testing.T) {
	text, err := os.ReadFile("../ABI.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```hex module\n")
	require.True(t, found)
	block, _, _ := strings.Cut(rest, "```")
	code, err := hex.DecodeString(strings.Join(strings.Fields(block), ""))
	require.NoError(t, err)
	p := load(t, newLoader(t, wasm.Config{}), code, nil)
	d := p.Description()
	require.NoError(t, d.Validate())
	require.Equal(t, "echo", d.Actions[0].Name)
	out, err := act(t, p, "s", `{"content":[]}`)
	require.NoError(t, err)
	require.Equal(t, "\x00"+`{"content":[]}`, out)
}

// The table of the profile names each function that there is, and no other.
func TestProfileOfABI(t *testing.T) {
	text, err := os.ReadFile("../ABI.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "## 7.")
	section, _, _ := strings.Cut(rest, "## 8.")
	l := newLoader(t, wasm.Config{})
	for _, name := range regexp.MustCompile("`([a-z]+_[a-z_]+)`").FindAllStringSubmatch(section, -1) {
		if name[1] == "time_ns" {
			continue
		}
		code := guest{imports: []hostImport{{"wasi_snapshot_preview1", name[1]}}}.bytes()
		_, err := l.Load(t.Context(), manifest(code, nil), code)
		if err != nil {
			require.NotContains(t, err.Error(), "not granted", name[1])
		}
	}
	require.Equal(t, 16, strings.Count(section, "`args_")+strings.Count(section, "`environ_")+strings.Count(section, "`clock_")+
		strings.Count(section, "`poll_")+strings.Count(section, "`random_")+strings.Count(section, "`fd_")+strings.Count(section, "`sched_")+strings.Count(section, "`proc_"))
}

// An instance whose answer its caller refuses is thrown away, as one that trapped is: what it holds
// cannot be trusted.
func TestRefusedAnswersCostTheInstance(t *testing.T) {
	count := cat(i32c(2000), i32c(2000), []byte{0x2d, 0, 0}, i32c(1), []byte{0x6a, 0x3a, 0, 0}, packed(1999, 2))
	p := load(t, newLoader(t, wasm.Config{}), guest{call: count}.bytes(), nil)
	calls := func(accept func([]byte) error) (string, error) {
		out, err := p.Call(t.Context(), plugins.Call{Op: abi.OpAct, Session: "a", Accept: accept}, []byte("kept"))
		return string(out), err
	}
	for _, want := range []string{"kept\x00\x01", "kept\x00\x02"} {
		out, err := calls(func([]byte) error { return nil })
		require.NoError(t, err)
		require.Equal(t, want, out)
	}
	refuse := errors.New("not JSON")
	out, err := calls(func(answer []byte) error { require.Equal(t, "\x00\x03", string(answer)); return refuse })
	require.ErrorIs(t, err, refuse)
	require.Equal(t, "kept", out)
	out, err = calls(nil)
	require.NoError(t, err)
	require.Equal(t, "kept\x00\x01", out, "a new instance counts from the beginning")
}

func TestImportsAreSeenBeforeAnythingRuns(t *testing.T) {
	code := guest{imports: []hostImport{{"bo1", "log"}, {"env", "system"}}, start: loop()}.bytes()
	names, err := wasm.Imports(manifest(code, func(m *plugins.Manifest) { m.Capabilities = []string{"log"} }), code)
	require.Equal(t, []string{"bo1.log", "env.system"}, names)
	require.ErrorContains(t, err, `import "env" "system": not granted`)
	names, err = wasm.Imports(manifest(nil, nil), guest{}.bytes())
	require.NoError(t, err)
	require.Empty(t, names)
}
