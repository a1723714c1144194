package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fake returns a Runner whose scripts are the function f.
func fake(t *testing.T, cfg Config, f func(ctx context.Context, h *hook, input []byte) Run) *Runner {
	t.Helper()
	r, err := New(cfg, nil)
	require.NoError(t, err)
	r.run = func(ctx context.Context, h *hook, _ []string, input []byte) Run { return f(ctx, h, input) }
	return r
}

func on(kind Kind, n int) Config {
	cfg := Config{MaxParallel: 4, Queue: 10, Grace: time.Second, Events: map[string][]Group{string(kind): {{}}}}
	for i := range n {
		g := &cfg.Events[string(kind)][0]
		g.Hooks = append(g.Hooks, Hook{Command: "hook " + strconv.Itoa(i)})
	}
	return cfg
}

// take is a script that takes d or until ctx ends.
func take(ctx context.Context, d time.Duration) Run {
	select {
	case <-time.After(d):
		return Run{}
	case <-ctx.Done():
		return Run{Failed: true, Reason: context.Cause(ctx).Error()}
	}
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int64
		r := fake(t, on(Collapse, 1), func(ctx context.Context, _ *hook, _ []byte) Run {
			ran.Add(1)
			return take(ctx, 100*time.Millisecond)
		})
		for range 15 {
			r.Notify(Event{Kind: Collapse})
		}
		r.Notify(Event{Kind: Alarm}) // nobody listens: takes no place, is no loss
		require.Equal(t, 10, r.Status().Queued)
		require.Equal(t, uint64(5), r.Status().Dropped)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		require.Equal(t, uint64(2), r.Status().Running, "half of MaxParallel")
		cancel()
		began := time.Now()
		require.NoError(t, <-done)
		require.Equal(t, 500*time.Millisecond, time.Since(began), "the queue is emptied, two at a time")
		require.Equal(t, int64(10), ran.Load())
		r.Notify(Event{Kind: Collapse})
		require.Equal(t, uint64(6), r.Status().Dropped)
	})
}

func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fake(t, on(Collapse, 1), func(ctx context.Context, _ *hook, _ []byte) Run { return take(ctx, time.Hour) })
		for range 5 {
			r.Notify(Event{Kind: Collapse})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		require.NoError(t, r.Run(ctx))
		require.Equal(t, time.Second, time.Since(began))
		s := r.Status()
		require.Equal(t, uint64(3), s.Dropped)
		require.Equal(t, uint64(2), s.Hooks[0].Failures)
		require.Equal(t, errStopped.Error(), s.Hooks[0].LastError)
		require.Zero(t, s.Queued+int(s.Running))
	})
}

func TestSlowObserversDoNotDelayAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := on(Collapse, 1)
		cfg.Events["PreAction"] = []Group{{Hooks: []Hook{{Command: "gate"}}}}
		r := fake(t, cfg, func(ctx context.Context, h *hook, _ []byte) Run {
			if h.kind == PreAction {
				return Run{}
			}
			return take(ctx, time.Hour)
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		for range 20 {
			r.Notify(Event{Kind: Collapse})
		}
		synctest.Wait()
		began := time.Now()
		require.False(t, r.Gate(t.Context(), Event{Kind: PreAction}).Block)
		require.Zero(t, time.Since(began))
		cancel()
		require.NoError(t, <-done)
	})
}

func TestGatePlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		r := fake(t, on(PreAction, 6), func(ctx context.Context, _ *hook, _ []byte) Run {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			return take(ctx, time.Second)
		})
		began := time.Now()
		require.False(t, r.Gate(t.Context(), Event{Kind: PreAction}).Block)
		require.Equal(t, 3*time.Second, time.Since(began), "six hooks in two places")
		require.Equal(t, int64(2), most.Load())

		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		out := r.Gate(ctx, Event{Kind: PreAction})
		require.True(t, out.Block)
		require.Len(t, out.Runs, 6)
		require.Zero(t, r.Status().Running)
	})
}

func TestSignalsThatNobodyTakesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := fake(t, on(Collapse, 1), func(context.Context, *hook, []byte) Run {
			return Run{signals: make([]Signal, 4)}
		})
		for range 3 {
			r.Notify(Event{Kind: Collapse})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, r.Run(ctx))
		require.Equal(t, uint64(2), r.Status().SignalsLost)
		require.Len(t, r.Signals(), 10)
	})
}

func TestNotifyKeepsNothingOfTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []byte
		r := fake(t, on(PostAction, 1), func(_ context.Context, _ *hook, input []byte) Run {
			got = input
			return Run{}
		})
		args := json.RawMessage(`{"a":1}`)
		r.Notify(Event{Kind: PostAction, Arguments: args})
		copy(args, `XXXXXXX`)
		r.Notify(Event{Kind: PostAction, Arguments: args})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, r.Run(ctx))
		require.Contains(t, string(got), `"arguments":{"a":1}`)
		require.Equal(t, uint64(1), r.Status().Dropped, "what is not JSON is dropped")
	})
}

func TestGateEventsAreNotNotified(t *testing.T) {
	r := fake(t, on(PreAction, 1), func(context.Context, *hook, []byte) Run { return Run{} })
	r.Notify(Event{Kind: PreAction})
	require.Equal(t, uint64(1), r.Status().Dropped)
	require.Zero(t, r.Status().Queued)
}

func TestObserverFailuresAreLoggedAndCounted(t *testing.T) {
	var log bytes.Buffer
	r := fake(t, on(Collapse, 2), func(_ context.Context, h *hook, _ []byte) Run {
		return Run{Hook: h.name, Blocked: h.name == "hook 0", Failed: h.name == "hook 1", TimedOut: h.name == "hook 1", Reason: "why"}
	})
	r.log = slog.New(slog.NewTextHandler(&log, nil))
	r.Notify(Event{Kind: Collapse})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, r.Run(ctx))
	s := r.Status().Hooks
	require.Equal(t, HookStatus{Event: Collapse, Hook: "hook 0", Runs: 1, Blocks: 1}, s[0])
	require.Equal(t, HookStatus{Event: Collapse, Hook: "hook 1", Runs: 1, Failures: 1, Timeouts: 1, LastError: "why"}, s[1])
	require.Contains(t, log.String(), `msg="hook cannot block what it observes"`)
	require.Contains(t, log.String(), `msg="hook did not answer"`)
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"", " \n", "{}", `{"block":true,"reason":"x"}`, `{"signal":{"t":1}}`, `{"signal":[{},{}]}`,
		`{"block":true`, `{"block":true,"block":false}`, "[]", "null", "{}{}", `{"reason":"\u202e\ud800"}`, "\xff", `{"a":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		a, err := parseAnswer(out)
		if err != nil {
			return
		}
		if len(bytes.TrimSpace(out)) == 0 {
			require.Equal(t, answer{}, a)
			return
		}
		var m map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(out, &m), "an answer is one JSON object")
		require.Equal(t, string(m["block"]) == "true", a.block)
		for _, s := range a.signals {
			require.NoError(t, json.Unmarshal(s, &map[string]json.RawMessage{}))
		}
		reason := clean(a.reason)
		require.LessOrEqual(t, len(reason), maxReason+len("…"))
		require.NotContains(t, reason, "\n")
	})
}
