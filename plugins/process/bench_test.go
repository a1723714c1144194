package process_test

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/process"
	"github.com/becomingone/becomingone/sdk/abi"
)

// BenchmarkStart is from a file's bytes to the first reply, hashing and sealing included.
func BenchmarkStart(b *testing.B) {
	for _, name := range []string{process.ABIPlain, process.ABI} {
		b.Run(name, func(b *testing.B) {
			l := loader(b, process.Config{})
			m := manifest("honest")
			m.ABI = name
			binary, _ := self()
			for b.Loop() {
				p, err := l.Load(b.Context(), m, binary)
				require.NoError(b, err)
				require.NoError(b, p.Close(b.Context()))
			}
		})
	}
}

// BenchmarkRestart is from a crash to the next answer.
func BenchmarkRestart(b *testing.B) {
	for _, name := range []string{process.ABIPlain, process.ABI} {
		b.Run(name, func(b *testing.B) {
			m := manifest("honest")
			m.ABI = name
			p := load(b, loader(b, process.Config{}), m)
			var all []time.Duration
			for b.Loop() {
				_, err := do(b.Context(), p, "crash")
				require.Error(b, err)
				start := time.Now()
				_, err = do(b.Context(), p, "")
				require.NoError(b, err)
				all = append(all, time.Since(start))
			}
			report(b, all)
		})
	}
}

// BenchmarkCall is a call of 1 kB in and a short answer.
func BenchmarkCall(b *testing.B) {
	for _, name := range []string{process.ABIPlain, process.ABI} {
		for _, op := range []abi.Op{abi.OpAct, abi.OpObserve} {
			b.Run(name+"/"+op.String(), func(b *testing.B) {
				m := manifest("honest")
				in := append(append([]byte(`{"action":"do","x":"`), bytes.Repeat([]byte("x"), 1000)...), `"}`...)
				if op == abi.OpObserve {
					m = manifest("tally")
					m.Kind = abi.KindObserver
					in = append(append([]byte(`{"records":[{"index":1,"data":"`), bytes.Repeat([]byte("x"), 1000)...), `"}]}`...)
				}
				m.ABI = name
				p := load(b, loader(b, process.Config{}), m)
				var all []time.Duration
				var dst []byte
				b.ReportAllocs()
				for b.Loop() {
					start := time.Now()
					var err error
					dst, err = p.Call(b.Context(), plugins.Call{Op: op, In: in}, dst[:0])
					if err != nil {
						b.Fatal(err)
					}
					all = append(all, time.Since(start))
				}
				report(b, all)
				b.ReportMetric(rss(b), "MiB-rss")
			})
		}
	}
}

func report(b *testing.B, all []time.Duration) {
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "µs-p99")
}

// rss is the resident memory of the only plugin.
func rss(b *testing.B) float64 {
	pids := children(b)
	require.Len(b, pids, 1)
	text, err := os.ReadFile("/proc/" + pids[0] + "/statm")
	require.NoError(b, err)
	pages, err := strconv.Atoi(string(bytes.Fields(text)[1]))
	require.NoError(b, err)
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
