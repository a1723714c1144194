package kairos

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// MaxDecoys is the most guard bins or decoy lags.
const MaxDecoys = 64

// GuardConfig says where a Guard listens: at the frequencies ±SpacingHz, ±2·SpacingHz … beside that of the
// terms.
type GuardConfig struct {
	Tau       time.Duration // > 0: of the leaky window that it guards
	Bins      int           // J, even, 2…64
	SpacingHz float64       // 2π·SpacingHz·Tau >= 6, so that the bins share little
	Horizon   time.Duration // how late a term may come
}

// Validate names the field that is out of range.
func (c GuardConfig) Validate() error {
	switch {
	case c.Tau <= 0:
		return fmt.Errorf("kairos: guard tau %v: not above 0", c.Tau)
	case c.Bins < 2 || c.Bins > MaxDecoys || c.Bins%2 != 0:
		return fmt.Errorf("kairos: guard bins %d: not even in 2…%d", c.Bins, MaxDecoys)
	case c.Horizon < 0:
		return fmt.Errorf("kairos: guard horizon %v: below 0", c.Horizon)
	case !(c.SpacingHz > 0 && c.SpacingHz*float64(c.Bins/2) < phase.MaxHz):
		return fmt.Errorf("kairos: guard spacing %v Hz of %d bins: not above 0 and within 5e8", c.SpacingHz, c.Bins)
	case !(2*math.Pi*c.SpacingHz*c.Tau.Seconds() >= 6):
		return fmt.Errorf("kairos: guard spacing %v Hz at tau %v: 2π·spacing·tau below 6", c.SpacingHz, c.Tau)
	}
	return nil
}

// decoySums is Σ w·p of several leaky windows that share one clock.
type decoySums struct {
	clock clock
	s     []complex128
}

// Guard sums the terms of a window at frequencies beside its own, where its signal is not but its noise is,
// of whatever colour. It cannot guard omega = 0, whose line is nobody's neighbour: use Decoys there.
// O(Bins), no allocation. Not safe for concurrent use. Source: KERNEL.md 2.5.
type Guard struct {
	cfg  GuardConfig
	sums decoySums
	nco  []phase.NCO // SpacingHz, 2·SpacingHz …
}

// NewGuard validates cfg and returns a guard that has heard nothing.
func NewGuard(cfg GuardConfig) (*Guard, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Guard{cfg: cfg, sums: decoySums{s: make([]complex128, cfg.Bins)}}
	for m := range cfg.Bins / 2 {
		n, err := phase.NewNCO(float64(float64(m+1) * cfg.SpacingHz))
		if err != nil {
			return nil, err
		}
		g.nco = append(g.nco, n)
	}
	g.Reset()
	return g, nil
}

// Add adds one term. ErrLate where it is older than the horizon.
func (g *Guard) Add(t Term) error {
	if _, err := t.check(); err != nil {
		return err
	}
	if g.sums.clock.late(t.T, g.cfg.Horizon) {
		return fmt.Errorf("kairos: guard: %w", ErrLate)
	}
	w := g.sums.step(&t)
	p := exact.Scale(w, t.P)
	for m, n := range g.nco {
		sin, cos := exact.Sincos(n.Phase(t.T))
		a, b := float64(real(p)*cos), float64(imag(p)*sin)
		c, d := float64(real(p)*sin), float64(imag(p)*cos)
		g.sums.s[2*m] += complex(a-b, c+d)
		g.sums.s[2*m+1] += complex(a+b, d-c)
	}
	return nil
}

// step moves the clock to t, decays the sums and returns the weight of the term.
func (s *decoySums) step(t *Term) float64 {
	keep, fresh := s.clock.step(t.T)
	if keep != 1 {
		for j, z := range s.s {
			z = exact.Scale(keep, z)
			if math.Abs(real(z))+math.Abs(imag(z)) < emptyMass {
				z = 0
			}
			s.s[j] = z
		}
	}
	w := float64(fresh * t.Weight)
	if t.Sign < 0 {
		return -w
	}
	return w
}

// Judge compares s, the S of the guarded window at the newest term, with the bins. Silence changes nothing,
// for it decays them alike.
func (g *Guard) Judge(s complex128) evidence.CFAR { return evidence.Compare(s, g.sums.s) }

// Reset forgets everything.
func (g *Guard) Reset() { g.sums.reset(g.cfg.Tau) }

func (s *decoySums) reset(tau time.Duration) {
	s.clock = clock{tau: float64(tau)}
	clear(s.s)
}

const (
	guardTag     = 'U'
	decoyTag     = 'Y'
	decoyVersion = 1
)

