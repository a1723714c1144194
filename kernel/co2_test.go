package kernel_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

const year = 8766 * time.Hour

// week is one line of examples/signals.
type week struct {
	T int64     `json:"t"`
	X []float64 `json:"x"`
}

func weeks(t *testing.T, name string) []week {
	raw, err := os.ReadFile(filepath.Join("..", "examples", "signals", name))
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(raw))
	var ws []week
	for d.More() {
		var w week
		require.NoError(t, d.Decode(&w))
		ws = append(ws, w)
	}
	require.Len(t, ws, 2225)
	return ws
}

// yearly is the field of examples/demo.yaml.
func yearly() kernel.Config {
	f := kernel.DefaultField("co2", "co2")
	f.Input = kernel.InputConfig{
		Form: phase.Real, Period: year, Filter: year, Velocity: true, MaxGap: 240 * time.Hour, Settle: year, Correlation: 25,
	}
	f.Emissary.Tau = year / 2
	f.Master = kernel.MasterConfig{Tau: 3 * year, Levels: 1}
	f.Gate.AlphaPerHour, f.Gate.EvalHz, f.Gate.StaleAfter = 1.37e-4, 1.2675e-7, year/2
	cfg := kernel.DefaultConfig()
	cfg.Fields = []kernel.FieldConfig{f}
	return cfg
}

// life is what a field did with a record.
type life struct {
	collapses int
	first     time.Duration // from the record's begin to the first collapse
	held      time.Duration // collapsed since then
	since     time.Duration // from the first collapse to the record's end
	evidence  float64       // mean of nu·|T_m|², 1 if the weeks were independent
}

func play(t testing.TB, ws []week, x func(i int) float64) life {
	k := newKernel(t, yearly())
	var out kernel.Output
	var l life
	var value [1]float64
	in := kernel.Input{Kind: kernel.KindSample, Channel: "co2", Sample: phase.Sample{Form: phase.Real, R: value[:]}}
	n := 0.0
	for i := range ws {
		in.At, in.Sample.T, value[0] = int64(i), ws[i].T, x(i)
		require.NoError(t, k.Apply(&in, &out))
		if i == 0 || len(out.Fields) == 0 {
			continue
		}
		o := &out.Fields[0]
		if l.collapses > 0 {
			l.since += time.Duration(ws[i].T - ws[i-1].T)
			if o.State == gate.Collapsed {
				l.held += time.Duration(ws[i].T - ws[i-1].T)
			}
		}
		if o.Changed && o.State == gate.Collapsed {
			if l.collapses++; l.collapses == 1 {
				l.first = time.Duration(ws[i].T - ws[0].T)
			}
		}
		if i > 500 {
			l.evidence += o.Master.Nu * o.Master.T2
			n++
		}
	}
	l.evidence /= n
	return l
}

// The demo's promise: the yearly cycle of the real record collapses within 3.3 years and holds to its end;
// the same weeks in the order that we ship never do.
func TestCO2(t *testing.T) {
	ws := weeks(t, "co2.ndjson")
	l := play(t, ws, func(i int) float64 { return ws[i].X[0] })
	t.Logf("first collapse after %.2f years, %d of them, held %.1f of %.1f years", years(l.first), l.collapses, years(l.held), years(l.since))
	require.Equal(t, 1, l.collapses)
	require.Greater(t, years(l.first), 1.5)
	require.Less(t, years(l.first), 3.3)
	require.Equal(t, l.since, l.held)
	mixed := weeks(t, "co2-shuffled.ndjson")
	require.Zero(t, play(t, mixed, func(i int) float64 { return mixed[i].X[0] }).collapses)
}

func years(d time.Duration) float64 { return float64(d) / float64(year) }

// The rate under two forms of chance: the weeks' values shuffled, and the weekly changes shuffled (a random
// walk, whose filtered phase is far more sluggish than the config declares). 40 of each; 1,000 with
// BECOMINGONE_LONG=1.
func TestCO2ShufflesDoNotCollapse(t *testing.T) {
	runs := 40
	if os.Getenv("BECOMINGONE_LONG") != "" {
		runs = 1000
	}
	ws := weeks(t, "co2.ndjson")
	r := signal.Rand(1)
	x := make([]float64, len(ws))
	var shuffles, walks int
	var evidence float64
	for range runs {
		for i := range ws {
			x[i] = ws[i].X[0]
		}
		shuffle(&r, x)
		l := play(t, ws, func(i int) float64 { return x[i] })
		shuffles += min(l.collapses, 1)
		evidence += l.evidence / float64(runs)
		for i := range ws {
			x[i] = ws[i].X[0] - ws[max(i-1, 0)].X[0]
		}
		shuffle(&r, x[1:])
		level := ws[0].X[0]
		for i := range x {
			level += x[i]
			x[i] = level
		}
		walks += min(play(t, ws, func(i int) float64 { return x[i] }).collapses, 1)
	}
	t.Logf("of %d: %d shuffles and %d walks collapse; a shuffle's correlation is %.1f weeks", runs, shuffles, walks, evidence)
	require.LessOrEqual(t, shuffles*1000, runs, "one in a thousand at most")
	require.LessOrEqual(t, walks*100, runs, "one in a hundred at most")
	require.InDelta(t, 25, evidence, 6, "the declared correlation")
}

func shuffle(r *signal.Rand, x []float64) {
	for i := len(x) - 1; i > 0; i-- {
		j := int(r.Uint64() % uint64(i+1))
		x[i], x[j] = x[j], x[i]
	}
}
