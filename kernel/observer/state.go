package observer

import (
	"errors"
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/state"
)

const (
	stateTag     = 'O'
	stateVersion = 1

	// largest is more than the fourth power of the largest innovation, of a jitter without noise, sums to.
	largest = 1e120
)

var errConfig = errors.New("written under another config")

// AppendBinary appends the complete state: the config, the counters and every filter.
func (o *Observer) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Head(dst, stateTag, stateVersion)
	for _, v := range [...]uint64{uint64(o.cfg.Window), uint64(o.cfg.Memory), o.n, uint64(o.at), uint64(o.filled), o.blocks} {
		dst = state.Uint(dst, v)
	}
	dst = state.Float(dst, o.cfg.Level)
	for i := range o.one {
		dst = o.two[i].append(o.one[i].append(dst))
	}
	return dst, nil
}

func (l *level) append(dst []byte) []byte {
	for _, p := range l.floats() {
		dst = state.Float(dst, *p)
	}
	dst = state.Int(state.Uint(dst, l.moved), l.at)
	return state.Uint(state.Bool(state.Uint(dst, l.fits), l.off), uint64(l.why))
}

// floats returns every number of l in the order of its binary form.
func (l *level) floats() [25]*float64 {
	return [...]*float64{
		&l.m, &l.p, &l.g.Q, &l.g.R, &l.e, &l.nu, &l.s, &l.d0, &l.d1,
		&l.now.s1, &l.now.s2, &l.now.s4, &l.now.lag,
		&l.past.s1, &l.past.s2, &l.past.s4, &l.past.lag,
		&l.bar.nis.Low, &l.bar.nis.High, &l.bar.bias, &l.bar.rho, &l.bar.kurtosis.Low, &l.bar.kurtosis.High,
		&l.rHat, &l.qHat,
	}
}

// UnmarshalBinary restores an observer of the same config, which then goes on bit-identically. After an
// error the observer is what it was.
func (o *Observer) UnmarshalBinary(b []byte) error {
	r := state.Open(b, stateTag, stateVersion)
	next := Observer{cfg: o.cfg, z: o.z}
	if window, memory := r.Uint(), r.Uint(); r.Err() == nil && (window != uint64(o.cfg.Window) || memory != uint64(o.cfg.Memory)) {
		r.Fail(errConfig)
	}
	next.n, next.at, next.filled, next.blocks = r.Uint(), r.Int(), r.Len(max(o.cfg.Window-1, 0)), r.Uint()
	if level := r.Float(); r.Err() == nil && level != o.cfg.Level {
		r.Fail(errConfig)
	}
	for i := range next.one {
		next.one[i].read(r, bounds[i])
		next.two[i].read(r, second)
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("observer: restore: %w", err)
	}
	if err := next.check(); err != nil {
		return fmt.Errorf("observer: restore: %w", err)
	}
	*o = next
	return nil
}

func (l *level) read(r *state.Reader, lim limits) {
	for _, p := range l.floats() {
		r.Floats(p)
	}
	l.moved, l.at = r.Uint(), r.Int()
	l.fits, l.off, l.why = r.Uint(), r.Bool(), Reason(r.Len(int(Misshapen)))
	if r.Err() == nil && (lim.clamp(l.g.Q, l.g.R) != l.g || l.p < 0 || l.p > lim.most || float64(l.m*l.m) > lim.most) {
		r.Fail(fmt.Errorf("mean %v, variance %v, q %v, r %v: not what a filter reaches", l.m, l.p, l.g.Q, l.g.R))
	}
	for _, p := range l.floats() {
		if math.Abs(*p) > largest {
			r.Fail(fmt.Errorf("number %v: not what a filter reaches", *p))
		}
	}
	if l.now.s2 < 0 || l.now.s4 < 0 || l.past.s2 < 0 || l.past.s4 < 0 {
		r.Fail(errors.New("a sum of squares below 0"))
	}
}

// check refuses counters that no run of Observe reaches.
func (o *Observer) check() error {
	steps := uint64(0)
	if o.n > 2 {
		steps = o.n - 2
	}
	w := uint64(o.cfg.Window)
	if steps/w != o.blocks || steps%w != uint64(o.filled) {
		return fmt.Errorf("%d observations: not %d blocks and %d", o.n, o.blocks, o.filled)
	}
	for i := range o.one {
		if o.one[i].moved > o.n || o.two[i].moved > o.n || max(o.one[i].fits, o.two[i].fits) > o.blocks {
			return fmt.Errorf("a filter is ahead of observation %d", o.n)
		}
	}
	return nil
}