// AppendBinary appends the state.
func (g *Guard) AppendBinary(dst []byte) ([]byte, error) {
	return g.sums.append(state.Head(dst, guardTag, decoyVersion)), nil
}

func (s *decoySums) append(dst []byte) []byte {
	return state.Complexes(s.clock.append(state.Uint(dst, uint64(len(s.s)))), s.s...)
}

func (s *decoySums) read(r *state.Reader) {
	if n := r.Uint(); r.Err() == nil && n != uint64(len(s.s)) {
		r.Fail(fmt.Errorf("%d decoys: want %d", n, len(s.s)))
	}
	s.clock.read(r)
	r.Complexes(s.s)
}

// UnmarshalBinary restores a state of a guard of the same config, which then goes on bit-identically.
func (g *Guard) UnmarshalBinary(b []byte) error {
	r := state.Open(b, guardTag, decoyVersion)
	g.sums.read(r)
	if err := r.Close(); err != nil {
		return fmt.Errorf("kairos: restore guard: %w", err)
	}
	return nil
}

// DecoyConfig says at which lags Decoys listen.
type DecoyConfig struct {
	Pair PairConfig      // of the window that they stand beside; its Lag is replaced
	Tau  time.Duration   // > 0: of that leaky window
	Lags []time.Duration // 1…64 lags > 0 at which nothing is to be expected, farther apart than the noise remembers
}

var errDecoyLag = errors.New("kairos: decoy lags: want 1…64, each above 0 and other than the lag that they stand beside")

// Decoys sums x against its reference at lags where no signal is. Where omega is 0 they tell coherence at
// the one lag from noise that is coherent at all of them. O(lags), no allocation once the rings have grown.
// Not safe for concurrent use. Source: KERNEL.md 2.5.
type Decoys struct {
	pairs []*Correlator
	sums  []decoySums // one clock each: a late point may re-pair at one lag and not at another
	tau   time.Duration
	s     []complex128
}

// NewDecoys validates cfg and returns decoys that have heard nothing.
func NewDecoys(cfg DecoyConfig) (*Decoys, error) {
	if len(cfg.Lags) < 1 || len(cfg.Lags) > MaxDecoys {
		return nil, errDecoyLag
	}
	if cfg.Tau <= 0 {
		return nil, fmt.Errorf("kairos: decoy tau %v: not above 0", cfg.Tau)
	}
	d := &Decoys{tau: cfg.Tau, s: make([]complex128, len(cfg.Lags)), sums: make([]decoySums, len(cfg.Lags))}
	for j, lag := range cfg.Lags {
		if lag <= 0 || lag == cfg.Pair.Lag {
			return nil, errDecoyLag
		}
		pair := cfg.Pair
		if pair.Lag = lag; pair.MaxGap == 0 {
			pair.MaxGap = max(cfg.Pair.Lag, 0)
		}
		c, err := NewCorrelator(pair)
		if err != nil {
			return nil, err
		}
		d.pairs = append(d.pairs, c)
		d.sums[j].s = d.s[j : j+1 : j+1]
	}
	d.Reset()
	return d, nil
}

// Step pairs p at every lag. ErrLate and other errors are the correlators', and change nothing.
func (d *Decoys) Step(p *phase.Point) error {
	for j, c := range d.pairs {
		terms, err := c.Step(p)
		if err != nil {
			return err // the first refuses for all: they differ in nothing that is refused
		}
		for i := range terms {
			w := d.sums[j].step(&terms[i])
			d.s[j] += exact.Scale(w, terms[i].P)
		}
	}
	return nil
}

// Judge compares s, the S of the window that they stand beside at the newest point, with the decoys.
func (d *Decoys) Judge(s complex128) evidence.CFAR { return evidence.Compare(s, d.s) }

// Reset forgets everything.
func (d *Decoys) Reset() {
	for j := range d.sums {
		d.pairs[j].Reset()
		d.sums[j].reset(d.tau)
	}
}

// AppendBinary appends the state.
func (d *Decoys) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Uint(state.Head(dst, decoyTag, decoyVersion), uint64(len(d.pairs)))
	for j, c := range d.pairs {
		dst = d.sums[j].append(c.append(dst))
	}
	return dst, nil
}

// UnmarshalBinary restores a state of decoys of the same config, which then go on bit-identically.
func (d *Decoys) UnmarshalBinary(b []byte) error {
	r := state.Open(b, decoyTag, decoyVersion)
	if n := r.Uint(); r.Err() == nil && n != uint64(len(d.pairs)) {
		r.Fail(fmt.Errorf("%d decoys: want %d", n, len(d.pairs)))
	}
	for j, c := range d.pairs {
		c.read(r)
		d.sums[j].read(r)
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("kairos: restore decoys: %w", err)
	}
	return nil
}
