package store

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRange reads an hour at 110 records a second, 396,000 of them, out of 450,000 (10 M where
// BECOMINGONE_LONG is set, or those of the folder BECOMINGONE_RANGE_DIR, which is made once), and
// searches the newest record at or before a time: a folder that was just opened (cold) and one that
// was asked before (warm).
func BenchmarkRange(b *testing.B) {
	const hour = 396_000
	entries := 450_000
	if os.Getenv("BECOMINGONE_LONG") != "" {
		entries = 10_000_000
	}
	dir := os.Getenv("BECOMINGONE_RANGE_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	fill(b, dir, entries)
	l, stop := start(b, dir, Config{})
	r, err := OpenReader(dir)
	require.NoError(b, err)
	from := int64(entries-hour) / 2
	for name, s := range map[string]interface {
		source
		SeekTime(int64) (uint64, error)
	}{"log": l, "reader": r} {
		b.Run("hour/"+name, func(b *testing.B) {
			for b.Loop() {
				i, err := s.SeekTime(from * rate)
				require.NoError(b, err)
				n := 0
				for e, err := range readEntries(b.Context(), s, i) {
					if err != nil {
						b.Fatal(err)
					}
					if e.Leaf.At >= (from+hour)*rate {
						break
					}
					n++
				}
				require.Equal(b, hour, n)
			}
			b.ReportMetric(hour*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
		random := rand.New(rand.NewPCG(41, 43))
		b.Run("latest/"+name, func(b *testing.B) {
			for b.Loop() {
				at := random.Int64N(int64(entries) * rate)
				i, err := s.SeekTime(at + 1)
				require.NoError(b, err)
				e, err := readEntry(b.Context(), s, i-1)
				if err != nil || e.Leaf.At > at {
					b.Fatal(at, e.Leaf.At, err)
				}
			}
		})
	}
	b.Run("latest/cold", func(b *testing.B) {
		random := rand.New(rand.NewPCG(47, 53))
		for b.Loop() {
			r.times = timeTable{}
			if _, err := r.SeekTime(random.Int64N(int64(entries) * rate)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.StopTimer()
	stop()
}

const rate = int64(time.Second / 110) // between two records

// fill appends what a folder lacks to hold n records of 200 bytes.
func fill(b *testing.B, dir string, n int) {
	l, stop := start(b, dir, Config{wrap: hasty, QueueEntries: 1 << 18})
	defer stop()
	recs := batch(10_000)
	for i := int(l.Size()); i < n; i += len(recs) {
		recs = recs[:min(len(recs), n-i)]
		for k := range recs {
			recs[k].At = int64(i+k) * rate
		}
		_, err := l.Append(b.Context(), recs)
		require.NoError(b, err)
	}
}
