package kairos

import (
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// DefaultLagCapacity is the most samples that a lag ring holds unless the config says otherwise.
const DefaultLagCapacity = 1 << 16

// PairConfig says how points pair. The zero value pairs one channel by phase, at no lag and no detuning.
type PairConfig struct {
	Dims      int           // channels D; 0 means 1
	Metric    []float64     // the diagonal of C, D values >= 0 with sum 1; nil is 1/D each. Copied
	Reading   phase.Reading // what the points hold
	Conjugate bool          // x·y instead of x·conj(y): features at twice a carrier
	Omega     phase.NCO     // the detuning to listen at
	Lag       time.Duration // >= 0; 0 is none
	MaxGap    time.Duration // widest bracket in which the lagged value is interpolated; 0 means Lag
	Horizon   time.Duration // how late a point may come; 0 refuses late ones
	Capacity  int           // most samples in the lag ring; 0 means DefaultLagCapacity
}

// Validate names the field that is out of range.
func (c PairConfig) Validate() error {
	switch {
	case c.Dims < 0 || c.Dims > phase.MaxDims:
		return fmt.Errorf("kairos: dims %d: not in 0…%d", c.Dims, phase.MaxDims)
	case c.Reading > phase.ByEnergy:
		return fmt.Errorf("kairos: reading %d: not in 0…1", uint8(c.Reading))
	case c.Lag < 0:
		return fmt.Errorf("kairos: lag %v: below 0", c.Lag)
	case c.MaxGap < 0:
		return fmt.Errorf("kairos: max_gap %v: below 0", c.MaxGap)
	case c.Horizon < 0:
		return fmt.Errorf("kairos: horizon %v: below 0", c.Horizon)
	case c.Capacity < 0 || c.Capacity == 1:
		return fmt.Errorf("kairos: lag capacity %d: not 0 or above 1", c.Capacity)
	}
	if c.Metric == nil {
		return nil
	}
	if len(c.Metric) != max(c.Dims, 1) {
		return fmt.Errorf("kairos: metric of %d weights: want %d", len(c.Metric), max(c.Dims, 1))
	}
	sum := 0.0
	for i, w := range c.Metric {
		if !(w >= 0) {
			return fmt.Errorf("kairos: metric weight %d is %v: below 0", i, w)
		}
		sum += w
	}
	if !(math.Abs(sum-1) <= 1e-12) {
		return fmt.Errorf("kairos: metric sums to %v: want 1", sum)
	}
	return nil
}

// Correlator pairs each point with its reference: the point's own V, or else x itself, taken Lag earlier;
// without a lag a point that has no V pairs with the clock phasor 1, which makes T the vector strength of
// the stream at omega (x against itself at no lag would be coherent whatever it is). Not safe for
// concurrent use.
type Correlator struct {
	cfg   PairConfig
	c     []float64    // metric
	ring  ring         // with a lag
	y     []complex128 // interpolated reference
	ones  []complex128
	terms []Term
	lost  uint64
	plain bool // one channel by phase, without lag and conjugation
	wide  bool // the same of several channels
}

// NewCorrelator validates cfg and returns a correlator that has heard nothing.
func NewCorrelator(cfg PairConfig) (*Correlator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := max(cfg.Dims, 1)
	cfg.Dims = d
	if cfg.MaxGap == 0 {
		cfg.MaxGap = cfg.Lag
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = DefaultLagCapacity
	}
	c := &Correlator{cfg: cfg, c: make([]float64, d), y: make([]complex128, d), ones: make([]complex128, d)}
	copy(c.c, cfg.Metric)
	for i := range c.ones {
		c.ones[i] = 1
		if cfg.Metric == nil {
			c.c[i] = 1 / float64(d)
		}
	}
	c.terms = make([]Term, 0, 4)
	c.ring = ring{dims: d, capacity: cfg.Capacity}
	usual := cfg.Lag == 0 && cfg.Reading == phase.ByPhase && !cfg.Conjugate
	c.plain, c.wide = usual && d == 1 && c.c[0] == 1, usual && d > 1
	return c, nil
}

// Step pairs p. The terms belong to the correlator and hold until the next Step. The first is p's own,
// Fresh, and of weight 0 if p has no partner: no sample old enough, a bracket wider than MaxGap, or one
// that p itself would close. A late p may re-pair neighbours whose lagged value lies beside it; their old
// terms follow with sign -1 and their new ones with +1. ErrLate where p lies before the horizon. A p that
// is not finite, not of D channels, or by phase longer than 1 is an error. Errors change nothing.
//
// With a lag, points of equal time pair in the order of their arrival; otherwise order does not matter.
func (c *Correlator) Step(p *phase.Point) ([]Term, error) {
	if c.plain && c.stepPlain(p) || c.wide && c.stepWide(p) {
		return c.terms, nil
	}
	if err := c.admit(p); err != nil {
		return nil, err
	}
	c.terms = c.terms[:0]
	if c.cfg.Lag == 0 {
		v := p.V
		if v == nil {
			v = c.ones
		}
		c.terms = append(c.terms, c.product(p.T, p.U, v, p.Weight))
		c.terms[0].Fresh = true
		return c.terms, nil
	}
	return c.stepLagged(p)
}

// stepPlain is Step for what is most common, with the same results to the bit. It leaves to Step what is
// not one channel of finite phasors.
func (c *Correlator) stepPlain(p *phase.Point) bool {
	if len(p.U) != 1 || p.V != nil && len(p.V) != 1 {
		return false
	}
	x, y := p.U[0], complex(1, 0)
	if p.V != nil {
		y = p.V[0]
	}
	a, b, u, v := real(x), imag(x), real(y), imag(y)
	ex, ey := float64(a*a)+float64(b*b), float64(u*u)+float64(v*v)
	if !(ex <= inDiscLimit && ey <= inDiscLimit && p.Weight >= 0 && p.Weight <= 1) {
		return false
	}
	re, im := float64(a*u)+float64(b*v), float64(b*u)-float64(a*v)
	c.fresh(p, re, im, ex, ey)
	return true
}

// fresh makes the one term of p, whose product is re+i·im before demodulation.
func (c *Correlator) fresh(p *phase.Point, re, im, ex, ey float64) {
	if !c.cfg.Omega.Still() {
		sin, cos := exact.Sincos(c.cfg.Omega.Phase(p.T))
		re, im = float64(re*cos)-float64(im*sin), float64(re*sin)+float64(im*cos)
	}
	c.terms = c.terms[:1]
	t := &c.terms[0]
	t.T, t.P, t.Ex, t.Ey, t.Weight, t.Sign, t.Fresh = p.T, complex(re, im), ex, ey, p.Weight, 1, true
}

// stepWide is stepPlain for several channels.
func (c *Correlator) stepWide(p *phase.Point) bool {
	n := len(c.c)
	y := p.V
	if y == nil {
		y = c.ones
	}
	if len(p.U) != n || len(y) != n || !(p.Weight >= 0 && p.Weight <= 1) {
		return false
	}
	var re, im, ex, ey float64
	x, y := p.U[:n], y[:n]
	for d, w := range c.c {
		a, b, u, v := real(x[d]), imag(x[d]), real(y[d]), imag(y[d])
		nx, ny := float64(a*a)+float64(b*b), float64(u*u)+float64(v*v)
		if !(nx <= inDiscLimit && ny <= inDiscLimit) {
			return false
		}
		re += float64(w * (float64(a*u) + float64(b*v)))
		im += float64(w * (float64(b*u) - float64(a*v)))
		ex += float64(w * nx)
		ey += float64(w * ny)
	}
	c.fresh(p, re, im, ex, ey)
	return true
}

// inDiscLimit bounds |u|² of a unit phasor: 1 but for rounding.
const inDiscLimit = 1 + 1e-9

func (c *Correlator) admit(p *phase.Point) error {
	if len(p.U) != c.cfg.Dims || p.V != nil && len(p.V) != c.cfg.Dims {
		return fmt.Errorf("kairos: point of %d and %d channels: want %d", len(p.U), len(p.V), c.cfg.Dims)
	}
	if !(p.Weight >= 0 && p.Weight <= 1) {
		return fmt.Errorf("kairos: point weight %v: not in 0…1", p.Weight)
	}
	limit := math.MaxFloat64
	if c.cfg.Reading == phase.ByPhase {
		limit = inDiscLimit
	}
	for _, u := range [2][]complex128{p.U, p.V} {
		for d, z := range u {
			if !(math.Abs(real(z)) <= limit && math.Abs(imag(z)) <= limit) {
				return fmt.Errorf("kairos: point channel %d is %v: want finite parts, by phase within the unit circle", d, z)
			}
			if c.cfg.Reading == phase.ByPhase && norm2(z) > inDiscLimit {
				return fmt.Errorf("kairos: point channel %d is %v: outside the unit circle", d, z)
			}
		}
	}
	return nil
}

// product returns ⟨x,y⟩_C·exp(iωt) and the energies.
func (c *Correlator) product(t int64, x, y []complex128, weight float64) Term {
	var p complex128
	var ex, ey float64
	for d, w := range c.c {
		xd, yd := x[d], y[d]
		if c.cfg.Reading == phase.ByEnergy {
			xd, yd = bounded(xd), bounded(yd)
		}
		var z complex128
		if c.cfg.Conjugate {
			z = exact.Mul(xd, yd)
		} else {
			z = exact.MulConj(xd, yd)
		}
		p += exact.Scale(w, z)
		ex += float64(w * norm2(xd))
		ey += float64(w * norm2(yd))
	}
	if !c.cfg.Omega.Still() {
		p = exact.Mul(p, c.cfg.Omega.Rotor(t))
	}
	return Term{T: t, P: p, Ex: ex, Ey: ey, Weight: weight, Sign: 1}
}

// bounded keeps |z| within 1e-60…1e60 (smaller is 0), so that no sum of squared energies overflows or
// loses itself among the denormals.
func bounded(z complex128) complex128 {
	const most = 1e60
	m := max(math.Abs(real(z)), math.Abs(imag(z)))
	switch {
	case m < 1/most:
		return 0
	case m > most:
		return complex(float64(real(z)/m)*most, float64(imag(z)/m)*most)
	}
	return z
}

// stepLagged is Step with a ring.
func (c *Correlator) stepLagged(p *phase.Point) ([]Term, error) {
	r := &c.ring
	if r.len() > 0 && p.T < r.newest() && age(r.newest(), p.T) > uint64(c.cfg.Horizon) {
		return nil, fmt.Errorf("kairos: lag ring: %w", ErrLate)
	}
	ref := p.V
	if ref == nil {
		ref = p.U
	}
	k := r.insert(p, ref)
	own := c.pair(k)
	own.Fresh = true
	c.terms = append(c.terms, own)
	r.at(k).term = own
	if k != r.len()-1 {
		c.rePair(k)
	}
	c.lost += r.evict(before(r.newest(), c.cfg.Lag, c.cfg.Horizon))
	return c.terms, nil
}

// before returns t-a-b, or the earliest instant there is.
func before(t int64, a, b time.Duration) int64 {
	for _, d := range [2]time.Duration{a, b} {
		if t < math.MinInt64+int64(d) {
			return math.MinInt64
		}
		t -= int64(d)
	}
	return t
}

// pair returns the term of entry k, of weight 0 where it has no partner.
func (c *Correlator) pair(k int) Term {
	r := &c.ring
	e := r.at(k)
	none := Term{T: e.t, Sign: 1}
	target := before(e.t, c.cfg.Lag, 0)
	i := r.floor(target)
	if i < 0 {
		return none
	}
	lo := r.at(i)
	y := r.y(i)
	if lo.t != target {
		hi := r.at(i + 1) // there is one: e.t lies behind the target
		wide := age(hi.t, lo.t)
		if wide > uint64(c.cfg.MaxGap) || i+1 == k && !e.cross {
			return none
		}
		y = c.between(y, r.y(i+1), float64(age(target, lo.t))/float64(wide))
	}
	return c.product(e.t, r.x(k), y, e.weight)
}

// between interpolates in the plane; by phase the result is set back on the circle. The error of a line
// of frequency f in a bracket of dt is at most (2πf·dt)²/8.
func (c *Correlator) between(a, b []complex128, f float64) []complex128 {
	for d := range c.y {
		z := exact.Scale(1-f, a[d]) + exact.Scale(f, b[d])
		if c.cfg.Reading == phase.ByPhase {
			z = exact.Unit(z)
		}
		c.y[d] = z
	}
	return c.y
}

// rePair recomputes the entries whose bracket the late entry k has split.
func (c *Correlator) rePair(k int) {
	r := &c.ring
	lag := uint64(c.cfg.Lag)
	for j := k + 1; j < r.len(); j++ {
		e := r.at(j)
		target := before(e.t, c.cfg.Lag, 0)
		if age(e.t, target) != lag || k > 0 && target <= r.at(k-1).t {
			continue
		}
		if target >= r.at(k+1).t {
			return
		}
		now := c.pair(j)
		if now == e.term {
			continue
		}
		if e.term.Weight > 0 {
			old := e.term
			old.Sign, old.Fresh = -1, false
			c.terms = append(c.terms, old)
		}
		if now.Weight > 0 {
			c.terms = append(c.terms, now)
		}
		e.term = now
	}
}

// Lost returns how many samples left the lag ring early because it was full.
func (c *Correlator) Lost() uint64 { return c.lost }

// Reset forgets everything but its counter.
func (c *Correlator) Reset() { c.ring.clear() }
