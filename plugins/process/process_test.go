package process_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/process"
	"github.com/becomingone/becomingone/plugins/process/proto"
	"github.com/becomingone/becomingone/sdk/abi"
)

// self is the test binary and its digest, read once.
var self = sync.OnceValues(func() ([]byte, string) {
	code, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(code)
	return code, hex.EncodeToString(sum[:])
})

func manifest(name string) plugins.Manifest {
	_, digest := self()
	return plugins.Manifest{Name: name, Version: "1", Kind: abi.KindAction, ABI: process.ABI, File: name, SHA256: digest, Limits: plugins.DefaultLimits()}
}

// loader is closed by the test, which then fails if anything is left.
func loader(tb testing.TB, cfg process.Config) *process.Loader {
	tb.Helper()
	before := world(tb)
	dir, err := os.MkdirTemp("", "pt")
	require.NoError(tb, err)
	cfg.Dir = dir
	if raceEnabled {
		cfg.MemoryBytes = 1 << 48 // the detector's own maps are writable
	}
	if cfg.UID != 0 {
		require.NoError(tb, os.Chmod(dir, 0o711))
	}
	l, err := process.NewLoader(cfg)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, l.Close(context.Background()))
		left, err := os.ReadDir(dir)
		require.NoError(tb, err)
		require.Empty(tb, left, "temporary files")
		require.NoError(tb, os.Remove(dir))
		before.same(tb)
	})
	return l
}

func load(tb testing.TB, l *process.Loader, m plugins.Manifest) *process.Plugin {
	tb.Helper()
	code, _ := self()
	p, err := l.Load(tb.Context(), m, code)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, p.Close(context.Background())) })
	return p.(*process.Plugin)
}

// do performs the action do and returns the text of its answer.
func do(ctx context.Context, p plugins.Plugin, what string) (string, error) {
	in := abi.ActInput{Action: "do", Arguments: abi.Raw(`{"what":"` + what + `"}`)}
	msg, err := in.Append(nil)
	if err != nil {
		return "", err
	}
	b, err := p.Call(ctx, plugins.Call{Op: abi.OpAct, In: msg}, nil)
	if err == nil {
		b, err = abi.Answer(b)
	}
	var out abi.ActOutput
	if err == nil {
		err = out.Decode(b)
	}
	if err != nil || len(out.Content) == 0 {
		return "", err
	}
	return out.Content[0].Text, nil
}

func failureCode(tb testing.TB, err error) string {
	tb.Helper()
	var e *abi.Error
	require.ErrorAs(tb, err, &e)
	return e.Code
}

// counts is what a host must not gain.
type counts struct{ goroutines, files, children int }

func world(tb testing.TB) counts {
	tb.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(tb, err)
	return counts{runtime.NumGoroutine(), len(files), len(children(tb))}
}

// same waits a moment for goroutines that have been told to end.
func (c counts) same(tb testing.TB) {
	tb.Helper()
	var now counts
	ok := func() bool {
		now = world(tb)
		return now.goroutines <= c.goroutines && now.files <= c.files && now.children <= c.children
	}
	for end := time.NewTimer(2 * time.Second); !ok(); runtime.Gosched() {
		select {
		case <-end.C:
			stacks := make([]byte, 1<<20)
			require.Equal(tb, c, now, "%s", stacks[:runtime.Stack(stacks, true)])
		default:
		}
	}
}

// children are the numbers of all processes below this one, orphans of ours included: what a plugin
// starts carries its cookie.
func children(tb testing.TB) []string {
	tb.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(tb, err)
	var mine []string
	for _, path := range all {
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), proto.CookieKey+"=") && strings.Contains(string(b), os.TempDir()) {
			mine = append(mine, filepath.Base(filepath.Dir(path)))
		}
	}
	return mine
}

func TestCall(t *testing.T) {
	p := load(t, loader(t, process.Config{}), manifest("honest"))
	require.Equal(t, "honest", p.Description().Name)
	text, err := do(t.Context(), p, "")
	require.NoError(t, err)
	require.Equal(t, "done", text)

	_, err = do(t.Context(), p, "refuse")
	require.Equal(t, &abi.Error{Code: abi.CodeInvalid, Message: "what: refuse: want anything else"}, err)

	b, err := p.Call(t.Context(), plugins.Call{Op: abi.OpDescribe}, []byte("kept"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(b), "kept\x00{"), "%s", b)

	b, err = p.Call(t.Context(), plugins.Call{Op: abi.OpSense}, []byte("kept"))
	require.Equal(t, abi.CodeUnsupported, failureCode(t, err))
	require.Equal(t, "kept", string(b))
	_, err = p.Call(t.Context(), plugins.Call{Op: 99}, nil)
	require.Equal(t, abi.CodeUnsupported, failureCode(t, err))
	_, err = p.Call(t.Context(), plugins.Call{Op: abi.OpAct, In: make([]byte, plugins.DefaultLimits().InputBytes+1)}, nil)
	require.Equal(t, plugins.CodeInput, failureCode(t, err))
}

