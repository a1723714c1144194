package evidence

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// concentrations is the mixture of the e-process: equal weights.
var concentrations = [...]float64{.5, 1, 2, 4, 8, 16, 32}

// lnI0s holds LnI0 of concentrations, which is what a sample of weight 1 costs.
var lnI0s = func() (c [len(concentrations)]float64) {
	for i, k := range concentrations {
		c[i] = LnI0(k)
	}
	return c
}()

// lnKappas holds the logarithms of concentrations, powers of two.
var lnKappas = func() (c [len(concentrations)]float64) {
	for i, k := range concentrations {
		c[i] = exact.Log(k)
	}
	return c
}()

// Process is the e-process of one run,
//
//	E = mean over kappa of I0(kappa·|Σ w·u|) / Π I0(kappa·w),
//
// a test martingale under H0: P(ever E >= 1/alpha) <= alpha, however often one looks. O(1) time and space.
// The zero value has heard nothing, E = 1. Not safe for concurrent use. Source: KERNEL.md 2.3 (ii).
type Process struct {
	sum  complex128
	cost [len(concentrations)]float64 // Σ ln I0(kappa·w)
	n    uint64
}

// Step adds the phase of u with a weight in [0, 1] that must not depend on that phase. A u without phase
// (0, NaN, infinite) and a weight that is not above 0 change nothing. It allocates nothing.
func (e *Process) Step(u complex128, weight float64) {
	u = exact.Unit(u)
	if u == 0 || !(weight > 0) {
		return
	}
	e.n++
	if weight >= 1 {
		e.sum += u
		for i, c := range lnI0s {
			e.cost[i] += c
		}
		return
	}
	e.sum += exact.Scale(weight, u)
	for i, k := range concentrations {
		e.cost[i] += LnI0(float64(k * weight))
	}
}

// N returns the number of phases since the last Reset.
func (e *Process) N() uint64 { return e.n }

// LnE returns ln E, 0 before the first phase.
func (e *Process) LnE() float64 {
	r := exact.Abs(e.sum)
	var ln [len(concentrations)]float64
	far := math.Inf(1) // ln r, once it is needed
	for i, k := range concentrations {
		x := float64(k * r)
		if x < seriesEnd {
			ln[i] = lnI0Near(x) - e.cost[i]
			continue
		}
		if far > math.MaxFloat64 {
			far = exact.Log(r)
		}
		ln[i] = lnI0Far(x, far+lnKappas[i]) - e.cost[i]
	}
	return lnMean(&ln)
}

// LnEAt returns ln E of the one concentration kappa in {0.5, 1, 2, 4, 8, 16, 32}.
func (e *Process) LnEAt(kappa float64) (float64, error) {
	for i, k := range concentrations {
		if k == kappa {
			return LnI0(float64(k*exact.Abs(e.sum))) - e.cost[i], nil
		}
	}
	return 0, fmt.Errorf("evidence: kappa %v: not one of %v", kappa, concentrations)
}

// Reset forgets everything.
func (e *Process) Reset() { *e = Process{} }

// lnMean returns ln of the mean of exp(ln). What lies e^-40 below the largest is nothing to it.
func lnMean(ln *[len(concentrations)]float64) float64 {
	top := ln[0]
	for _, v := range ln[1:] {
		top = max(top, v)
	}
	sum := 0.0
	for _, v := range ln {
		if d := top - v; d < 40 {
			sum += exact.ExpNeg(d)
		}
	}
	return top + exact.Log(sum/float64(len(ln)))
}

const (
	processTag     = 'P'
	processVersion = 1
)

// AppendBinary appends the state.
func (e *Process) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Uint(state.Head(dst, processTag, processVersion), e.n)
	return state.Floats(state.Complex(dst, e.sum), e.cost[:]...), nil
}

// UnmarshalBinary restores a state, which then goes on bit-identically.
func (e *Process) UnmarshalBinary(b []byte) error {
	r := state.Open(b, processTag, processVersion)
	v := Process{n: r.Uint(), sum: r.Complex()}
	for i := range v.cost {
		v.cost[i] = r.Float()
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("evidence: restore e-process: %w", err)
	}
	*e = v
	return nil
}
