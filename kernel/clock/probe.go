// Package clock bounds how far another node's clock is from ours.
//
// A probe carries four times: t1 when it left us and t4 when the answer came back, by our clock; t2 when
// it arrived and t3 when the answer left, by the other's. Nothing travels back in time, so the offset
// (the other's clock less ours) lies in
//
//	[t3-t4, t2-t1] = [theta-delta/2, theta+delta/2],  theta = ((t2-t1)+(t3-t4))/2,  delta = (t4-t1)-(t3-t2).
//
// The ends are integers: nothing is rounded and nothing assumed about how the delay splits over the two
// ways. Below half the delay no filter can see; theta is only the best guess. All times are int64
// nanoseconds of any epoch. Source: KERNEL.md 4.3, RFC 5905, Marzullo 1984.
package clock

import (
	"fmt"
	"math"
	"math/bits"
)

// Interval holds an offset in ns, ends included. It is empty where Hi < Lo.
type Interval struct{ Lo, Hi int64 }

// Mid returns the middle, rounded down to a nanosecond.
func (i Interval) Mid() int64 {
	return i.Lo&i.Hi + (i.Lo^i.Hi)>>1 // (Lo+Hi)/2 that cannot overflow
}

// Width returns Hi-Lo in ns, which is a probe's delay delta; 0 for an empty interval.
func (i Interval) Width() uint64 {
	if i.Hi < i.Lo {
		return 0
	}
	return uint64(i.Hi) - uint64(i.Lo)
}

// Half returns the guaranteed error of Mid in ns: half the width, rounded up.
func (i Interval) Half() uint64 { w := i.Width(); return w/2 + w&1 }

// Contains reports whether offset is inside.
func (i Interval) Contains(offset int64) bool { return i.Lo <= offset && offset <= i.Hi }

// Intersect returns what both hold; it is empty where they are apart.
func (i Interval) Intersect(o Interval) Interval {
	return Interval{Lo: max(i.Lo, o.Lo), Hi: min(i.Hi, o.Hi)}
}

// Widen moves both ends outwards by ns, and stops at the ends of int64.
func (i Interval) Widen(ns uint64) Interval {
	return Interval{Lo: below(i.Lo, ns), Hi: above(i.Hi, ns)}
}

func above(v int64, ns uint64) int64 {
	if ns >= uint64(math.MaxInt64)-uint64(v) {
		return math.MaxInt64
	}
	return v + int64(ns)
}

func below(v int64, ns uint64) int64 {
	if ns >= uint64(v)-uint64(1<<63) {
		return math.MinInt64
	}
	return v - int64(ns)
}

// Probe is one exchange with another node.
type Probe struct {
	T1 int64 // the question left, our clock
	T2 int64 // the question arrived, the other's clock
	T3 int64 // the answer left, the other's clock
	T4 int64 // the answer arrived, our clock
}

// Interval returns where the offset is: theta is its Mid, delta its Width. It is an error if the times
// are out of order, the delay is below 0 or a difference leaves int64: then a clock was set in between,
// or the other side lies.
func (p Probe) Interval() (Interval, error) {
	switch {
	case p.T4 < p.T1:
		return Interval{}, fmt.Errorf("clock: probe t4 %d: before t1 %d", p.T4, p.T1)
	case p.T3 < p.T2:
		return Interval{}, fmt.Errorf("clock: probe t3 %d: before t2 %d", p.T3, p.T2)
	}
	hi, okHi := sub(p.T2, p.T1)
	lo, okLo := sub(p.T3, p.T4)
	if !okHi || !okLo {
		return Interval{}, fmt.Errorf("clock: probe %d %d %d %d: offset not in int64 ns", p.T1, p.T2, p.T3, p.T4)
	}
	if hi < lo {
		return Interval{}, fmt.Errorf("clock: probe %d %d %d %d: answer took longer than the exchange", p.T1, p.T2, p.T3, p.T4)
	}
	return Interval{Lo: lo, Hi: hi}, nil
}

// sub returns a-b and whether it is the true difference.
func sub(a, b int64) (int64, bool) {
	d := a - b
	return d, (a >= b) == (d >= 0)
}

// Drift is how far two clocks may part in a time: parts per billion, 20 ppm being 20 000.
type Drift uint32

// Over returns the bound after ns nanoseconds, rounded up: 20 ppm over 1 s are 20 µs.
func (d Drift) Over(ns uint64) uint64 {
	hi, lo := bits.Mul64(uint64(d), ns)
	lo, carry := bits.Add64(lo, 999_999_999, 0)
	hi += carry
	if hi >= 1_000_000_000 {
		return math.MaxUint64
	}
	q, _ := bits.Div64(hi, lo, 1_000_000_000)
	return q
}

// PhaseError returns by how many radians an oscillator of hz is misread when time is ns off: 2π·f·err.
func PhaseError(hz float64, ns uint64) float64 {
	turns := float64(float64(hz*float64(ns)) * 1e-9)
	return float64(2 * math.Pi * turns)
}

// HzWithin returns up to which frequency a misreading of ns stays within rad, rad/(2π·err); +Inf at ns = 0.
func HzWithin(rad float64, ns uint64) float64 {
	return rad / PhaseError(1, ns)
}
