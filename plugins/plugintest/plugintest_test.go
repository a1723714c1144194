package plugintest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/plugintest"
	"github.com/becomingone/becomingone/plugins/wasm"
	"github.com/becomingone/becomingone/sdk/abi"
)

// goGuest builds an example in Go.
func goGuest(t testing.TB, name string) []byte {
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "../../examples/plugins/"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	code, err := os.ReadFile(out)
	require.NoError(t, err)
	return code
}

func TestPrebuiltExamples(t *testing.T) {
	for _, name := range append([]string{"sense-c"}, small...) {
		t.Run(name, func(t *testing.T) {
			code := prebuilt(t, name)
			require.LessOrEqual(t, len(code), 25_000, "a small guest")
			require.Equal(t, manifestOf(t, name).SHA256, digest(code), "plugin.yaml pins another module")
			plugintest.Run(t, "../../examples/plugins/"+name+"/plugin.yaml", plugintest.Config{})
		})
	}
}

func TestGoExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles Go guests: seconds")
	}
	for _, name := range []string{"hello-go", "voice", "tally"} {
		t.Run(name, func(t *testing.T) {
			results, err := plugintest.Check(t.Context(), manifestOf(t, name), goGuest(t, name), plugintest.Config{})
			require.NoError(t, err)
			require.True(t, plugintest.Ok(results), "%v", results)
		})
	}
}

// The example in Go gives the answers of the small ones.
func TestGoAgrees(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a Go guest: seconds")
	}
	l, err := wasm.NewLoader(wasm.Config{})
	require.NoError(t, err)
	m := manifestOf(t, "hello-go")
	p, err := l.Load(t.Context(), m, goGuest(t, "hello-go"))
	require.NoError(t, err)
	in := `{"action":"hello","arguments":{"name":"Zo\u00eb \ud83d"},"time_ns":1767312245000000001,"state":{"field":"f","T_sync":[0.1,-0.7]}}`
	answer, err := p.Call(t.Context(), plugins.Call{Op: abi.OpAct, In: []byte(in)}, nil)
	require.NoError(t, err)
	got, _ := read(t, string(answer))
	want, _ := reference([]byte(in))
	require.Equal(t, want, got)
	require.NoError(t, p.Close(t.Context()))
	require.NoError(t, l.Close(t.Context()))
}

func TestSenseC(t *testing.T) {
	g := newBare(t, compiler(), prebuilt(t, "sense-c"))
	for _, c := range []struct{ in, want string }{
		{`{"channel":"mic","time_ns":5,"mimeType":"audio/L16;rate=8000","data":"AAB//4AAwAA="}`,
			`{"samples":[{"t":5,"x":[0]},{"t":125005,"x":[0.999969482421875]},{"t":250005,"x":[-1]},{"t":375005,"x":[-0.5]}]}`},
		{`{"channel":"words","time_ns":-1,"text":" one  zwölf\n"}`, `{"samples":[{"t":-1,"x":[3]},{"t":0,"x":[5]}]}`},
		{`{"channel":"words","text":""}`, `{"samples":[]}`},
		{`{"channel":"mic","mimeType":"audio/wav","data":"AAA="}`, "\x01" + `{"code":"invalid","message":"mimeType: want audio/L16;rate=1…1000000, or text"}`},
		{`{"channel":"mic","mimeType":"audio/L16;rate=1","data":"AA=="}`, "\x01" + `{"code":"invalid","message":"data: want base64 of at most 4096 values of 2 bytes"}`},
		{`{"channel":"mic","mimeType":"audio/L16;rate=1","data":"A=AA"}`, "\x01" + `{"code":"invalid","message":"data: want base64 of at most 4096 values of 2 bytes"}`},
		{`{"text":"` + strings.Repeat("a ", 4097) + `"}`, "\x01" + `{"code":"invalid","message":"text: more than 4096 words"}`},
	} {
		answer, _ := g.call(t, abi.OpSense, c.in)
		require.Equal(t, c.want, strings.TrimPrefix(answer, "\x00"), c.in)
	}
}

