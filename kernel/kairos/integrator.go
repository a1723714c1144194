package kairos

import (
	"fmt"
	"time"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// Window is the shape of a memory.
type Window uint8

// The windows.
const (
	Leaky       Window = iota // weights exp(-(t_newest-t)/tau)
	Rectangular               // weight 1 within tau of the newest, 0 before
	Staircase                 // a Ladder whose fastest level decays with tau; it reads its Settled level
)

// String returns the window's name in configs: "leaky", "rect" or "ladder".
func (w Window) String() string {
	switch w {
	case Leaky:
		return "leaky"
	case Rectangular:
		return "rect"
	case Staircase:
		return "ladder"
	}
	return fmt.Sprintf("window(%d)", uint8(w))
}

// UnmarshalText accepts "leaky", "rect" and "ladder".
func (w *Window) UnmarshalText(b []byte) error {
	switch string(b) {
	case "leaky":
		*w = Leaky
	case "rect":
		*w = Rectangular
	case "ladder":
		*w = Staircase
	default:
		return fmt.Errorf("kairos: window %q: not one of leaky, rect, ladder", b)
	}
	return nil
}

// DefaultCapacity is the most terms that a rectangular window holds unless the config says otherwise.
const DefaultCapacity = 1 << 20

// Config says what an Integrator sums.
type Config struct {
	Pair     PairConfig
	Window   Window
	Tau      time.Duration // leaky: time constant > 0; rectangular: length, 0 is without end; ladder: as in DefaultLadder
	N0       float64       // pseudo-mass that does not decay, >= 0
	Capacity int           // rectangular: most terms inside, the oldest leave early; 0 means DefaultCapacity
}

// Validate names the field that is out of range.
func (c Config) Validate() error {
	switch {
	case c.Window > Staircase:
		return fmt.Errorf("kairos: window %d: not in 0…2", uint8(c.Window))
	case c.Tau < 0 || c.Tau == 0 && c.Window == Leaky:
		return fmt.Errorf("kairos: tau %v of a %s window: not above 0", c.Tau, c.Window)
	case c.Capacity < 0:
		return fmt.Errorf("kairos: capacity %d: below 0", c.Capacity)
	case c.Window == Staircase && c.Tau < DefaultBlocks:
		return fmt.Errorf("kairos: tau %v of a ladder: below %d ns", c.Tau, DefaultBlocks)
	}
	if err := c.Pair.Validate(); err != nil {
		return err
	}
	return checkN0(c.N0)
}

// Integrator is one window over one stream of points, or of terms. Not safe for concurrent use.
type Integrator struct {
	cfg   Config
	pair  *Correlator
	leaky leaky   // Window Leaky
	rect  rect    // Window Rectangular
	steps *Ladder // Window Staircase, else nil
	late  uint64
}

// NewIntegrator validates cfg and returns an integrator that has heard nothing.
func NewIntegrator(cfg Config) (*Integrator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	pair, err := NewCorrelator(cfg.Pair)
	if err != nil {
		return nil, err
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = DefaultCapacity
	}
	g := &Integrator{cfg: cfg, pair: pair}
	if cfg.Window == Staircase {
		l := DefaultLadder(cfg.Tau)
		l.Reading, l.N0, l.Horizon = cfg.Pair.Reading, cfg.N0, cfg.Pair.Horizon
		if g.steps, err = NewLadder(l); err != nil {
			return nil, err
		}
	}
	g.clear()
	return g, nil
}

func (g *Integrator) clear() {
	g.leaky = leaky{clock: clock{tau: float64(g.cfg.Tau)}}
	g.rect = rect{
		reading: g.cfg.Pair.Reading, length: int64(g.cfg.Tau), capacity: g.cfg.Capacity,
		terms: g.rect.terms[:0], lost: g.rect.lost,
	}
	if g.steps != nil {
		g.steps.Reset()
	}
}

// Step pairs p, adds what comes of it and returns the resonance at the newest point. A late p counts as
// if it had come in time: its weight is that of its age. ErrLate, and no change, where it is older than
// the horizon, or, rectangular without a lag, than the window. O(1), without allocation once the
// rings have grown; a late point costs what lies behind it.
func (g *Integrator) Step(p *phase.Point) (Resonance, error) {
	if err := g.Put(p); err != nil {
		return Resonance{}, err
	}
	return g.Read(), nil
}

// Put is Step without the reading, for who looks less often than he hears.
func (g *Integrator) Put(p *phase.Point) error {
	if g.tooLate(p.T) {
		g.late++
		return fmt.Errorf("kairos: step: %w", ErrLate)
	}
	terms, err := g.pair.Step(p)
	if err != nil {
		return err
	}
	if g.cfg.Window == Leaky && len(terms) == 1 {
		g.leaky.add(&terms[0], modulus(terms[0].P))
		return nil
	}
	for i := range terms {
		g.add(&terms[i])
	}
	return nil
}

// Terms returns the terms of the latest Step, which hold until the next.
func (g *Integrator) Terms() []Term { return g.pair.terms }

// Add adds a term from a Correlator of the same PairConfig, where several windows share one. An
// integrator that is given terms is not given points.
func (g *Integrator) Add(t Term) error {
	if _, err := t.check(); err != nil {
		return err
	}
	if g.tooLate(t.T) {
		g.late++
		return fmt.Errorf("kairos: add: %w", ErrLate)
	}
	g.add(&t)
	return nil
}

func (g *Integrator) tooLate(t int64) bool {
	switch g.cfg.Window {
	case Leaky:
		return g.leaky.late(t, g.cfg.Pair.Horizon)
	case Staircase:
		return g.steps.late(t)
	}
	w := &g.rect
	if !w.heard || t >= w.newest {
		return false
	}
	if g.cfg.Pair.Lag > 0 { // out of the window it may still be somebody's partner
		return age(w.newest, t) > uint64(g.cfg.Pair.Horizon)
	}
	return w.length > 0 && age(w.newest, t) >= uint64(w.length)
}

func (g *Integrator) add(t *Term) {
	switch g.cfg.Window {
	case Leaky:
		g.leaky.add(t, modulus(t.P))
	case Rectangular:
		g.rect.add(t)
	case Staircase:
		g.steps.add(t, modulus(t.P))
	}
}

// Newest returns the time of the newest point or term; ok is false before the first.
func (g *Integrator) Newest() (t int64, ok bool) {
	switch g.cfg.Window {
	case Leaky:
		return g.leaky.t, g.leaky.heard
	case Staircase:
		return g.steps.Newest()
	}
	return g.rect.newest, g.rect.heard
}

// Ladder returns the ladder behind a Staircase window, to be read and not added to; nil for others.
func (g *Integrator) Ladder() *Ladder { return g.steps }

// Read returns the resonance at the newest point or term.
func (g *Integrator) Read() Resonance {
	t, _ := g.Newest()
	return g.ReadAt(t)
}

// ReadAt returns what Read would be after silence until at, and changes nothing. An instant before the
// newest point counts as that.
func (g *Integrator) ReadAt(at int64) Resonance {
	var s sums
	var n uint64
	switch g.cfg.Window {
	case Leaky:
		s, n, at = g.leaky.readAt(at)
	case Rectangular:
		s, n, at = g.rect.readAt(at)
	case Staircase:
		return g.steps.ReadAt(g.steps.settledAt(at), at)
	}
	return s.read(g.cfg.Pair.Reading, g.cfg.N0, n, at)
}

// Late returns how many points and terms were refused as too late.
func (g *Integrator) Late() uint64 { return g.late }

// Lost returns how many samples left a ring early because it was full.
func (g *Integrator) Lost() uint64 { return g.pair.Lost() + g.rect.lost }

// Reset forgets everything but its counters.
func (g *Integrator) Reset() {
	g.pair.Reset()
	g.clear()
}

const (
	pairTag       = 'C'
	pairVersion   = 1
	windowTag     = 'I'
	windowVersion = 1
)

// AppendBinary appends the state of the lag ring.
func (c *Correlator) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Uint(state.Head(dst, pairTag, pairVersion), uint64(c.cfg.Dims))
	return c.append(dst), nil
}

