package phase

import (
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// MaxTaps is the longest Hilbert filter.
const MaxTaps = 4095

// Hilbert makes evenly sampled real signals analytic over a wide band, where a LockIn knows a line: an odd,
// antisymmetric filter under a Blackman window gives the imaginary part, and the level goes with the mean
// under the same window,
//
//	z(t_m) = x_m - Σ g_n·x_{m-n} + i·Σ_{n odd} 2/(πn)·b_n·x_{m-n},   |n| <= M = (Taps-1)/2.
//
// A line A·cos(ωt+φ) becomes A·exp(i(ωt+φ)) within 0.2 % of A from 3/(Taps·Period) to that much below half
// the sampling rate. The estimate is that of the middle sample and bears its time, so that event times
// mean what they say; it is known Delay = M·Period later. A sample that comes more than an eighth of Period
// beside its time begins the filter anew, which gives no points until Taps samples have come.
//
// Noise of the whole band has half its degrees of freedom left in an analytic signal: divide nu by 2.
type Hilbert struct {
	Taps   int           // odd, 7…4095; 0 is no filter
	Period time.Duration // > 0: from sample to sample
}

// On reports whether real samples are filtered at all.
func (h Hilbert) On() bool { return h.Taps != 0 }

// Validate names the field that is out of range.
func (h Hilbert) Validate() error {
	switch {
	case !h.On():
		if h.Period != 0 {
			return fmt.Errorf("phase: hilbert taps 0: want 7…%d, or no period", MaxTaps)
		}
	case h.Taps < 7 || h.Taps > MaxTaps || h.Taps%2 == 0:
		return fmt.Errorf("phase: hilbert taps %d: not odd in 7…%d", h.Taps, MaxTaps)
	case h.Period <= 0:
		return fmt.Errorf("phase: hilbert period %v: not above 0", h.Period)
	}
	return nil
}

// Delay returns how much later than its time an estimate is known.
func (h Hilbert) Delay() time.Duration { return time.Duration(h.Taps/2) * h.Period }

// fir is the running state of a Hilbert filter over D channels.
type fir struct {
	cfg  Hilbert
	odd  []float64    // coefficient of x_{m-n} - x_{m+n} by n, 0 for even n and n = 0
	mean []float64    // of x_{m-n} + x_{m+n} by n; of x_m at 0
	z    []complex128 // the newest estimate
	at   int64        // its time
	x    []float64    // ring of Taps samples, D values each
	t    []int64      // their times
	n    int          // samples since the filter began, up to Taps
	next int          // where the next one goes
}

func newFIR(cfg Hilbert, d int) *fir {
	m := cfg.Taps / 2
	f := &fir{
		cfg: cfg, odd: make([]float64, m+1), mean: make([]float64, m+1), z: make([]complex128, d),
		x: make([]float64, cfg.Taps*d), t: make([]int64, cfg.Taps),
	}
	sum := 0.0
	for n := range f.mean { // Blackman, without its zeros at the ends
		turns := uint64(n) * (math.MaxUint64 / uint64(cfg.Taps+1))
		_, once := exact.Sincos(turns)
		_, twice := exact.Sincos(2 * turns)
		b := 0.42 + float64(0.5*once) + float64(0.08*twice)
		f.mean[n] = b
		if sum += b; n > 0 {
			sum += b
		}
		if n%2 == 1 {
			f.odd[n] = float64(2/math.Pi*b) / float64(n)
		}
	}
	for n := range f.mean {
		f.mean[n] /= sum
	}
	return f
}

// newest returns the time of the newest sample; ok is false before the first.
func (f *fir) newest() (t int64, ok bool) {
	return f.t[(f.next+f.cfg.Taps-1)%f.cfg.Taps], f.n > 0
}

// step takes the sample x at t. ok is false where there is no estimate.
func (f *fir) step(t int64, x []float64) (ok bool) {
	if last, heard := f.newest(); heard {
		dt, period := uint64(t)-uint64(last), uint64(f.cfg.Period) // the estimator refused t < last
		if dt == 0 {
			return false
		}
		if slack := period / 8; dt < period-slack || dt > period+slack {
			f.n = 0
		}
	}
	d := len(f.z)
	for i := range x {
		f.x[f.next*d+i] = clean(x[i])
	}
	f.t[f.next] = t
	f.next = (f.next + 1) % f.cfg.Taps
	if f.n = min(f.n+1, f.cfg.Taps); f.n < f.cfg.Taps {
		return false
	}
	f.estimate()
	return true
}

// estimate filters the full ring around its middle sample.
func (f *fir) estimate() {
	d, taps := len(f.z), f.cfg.Taps
	mid := f.next + taps/2 // the oldest sample is at next
	f.at = f.t[mid%taps]
	for i := range f.z {
		x := f.x[mid%taps*d+i]
		level, size := float64(x*f.mean[0]), math.Abs(float64(x*f.mean[0]))
		im := 0.0
		for n := 1; n <= taps/2; n++ {
			a, b := f.x[(mid-n)%taps*d+i], f.x[(mid+n)%taps*d+i]
			level += float64((a + b) * f.mean[n])
			size += float64((math.Abs(a) + math.Abs(b)) * f.mean[n])
			im += float64((a - b) * f.odd[n])
		}
		re := x - level
		if math.Abs(re)+math.Abs(im) <= 1e-12*size { // a constant, but for rounding
			re, im = 0, 0
		}
		f.z[i] = complex(clean(re), clean(im))
	}
}

func (f *fir) append(dst []byte) []byte {
	dst = state.Uint(state.Uint(dst, uint64(f.n)), uint64(f.next))
	for _, t := range f.t {
		dst = state.Int(dst, t)
	}
	return state.Floats(dst, f.x...)
}

func (f *fir) read(r *state.Reader) {
	f.n, f.next = r.Len(f.cfg.Taps), r.Len(f.cfg.Taps-1)
	for i := range f.t {
		f.t[i] = r.Int()
	}
	for i := range f.x {
		f.x[i] = r.Float()
	}
}
