package observer

import "math"

// Riccati is the map of a local level's uncertainty over one observation,
//
//	G(P) = (P+q)·r/(P+q+r),
//
// P the variance of the state, q of its steps and r of the noise on what is seen, all in the square of
// the quantity's unit, q > 0 and r > 0. G rises, is concave and contracts on P >= 0, so P = G(P) has one
// solution and every start reaches it: W = G[W] in one line. Test: TestCase13Riccati. Source: KERNEL.md 5.
type Riccati struct {
	Q float64 `json:"q"` // variance of a step of the level
	R float64 `json:"r"` // variance of the noise
}

// Next returns G(p), p >= 0.
func (g Riccati) Next(p float64) float64 { return float64(g.Gain(p) * g.R) }

// Gain returns K = (p+q)/(p+q+r), the share of an innovation that the state takes, from the variance p
// before the step. An error of the state shrinks by 1-K an observation.
func (g Riccati) Gain(p float64) float64 {
	prior := p + g.Q
	return float64(prior * (1 / (prior + g.R)))
}

// Slope returns G'(p) = (r/(p+q+r))² = (1-K)², by which G contracts at p; it falls as p rises.
// Test: TestContractionIsSquareOfOneMinusGain.
func (g Riccati) Slope(p float64) float64 {
	s := g.R / (p + g.Q + g.R)
	return float64(s * s)
}

// Fixed returns the solution of P = G(P), P* = 2qr/(q+sqrt(q²+4qr)). At q = r the gain there is the golden
// ratio's 0.618. Test: TestGoldenRatio.
func (g Riccati) Fixed() float64 {
	x := float64(math.Sqrt(g.Q) * math.Sqrt(g.Q+float64(4*g.R))) // sqrt(q²+4qr), which could overflow
	return float64(2 * g.R * (g.Q / (g.Q + x)))
}

// Bound returns what Banach's theorem says after the step from prev to p = G(prev),
//
//	|p - P*| <= L/(1-L)·|p - prev|,  L = sup G' = G'(lower end of the interval that G keeps),
//
// which needs nothing but what has been seen and the map. Test: TestBanachBoundHolds.
func (g Riccati) Bound(prev, p float64) float64 {
	low := min(prev, p, g.Fixed())
	l := g.Slope(low)
	if l >= 1 {
		return math.Inf(1)
	}
	return float64(l / (1 - l) * math.Abs(p-prev))
}
