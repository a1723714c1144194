package process_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/process"
	"github.com/becomingone/becomingone/sdk/abi"
)

// soon is within what the host must answer the next honest call.
const soon = 100 * time.Millisecond

// honest calls p until an answer comes and says how long that took. The race detector and a busy
// machine are given more room; what the figure is on a quiet one, BenchmarkRestart tells.
func honest(t *testing.T, p plugins.Plugin) {
	t.Helper()
	start := time.Now()
	text, err := do(t.Context(), p, "")
	took := time.Since(start)
	require.NoError(t, err)
	require.Equal(t, "done", text)
	t.Logf("next honest call: %v", took)
	require.Less(t, took, 10*soon)
}

type hostileCall struct {
	what, code string
	printed    int // bytes at most
}

func TestHostileCalls(t *testing.T) {
	for _, c := range []hostileCall{
		{"crash", plugins.CodeTrap, tailMost},
		{"panic", plugins.CodeTrap, tailMost},
		{"hang", plugins.CodeDeadline, tailMost},
		{"spin", plugins.CodeDeadline, 0},
		{"huge", plugins.CodeOutput, 0},
		{"memory", plugins.CodeMemory, tailMost},
		{"close", "", tailMost},
		{"stderr", "", tailMost},
		{"stdout", "", tailMost},
		{"files", "", 0},
		{"disk", "", 0},
		{"orphans", "", 0},
	} {
		t.Run(c.what, c.run)
	}
}

func (c hostileCall) run(t *testing.T) {
	if raceEnabled && c.what == "memory" {
		t.Skip("the race detector cannot run under RLIMIT_DATA")
	}
	l := loader(t, process.Config{MemoryBytes: 256 << 20})
	m := manifest("honest")
	if c.code == plugins.CodeDeadline {
		m.Limits.Deadline = 300 * time.Millisecond
	} else {
		m.Limits.Deadline = 20 * time.Second
	}
	p := load(t, l, m)
	other := load(t, l, manifest("honest"))
	start := time.Now()
	text, err := do(t.Context(), p, c.what)
	t.Logf("%v: %.100q %v", time.Since(start), text, err)
	if c.code == "" {
		require.NoError(t, err)
	} else {
		require.Equal(t, c.code, failureCode(t, err))
	}
	honest(t, other)
	honest(t, p)
	require.LessOrEqual(t, len(p.Printed()), c.printed)
	if n, err := strconv.Atoi(text); err == nil {
		require.LessOrEqual(t, n, 64<<20)
	}
}

const tailMost = 4 << 10

// A fork bomb of 1000 sleepers in sessions of their own meets Config.Tasks; all end with the plugin.
func TestForkBomb(t *testing.T) {
	cfg := process.Config{Tasks: 48}
	if os.Getuid() == 0 {
		cfg.UID, cfg.GID = 61234, 61234 // root is not bound by RLIMIT_NPROC
	}
	m := manifest("honest")
	m.Limits.Deadline = 20 * time.Second
	p := load(t, loader(t, cfg), m)
	text, err := do(t.Context(), p, "fork")
	if err != nil { // the Go runtime may die of having no thread left
		require.Equal(t, plugins.CodeTrap, failureCode(t, err))
	} else {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		require.Less(t, n, 48)
		t.Logf("%d processes", n)
		require.GreaterOrEqual(t, len(children(t)), n, "the count of children sees them")
	}
}

func TestOrphansEndWithTheirPlugin(t *testing.T) {
	p := load(t, loader(t, process.Config{}), manifest("honest"))
	_, err := do(t.Context(), p, "orphans")
	require.NoError(t, err)
	require.Len(t, children(t), 2)
	_, err = do(t.Context(), p, "crash")
	require.Error(t, err)
	honest(t, p)
	require.Len(t, children(t), 1)
}

func TestCallerLeaves(t *testing.T) {
	p := load(t, loader(t, process.Config{}), manifest("honest"))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := do(ctx, p, "hang")
	require.Equal(t, plugins.CodeDeadline, failureCode(t, err))
}

func TestIgnoresSIGTERM(t *testing.T) {
	l := loader(t, process.Config{Grace: 50 * time.Millisecond})
	binary, _ := self()
	p, err := l.Load(t.Context(), manifest("stubborn"), binary)
	require.NoError(t, err)
	start := time.Now()
	require.NoError(t, p.Close(t.Context()))
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
	require.Less(t, time.Since(start), time.Second)
	require.NoError(t, p.Close(t.Context()), "a second Close is harmless")
	_, err = do(t.Context(), p, "")
	require.Equal(t, plugins.CodeClosed, failureCode(t, err))
}

func TestCloseInACall(t *testing.T) {
	l := loader(t, process.Config{})
	m := manifest("honest")
	m.Limits.Deadline = time.Minute
	binary, _ := self()
	p, err := l.Load(t.Context(), m, binary)
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := do(t.Context(), p, "hang")
		failed <- err
	}()
	require.Eventually(t, func() bool { return p.(*process.Plugin).Printed() != "" }, 5*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Close(ctx), context.DeadlineExceeded)
	require.Equal(t, plugins.CodeTrap, failureCode(t, <-failed))
}

func TestLiarIsNotRestarted(t *testing.T) {
	p := load(t, loader(t, process.Config{}), manifest("liar"))
	_, err := do(t.Context(), p, "crash")
	require.Equal(t, plugins.CodeTrap, failureCode(t, err))
	require.Eventually(t, func() bool {
		_, err := do(t.Context(), p, "")
		return err != nil && strings.Contains(err.Error(), "another process of the same file did not say")
	}, 5*time.Second, time.Millisecond)
}

