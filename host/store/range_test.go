package store

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

// What is read ahead is forgotten once it is erased: after Erase has returned, no reader that goes on
// gets the payload, neither the log's own nor one that looks at the folder.
func TestErasedWhileReading(t *testing.T) {
	const n = 600
	for _, who := range []string{"log", "reader"} {
		for _, k := range []uint64{1, 100, 255, 256, 599} {
			t.Run(fmt.Sprint(who, k), func(t *testing.T) {
				dir := t.TempDir()
				l, stop := start(t, dir, Config{SealEvery: time.Hour, wrap: hasty})
				defer stop()
				_, err := l.Append(t.Context(), recs(0, n))
				require.NoError(t, err)
				_, err = l.Seal(t.Context())
				require.NoError(t, err)
				var s source = l
				if who == "reader" {
					s, err = OpenReader(dir)
					require.NoError(t, err)
				}
				seen := uint64(0)
				for e, err := range readEntries(t.Context(), s, 0) {
					require.NoError(t, err)
					require.Equal(t, seen, e.Leaf.Sequence)
					require.Equal(t, seen == k, e.Erased, seen)
					require.Equal(t, e.Erased || e.Leaf.Type == witness.Erased, len(e.Payload) == 0)
					if seen == k-1 {
						require.NoError(t, l.Erase(t.Context(), k))
					}
					seen++
				}
				require.GreaterOrEqual(t, seen, uint64(n))
			})
		}
	}
}

// The same while the erasure is durable in the journal and the payload still in its file.
func TestErasedInJournalWhileReading(t *testing.T) {
	l, stop := start(t, t.TempDir(), Config{SealEvery: time.Hour, wrap: hasty})
	defer stop()
	_, err := l.Append(t.Context(), recs(0, 10))
	require.NoError(t, err)
	_, err = l.Seal(t.Context())
	require.NoError(t, err)
	for e, err := range l.Entries(t.Context(), 0) {
		require.NoError(t, err)
		if e.Leaf.Sequence == 3 {
			rec := witness.Record{Level: witness.Meta, Type: witness.Erased, Tail: witness.ErasedTail{Sequence: 5}.Append(nil)}
			ticket, err := l.enqueue([]witness.Record{rec}, true)
			require.NoError(t, err)
			_, err = ticket.Wait(t.Context())
			require.NoError(t, err)
		}
		require.Equal(t, e.Leaf.Sequence == 5, e.Erased)
	}
}

// Ranges are the entries that single reads give, wherever they begin: across bundles, payload files,
// payloads longer than a run, erased ones, and from the tree into the journal.
func TestRangesAreSingleReads(t *testing.T) {
	const n = payloadSpan + 700
	dir := t.TempDir()
	l, stop := start(t, dir, Config{SealEvery: time.Hour, SegmentEntries: 1 << 20, SegmentBytes: 1 << 30, wrap: hasty})
	defer stop()
	r := rand.New(rand.NewPCG(23, 29))
	for i := 0; i < n; {
		batch := recs(i, min(2000, n-i))
		for k := range batch {
			if (i+k)%1500 == 7 {
				batch[k].Payload = []byte(strings.Repeat("x", r.IntN(2*runBytes)))
			}
		}
		_, err := l.Append(t.Context(), batch)
		require.NoError(t, err)
		i += len(batch)
	}
	_, err := l.Seal(t.Context())
	require.NoError(t, err)
	for _, seq := range []uint64{0, 7, 255, payloadSpan - 1, payloadSpan} {
		require.NoError(t, l.Erase(t.Context(), seq))
	}
	_, err = l.Append(t.Context(), recs(n, 20))
	require.NoError(t, err)
	reader, err := OpenReader(dir)
	require.NoError(t, err)
	froms := []uint64{0, 1, 255, payloadSpan - 300, payloadSpan - 1, payloadSpan, n - 1, n, n + 24}
	for range 4 {
		froms = append(froms, r.Uint64N(n))
	}
	for _, s := range []source{l, reader} {
		for _, from := range froms {
			i := from
			for e, err := range readEntries(t.Context(), s, from) {
				require.NoError(t, err)
				want, err := readEntry(t.Context(), s, i)
				require.NoError(t, err)
				require.Equal(t, want, e)
				if i++; i == from+270 {
					break
				}
			}
			require.Equal(t, min(from+270, n+25), i)
		}
	}
}

// A range ends at the first entry that is not what was written, with that entry's damage, whatever was
// read along with it.
func TestRangeEndsAtDamage(t *testing.T) {
	for _, c := range []struct {
		file string
		at   func(t *testing.T, dir string) int64 // byte
		good uint64                               // entries before the damage is met
		bad  int64
	}{
		{"payload/000.dat", func(t *testing.T, dir string) int64 {
			start, _, err := payloadRange(dir, 300)
			require.NoError(t, err)
			return start + 40
		}, 300, 300},
		{"payload/000.dat", func(t *testing.T, dir string) int64 {
			start, _, err := payloadRange(dir, 601)
			require.NoError(t, err)
			return start
		}, 601, 601},
		{"payload/000.idx", func(*testing.T, string) int64 { return indexAt(1000) + 3 }, 1000, 1000},
		{"log/tile/entries/002", func(*testing.T, string) int64 { return 500 }, 512, -1},
		{"log/tile/entries/003", func(*testing.T, string) int64 { return 500 }, 768, -1},
		{"log/tile/1/000.p/7", func(*testing.T, string) int64 { return 32*4 + 1 }, 0, -1},
	} {
		_, dir := crashed(t, 1999, 1)
		flip(t, filepath.Join(dir, filepath.FromSlash(c.file)), 8*c.at(t, dir))
		r, err := OpenReader(dir)
		if c.good == 0 {
			var damage *DamageError
			require.ErrorAs(t, err, &damage)
			continue
		}
		require.NoError(t, err)
		got := uint64(0)
		var end error
		for _, err := range r.Entries(t.Context(), 0) {
			if end = err; err == nil {
				got++
			}
		}
		var damage *DamageError
		require.ErrorAs(t, end, &damage, c.file)
		require.Equal(t, c.good, got, c.file)
		if c.bad >= 0 {
			require.Equal(t, c.bad, damage.Entry)
		}
	}
}
