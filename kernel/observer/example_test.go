package observer_test

import (
	"fmt"
	"testing"

	"github.com/becomingone/becomingone/kernel/observer"
)

func ExampleRiccati() {
	g := observer.Riccati{Q: 1, R: 1}
	p := 10.0
	for range 20 {
		p = g.Next(p)
	}
	fmt.Printf("P = G(P) = %.6f, contraction %.6f\n", p, g.Slope(p))
	// Output: P = G(P) = 0.618034, contraction 0.145898
}

func ExampleBand() {
	low, high, err := observer.Band(256, 0.99)
	fmt.Printf("%.3f to %.3f, %v\n", low, high, err)
	// Output: 0.787 to 1.242, <nil>
}

func ExampleObserver() {
	o, err := observer.New(observer.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := source{r: 1, sd: 1e-3, ratio: .1}
	for range 8 * 256 {
		if err := o.Observe(s.next()); err != nil {
			fmt.Println(err)
		}
	}
	r := o.Report()
	f, fit := r.One[observer.MasterRe].Filter, r.One[observer.MasterRe].Fit
	fmt.Println(r.Reason, fit.NIS > fit.Band.Low && fit.NIS < fit.Band.High)
	fmt.Printf("measured contraction %.3f, (1-K*)² %.3f\n", f.Contraction, f.Theory)
	fmt.Printf("next Re T of Master within ±%.4f\n", 2*o.Predict()[observer.MasterRe].Sd)
	// Output:
	// calibrated true
	// measured contraction 0.556, (1-K*)² 0.556
	// next Re T of Master within ±0.0023
}

func BenchmarkObserve(b *testing.B) {
	o := newObserver(b)
	s := &source{r: 6, sd: 1e-3, ratio: .1}
	var y [1024]observer.Observation
	for i := range y {
		y[i] = s.next()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if o.Observe(y[i&1023]) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkReport(b *testing.B) {
	o := newObserver(b)
	run(b, o, &source{r: 6, sd: 1e-3, ratio: .1}, 2000, nil)
	b.ReportAllocs()
	for b.Loop() {
		if r := o.Report(); r.N == 0 {
			b.Fatal("nothing observed")
		}
	}
}