func TestEnvironmentIsMinimal(t *testing.T) {
	t.Setenv("SECRET", "of the host")
	p := load(t, loader(t, process.Config{}), manifest("honest"))
	env, err := do(t.Context(), p, "env")
	require.NoError(t, err)
	require.NotContains(t, env, "SECRET")
	var names []string
	for _, line := range regexp.MustCompile(`(?m)^[A-Z][A-Z_]+=`).FindAllString(env, -1) {
		names = append(names, strings.TrimSuffix(line, "="))
	}
	slices.Sort(names)
	require.Equal(t, []string{"BECOMINGONE_INPUT_BYTES", "BECOMINGONE_OUTPUT_BYTES", "BECOMINGONE_PLUGIN", "HOME", "LANG", "PATH",
		"PLUGIN_CLIENT_CERT", "PLUGIN_MAX_PORT", "PLUGIN_MIN_PORT", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "TMPDIR"}, names)
}

func TestObserve(t *testing.T) {
	m := manifest("tally")
	m.Kind = abi.KindObserver
	p := load(t, loader(t, process.Config{}), m)
	for n := 1; n <= 50; n++ {
		in := abi.ObserveInput{Records: make([]abi.Record, n)}
		in.Records[n-1].Index = uint64(n)
		msg, err := in.Append(nil)
		require.NoError(t, err)
		b, err := p.Call(t.Context(), plugins.Call{Op: abi.OpObserve, In: msg}, nil)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("\x00"+`{"observations":[{"index":%d,"type":"seen","data":%d}]}`, n, n), string(b))
	}
}

func TestObserveAtOnce(t *testing.T) {
	m := manifest("tally")
	m.Kind, m.Limits.Instances = abi.KindObserver, 16
	p := load(t, loader(t, process.Config{}), m)
	in := abi.ObserveInput{Records: make([]abi.Record, 1)}
	msg, err := in.Append(nil)
	require.NoError(t, err)
	var all sync.WaitGroup
	failed := make(chan error, 16)
	for range 16 {
		all.Go(func() {
			for range 50 {
				if _, err := p.Call(t.Context(), plugins.Call{Op: abi.OpObserve, In: msg}, nil); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	require.Empty(t, failed)
}

func TestFresh(t *testing.T) {
	m := manifest("honest")
	m.Fresh = true
	p := load(t, loader(t, process.Config{}), m)
	socket := func() string {
		env, err := do(t.Context(), p, "env")
		require.NoError(t, err)
		_, rest, _ := strings.Cut(env, "PLUGIN_UNIX_SOCKET_DIR=")
		dir, _, _ := strings.Cut(rest, "\n")
		return dir
	}
	require.NotEqual(t, socket(), socket(), "two calls must not share a process")
}

func TestLoadRefuses(t *testing.T) {
	l := loader(t, process.Config{Start: 500 * time.Millisecond})
	for _, c := range []struct {
		name string
		edit func(*plugins.Manifest)
		want string
	}{
		{"honest", func(m *plugins.Manifest) { m.ABI = "bo1" }, `abi "bo1": want process or grpc`},
		{"honest", func(m *plugins.Manifest) { m.SHA256 = strings.Repeat("0", 64) }, `sha256 "0000`},
		{"honest", func(m *plugins.Manifest) { m.Capabilities = []string{"log"} }, `capabilities "log"`},
		{"silent", nil, "trap: start: "},
		{"babbler", nil, "trap: start: "},
		{"wrong-line", nil, "want a unix socket"},
		{"elsewhere", nil, "want a unix socket"},
		{"leaver", nil, "exit status 3"},
		{"closes-before", nil, "trap: start: "},
		{"plain-under-tls", nil, "describe: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := manifest(c.name)
			if c.edit != nil {
				c.edit(&m)
			}
			binary, _ := self()
			_, err := l.Load(t.Context(), m, binary)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 1000)
			require.Empty(t, children(t))
		})
	}
}

func TestLoadEndsWithContext(t *testing.T) {
	l := loader(t, process.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	binary, _ := self()
	_, err := l.Load(ctx, manifest("silent"), binary)
	require.Error(t, err)
	require.Empty(t, children(t))
}
