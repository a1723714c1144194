// Package observer predicts what the kernel will say next, and says how well.
//
// Six quantities of every update, the parts of both pathways' resonance, the logarithm of the update's
// cost and the jitter of its time, each have a local-level filter,
//
//	P⁻ = P+q,  S = P⁻+r,  K = P⁻/S,  e = y-m,  m += K·e,  P = (1-K)·P⁻ = G(P),
//
// whose state is (m, P) and whose (q, r) follow the data: block by block, the variance and the lag-1
// covariance of the innovations e are matched. So the witness is W = G[W], data in between: its uncertainty
// has one fixed point, which it reaches by (1-K*)² an observation. That proves nothing about the data, and
// therefore every block of innovations is held, with (q, r) set before it, against four bands: NIS = e²/S
// against χ²_n/n, the mean against 0, the lag-1 correlation against 0, the kurtosis against 3. A Report
// says Calibrated only if all 24 hold, which right filters miss in 1 % of the blocks, and up to 2 % with q and r
// that had to be estimated (TestCalibratedOnLocalLevels).
//
// A second level predicts the first one's normalised innovations e/sqrt(S), which is what observing the
// observing can mean. It stops there: what a third level would hear, the second one's innovations, is white
// where the model is right, and Report says whether it is. This is a statement on predictions, not
// on awareness. Everything here is the same to the bit on every machine. Source: KERNEL.md 5.
package observer

import (
	"fmt"
	"math"
)

// Quantities is how many numbers an Observation holds.
const Quantities = 6

// Quantity names one of them.
type Quantity uint8

// The quantities, in their order.
const (
	MasterRe   Quantity = iota // Re T of Master, -1…1
	MasterIm                   // Im T of Master
	EmissaryRe                 // Re T of Emissary
	EmissaryIm                 // Im T of Emissary
	LnCost                     // ln of the update's cost in ns
	Jitter                     // of the update's time, ns
)

var quantityNames = [Quantities]string{"master_re", "master_im", "emissary_re", "emissary_im", "ln_cost", "jitter"}

// String returns the quantity's name, like "master_re".
func (q Quantity) String() string {
	if q < Quantities {
		return quantityNames[q]
	}
	return fmt.Sprintf("quantity(%d)", uint8(q))
}

// bounds are the least and the most variance that a quantity's q and r may have: rounding of a number
// near 1, a millionth of the cost, a thousandth of a nanosecond; and what no observation exceeds. The least
// q/r of 1/100 makes K* >= 0.0951, so that G contracts by 0.819 an observation or better and a block is long
// enough to converge in; a steadier level is followed a little faster than is best.
var bounds = [Quantities]limits{
	{1e-30, 4, 1e-2}, {1e-30, 4, 1e-2}, {1e-30, 4, 1e-2}, {1e-30, 4, 1e-2}, {1e-12, 1e4, 1e-2}, {1e-6, 1e38, 1e-2},
}

// second bounds the variances of level 2, whose quantity is 1 in size where level 1 is right. It is white
// then, and must not be followed.
var second = limits{1e-6, 1e45, 1e-4}

// checks is how many bands one filter is held against.
const checks = 4

const (
	minWindow, maxWindow = 64, 1 << 16
	minMemory, maxMemory = 2, 1 << 16
	// warm is how many blocks must have closed: two that find the scale, one that sets q and r, one to judge.
	warm = 4
)

// Config of an Observer. The zero value works.
type Config struct {
	Window int     // observations in a block, 64…65536; 0 means 256
	Memory int     // blocks that set q and r, 2…65536; 0 means 16
	Level  float64 // probability in (0.5, 1) that a calibrated block is called so; 0 means 0.99
}

func (c Config) withDefaults() Config {
	if c.Window == 0 {
		c.Window = 256
	}
	if c.Memory == 0 {
		c.Memory = 16
	}
	if c.Level == 0 {
		c.Level = 0.99
	}
	return c
}

