package observer

import (
	"fmt"
	"math"
)

// Reason is why a filter is not calibrated.
type Reason uint8

// The reasons, in the order in which they are looked for. Calibrated is none.
const (
	Calibrated Reason = iota
	Warming           // too few blocks to judge
	Still             // nothing varied beyond the least noise of the model: nothing was tested
	TooSure           // NIS below its band: the quantity is steadier than predicted
	Surprised         // NIS above its band: the quantity moves more than predicted
	Biased            // innovations have a mean: the quantity drifts
	Correlated        // innovations follow from the one before: another dynamics
	Misshapen         // innovations have heavier or lighter tails than the normal law
)

var reasonNames = [...]string{
	"calibrated", "warming", "still", "too_sure", "surprised", "biased", "correlated", "misshapen",
}

// String returns the reason's name in records, like "too_sure".
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// MarshalText returns the reason's name; an invalid reason is an error.
func (r Reason) MarshalText() ([]byte, error) {
	if int(r) >= len(reasonNames) {
		return nil, fmt.Errorf("observer: reason %d: not in 0…%d", uint8(r), len(reasonNames)-1)
	}
	return []byte(reasonNames[r]), nil
}

// UnmarshalText accepts the names of MarshalText.
func (r *Reason) UnmarshalText(b []byte) error {
	for i, name := range reasonNames {
		if name == string(b) {
			*r = Reason(i)
			return nil
		}
	}
	return fmt.Errorf("observer: reason %q: not one of %v", b, reasonNames)
}

// Range is a closed interval.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Fit is how the innovations of the last whole block compare with what was predicted. Zero before it.
type Fit struct {
	Verdict  Reason  `json:"verdict"`
	NIS      float64 `json:"nis"` // mean of e²/S
	Band     Range   `json:"nis_band"`
	Bias     float64 `json:"bias"` // mean of e/sqrt(S)
	BiasBar  float64 `json:"bias_bar"`
	Rho      float64 `json:"rho"` // lag-1 correlation of e/sqrt(S)
	RhoBar   float64 `json:"rho_bar"`
	Kurtosis float64 `json:"kurtosis"` // of e/sqrt(S)
	Tails    Range   `json:"kurtosis_band"`
}

// Filter is the state of one filter. Variances are in the square of the quantity's unit.
type Filter struct {
	Mean        float64 `json:"m"`
	Variance    float64 `json:"p"`
	Riccati             // the map that the variance follows
	Fixed       float64 `json:"p_star"`      // its fixed point
	Gain        float64 `json:"k"`           // of the next correction
	Innovation  float64 `json:"e"`           // newest y-m
	S           float64 `json:"s"`           // variance that was predicted for it
	NIS         float64 `json:"nis"`         // e²/S
	Residual    float64 `json:"residual"`    // |P-G(P)|
	Contraction float64 `json:"contraction"` // newest |ΔP_k|/|ΔP_k-1| far above rounding; 0 before two such
	Theory      float64 `json:"theory"`      // (1-K*)², which it tends to
	Banach      float64 `json:"banach"`      // L/(1-L)·|P-G(P)| >= |G(P)-P*|
	Age         uint64  `json:"age"`         // observations since P moved by more than a millionth
	AgeNS       int64   `json:"age_ns"`      // the same by the node's clock
}

// Line is what a Report says on one quantity.
type Line struct {
	Filter Filter `json:"filter"`
	Fit    Fit    `json:"fit"`
}

// Report is the record `witness_self`: the observer's state and whether its predictions hold.
type Report struct {
	At         int64            `json:"at"`           // ns, the newest observation
	N          uint64           `json:"n"`            // observations
	Blocks     uint64           `json:"blocks"`       // whole blocks; Fit is of the last
	Window     int              `json:"window"`       // observations in a block
	Calibrated bool             `json:"calibrated"`   // all of One hold
	Reason     Reason           `json:"reason"`       // the first that does not
	Of         string           `json:"of"`           // and its quantity, "" if calibrated or warming
	Converged  bool             `json:"converged"`    // every filter of One is within Banach <= 1e-6·P* of its fixed point
	Age        uint64           `json:"age"`          // observations since then, the youngest filter's
	White      bool             `json:"level3_white"` // level 2's innovations, which a third level would hear, are white
	One        [Quantities]Line `json:"one"`          // the filters of the kernel's outputs, in the order of Quantity
	Two        [Quantities]Line `json:"two"`          // the filters of One's e/sqrt(S)
}

// converged is the relative error of P that counts as none.
const converged = 1e-6

// Report returns the state after the newest observation, and changes nothing.
func (o *Observer) Report() Report {
	r := Report{At: o.at, N: o.n, Blocks: o.blocks, Window: o.cfg.Window}
	if o.n == 0 {
		r.Reason = Warming
		return r
	}
	r.Converged, r.White, r.Age = true, o.blocks >= warm, math.MaxUint64
	for i := range o.one {
		one := o.line(&o.one[i])
		two := o.line(&o.two[i])
		r.One[i], r.Two[i] = one, two
		r.Converged = r.Converged && one.Filter.Banach <= float64(converged*one.Filter.Fixed)
		r.Age = min(r.Age, one.Filter.Age)
		r.White = r.White && math.Abs(two.Fit.Rho) <= two.Fit.RhoBar
		if r.Reason == Calibrated && one.Fit.Verdict != Calibrated {
			r.Reason, r.Of = one.Fit.Verdict, Quantity(i).String()
		}
	}
	if !r.Converged {
		r.Age = 0
	}
	if r.Reason == Warming {
		r.Of = ""
	}
	r.Calibrated = r.Reason == Calibrated
	return r
}

func (o *Observer) line(l *level) Line {
	next := l.g.Next(l.p)
	f := Filter{
		Mean: l.m, Variance: l.p, Riccati: l.g, Fixed: l.g.Fixed(), Gain: l.g.Gain(l.p),
		Innovation: l.e, S: l.s, Residual: math.Abs(next - l.p), Banach: l.g.Bound(l.p, next),
		Age: o.n - l.moved, AgeNS: o.at - l.at,
	}
	f.Theory = l.g.Slope(f.Fixed)
	if l.s > 0 {
		f.NIS = float64(l.e*l.e) / l.s
	}
	if l.d0 > 0 {
		f.Contraction = l.d1 / l.d0
	}
	n := float64(o.cfg.Window)
	fit := Fit{
		Verdict: l.why, NIS: l.past.s2 / n, Band: l.bar.nis,
		Bias: l.past.s1 / n, BiasBar: l.bar.bias, Rho: l.rho(), RhoBar: l.bar.rho,
		Kurtosis: l.kurtosis(n), Tails: l.bar.kurtosis,
	}
	return Line{Filter: f, Fit: fit}
}
