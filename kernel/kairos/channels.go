package kairos

import (
	"errors"
	"fmt"
	"time"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// ChannelsConfig says what a Channels sums.
type ChannelsConfig struct {
	Dims    int           // channels D, 1…65536
	Tau     time.Duration // > 0: time constant
	N0      float64       // pseudo-mass that does not decay, >= 0
	Omega   phase.NCO     // the detuning to listen at
	Horizon time.Duration // how late a frame may come
}

// Validate names the field that is out of range.
func (c ChannelsConfig) Validate() error {
	switch {
	case c.Dims < 1 || c.Dims > phase.MaxDims:
		return fmt.Errorf("kairos: channels dims %d: not in 1…%d", c.Dims, phase.MaxDims)
	case c.Tau <= 0:
		return fmt.Errorf("kairos: channels tau %v: not above 0", c.Tau)
	case c.Horizon < 0:
		return fmt.Errorf("kairos: channels horizon %v: below 0", c.Horizon)
	}
	return checkN0(c.N0)
}

// Frame is the unit phasors of D channels at one instant, real and imaginary parts in planes of their own,
// which is what a processor reads fastest. Each slice has D values; x is the signal, y its reference.
type Frame struct {
	T              int64 // ns
	XR, XI, YR, YI []float64
	Weight         float64 // 0…1
}

// Channels is a leaky window for each of D channels, by phase, which share times and weights and so W and
// Q: T_d for every channel, whatever the lag phase of each. It is what to use where channels agree each
// with its own reference; where they must agree with one another too, a Correlator of D channels sums
// them. O(D), no allocation. Not safe for concurrent use. Source: KERNEL.md 1.5 (b).
type Channels struct {
	cfg    ChannelsConfig
	clock  clock
	re, im []float64 // Σ w·p of each channel
	w, q   float64
	n      uint64
}

// NewChannels validates cfg and returns windows that have heard nothing.
func NewChannels(cfg ChannelsConfig) (*Channels, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	buf := make([]float64, 2*cfg.Dims)
	c := &Channels{cfg: cfg, re: buf[:cfg.Dims:cfg.Dims], im: buf[cfg.Dims:]}
	c.Reset()
	return c, nil
}

var errFrame = errors.New("kairos: frame: want |x|²+|y|² within 2 and a weight in 0…1")

// Add adds one frame. ErrLate where it is older than the horizon. A frame that is not of D channels, not
// finite or of |x|²+|y|² beyond 2, which unit phasors keep to and which keeps |T_d| within 1, is an error.
// Errors change nothing.
func (c *Channels) Add(f *Frame) error {
	d := c.cfg.Dims
	if len(f.XR) != d || len(f.XI) != d || len(f.YR) != d || len(f.YI) != d {
		return fmt.Errorf("kairos: frame of %d, %d, %d and %d values: want %d", len(f.XR), len(f.XI), len(f.YR), len(f.YI), d)
	}
	if c.clock.late(f.T, c.cfg.Horizon) {
		return fmt.Errorf("kairos: channels: %w", ErrLate)
	}
	if !(f.Weight >= 0 && f.Weight <= 1) || !f.bounded() {
		return errFrame
	}
	keep, fresh := c.clock.step(f.T)
	w := float64(f.Weight * fresh)
	c.w = float64(c.w*keep) + w
	c.q = float64(c.q*float64(keep*keep)) + float64(w*w)
	if c.w < emptyMass {
		c.empty()
		return nil
	}
	if w > 0 {
		c.n++
	}
	rot := exact.Scale(w, c.cfg.Omega.Rotor(f.T))
	mix(c.re, c.im, f, keep, real(rot), imag(rot))
	return nil
}

// mix leaves keep of each sum and adds x·conj(y)·(rr + i·ri).
func mix(re, im []float64, f *Frame, keep, rr, ri float64) {
	n := len(re)
	im, xr, xi, yr, yi := im[:n], f.XR[:n], f.XI[:n], f.YR[:n], f.YI[:n]
	for d := range re {
		a, b, u, v := xr[d], xi[d], yr[d], yi[d]
		pr := float64(a*u) + float64(b*v)
		pi := float64(b*u) - float64(a*v)
		re[d] = float64(re[d]*keep) + (float64(pr*rr) - float64(pi*ri))
		im[d] = float64(im[d]*keep) + (float64(pr*ri) + float64(pi*rr))
	}
}

// bounded reports whether |x|²+|y|² <= 2 in every channel, but for rounding: then |x·conj(y)| <= 1.
func (f *Frame) bounded() bool {
	n := len(f.XR)
	xr, xi, yr, yi := f.XR, f.XI[:n], f.YR[:n], f.YI[:n]
	for d, a := range xr {
		b, u, v := xi[d], yr[d], yi[d]
		if !((float64(a*a)+float64(b*b))+(float64(u*u)+float64(v*v)) <= 2*inDiscLimit) {
			return false
		}
	}
	return true
}

func (c *Channels) empty() {
	clear(c.re)
	clear(c.im)
	c.w, c.q = 0, 0
}

// Dims returns the number of channels.
func (c *Channels) Dims() int { return c.cfg.Dims }

// Newest returns the time of the newest frame; ok is false before the first.
func (c *Channels) Newest() (t int64, ok bool) { return c.clock.t, c.clock.heard }

// ReadAt returns channel d after silence until at, and changes nothing. An instant before the newest frame
// counts as that.
func (c *Channels) ReadAt(d int, at int64) Resonance {
	keep, at := c.clock.until(at)
	s := sums{re: c.re[d], im: c.im[d], w: c.w, q: c.q, ex: c.w, ey: c.w, a1: c.w, a2: c.q}
	if keep != 1 {
		s.decay(keep)
	}
	return s.read(phase.ByPhase, c.cfg.N0, c.n, at)
}

// Mean returns mean_d |T_d|² at the newest frame, the effective samples nu of each, and the same mean with
// the pseudo-mass. Under chance the mean of the first is 1/nu exactly; with nu well above 1 and independent
// channels it follows a gamma law of shape D and scale 1/(nu·D). All are 0 for empty windows.
func (c *Channels) Mean() (t2, nu, ts2 float64) {
	if !(c.w > 0 && c.q > 0) {
		return 0, 0, 0
	}
	sum := 0.0
	for d := range c.re {
		sum += float64(c.re[d]*c.re[d]) + float64(c.im[d]*c.im[d])
	}
	sum /= float64(len(c.re))
	shrunk := c.w + c.cfg.N0
	return min(1, sum/float64(c.w*c.w)), float64(c.w*c.w) / c.q, sum / float64(shrunk*shrunk)
}

// Reset forgets everything.
func (c *Channels) Reset() {
	c.clock = clock{tau: float64(c.cfg.Tau)}
	c.n = 0
	c.empty()
}

const (
	channelsTag     = 'D'
	channelsVersion = 1
)

// AppendBinary appends the state.
func (c *Channels) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Uint(state.Head(dst, channelsTag, channelsVersion), uint64(len(c.re)))
	dst = state.Floats(state.Uint(c.clock.append(dst), c.n), c.w, c.q)
	return state.Floats(state.Floats(dst, c.re...), c.im...), nil
}

