// Package transducer is the two pathways of a field: Emissary, the fast one, and Master, the slow one.
package transducer

import (
	"fmt"
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
}

// Emissary is one leaky window, with the e-process and the change detector that weigh the same phases.
// Not safe for concurrent use.
type Emissary struct {
	window   *kairos.Bank // of one level
	process  evidence.Process
	detector evidence.Detector
	steps    uint64 // steps of the detector since the field began; a release does not reset them
	newest   int64  // time of the newest term that was weighed
	weighed  bool   // whether newest means anything
}

// NewEmissary validates cfg.
func NewEmissary(cfg EmissaryConfig) (*Emissary, error) {
	w, err := kairos.NewBank(kairos.BankConfig{
		Reading: cfg.Reading, Tau: cfg.Tau, Ratio: 2, Levels: 1, N0: cfg.N0, Horizon: cfg.Horizon,
	})
	if err != nil {
		return nil, fmt.Errorf("transducer: emissary: %w", err)
	}
	return &Emissary{window: w}, nil
}

// Add adds a term to the window. The evidence hears each instant once and in order: a late term, one that
// is taken back and one without weight add nothing to it. detect says whether the detector may step, which
// it does at most once a look.
func (e *Emissary) Add(t kairos.Term, detect bool) error {
	if err := e.window.Add(t); err != nil {
		return fmt.Errorf("transducer: emissary at %d ns: %w", t.T, err)
	}
	if t.Sign < 0 || t.Weight <= 0 || e.weighed && t.T <= e.newest {
		return nil
	}
	e.newest, e.weighed = t.T, true
	w := min(t.Weight, 1)
	e.process.Step(t.P, w)
	if detect {
		e.detector.Step(t.P, w)
		e.steps++
	}
	return nil
}

// ReadAt returns the window after silence until at.
func (e *Emissary) ReadAt(at int64) kairos.Resonance { return e.window.ReadAt(0, at) }

// LnE returns ln of the e-process since the last Release, LnSR ln of the detector.
func (e *Emissary) LnE() float64 { return e.process.LnE() }

// LnSR returns ln of the detector's mean lane.
func (e *Emissary) LnSR() float64 { return e.detector.LnSR() }

// Steps returns the steps of the detector since the field began.
func (e *Emissary) Steps() uint64 { return e.steps }

// Release forgets the evidence for the collapse that has ended. The window stays.
func (e *Emissary) Release() {
	e.process.Reset()
	e.detector.Reset()
}
