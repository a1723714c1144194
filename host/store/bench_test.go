package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

// entryBytes is a typical leaf and payload together.
const entryBytes = 200

func batch(n int) []witness.Record {
	out := make([]witness.Record, n)
	for i := range out {
		out[i] = witness.Record{Level: witness.Micro, Type: witness.Cycle, Payload: make([]byte, entryBytes-witness.HeadSize-36), Tail: make([]byte, 36)}
	}
	return out
}

// BenchmarkAppend measures the durable answer against a plain file that is written and synced, in
// the same run.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("plain/%d", n), func(b *testing.B) {
			f, err := os.Create(filepath.Join(b.TempDir(), "plain"))
			require.NoError(b, err)
			data := make([]byte, entryBytes*n)
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				_, err := f.Write(data)
				if err == nil {
					err = syncFile(f)
				}
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			report(b, took, n)
			require.NoError(b, f.Close())
		})
		b.Run(fmt.Sprintf("log/%d", n), func(b *testing.B) {
			l, stop := start(b, b.TempDir(), Config{})
			recs := batch(n)
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if _, err := l.Append(b.Context(), recs); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			report(b, took, n)
			b.StopTimer()
			stop()
		})
	}
}

func report(b *testing.B, took []time.Duration, n int) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50_us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99_us")
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkPeak keeps the queue full from one goroutine and waits for every ticket.
func BenchmarkPeak(b *testing.B) {
	l, stop := start(b, b.TempDir(), Config{})
	recs := batch(1)
	var tickets []*Ticket
	for b.Loop() {
		t, err := l.Enqueue(recs)
		for err != nil && len(tickets) > 0 { // full: wait for the oldest
			if _, err := tickets[0].Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
			tickets = tickets[1:]
			t, err = l.Enqueue(recs)
		}
		if err != nil {
			b.Fatal(err)
		}
		tickets = append(tickets, t)
	}
	for _, t := range tickets {
		if _, err := t.Wait(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.StopTimer()
	stop()
}

func BenchmarkEntry(b *testing.B) {
	l, stop := start(b, b.TempDir(), Config{wrap: hasty})
	_, err := l.Append(b.Context(), batch(60_000))
	require.NoError(b, err)
	_, err = l.Seal(b.Context())
	require.NoError(b, err)
	b.Run("random", func(b *testing.B) {
		for i := uint64(0); b.Loop(); i += 7919 {
			if _, err := l.Entry(b.Context(), i%60_000); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("range", func(b *testing.B) {
		for b.Loop() {
			for _, err := range l.Entries(b.Context(), 0) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(60_000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	})
	b.StopTimer()
	stop()
}
