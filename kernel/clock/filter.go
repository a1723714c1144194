package clock

import (
	"fmt"
	"math"
)

// Kept is how many probes a filter holds.
const Kept = 64

// DefaultDrift bounds the rate between two free quartz clocks: 20 ppm each (KERNEL.md 4.3).
const DefaultDrift Drift = 40_000

// Config is a Filter's.
type Config struct {
	Drift Drift // bound on the rate between the two clocks; 0 asserts that they tick alike
	Fit   bool  // follow the rate by a line through the probes, instead of holding the last offset
}

// Filter turns the last 64 probes of one peer into an offset and an interval that holds the truth for as
// long as the peer's clock keeps within the drift. Not safe for concurrent use.
type Filter struct {
	cfg   Config
	kept  [Kept]entry
	n     int // probes held
	next  int // where the next goes
	last  int64
	steps uint64
	late  uint64
}

type entry struct {
	at int64 // our clock in the middle of the exchange
	in Interval
}

// Estimate is what a Filter knows at an instant.
type Estimate struct {
	Offset int64    // ns, the other's clock less ours: the guess
	In     Interval // the offset is in here: the guarantee
	Delay  uint64   // ns, of the probe that the guess rests on
	Age    uint64   // ns since that probe
	Rate   float64  // parts per billion by which the other's clock gains on ours; 0 without Fit
	Probes int      // how many probes it rests on
}

// Err returns the guaranteed error of Offset in ns.
func (e Estimate) Err() uint64 {
	return max(uint64(e.In.Hi)-uint64(e.Offset), uint64(e.Offset)-uint64(e.In.Lo))
}

// NewFilter returns an empty filter. Every Config is valid.
func NewFilter(cfg Config) *Filter { return &Filter{cfg: cfg} }

// Add takes a probe in. One that is older than the newest is counted and left out, and it is an error;
// so is one whose own times contradict each other. A probe that contradicts all that is held, further
// than the drift allows, is a clock that was set: the filter starts again from it and counts a step.
// It allocates nothing.
func (f *Filter) Add(p Probe) error {
	in, err := p.Interval()
	if err != nil {
		return err
	}
	at := Interval{Lo: p.T1, Hi: p.T4}.Mid()
	if f.n > 0 && p.T4 < f.last {
		f.late++
		return fmt.Errorf("clock: probe t4 %d: before the newest, %d", p.T4, f.last)
	}
	// The exchange itself takes time, in which the clocks part too.
	in = in.Widen(f.cfg.Drift.Over(uint64(p.T4) - uint64(p.T1)))
	if f.n > 0 {
		if hull := f.bound(at); hull.Hi < hull.Lo || in.Intersect(hull).Hi < in.Intersect(hull).Lo {
			f.n, f.next = 0, 0
			f.steps++
		}
	}
	f.kept[f.next] = entry{at: at, in: in}
	f.next = (f.next + 1) % Kept
	f.n = min(f.n+1, Kept)
	f.last = p.T4
	return nil
}

// Steps returns how often the other's clock was set.
func (f *Filter) Steps() uint64 { return f.steps }

// Late returns how many probes came out of order and were left out.
func (f *Filter) Late() uint64 { return f.late }

// gap returns |a-b|.
func gap(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}

// bound returns what all held probes leave at the instant now.
func (f *Filter) bound(now int64) Interval {
	out := Interval{Lo: math.MinInt64, Hi: math.MaxInt64}
	for k := range f.n {
		e := &f.kept[k]
		out = out.Intersect(e.in.Widen(f.cfg.Drift.Over(gap(now, e.at))))
	}
	return out
}

// At returns what is known at the instant now of our clock, and false before the first probe. The guess is
// the middle of the probe with the least delay, counting what its age has added; the guarantee is the
// intersection of all, each widened by drift·age, so that in a silence it grows by exactly the drift.
// It allocates nothing.
func (f *Filter) At(now int64) (Estimate, bool) {
	if f.n == 0 {
		return Estimate{}, false
	}
	best, least := 0, uint64(math.MaxUint64)
	for k := range f.n {
		e := &f.kept[k]
		if w := e.in.Widen(f.cfg.Drift.Over(gap(now, e.at))).Width(); w < least {
			best, least = k, w
		}
	}
	e := &f.kept[best]
	out := Estimate{
		Offset: e.in.Mid(), In: f.bound(now), Delay: e.in.Width(), Age: gap(now, e.at), Probes: f.n,
	}
	if f.cfg.Fit {
		out.Rate = f.rate(e.at)
		out.Offset = shift(out.Offset, float64(out.Rate*seconds(now, e.at)))
	}
	out.Offset = min(max(out.Offset, out.In.Lo), out.In.Hi)
	return out, true
}

// shift returns v+d, rounded, within int64; ppb times seconds is ns.
func shift(v int64, d float64) int64 {
	if d < 0 {
		return below(v, uint64(min(-d+0.5, math.MaxInt64/2)))
	}
	return above(v, uint64(min(d+0.5, math.MaxInt64/2)))
}

// rate returns the slope of the offset in ppb, within the drift: a weighted line through the middles.
//
// A delay of q beyond the least leaves the middle anywhere within ±q/2, a variance of q²/12; the least
// itself is about mean(q)/√n above the true floor. So the weights are 1/(q² + mean²/n).
func (f *Filter) rate(origin int64) float64 {
	least, sum := uint64(math.MaxUint64), 0.0
	for k := range f.n {
		least = min(least, f.kept[k].in.Width())
	}
	for k := range f.n {
		sum += float64(f.kept[k].in.Width() - least)
	}
	n := float64(f.n)
	floor := float64(sum/n*(sum/n))/n + 1
	var w, wx, wy, wxx, wxy float64
	base := f.kept[0].in.Mid()
	for k := range f.n {
		e := &f.kept[k]
		q := float64(e.in.Width() - least)
		c := 1 / (float64(q*q) + floor)
		x, y := seconds(e.at, origin), float64(e.in.Mid()-base)
		w, wx, wy = w+c, wx+float64(c*x), wy+float64(c*y)
		wxx, wxy = wxx+float64(c*float64(x*x)), wxy+float64(c*float64(x*y))
	}
	det := float64(w*wxx) - float64(wx*wx)
	if !(det > float64(1e-12*float64(w*wxx))) {
		return 0
	}
	slope := (float64(w*wxy) - float64(wx*wy)) / det // ns a second is ppb
	limit := float64(f.cfg.Drift)
	return min(max(slope, -limit), limit)
}

func seconds(at, origin int64) float64 {
	s := float64(float64(gap(at, origin)) * 1e-9)
	if at < origin {
		return -s
	}
	return s
}
