package cli

import (
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

func (a *app) benchCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Measure this machine"}
	sub := &cobra.Command{
		Use: "kernel", Short: "Measure the kernel's updates", Args: cobra.NoArgs,
		Long: "Measures the kernel's updates on this machine, beside the naive recompute of the same window: the\n" +
			"least and the median of the repetitions, each of at least 20 ms. Compare rows of one run only.",
		Example: "  becomingone bench kernel --json",
		RunE:    func(*cobra.Command, []string) error { return a.benchKernel() },
	}
	cmd.AddCommand(a.jsonFlag(sub))
	return cmd
}

// row is one line of the table.
type row struct {
	Name   string  `json:"name"`
	Least  float64 `json:"ns_least"`
	Median float64 `json:"ns_median"`
}

// measure times f(n), which does n operations, until a repetition takes 20 ms, and then eleven such.
func measure(name string, f func(n int)) row {
	n := 1
	for {
		begin := time.Now()
		f(n)
		took := time.Since(begin)
		if took >= 20*time.Millisecond || n >= 1<<30 {
			break
		}
		n *= 2
	}
	times := make([]float64, 11)
	for i := range times {
		begin := time.Now()
		f(n)
		times[i] = float64(time.Since(begin).Nanoseconds()) / float64(n)
	}
	slices.Sort(times)
	return row{name, times[0], times[len(times)/2]}
}

func (a *app) benchKernel() error {
	var rows []row
	for _, b := range []func() (row, error){
		benchLeaky("leaky window, tau 1 s at 1 kHz", time.Second),
		benchLeaky("leaky window, tau 10,000 s", 10_000*time.Second),
		benchLadder, benchChannels, benchStep,
		benchNaive("naive recompute, 1,000 samples", 1000),
		benchNaive("naive recompute, 3,600,000 samples", 3_600_000),
	} {
		r, err := b()
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	if a.asJSON {
		return a.printJSON(rows)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "what\tleast\tmedian")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%.1f ns\t%.1f ns\n", r.Name, r.Least, r.Median)
	}
	return w.Flush()
}

func benchLeaky(name string, tau time.Duration) func() (row, error) {
	return func() (row, error) {
		nco, err := phase.NewNCO(12.5)
		if err != nil {
			return row{}, err
		}
		g, err := kairos.NewIntegrator(kairos.Config{Pair: kairos.PairConfig{Omega: nco}, Tau: tau, N0: 1})
		if err != nil {
			return row{}, err
		}
		r := signal.Rand(1)
		p := phase.Point{U: []complex128{r.Circle()}, V: []complex128{1}, Weight: 1}
		return measure(name, func(n int) {
			for range n {
				p.T += 1_000_000
				if e := g.Put(&p); e != nil {
					err = e
				}
			}
		}), err
	}
}

func benchLadder() (row, error) {
	l, err := kairos.NewLadder(kairos.LadderConfig{Slot: time.Millisecond})
	if err != nil {
		return row{}, err
	}
	r := signal.Rand(1)
	t := kairos.Term{P: r.Circle(), Ex: 1, Ey: 1, Weight: 1, Sign: 1}
	return measure("ladder, 11 scales from 50 ms to 14.5 h", func(n int) {
		for range n {
			t.T += 1_000_000
			if e := l.Add(t); e != nil {
				err = e
			}
		}
	}), err
}

func benchChannels() (row, error) {
	const dims = 64
	nco, err := phase.NewNCO(12.5)
	if err != nil {
		return row{}, err
	}
	c, err := kairos.NewChannels(kairos.ChannelsConfig{Dims: dims, Tau: time.Second, Omega: nco})
	if err != nil {
		return row{}, err
	}
	r := signal.Rand(1)
	p := phase.Point{Weight: 1}
	for range dims {
		p.U, p.V = append(p.U, r.Circle()), append(p.V, r.Circle())
	}
	var f kairos.Frame
	f.Take(&p)
	m := measure("64 channels, for each", func(n int) {
		for range n {
			f.T += 1_000_000
			if e := c.Add(&f); e != nil {
				err = e
			}
		}
	})
	m.Least, m.Median = m.Least/dims, m.Median/dims
	return m, err
}

func benchStep() (row, error) {
	k, err := kernel.New(kernel.DefaultConfig())
	if err != nil {
		return row{}, err
	}
	r := signal.Rand(1)
	in := kernel.Input{Kind: kernel.KindSample, Channel: "c", Sample: phase.Sample{Form: phase.Phasor, X: []complex128{1}}}
	var out kernel.Output
	return measure("whole kernel: phase, both pathways, evidence, gate", func(n int) {
		for range n {
			in.At += 1_000_000
			in.Sample.T += 1_000_000
			in.Sample.X[0] = r.Circle()
			if e := k.Apply(&in, &out); e != nil {
				err = e
			}
		}
	}), err
}

// benchNaive recomputes the window's sums from all its samples for each sample, as the definition says.
func benchNaive(name string, samples int) func() (row, error) {
	return func() (row, error) {
		r := signal.Rand(1)
		re, im, weights := make([]float64, samples), make([]float64, samples), make([]float64, samples)
		for i := range weights {
			z := r.Circle()
			re[i], im[i], weights[i] = real(z), imag(z), r.Float64()
		}
		var sr, si, w, q float64
		m := measure(name, func(n int) {
			for range n {
				sr, si, w, q = 0, 0, 0, 0
				for i, v := range weights {
					sr, si = sr+v*re[i], si+v*im[i]
					w, q = w+v, q+v*v
				}
			}
		})
		if sr*sr+si*si > w*w*(1+1e-9) || q <= 0 {
			return m, fmt.Errorf("bench: naive sums %v, %v of weight %v: want them within it", sr, si, w)
		}
		return m, nil
	}
}
