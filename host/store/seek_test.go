package store

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

// timed returns n records whose times go on from at, often standing still and sometimes leaping.
func timed(r *rand.Rand, at *int64, n int) []witness.Record {
	out := recs(0, n)
	for i := range out {
		switch r.IntN(10) {
		case 0:
			*at += r.Int64N(1000)
		case 1, 2, 3:
			*at++
		}
		out[i].At = *at
	}
	return out
}

// The first entry at or after a time, against a walk over all times: before the first entry, behind
// the last, among equal times across bundles, in the tree and in the journal, as the log grows.
func TestSeekTime(t *testing.T) {
	dir := t.TempDir()
	l, stop := start(t, dir, Config{SealEvery: time.Hour, wrap: hasty})
	defer stop()
	n, err := l.SeekTime(5)
	require.NoError(t, err)
	require.Zero(t, n)
	reader, err := OpenReader(dir)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(31, 37))
	at := int64(-3000)
	var times []int64
	for _, k := range []int{1, 254, 1, 1, 700, 5000, 256, 3} {
		batch := timed(r, &at, k)
		if k == 700 {
			for i := range batch { // one time over two bundles
				batch[i].At, at = batch[699].At, batch[699].At
			}
		}
		for i := range batch {
			times = append(times, batch[i].At)
		}
		_, err := l.Append(t.Context(), batch)
		require.NoError(t, err)
		if k != 256 && k != 3 { // the last ones stay in the journal
			_, err = l.Seal(t.Context())
			require.NoError(t, err)
		}
		require.NoError(t, reader.Refresh())
		requireSeek(t, l.SeekTime, times, r)
		requireSeek(t, reader.SeekTime, times, r)
	}
}

func requireSeek(t *testing.T, seek func(int64) (uint64, error), times []int64, r *rand.Rand) {
	t.Helper()
	asked := []int64{math.MinInt64, math.MaxInt64, times[0], times[len(times)-1], times[len(times)-1] + 1}
	for i := 0; i < len(times); i += tileWidth {
		asked = append(asked, times[i]-1, times[i], times[i]+1)
	}
	for range 200 {
		asked = append(asked, times[r.IntN(len(times))]+r.Int64N(3)-1)
	}
	for _, at := range asked {
		want := 0
		for want < len(times) && times[want] < at {
			want++
		}
		got, err := seek(at)
		require.NoError(t, err)
		require.EqualValues(t, want, got, "time %d", at)
	}
}

// A table that was filled from one tree says nothing of another: a reader whose folder was exchanged
// for a copy that went on differently finds the entries of that one.
func TestSeekTimeForgetsAnotherTree(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	l, stop := start(t, one, Config{wrap: hasty})
	_, err := l.Append(t.Context(), recs(0, 300))
	require.NoError(t, err)
	stop()
	copyTree(t, other, one)
	grow := func(dir string, at int64) {
		l, stop := start(t, dir, Config{wrap: hasty})
		batch := recs(0, 2000)
		for i := range batch {
			batch[i].At = at + int64(i)
		}
		_, err := l.Append(t.Context(), batch)
		require.NoError(t, err)
		stop()
	}
	grow(one, 1_000_000)
	grow(other, 2_000_000)
	r, err := OpenReader(one)
	require.NoError(t, err)
	n, err := r.SeekTime(1_001_000)
	require.NoError(t, err)
	require.EqualValues(t, 1300, n)
	require.NoError(t, os.RemoveAll(one))
	require.NoError(t, os.Rename(other, one))
	require.NoError(t, r.Refresh())
	n, err = r.SeekTime(1_001_000)
	require.NoError(t, err)
	require.EqualValues(t, 300, n)
}

// What a search reads it verifies.
func TestSeekTimeRefusesDamage(t *testing.T) {
	_, dir := crashed(t, 600, 5)
	flip(t, filepath.Join(dir, "log/tile/entries/001"), 8*30)
	r, err := OpenReader(dir)
	require.NoError(t, err)
	_, err = r.SeekTime(1300)
	var damage *DamageError
	require.ErrorAs(t, err, &damage)
	require.EqualValues(t, 256, damage.Entry)
}
