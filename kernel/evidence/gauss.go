package evidence

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// Gauss is the e-process of the energy reading: the Bayes factor of x = b·y + noise with an unknown complex
// slope b against none, for circular Gaussian noise of unknown strength,
//
//	B = c/(c+Syy)·(Sxx/(Sxx - |Sxy|²/(c+Syy)))^n,   slope ~ CN(0, 1/c) in units of the noise.
//
// Under "x is circular Gaussian and independent of y" P(ever B >= 1/alpha) <= alpha, with B = 1 after one
// pair. For data that may have another distribution use Process. O(1) time and space. The zero value has
// heard nothing and takes c = 1. Not safe for concurrent use. Source: KERNEL.md 2.3 (iv).
type Gauss struct {
	sxx, syy float64
	sxy      complex128
	n        uint64
}

// Step adds a pair. A pair that is not finite, or of an x that is 0, changes nothing. It allocates nothing.
func (g *Gauss) Step(x, y complex128) {
	xx := float64(real(x)*real(x)) + float64(imag(x)*imag(x))
	yy := float64(real(y)*real(y)) + float64(imag(y)*imag(y))
	if !(xx > 0 && xx+yy <= math.MaxFloat64) {
		return
	}
	g.n++
	g.sxx += xx
	g.syy += yy
	g.sxy += exact.MulConj(x, y)
}

// N returns the number of pairs since the last Reset.
func (g *Gauss) N() uint64 { return g.n }

// LnB returns ln B for c = 1, 0 before the first pair, +Inf where x is b·y without noise and c+Syy is Syy.
func (g *Gauss) LnB() float64 {
	if g.n < 2 { // B = 1 after one pair by its right Haar prior, whatever the pair
		return 0
	}
	return LnGauss(float64(g.n), g.sxx, g.syy, exact.Abs(g.sxy), 1)
}

// LnGauss returns ln B of the sums of n pairs: sxx = Σ|x|² > 0, syy = Σ|y|², sxy = |Σ x·conj(y)|, c > 0.
func LnGauss(n, sxx, syy, sxy, c float64) float64 {
	rest := 1 - float64(sxy*sxy)/float64(sxx*(c+syy))
	return exact.Log(c/(c+syy)) - float64(n*exact.Log(max(rest, 0)))
}

// Reset forgets everything.
func (g *Gauss) Reset() { *g = Gauss{} }

const (
	gaussTag     = 'G'
	gaussVersion = 1
)

// AppendBinary appends the state.
func (g *Gauss) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Uint(state.Head(dst, gaussTag, gaussVersion), g.n)
	return state.Complex(state.Floats(dst, g.sxx, g.syy), g.sxy), nil
}

// UnmarshalBinary restores a state, which then goes on bit-identically.
func (g *Gauss) UnmarshalBinary(b []byte) error {
	r := state.Open(b, gaussTag, gaussVersion)
	v := Gauss{n: r.Uint(), sxx: r.Float(), syy: r.Float(), sxy: r.Complex()}
	if err := r.Close(); err != nil {
		return fmt.Errorf("evidence: restore Gaussian e-process: %w", err)
	}
	*g = v
	return nil
}
