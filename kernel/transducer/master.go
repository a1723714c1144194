package transducer

import (
	"fmt"
	"time"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
)

// MasterConfig of a Master.
type MasterConfig struct {
	Reading   phase.Reading
	Tau       time.Duration // > 0: time constant of the fastest level
	Ratio     float64       // > 1: of one level's time constant to the next
	Levels    int           // 1…64
	N0        float64       // >= 0: pseudo-mass of each window, samples
	Horizon   time.Duration // >= 0: how late a term may come
	Emissary  time.Duration // > 0: Emissary's time constant, for the overlap of the two pathways
	Threshold float64       // I_c: least |T~|² at which a level begins to hold
	Release   float64       // I_r: below it a level that held ceases to
	MinMass   float64       // W_min: least mass of a level that speaks
}

// Levels returns how many levels of the ratio cover fastest…slowest, at least 1.
func Levels(fastest, slowest time.Duration, ratio float64) int {
	n := 1
	for tau := float64(fastest) * ratio; tau <= float64(slowest)*1.000001 && n < 64; tau *= ratio {
		n++
	}
	return n
}

// Voice is what Master says: the resonance of the level that speaks for it.
type Voice struct {
	kairos.Resonance
	Level int           // 0 is the fastest
	Tau   time.Duration // of the level: Master's depth
	Cross float64       // Σ w_level·w_emissary, for align.Join
}

// Master is a bank of leaky windows from fast to slow. The slowest level that holds speaks. So a signal
// that turns coherent after noise is voiced by a fast level at once, and by slower ones as they agree; a
// long-coherent Master speaks with its slowest voice, which one disturbance does not move. Not safe for
// concurrent use.
type Master struct {
	cfg  MasterConfig
	bank *kairos.Bank
	held []bool // by level, as of the newest Hear
}

// NewMaster validates cfg.
func NewMaster(cfg MasterConfig) (*Master, error) {
	b, err := kairos.NewBank(kairos.BankConfig{
		Reading: cfg.Reading, Tau: cfg.Tau, Ratio: cfg.Ratio, Levels: cfg.Levels, N0: cfg.N0,
		Horizon: cfg.Horizon, Partner: cfg.Emissary,
	})
	if err != nil {
		return nil, fmt.Errorf("transducer: master: %w", err)
	}
	return &Master{cfg: cfg, bank: b, held: make([]bool, cfg.Levels)}, nil
}

// Add adds a term to every level.
func (m *Master) Add(t kairos.Term) error {
	if err := m.bank.Add(t); err != nil {
		return fmt.Errorf("transducer: master at %d ns: %w", t.T, err)
	}
	return nil
}

// Hear settles which levels hold at the instant at, the newest sample's, and returns Master's voice. A level
// begins to hold at |T~|² >= Threshold and goes on while |T~|² >= Release, in both cases with mass. Where
// none holds, the slowest level with mass speaks; where none has mass, the fastest.
func (m *Master) Hear(at int64) Voice {
	holding, massive := -1, -1
	for j := len(m.held) - 1; j >= 0; j-- {
		l := m.bank.ReadAt(j, at)
		mass := l.W >= m.cfg.MinMass
		m.held[j] = mass && (l.Ts2 >= m.cfg.Threshold || m.held[j] && l.Ts2 >= m.cfg.Release)
		if m.held[j] {
			holding = max(holding, j)
		}
		if mass {
			massive = max(massive, j)
		}
	}
	if holding < 0 {
		holding = max(massive, 0)
	}
	return m.ReadAt(holding, at)
}

// ReadAt returns what the level says after silence until at, and changes nothing.
func (m *Master) ReadAt(level int, at int64) Voice {
	return Voice{
		Resonance: m.bank.ReadAt(level, at),
		Level:     level, Tau: m.bank.Tau(level), Cross: m.bank.Cross(level, at),
	}
}