// UnmarshalBinary restores a state of windows of the same config, which then go on bit-identically. After an
// error they hold no meaning until Reset.
func (c *Channels) UnmarshalBinary(b []byte) error {
	r := state.Open(b, channelsTag, channelsVersion)
	if d := r.Uint(); r.Err() == nil && d != uint64(len(c.re)) {
		r.Fail(fmt.Errorf("dims %d: want %d", d, len(c.re)))
	}
	c.clock.read(r)
	c.n = r.Uint()
	r.Floats(&c.w, &c.q)
	for _, plane := range [2][]float64{c.re, c.im} {
		for d := range plane {
			plane[d] = r.Float()
		}
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("kairos: restore channels: %w", err)
	}
	return nil
}

// planes splits z.
func planes(re, im []float64, z []complex128) {
	im = im[:len(z)]
	for d, v := range z {
		re[d], im[d] = real(v), imag(v)
	}
}

// Take fills the frame's planes, which are made where they are too short, from the points of p, whose
// missing reference is the clock phasor 1.
func (f *Frame) Take(p *phase.Point) {
	n := len(p.U)
	if cap(f.XR) < n {
		buf := make([]float64, 4*n)
		f.XR, f.XI, f.YR, f.YI = buf[:n:n], buf[n:2*n:2*n], buf[2*n:3*n:3*n], buf[3*n:]
	}
	f.XR, f.XI, f.YR, f.YI = f.XR[:n], f.XI[:n], f.YR[:n], f.YI[:n]
	f.T, f.Weight = p.T, p.Weight
	planes(f.XR, f.XI, p.U)
	if p.V != nil {
		planes(f.YR, f.YI, p.V[:n])
		return
	}
	for d := range f.YR {
		f.YR[d], f.YI[d] = 1, 0
	}
}