func (c *Correlator) append(dst []byte) []byte { return c.ring.append(state.Uint(dst, c.lost)) }

func (c *Correlator) read(r *state.Reader) {
	c.lost = r.Uint()
	c.ring.read(r)
}

// UnmarshalBinary restores a state of a correlator of the same config, which then goes on bit-identically.
func (c *Correlator) UnmarshalBinary(b []byte) error {
	r := state.Open(b, pairTag, pairVersion)
	if d := r.Uint(); r.Err() == nil && d != uint64(c.cfg.Dims) {
		r.Fail(fmt.Errorf("dims %d: want %d", d, c.cfg.Dims))
	}
	if c.read(r); r.Close() != nil {
		return fmt.Errorf("kairos: restore correlator: %w", r.Err())
	}
	return nil
}

// AppendBinary appends the complete state: window, lag ring and counters, not the Config.
func (g *Integrator) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Head(dst, windowTag, windowVersion)
	dst = state.Uint(state.Uint(dst, uint64(g.cfg.Window)), uint64(g.cfg.Pair.Dims))
	dst = g.pair.append(state.Uint(dst, g.late))
	switch g.cfg.Window {
	case Leaky:
		return g.leaky.append(dst), nil
	case Staircase:
		return g.steps.append(dst), nil
	}
	return g.rect.append(dst), nil
}

// UnmarshalBinary restores a state of an integrator of the same Config, which then goes on bit-identically.
// After an error the integrator holds no meaning until Reset.
func (g *Integrator) UnmarshalBinary(b []byte) error {
	r := state.Open(b, windowTag, windowVersion)
	if w, d := r.Uint(), r.Uint(); r.Err() == nil && (w != uint64(g.cfg.Window) || d != uint64(g.cfg.Pair.Dims)) {
		r.Fail(fmt.Errorf("window %d of %d channels: want %d of %d", w, d, g.cfg.Window, g.cfg.Pair.Dims))
	}
	g.late = r.Uint()
	g.pair.read(r)
	switch g.cfg.Window {
	case Leaky:
		g.leaky.read(r)
	case Rectangular:
		g.rect.read(r)
	case Staircase:
		g.steps.read(r)
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("kairos: restore integrator: %w", err)
	}
	return nil
}
