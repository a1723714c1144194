// Package transducer is the two pathways of a field: Emissary, the fast one, and Master, the slow one.
package transducer

import (
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
)

// EmissaryConfig of an Emissary.
type EmissaryConfig struct {
	Reading phase.Reading
	Tau     time.Duration // > 0: time constant of its window
	N0      float64       // >= 0: pseudo-mass of the window, samples
	Horizon time.Duration // >= 0: how late a term may come
	LnA     float64       // the detector's alarm, ln; 0 or less never re-seeds the window
	SeedNu  float64       // what the samples since the onset must be worth to become the window
}

// lnOnset is where the detector stands above its usual course: chance takes it there about once in a
// thousand steps, a signal within six.
const lnOnset = 6.907755278982137 // ln 1000

// Emissary is one leaky window, with the e-process and the change detector that weigh the same phases.
//
// A signal that begins after noise would have to wait until the window has forgotten the noise. So a second
// window opens whenever the detector rises from its usual course, and is emptied when it falls back. Once
// the detector has raised its alarm and the second window alone is worth SeedNu samples, it takes the
// place of the first: the change of tune is heard as an opening (KERNEL.md 9). Choosing the samples like
// this is paid for: it takes an alarm, and the budget of false alarms has been spent on that. Not safe for
// concurrent use.
type Emissary struct {
	cfg      EmissaryConfig
	window   *kairos.Bank // of one level
	onset    *kairos.Bank // of one level: the terms since the detector rose
	process  evidence.Process
	detector evidence.Detector
	steps    uint64 // steps of the detector since the field began; a release does not reset them
	newest   int64  // time of the newest term that was weighed
	weighed  bool   // whether newest means anything
	begin    int64  // time of the first term of a window that was re-seeded; older terms are not of it
	rose     int64  // time of the first term of onset
	seeded   bool   // whether the window was re-seeded since the detector rose
	lnE      float64
	lnSR     float64
}

// NewEmissary validates cfg.
func NewEmissary(cfg EmissaryConfig) (*Emissary, error) {
	w, err := newWindow(cfg)
	if err != nil {
		return nil, fmt.Errorf("transducer: emissary: %w", err)
	}
	o, err := newWindow(cfg)
	if err != nil {
		return nil, fmt.Errorf("transducer: emissary: %w", err)
	}
	e := &Emissary{cfg: cfg, window: w, onset: o, begin: math.MinInt64, rose: math.MaxInt64}
	e.weigh()
	return e, nil
}

func newWindow(cfg EmissaryConfig) (*kairos.Bank, error) {
	return kairos.NewBank(kairos.BankConfig{
		Reading: cfg.Reading, Tau: cfg.Tau, Ratio: 2, Levels: 1, N0: cfg.N0, Horizon: cfg.Horizon,
	})
}

// Add adds a term to the window. The evidence hears each instant once and in order: a late term, one that
// is taken back and one without weight add nothing to it. detect says whether the detector may step, which
// it does at most once a look.
func (e *Emissary) Add(t kairos.Term, detect bool) error {
	if t.T >= e.begin {
		if err := e.window.Add(t); err != nil {
			return fmt.Errorf("transducer: emissary at %d ns: %w", t.T, err)
		}
	}
	fresh := t.Sign > 0 && t.Weight > 0 && (!e.weighed || t.T > e.newest)
	if fresh {
		e.newest, e.weighed = t.T, true
		w := min(t.Weight, 1)
		e.process.Step(t.P, w)
		if detect {
			e.detector.Step(t.P, w)
			e.steps++
		}
		e.weigh()
	}
	return e.follow(t, fresh)
}

// follow keeps the onset and re-seeds the window where it is due.
func (e *Emissary) follow(t kairos.Term, fresh bool) error {
	if e.cfg.LnA <= 0 {
		return nil
	}
	switch {
	case e.lnSR < lnOnset:
		e.onset.Reset()
		e.rose, e.seeded = math.MaxInt64, false
		return nil
	case e.rose == math.MaxInt64 && fresh:
		e.rose = t.T
	}
	if t.T < e.rose {
		return nil
	}
	if err := e.onset.Add(t); err != nil {
		return fmt.Errorf("transducer: onset at %d ns: %w", t.T, err)
	}
	if e.lnSR >= e.cfg.LnA && !e.seeded && e.onset.ReadAt(0, t.T).Nu >= e.cfg.SeedNu {
		e.window, e.onset = e.onset, e.window
		e.onset.Reset()
		e.begin, e.seeded = e.rose, true
	}
	return nil
}

// ReadAt returns the window after silence until at.
func (e *Emissary) ReadAt(at int64) kairos.Resonance { return e.window.ReadAt(0, at) }

// LnE returns ln of the e-process since the last Release.
func (e *Emissary) LnE() float64 { return e.lnE }

// LnSR returns ln of the detector's mean lane.
func (e *Emissary) LnSR() float64 { return e.lnSR }

// Steps returns the steps of the detector since the field began.
func (e *Emissary) Steps() uint64 { return e.steps }

// Release forgets the evidence for the collapse that has ended. The window stays.
func (e *Emissary) Release() {
	e.process.Reset()
	e.detector.Reset()
	e.weigh()
}

// weigh reads the evidence once, for it is asked for more often than it changes.
func (e *Emissary) weigh() { e.lnE, e.lnSR = e.process.LnE(), e.detector.LnSR() }
