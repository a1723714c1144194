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
	Tau       time.Duration // > 0: time constant of level 0
	Ratio     float64       // > 1: of one level's time constant to the next
	Levels    int           // 1…64
	N0        float64       // >= 0: pseudo-mass of each window, samples
	Horizon   time.Duration // >= 0: how late a term may come
	Emissary  time.Duration // > 0: Emissary's time constant; where it is Tau, Emissary's window is level 0
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
	cfg   MasterConfig
	own   int          // the level of bank's first window: 1 where level 0 is Emissary's, else 0
	bank  *kairos.Bank // nil where every level is Emissary's
	held  []bool       // by level, as of the newest Hear
	depth []time.Duration
}

// NewMaster validates cfg.
func NewMaster(cfg MasterConfig) (*Master, error) {
	m := &Master{cfg: cfg, held: make([]bool, max(cfg.Levels, 0)), depth: []time.Duration{cfg.Tau}}
	tau := cfg.Tau
	if cfg.Tau == cfg.Emissary && cfg.Levels > 0 {
		m.own = 1
		tau = time.Duration(float64(tau) * cfg.Ratio)
	}
	if m.own == cfg.Levels && m.own == 1 {
		return m, nil
	}
	b, err := kairos.NewBank(kairos.BankConfig{
		Reading: cfg.Reading, Tau: tau, Ratio: cfg.Ratio, Levels: cfg.Levels - m.own, N0: cfg.N0,
		Horizon: cfg.Horizon, Partner: cfg.Emissary,
	})
	if err != nil {
		return nil, fmt.Errorf("transducer: master: %w", err)
	}
	m.bank = b
	m.depth = m.depth[:m.own]
	for j := range b.Levels() {
		m.depth = append(m.depth, b.Tau(j))
	}
	return m, nil
}

// Levels returns how many levels there are, Emissary's own included where it is the fastest.
func (m *Master) Levels() int { return len(m.held) }

// Add adds a term to every level of Master's own.
func (m *Master) Add(t kairos.Term) error {
	if m.bank == nil {
		return nil
	}
	if err := m.bank.Add(t); err != nil {
		return fmt.Errorf("transducer: master at %d ns: %w", t.T, err)
	}
	return nil
}

// Hear settles which levels hold at the instant at, the newest sample's, and returns Master's voice;
// emissary is Emissary's window at that instant. A level begins to hold at |T~|² >= Threshold and goes on
// while |T~|² >= Release, in both cases with mass. Where none holds, the slowest level with mass speaks;
// where none has mass, the fastest.
func (m *Master) Hear(at int64, emissary *kairos.Resonance) Voice {
	holding, massive := -1, -1
	for j := len(m.held) - 1; j >= 0; j-- {
		l := m.level(j, at, emissary)
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
	return m.ReadAt(holding, at, emissary)
}

// ReadAt returns what the level says after silence until at, and changes nothing. emissary is Emissary's
// window at that instant.
func (m *Master) ReadAt(level int, at int64, emissary *kairos.Resonance) Voice {
	v := Voice{Resonance: m.level(level, at, emissary), Level: level, Tau: m.depth[level]}
	if level < m.own {
		v.Cross = v.Q // the same window: Σ w·w
	} else {
		v.Cross = m.bank.Cross(level-m.own, at)
	}
	return v
}

func (m *Master) level(j int, at int64, emissary *kairos.Resonance) kairos.Resonance {
	if j < m.own {
		return *emissary
	}
	return m.bank.ReadAt(j-m.own, at)
}