func TestCircuitBreaks(t *testing.T) {
	p := load(t, loader(t, process.Config{Cooldown: 300 * time.Millisecond}), manifest("honest"))
	var tripped bool
	for range 50 {
		start := time.Now()
		_, err := do(t.Context(), p, "crash")
		require.Error(t, err)
		if tripped = strings.Contains(err.Error(), "left alone"); tripped {
			require.Less(t, time.Since(start), soon)
			require.Empty(t, children(t))
			break
		}
	}
	require.True(t, tripped)
	require.Eventually(t, func() bool { _, err := do(t.Context(), p, ""); return err == nil }, 5*time.Second, time.Millisecond)
}

func TestHostileObservers(t *testing.T) {
	for _, c := range []struct{ name, code string }{
		{"disorder", plugins.CodeProtocol}, {"deaf", plugins.CodeDeadline}, {"greedy", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := manifest(c.name)
			m.Kind, m.ABI, m.Limits.Deadline, m.Limits.Instances = abi.KindObserver, process.ABIPlain, 300*time.Millisecond, 8
			p := load(t, loader(t, process.Config{}), m)
			in := abi.ObserveInput{Records: []abi.Record{{Index: 1, Data: abi.Raw(`"` + strings.Repeat("x", 1<<19) + `"`)}}}
			msg, err := in.Append(nil)
			require.NoError(t, err)
			errs := make(chan error, 8)
			for range cap(errs) {
				go func() {
					_, err := p.Call(t.Context(), plugins.Call{Op: abi.OpObserve, In: msg}, nil)
					errs <- err
				}()
			}
			first := ""
			for range cap(errs) {
				if err := <-errs; err != nil && first == "" {
					first = failureCode(t, err)
				}
			}
			require.Equal(t, c.code, first)
		})
	}
}

// What is executed is what was hashed: the file that is swapped after the check is never looked at,
// and the memory that is executed cannot be written.
func TestSwappedFile(t *testing.T) {
	binary, digest := self()
	if len(binary) > plugins.MaxModule {
		t.Skipf("the test binary has %d bytes, plugins.MaxModule is %d: a Set does not read it", len(binary), plugins.MaxModule)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "honest"), binary, 0o700))
	text := fmt.Sprintf("name: honest\nversion: '1'\nkind: action\nabi: process\nfile: honest\nsha256: %s\nactions: {do: {effect: write}}\n", digest)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plugin.yaml"), []byte(text), 0o600))
	set, err := plugins.NewSet(plugins.Config{Dirs: []string{dir}}, map[string]plugins.Loader{process.ABI: loader(t, process.Config{})})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- set.Run(ctx) }()
	<-set.Ready()
	require.Equal(t, plugins.Active, set.Status()[0].State, set.Status()[0].Error)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "honest"), []byte("#!/bin/false\n"), 0o700))
	_, err = set.Act(t.Context(), abi.ActInput{Action: "do", Arguments: abi.Raw(`{"what":"crash"}`)})
	require.Equal(t, plugins.CodeTrap, failureCode(t, err))
	out, err := set.Act(t.Context(), abi.ActInput{Action: "do"})
	require.NoError(t, err)
	require.Equal(t, "done", out.Content[0].Text)

	cancel()
	require.NoError(t, <-ran)
	require.NoError(t, set.Close(context.WithoutCancel(t.Context())))
}

func TestSealed(t *testing.T) {
	p := load(t, loader(t, process.Config{}), manifest("honest"))
	pids := children(t)
	require.Len(t, pids, 1)
	_, err := os.OpenFile("/proc/"+pids[0]+"/exe", os.O_WRONLY, 0)
	require.Error(t, err)
	f, err := os.OpenFile("/proc/"+pids[0]+"/fd/3", os.O_RDWR, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("#!/bin/false\n"), 0)
		require.ErrorIs(t, err, syscall.EPERM)
		require.NoError(t, f.Close())
	}
	honest(t, p)
}

// hostUntilKilled is a host with two plugins, one of which has fled into a session of its own.
func hostUntilKilled(dir string) {
	l, err := process.NewLoader(process.Config{Dir: dir})
	exitOn(err)
	binary, digest := self()
	m := plugins.Manifest{Name: "honest", Version: "1", Kind: abi.KindAction, ABI: process.ABI, SHA256: digest, Limits: plugins.DefaultLimits()}
	p, err := l.Load(context.Background(), m, binary)
	exitOn(err)
	_, err = do(context.Background(), p, "orphans")
	exitOn(err)
	fmt.Println("ready")
	select {}
}

func exitOn(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func TestHostIsKilled(t *testing.T) {
	before := world(t)
	dir := t.TempDir()
	short := filepath.Join(os.TempDir(), "pk"+strconv.Itoa(os.Getpid()))
	require.NoError(t, os.Symlink(dir, short))
	defer func() { require.NoError(t, os.Remove(short)) }()
	host := exec.Command("/proc/self/exe")
	host.Env = append(os.Environ(), "PROCESS_TEST_HOST="+short)
	out, err := host.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, host.Start())
	said := make([]byte, 100)
	n, err := out.Read(said)
	require.NoError(t, err)
	require.Equal(t, "ready\n", string(said[:n]))
	require.Len(t, children(t), 2)
	require.NoError(t, host.Process.Kill())
	require.Error(t, host.Wait())
	start := time.Now()
	before.same(t)
	t.Logf("nothing is left %v after the host", time.Since(start))

	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, left, "a killed host cannot tidy up")
	l, err := process.NewLoader(process.Config{Dir: short})
	require.NoError(t, err)
	require.NoError(t, l.Close(t.Context()))
	left, err = filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Empty(t, left, "the next one does it")
}
