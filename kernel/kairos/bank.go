package kairos

import (
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

// MaxLevels is the most levels that a bank has.
const MaxLevels = 64

// BankConfig says which windows a Bank has: level j decays with tau_j = Tau·Ratio^j.
type BankConfig struct {
	Reading phase.Reading
	Tau     time.Duration // of level 0, > 0
	Ratio   float64       // > 1; any where Levels is 1
	Levels  int           // 1…64
	N0      float64       // pseudo-mass that does not decay, >= 0
	Horizon time.Duration // how late a term may come
	Partner time.Duration // time constant of another leaky window over the same terms, for Cross; 0 is none
}

// Validate names the field that is out of range.
func (c BankConfig) Validate() error {
	switch {
	case c.Reading > phase.ByEnergy:
		return fmt.Errorf("kairos: bank reading %d: not in 0…1", uint8(c.Reading))
	case c.Levels < 1 || c.Levels > MaxLevels:
		return fmt.Errorf("kairos: bank levels %d: not in 1…%d", c.Levels, MaxLevels)
	case c.Tau <= 0:
		return fmt.Errorf("kairos: bank tau %v: not above 0", c.Tau)
	case c.Levels > 1 && !(c.Ratio > 1):
		return fmt.Errorf("kairos: bank ratio %v: not above 1", c.Ratio)
	case c.Horizon < 0:
		return fmt.Errorf("kairos: bank horizon %v: below 0", c.Horizon)
	case c.Partner < 0:
		return fmt.Errorf("kairos: bank partner %v: below 0", c.Partner)
	}
	tau := float64(c.Tau)
	for range c.Levels - 1 {
		tau = float64(tau * c.Ratio)
	}
	if !(tau <= math.MaxInt64) {
		return fmt.Errorf("kairos: bank of %d levels from %v by %v: slowest tau is beyond 292 years", c.Levels, c.Tau, c.Ratio)
	}
	return checkN0(c.N0)
}

// Bank is a row of leaky windows at log-spaced time constants that share each term: the coherence over
// scale. O(Levels), no allocation. Not safe for concurrent use.
type Bank struct {
	cfg    BankConfig
	levels []leaky
	cross  []Cross // beside each level with Partner, else nil
}

// NewBank validates cfg and returns a bank that has heard nothing.
func NewBank(cfg BankConfig) (*Bank, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b := &Bank{cfg: cfg, levels: make([]leaky, cfg.Levels)}
	tau := float64(cfg.Tau)
	for j := range b.levels {
		b.levels[j].tau = tau
		if cfg.Partner > 0 {
			b.cross = append(b.cross, newCross(tau, float64(cfg.Partner), cfg.Horizon))
		}
		tau = float64(tau * cfg.Ratio)
	}
	return b, nil
}

// Add adds one term to every level. ErrLate where it is older than the horizon.
func (b *Bank) Add(t Term) error { return b.Put(&t) }

// Put is Add of a term that need not be copied. It keeps nothing of t.
func (b *Bank) Put(t *Term) error {
	a, err := t.check()
	if err != nil {
		return err
	}
	if b.levels[0].late(t.T, b.cfg.Horizon) {
		return fmt.Errorf("kairos: bank: %w", ErrLate)
	}
	for j := range b.levels {
		b.levels[j].add(t, a)
	}
	for j := range b.cross {
		b.cross[j].add(t)
	}
	return nil
}

// Levels returns the number of levels.
func (b *Bank) Levels() int { return len(b.levels) }

// Tau returns the time constant of level j in whole nanoseconds.
func (b *Bank) Tau(j int) time.Duration { return time.Duration(b.levels[j].tau) }

// Newest returns the time of the newest term; ok is false before the first.
func (b *Bank) Newest() (t int64, ok bool) { return b.levels[0].t, b.levels[0].heard }

// Read returns level j at the newest term.
func (b *Bank) Read(j int) Resonance { return b.ReadAt(j, b.levels[j].t) }

// ReadAt returns what Read(j) would be after silence until at, and changes nothing. An instant before the
// newest term counts as that.
func (b *Bank) ReadAt(j int, at int64) Resonance {
	s, n, at := b.levels[j].readAt(at)
	return s.read(b.cfg.Reading, b.cfg.N0, n, at)
}

// Cross returns Σ w_j·w_partner of level j after silence until at, 0 without a Partner.
func (b *Bank) Cross(j int, at int64) float64 {
	if b.cross == nil {
		return 0
	}
	return b.cross[j].ReadAt(at)
}

// Reset forgets everything.
func (b *Bank) Reset() {
	for j := range b.levels {
		b.levels[j] = leaky{clock: clock{tau: b.levels[j].tau}}
	}
	for j := range b.cross {
		b.cross[j].Reset()
	}
}

const (
	bankTag     = 'B'
	bankVersion = 1
)

// AppendBinary appends the state of every level.
func (b *Bank) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Head(dst, bankTag, bankVersion)
	dst = state.Uint(state.Uint(dst, uint64(len(b.levels))), uint64(len(b.cross)))
	for j := range b.levels {
		dst = b.levels[j].append(dst)
	}
	for j := range b.cross {
		dst = b.cross[j].append(dst)
	}
	return dst, nil
}

// UnmarshalBinary restores a state of a bank of the same config, which then goes on bit-identically.
func (b *Bank) UnmarshalBinary(data []byte) error {
	r := state.Open(data, bankTag, bankVersion)
	levels, cross := r.Len(MaxLevels), r.Len(MaxLevels)
	if r.Err() == nil && (levels != len(b.levels) || cross != len(b.cross)) {
		r.Fail(fmt.Errorf("%d levels, %d cross sums: want %d and %d", levels, cross, len(b.levels), len(b.cross)))
	}
	for j := range b.levels {
		b.levels[j].read(r)
	}
	for j := range b.cross {
		b.cross[j].read(r)
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("kairos: restore bank: %w", err)
	}
	return nil
}
