//go:build unix

package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/hooks"
)

// pids returns the process ids in the file, one a line.
func pids(t *testing.T, path string) []int {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []int
	for _, f := range strings.Fields(string(b)) {
		n, err := strconv.Atoi(f)
		require.NoError(t, err)
		all = append(all, n)
	}
	return all
}

// alive reports whether process pid still runs; one that has ended and waits to be collected does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// gone waits until none of the processes in the file is alive.
func gone(t *testing.T, path string, least int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc to see processes")
	}
	all := pids(t, path)
	require.GreaterOrEqual(t, len(all), least)
	require.Eventually(t, func() bool {
		for _, pid := range all {
			if alive(pid) {
				return false
			}
		}
		return true
	}, 5*time.Second, time.Millisecond)
}

func TestTimeLimitKillsTheWholeGroup(t *testing.T) {
	dir := t.TempDir()
	// Children and grandchildren, some deaf to polite signals, all holding our pipes.
	body := `trap '' TERM INT HUP
echo $$ >> pids
(trap '' TERM; sleep 600 & echo $! >> pids; wait) &
echo $! >> pids
sh -c 'sleep 600 & echo $! >> pids; wait' &
echo $! >> pids
wait`
	h := hooks.Hook{Command: script(t, dir, "x.sh", body), Timeout: 500 * time.Millisecond}
	began := time.Now()
	out := gateOf(t, one(dir, hooks.PreAction, h), hooks.Event{Kind: hooks.PreAction})
	require.True(t, out.Block)
	require.True(t, out.Runs[0].TimedOut)
	require.Equal(t, "hook ./x.sh: no answer within 500ms", out.Reason)
	require.Less(t, time.Since(began), 5*time.Second)
	gone(t, filepath.Join(dir, "pids"), 5)
}

func TestWhatAScriptLeavesBehindIsKilled(t *testing.T) {
	dir := t.TempDir()
	h := hooks.Hook{Command: script(t, dir, "x.sh", "sleep 600 & echo $! >> pids; echo '{\"block\":false}'")}
	began := time.Now()
	out := gateOf(t, one(dir, hooks.PreAction, h), hooks.Event{Kind: hooks.PreAction})
	require.False(t, out.Block, out.Reason)
	require.Less(t, time.Since(began), 5*time.Second, "a grandchild that holds the pipe must not hold us")
	gone(t, filepath.Join(dir, "pids"), 1)
}

func TestManyForks(t *testing.T) {
	dir := t.TempDir()
	body := `i=0; while [ $i -lt 100 ]; do sleep 600 & echo $! >> pids; i=$((i+1)); done; touch ready; wait`
	h := hooks.Hook{Command: script(t, dir, "x.sh", body), Timeout: time.Minute}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for {
			if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil || t.Context().Err() != nil {
				cancel(errors.New("enough"))
				return
			}
			runtime.Gosched()
		}
	}()
	r, err := hooks.New(one(dir, hooks.PreAction, h), nil)
	require.NoError(t, err)
	out := r.Gate(ctx, hooks.Event{Kind: hooks.PreAction})
	require.True(t, out.Block)
	require.Equal(t, "hook ./x.sh: stopped: enough", out.Reason)
	gone(t, filepath.Join(dir, "pids"), 100)
}

func TestMuchOutputNeitherBlocksNorIsKept(t *testing.T) {
	const size = 10 << 20
	for body, discarded := range map[string]uint64{
		"head -c 10485760 /dev/zero":                            size - hooks.MaxOutput,
		"head -c 10485760 /dev/zero >&2; exit 2":                size - hooks.MaxOutput,
		"head -c 65536 /dev/zero | tr '\\000' ' '":              0,
		"head -c 65536 /dev/zero | tr '\\000' ' '; echo '{}'":   3,
		"head -c 65537 /dev/zero >&2; head -c 65537 /dev/zero ": 2,
	} {
		dir := t.TempDir()
		r, err := hooks.New(one(dir, hooks.PreAction, hooks.Hook{Command: script(t, dir, "x.sh", body)}), nil)
		require.NoError(t, err)
		out := r.Gate(t.Context(), hooks.Event{Kind: hooks.PreAction})
		require.Equal(t, discarded > 0, out.Block, body)
		require.Equal(t, discarded, out.Runs[0].Discarded, body)
		require.Equal(t, discarded, r.Status().Hooks[0].Discarded)
		require.Less(t, len(out.Reason), 4096)
	}
}