// A guest whose memory ends says so, and the next call is served.
func TestMemoryEnds(t *testing.T) {
	l, err := wasm.NewLoader(wasm.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close(context.WithoutCancel(t.Context()))) })
	for name, want := range map[string]string{"hello-c": abi.CodeInternal, "hello-rust": abi.CodeInternal, "hello-as": plugins.CodeMemory} {
		m := manifestOf(t, name)
		m.Limits.MemoryPages, m.Limits.Fuel = 20, 200_000_000
		p, err := l.Load(t.Context(), m, prebuilt(t, name))
		require.NoError(t, err)
		hello := func(text string) (string, error) {
			answer, err := p.Call(t.Context(), plugins.Call{Op: abi.OpAct, In: []byte(`{"action":"hello","arguments":{"name":"` + text + `"}}`)}, nil)
			return string(answer), err
		}
		answer, err := hello(strings.Repeat(`\n`, 400_000))
		var e *abi.Error
		if !errors.As(err, &e) {
			_, err := abi.Answer([]byte(answer))
			require.ErrorAs(t, err, &e, name)
		}
		require.Equal(t, want, e.Code, "%s: %s", name, e.Message)
		_, err = hello(strings.Repeat("x", 1_048_000)) // not even the message has room beside what is taken
		if err != nil {
			require.ErrorAs(t, err, &e, name)
			require.Contains(t, []string{plugins.CodeMemory, plugins.CodeTrap}, e.Code, "%s: %s", name, e.Message)
		}
		answer, err = hello("x")
		require.NoError(t, err, name)
		got, _ := read(t, answer)
		require.Equal(t, "Hello, x!", got.Greeting)
		require.NoError(t, p.Close(t.Context()))
	}
}

// A module alone is tried with what it says of itself, and a file that is none is told apart.
func TestCheckFile(t *testing.T) {
	results, err := plugintest.CheckFile(t.Context(), "../../examples/plugins/hello-c/testdata/hello-c.wasm", plugintest.Config{Calls: 10})
	require.NoError(t, err)
	require.True(t, plugintest.Ok(results), "%v", results)
	var b bytes.Buffer
	require.NoError(t, plugintest.Write(&b, results))
	require.Contains(t, b.String(), "held     malformed messages\n")
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(folder+"/x.wasm", []byte("no module"), 0o600))
	for file, want := range map[string]string{
		"nothing.yaml": "no such file", folder + "/x.wasm": "header", "suite.go": "manifest",
	} {
		_, err := plugintest.CheckFile(t.Context(), file, plugintest.Config{})
		require.ErrorContains(t, err, want)
	}
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func TestRunReports(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS("../../examples/plugins/hello-c")))
	text, err := os.ReadFile(folder + "/plugin.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(folder+"/plugin.yaml", bytes.Replace(text, []byte("version: 1.0.0"), []byte("version: 2.0.0"), 1), 0o600))
	r := &recorder{TB: t}
	plugintest.Run(r, folder+"/plugin.yaml", plugintest.Config{Calls: 1})
	require.Len(t, r.failures, 1)
	require.Contains(t, r.failures[0], `describe: version "1.0.0": the manifest has "2.0.0"`)
	require.Contains(t, r.failures[0], "advice: answer operation 0")
}

func ExampleCheckFile() {
	results, err := plugintest.CheckFile(context.Background(), "../../examples/plugins/hello-c/plugin.yaml", plugintest.Config{})
	fmt.Println(len(results), plugintest.Ok(results), err)
	// Output: 13 true <nil>
}

func BenchmarkHello(b *testing.B) {
	in := []byte(`{"action":"hello","arguments":{"name":"Zoë"},"session":"s-1","time_ns":1767312245000000001,"seed":18446744073709551615}`)
	state := bytes.Replace(in, []byte(`}`), []byte(`},"state":{"field":"co2","T_master":[0.5,-0.25],"T_sync":[0.2578978978971231,0.375123332221]}`), 1)
	filled := append(append(bytes.TrimSuffix(bytes.Clone(in), []byte("}")), `,"context":{"text":"`...), strings.Repeat("x", 1000)+`"}}`...)
	l, err := wasm.NewLoader(wasm.Config{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, l.Close(context.WithoutCancel(b.Context()))) })
	for _, name := range append([]string{"hello-go"}, small...) {
		var code []byte
		if name == "hello-go" {
			code = goGuest(b, name)
		} else {
			code = prebuilt(b, name)
		}
		p, err := l.Load(b.Context(), manifestOf(b, name), code)
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, p.Close(context.WithoutCancel(b.Context()))) })
		for _, c := range []struct {
			what string
			in   []byte
		}{{"short", in}, {"decimals", state}, {"1kB", filled}} {
			b.Run(name+"/"+c.what, func(b *testing.B) {
				b.ReportAllocs()
				dst := make([]byte, 0, 4096)
				for b.Loop() {
					if _, err := p.Call(b.Context(), plugins.Call{Op: abi.OpAct, Session: "s", In: c.in}, dst); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
