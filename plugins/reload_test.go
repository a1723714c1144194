package plugins_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

// shelf is what is installed, by name: a version's module and the rest of its manifest.
type shelf struct {
	mu    sync.Mutex
	found []plugins.Found
}

func (s *shelf) put(found ...plugins.Found) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = found
}

func (s *shelf) all() []plugins.Found {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found
}

func installed(name, module, rest string) plugins.Found {
	text := fmt.Sprintf("name: %s\nversion: '1'\nabi: bo1\nfile: m\nsha256: %x\n%s", name, sha256.Sum256([]byte(module)), rest)
	return plugins.NewFound("shelf/"+name, []byte(text), fstest.MapFS{"m": {Data: []byte(module)}})
}

const plainYAML = "kind: action\nactions: {say: {effect: read}}\n"

// versioned is a plugin that says which version it is.
func versioned(version string) *native {
	return &native{Plugin: &sdk.Plugin{Name: "voice", Version: "1", Actions: []sdk.Action{{
		Action: abi.Action{Name: "say"},
		Do:     func(*abi.ActInput) (abi.ActOutput, error) { return sdk.Text(version, nil), nil },
	}}}}
}

func TestReloadDropsNoCall(t *testing.T) {
	var changes atomic.Int32
	sh := &shelf{}
	loader := fake{"v0": versioned("v0"), "v1": versioned("v1")}
	sh.put(installed("voice", "v0", plainYAML))
	s := running(t, plugins.Config{More: sh.all, OnChange: func() { changes.Add(1) }}, fstest.MapFS{}, loader)
	stop := make(chan struct{})
	var callers sync.WaitGroup
	var calls atomic.Int64
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Act(t.Context(), abi.ActInput{Action: "say"}); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	const reloads = 100
	for i := range reloads {
		sh.put(installed("voice", fmt.Sprint("v", (i+1)%2), plainYAML))
		require.NoError(t, s.Reload(t.Context()))
		out, err := s.Act(t.Context(), abi.ActInput{Action: "say"})
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("v", (i+1)%2), out.Content[0].Text, "what is reloaded is in force when Reload returns")
	}
	close(stop)
	callers.Wait()
	require.EqualValues(t, reloads+1, changes.Load())
	require.NoError(t, s.Reload(t.Context()))
	require.EqualValues(t, reloads+1, changes.Load(), "nothing has changed")
	require.Positive(t, calls.Load())
}

// A call that runs on the old version ends there, however long it takes, and keeps nobody waiting.
func TestReloadLetsRunningCallsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sh := &shelf{}
		old := versioned("old")
		old.hold = make(chan struct{})
		sh.put(installed("voice", "old", "limits: {deadline: 10s}\n"+plainYAML))
		s := running(t, plugins.Config{More: sh.all}, fstest.MapFS{}, fake{"old": old, "new": versioned("new")})
		said := make(chan string, 1)
		go func() {
			out, err := s.Act(t.Context(), abi.ActInput{Action: "say"})
			if err != nil {
				said <- err.Error()
				return
			}
			said <- out.Content[0].Text
		}()
		synctest.Wait()
		sh.put(installed("voice", "new", plainYAML))
		require.NoError(t, s.Reload(t.Context()))
		out, err := s.Act(t.Context(), abi.ActInput{Action: "say"})
		require.NoError(t, err)
		require.Equal(t, "new", out.Content[0].Text)
		time.Sleep(time.Second)
		require.Zero(t, old.closed.Load())
		close(old.hold)
		synctest.Wait()
		require.Equal(t, "old", <-said)
		require.EqualValues(t, 1, old.closed.Load())
	})
}

func TestReloadAddsRemovesAndFails(t *testing.T) {
	sh := &shelf{}
	first := versioned("v0")
	loader := fake{"v0": first, "other": speaker("other", "shout")}
	s := running(t, plugins.Config{More: sh.all}, fstest.MapFS{}, loader)
	_, err := s.Act(t.Context(), abi.ActInput{Action: "say"})
	require.Equal(t, plugins.CodeUnknown, codeOf(err))

	sh.put(installed("voice", "v0", plainYAML))
	require.NoError(t, s.Reload(t.Context()))
	require.Len(t, s.Actions(), 1)

	// What fails is reported and stays failed; what has not changed is not touched.
	sh.put(installed("voice", "v0", plainYAML), installed("other", "nosuch", "kind: action\nactions: {shout: {effect: read}}\n"))
	require.ErrorContains(t, s.Reload(t.Context()), "no such plugin")
	require.Len(t, s.Actions(), 1)
	require.Equal(t, plugins.Failed, s.Status()[1].State)
	require.Zero(t, first.closed.Load())

	// An action that an earlier manifest claims changes its owner.
	sh.put(installed("other", "other", "kind: action\nactions: {shout: {effect: read}}\n"))
	require.NoError(t, s.Reload(t.Context()))
	require.Equal(t, "shout", s.Actions()[0].Name)
	require.Eventually(t, func() bool { return first.closed.Load() == 1 }, 10*time.Second, time.Millisecond)

	sh.put()
	require.NoError(t, s.Reload(t.Context()))
	require.Empty(t, s.Actions())
	require.Empty(t, s.Status())
}

// A replaced observer is fed what waited for it, and its successor everything after: each record
// reaches exactly one of the two.
func TestReloadLosesNoRecord(t *testing.T) {
	var mu sync.Mutex
	seen := map[uint64]int{}
	eye := func() *native {
		return &native{Plugin: &sdk.Plugin{Name: "eye", Version: "1", Observe: func(in *abi.ObserveInput) (abi.ObserveOutput, error) {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range in.Records {
				seen[r.Index]++
			}
			return abi.ObserveOutput{}, nil
		}}}
	}
	sh := &shelf{}
	loader := fake{"v0": eye(), "v1": eye()}
	sh.put(installed("eye", "v0", "kind: observer\n"))
	s := running(t, plugins.Config{More: sh.all, Queue: 1 << 20}, fstest.MapFS{}, loader)
	const total = 20000
	var feeder sync.WaitGroup
	feeder.Go(func() {
		for i := range total {
			if err := s.Observe(t.Context(), records(i, 1)); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 20 {
		sh.put(installed("eye", fmt.Sprint("v", (i+1)%2), "kind: observer\n"))
		require.NoError(t, s.Reload(t.Context()))
	}
	feeder.Wait()
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == total
	}, 10*time.Second, time.Millisecond)
	for i, n := range seen {
		require.Equal(t, 1, n, "record %d", i)
	}
}

func TestReloadEndsWithTheSet(t *testing.T) {
	s, err := plugins.NewSet(plugins.Config{}, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Reload(ctx), context.Canceled)
	require.NoError(t, s.Run(ctx))
	require.Equal(t, plugins.CodeClosed, codeOf(s.Reload(t.Context())))
}