func TestALargeEventThatNobodyReads(t *testing.T) {
	dir := t.TempDir()
	e := hooks.Event{Kind: hooks.PreAction, Arguments: []byte(`"` + strings.Repeat("x", 4<<20) + `"`)}
	out := gateOf(t, one(dir, hooks.PreAction, hooks.Hook{Command: script(t, dir, "x.sh", "exit 0")}), e)
	require.False(t, out.Block, out.Reason)
	out = gateOf(t, one(dir, hooks.PreAction, hooks.Hook{Command: script(t, dir, "y.sh", `[ "$(wc -c)" -gt 4194304 ]`)}), e)
	require.False(t, out.Block, out.Reason)
}

func TestCancelledGateBlocksEvenWhereFailuresAreIgnored(t *testing.T) {
	dir := t.TempDir()
	h := hooks.Hook{Command: script(t, dir, "x.sh", "exit 0"), OnFailure: hooks.Ignore}
	r, err := hooks.New(one(dir, hooks.PreAction, h), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := r.Gate(ctx, hooks.Event{Kind: hooks.PreAction})
	require.True(t, out.Block)
	require.Contains(t, out.Reason, "not started")
}

// descriptors counts what the process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc to see descriptors")
	}
	return len(all)
}

func TestNothingLeaks(t *testing.T) {
	dir := t.TempDir()
	hs := []hooks.Hook{
		{Command: script(t, dir, "ok.sh", "exit 0")},
		{Command: script(t, dir, "hang.sh", "sleep 600"), Timeout: 20 * time.Millisecond},
		{Command: script(t, dir, "hold.sh", "sleep 600 & exit 0")},
		{Command: "no-such-program-anywhere", Args: []string{}},
	}
	cfg := hooks.Config{Base: dir, Events: map[string][]hooks.Group{"PreAction": {{Hooks: hs}}}}
	r, err := hooks.New(cfg, nil)
	require.NoError(t, err)
	r.Gate(t.Context(), hooks.Event{Kind: hooks.PreAction}) // the runtime opens its poller once
	goroutines, open := runtime.NumGoroutine(), descriptors(t)
	for range 10 {
		require.True(t, r.Gate(t.Context(), hooks.Event{Kind: hooks.PreAction}).Block)
	}
	tick := time.NewTicker(time.Millisecond) // require.Eventually has goroutines of its own
	defer tick.Stop()
	for late := time.After(5 * time.Second); runtime.NumGoroutine() > goroutines || descriptors(t) > open; {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%d goroutines, %d descriptors; before: %d, %d", runtime.NumGoroutine(), descriptors(t), goroutines, open)
		}
	}
}

func TestRunFeedsSignalsBackAndStopsInTime(t *testing.T) {
	dir := t.TempDir()
	cfg := one(dir, hooks.Collapse, hooks.Hook{Command: script(t, dir, "x.sh", `echo '{"signal":{"x":[1]}}'`)})
	cfg.Events["NodeStop"] = []hooks.Group{{Hooks: []hooks.Hook{
		{Command: script(t, dir, "stop.sh", "echo $$ >> pids; touch stopping; sleep 600")},
	}}}
	cfg.Grace = 300 * time.Millisecond
	r, err := hooks.New(cfg, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.Notify(hooks.Event{Kind: hooks.Collapse, Field: "co2"})
	s := <-r.Signals()
	require.JSONEq(t, `{"x":[1]}`, string(s.Sample))
	require.Equal(t, "./x.sh", s.Hook)
	r.Notify(hooks.Event{Kind: hooks.NodeStop})
	cancel()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Run does not return")
	}
	_, open := <-r.Signals()
	require.False(t, open)
	gone(t, filepath.Join(dir, "pids"), 1)
	require.Zero(t, r.Status().Running)
	require.Error(t, r.Run(t.Context()), "Run is called once")
}