// Validate names the field that is out of range.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case c.Window < minWindow || c.Window > maxWindow:
		return fmt.Errorf("observer: window %d: not in %d…%d", c.Window, minWindow, maxWindow)
	case c.Memory < minMemory || c.Memory > maxMemory:
		return fmt.Errorf("observer: memory %d: not in %d…%d", c.Memory, minMemory, maxMemory)
	case !(c.Level > 0.5 && c.Level < 1):
		return fmt.Errorf("observer: level %v: not in (0.5, 1)", c.Level)
	}
	return nil
}

// Observation is what the kernel said in one update, and what saying it took.
type Observation struct {
	At       int64      // ns, the node's clock
	Master   complex128 // T of Master, |T| <= 1
	Emissary complex128 // T of Emissary, |T| <= 1
	Cost     int64      // ns of the update; less than 1 counts as 1
	Jitter   int64      // ns by which the update came later than it was due; early is negative
}

// Observer is the witness's own state. Not safe for concurrent use.
type Observer struct {
	cfg    Config
	z      judge
	one    [Quantities]level // predicts the kernel
	two    [Quantities]level // predicts one's normalised innovations
	n      uint64            // observations
	at     int64             // ns, the newest
	filled int               // observations in the running block
	blocks uint64            // whole blocks
}

// New validates cfg and returns an observer that has seen nothing.
func New(cfg Config) (*Observer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	o := &Observer{cfg: cfg, z: newJudge(cfg)}
	for i := range o.one {
		o.one[i].g, o.one[i].why = bounds[i].start(), Warming
		o.two[i].g, o.two[i].why = second.start(), Warming
	}
	return o, nil
}

// Observe compares y with what was predicted, and predicts anew. An error changes nothing: a resonance
// that is not finite or above 1. O(1), without allocation.
//
// Observe every 32nd update or so. One step of a resonance is one phasor of bounded length, no normal number,
// and a Report on every update says Misshapen; some dozens of steps add up to a normal one
// (claims: TestWitnessOnTheKernelsOwnWords).
func (o *Observer) Observe(y Observation) error {
	if err := y.validate(); err != nil {
		return err
	}
	v := [Quantities]float64{
		real(y.Master), imag(y.Master), real(y.Emissary), imag(y.Emissary), lnCost(y.Cost), float64(y.Jitter),
	}
	o.at = y.At
	o.n++
	if o.n <= 2 {
		o.open(&v)
		return nil
	}
	for i := range v {
		nu := o.one[i].step(v[i], o.n, o.at)
		o.two[i].step(nu, o.n, o.at)
	}
	if o.filled++; o.filled == o.cfg.Window {
		o.close()
	}
	return nil
}

// open takes the first observation as the state of level 1, and what the second says of it as level 2's.
func (o *Observer) open(v *[Quantities]float64) {
	for i := range v {
		if o.n == 1 {
			o.one[i].first(v[i])
			continue
		}
		nu := o.one[i].step(v[i], o.n, o.at)
		o.one[i].now = block{}
		o.two[i].first(nu)
	}
}

func (o *Observer) close() {
	for i := range o.one {
		o.one[i].close(&o.z, bounds[i])
		o.two[i].close(&o.z, second)
	}
	o.blocks++
	o.filled = 0
}

// tooLarge is |T|² of a resonance that rounding does not explain.
const tooLarge = 1 + 1e-9

func (y *Observation) validate() error {
	for _, t := range [2]complex128{y.Master, y.Emissary} {
		if t2 := float64(real(t)*real(t)) + float64(imag(t)*imag(t)); !(t2 <= tooLarge) {
			return fmt.Errorf("observer: resonance %v: not of magnitude 0…1", t)
		}
	}
	return nil
}

// Prediction is what an Observer expects of one quantity.
type Prediction struct {
	Mean float64 `json:"mean"`
	Sd   float64 `json:"sd"` // of the error that it expects of Mean
}

// Predict returns what the next observation is expected to be, and changes nothing. Before the first
// observation it is all zero.
func (o *Observer) Predict() (p [Quantities]Prediction) {
	if o.n == 0 {
		return p
	}
	for i := range o.one {
		l := &o.one[i]
		p[i] = Prediction{Mean: l.m, Sd: math.Sqrt(l.p + l.g.Q + l.g.R)}
	}
	return p
}
