package source

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func record(lines string) fstest.MapFS {
	return fstest.MapFS{"r.ndjson": &fstest.MapFile{Data: []byte(lines)}}
}

const twoChannels = `{"t":0,"ch":"a","x":[1]}
{"t":10000000000,"ch":"a","x":[2]}
{"t":5000000000,"ch":"b","x":[3]}
`

// The waiting is divided by the rate, passes are shifted by whole cycles, and order is by time.
func TestPlaybackTimesAndPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := NewPlayback(record(twoChannels), PlaybackConfig{Files: []string{"r.ndjson"}, Rate: 10, Cycle: 4 * time.Second})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		begin := time.Now()
		var at []time.Duration
		var ts []int64
		var chs string
		require.NoError(t, p.Run(ctx, nil, func(_ context.Context, l Line) error {
			at, ts, chs = append(at, time.Since(begin)), append(ts, l.Sample.T/1e9), chs+l.Channel
			if len(ts) == 5 {
				cancel()
			}
			return nil
		}))
		require.Equal(t, []int64{0, 5, 10, 12, 17}, ts)
		require.Equal(t, "abaab", chs)
		require.Equal(t, []time.Duration{0, 500 * time.Millisecond, time.Second, 1200 * time.Millisecond, 1700 * time.Millisecond}, at)
	})
}

// A restarted node goes on behind the last sample that it heard, also in a later pass.
func TestPlaybackResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := NewPlayback(record(twoChannels), PlaybackConfig{Files: []string{"r.ndjson"}, Rate: 10, Cycle: 4 * time.Second})
		require.NoError(t, err)
		stop := errors.New("enough")
		var first int64
		err = p.Run(t.Context(), map[string]int64{"a": 12e9, "b": 12e9}, func(_ context.Context, l Line) error { first = l.Sample.T; return stop })
		require.ErrorIs(t, err, stop)
		require.Equal(t, int64(17e9), first)

		// A channel that is ahead does not make the others skip theirs.
		var heard []string
		err = p.Run(t.Context(), map[string]int64{"a": 12e9, "b": 0}, func(_ context.Context, l Line) error {
			heard = append(heard, l.Channel)
			if len(heard) == 2 {
				return stop
			}
			return nil
		})
		require.ErrorIs(t, err, stop)
		require.Equal(t, []string{"b", "b"}, heard)
	})
}

// The last pass ends before int64 nanoseconds do.
func TestPlaybackEndsWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := NewPlayback(record(twoChannels), PlaybackConfig{Files: []string{"r.ndjson"}, Rate: 1e9, Cycle: 4 * time.Second})
		require.NoError(t, err)
		n := 0
		last := int64(0)
		late := int64(math.MaxInt64 - 40e9)
		require.ErrorIs(t, p.Run(t.Context(), map[string]int64{"a": late, "b": late}, func(_ context.Context, l Line) error {
			require.Greater(t, l.Sample.T, last)
			last, n = l.Sample.T, n+1
			return nil
		}), ErrPlayed)
		require.Positive(t, n)
	})
}

// So many passes and no more, however often the node was restarted between them.
func TestPlaybackEndsAfterItsPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := NewPlayback(record(twoChannels), PlaybackConfig{Files: []string{"r.ndjson"}, Rate: 10, Cycle: 4 * time.Second, Passes: 2})
		require.NoError(t, err)
		n := 0
		count := func(context.Context, Line) error { n++; return nil }
		require.ErrorIs(t, p.Run(t.Context(), nil, count), ErrPlayed)
		require.Equal(t, 6, n)
		require.ErrorIs(t, p.Run(t.Context(), map[string]int64{"a": 12e9, "b": 12e9}, count), ErrPlayed)
		require.Equal(t, 8, n)
	})
}

func TestPlaybackRefuses(t *testing.T) {
	for _, c := range []struct {
		lines, want string
		cfg         PlaybackConfig
	}{
		{twoChannels, "rate = 0: want a finite number > 0", PlaybackConfig{Cycle: 1}},
		{twoChannels, "cycle = 0s: want > 0", PlaybackConfig{Rate: 1}},
		{twoChannels, "passes = -1: want >= 0", PlaybackConfig{Rate: 1, Cycle: 1, Passes: -1}},
		{"", "want at least one sample", PlaybackConfig{Rate: 1, Cycle: 1}},
		{`{"t":0}`, "line 1: forms = 0", PlaybackConfig{Rate: 1, Cycle: 1}},
		{`{"text":"x"}`, "want samples only", PlaybackConfig{Rate: 1, Cycle: 1}},
	} {
		c.cfg.Files = []string{"r.ndjson"}
		_, err := NewPlayback(record(c.lines), c.cfg)
		require.ErrorContains(t, err, c.want)
	}
	_, err := NewPlayback(record(twoChannels), PlaybackConfig{Files: []string{"none"}, Rate: 1, Cycle: 1})
	require.ErrorContains(t, err, "none")
}
