package kairos

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/phase"
)

// ReplayConfig says what a Replay measures: one window over one stream without motion gate.
type ReplayConfig struct {
	Window Window        //
	Tau    time.Duration // as in Config; a rectangular window of Tau 0 holds the whole stream, and of a
	// ladder, whose fastest level decays with Tau, it is the Settled level that is read
	OmegaHz   float64       // detuning, |f| < 5e8
	Lag       time.Duration // 0 is none
	Reading   phase.Reading //
	Conjugate bool          //
	Horizon   time.Duration // how late a sample may come
	Capacity  int           // most samples in a rectangular window; 0 means DefaultCapacity

	GuardBins int             // leaky window: detunings beside OmegaHz to compare with, even, 2…64; 0 is none
	DecoyLags []time.Duration // leaky window: other lags to compare with; none is none
}

// Reading is the state at the newest sample of a Replay, everything unshrunk but Ts.
type Reading struct {
	N          uint64     `json:"n"`           // pairs in the window (leaky: ever)
	At         int64      `json:"t"`           // ns, the newest sample
	S          [2]float64 `json:"S"`           // Σ w·p, [re, im]
	W          float64    `json:"W"`           // Σ w
	Q          float64    `json:"Q"`           // Σ w²
	Ex         float64    `json:"Ex"`          // Σ w·|x|²
	Ey         float64    `json:"Ey"`          // Σ w·|y|²
	T          [2]float64 `json:"T"`           // S/W by phase, S/sqrt(Ex·Ey) by energy
	T2         float64    `json:"T2"`          // |T|²
	Nu         float64    `json:"nu"`          // effective samples
	Psi        float64    `json:"psi"`         // arg T, rad
	LnPBound   float64    `json:"lnP_bound"`   // universal bound on one look at T2
	LnE        float64    `json:"lnE"`         // e-process over the whole stream
	LnSR       float64    `json:"lnSR"`        // e-SR detector over the whole stream
	T2Unbiased float64    `json:"T2_unbiased"` // (nu·T2-1)/(nu-1)
	Ts         [2]float64 `json:"Ts"`          // T·W/(W+1)
}

// Replay measures a recorded stream sample by sample: what `becomingone replay resonance` prints. The
// number of channels is that of the first sample. Not safe for concurrent use.
type Replay struct {
	cfg     ReplayConfig
	est     *phase.Estimator
	window  *Integrator
	guard   *Guard  // nil: none
	decoys  *Decoys // nil: none
	process evidence.Process
	change  evidence.Detector
}

// NewReplay validates cfg and returns a replay that has heard nothing.
func NewReplay(cfg ReplayConfig) (*Replay, error) {
	r := &Replay{cfg: cfg}
	if _, err := r.integrator(1); err != nil {
		return nil, err
	}
	if err := r.controls(1); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Replay) integrator(dims int) (*Integrator, error) {
	pair, err := r.pairing(dims)
	if err != nil {
		return nil, err
	}
	return NewIntegrator(Config{
		Pair: pair, Window: r.cfg.Window, Tau: r.cfg.Tau, N0: 1, Capacity: r.cfg.Capacity,
	})
}

func (r *Replay) pairing(dims int) (PairConfig, error) {
	nco, err := phase.NewNCO(r.cfg.OmegaHz)
	return PairConfig{
		Dims: dims, Reading: r.cfg.Reading, Conjugate: r.cfg.Conjugate,
		Omega: nco, Lag: r.cfg.Lag, Horizon: r.cfg.Horizon,
	}, err
}

// controls opens the guard bins and decoy lags that the config asks for. They stand beside a leaky window.
func (r *Replay) controls(dims int) error {
	if (r.cfg.GuardBins != 0 || len(r.cfg.DecoyLags) > 0) && r.cfg.Window != Leaky {
		return fmt.Errorf("kairos: replay: guard bins and decoy lags beside a %s window: want leaky", r.cfg.Window)
	}
	if r.cfg.GuardBins != 0 {
		g, err := NewGuard(GuardConfig{Tau: r.cfg.Tau, Bins: r.cfg.GuardBins, Horizon: r.cfg.Horizon,
			SpacingHz: guardTurns / (2 * math.Pi * r.cfg.Tau.Seconds())})
		if err != nil {
			return err
		}
		r.guard = g
	}
	if len(r.cfg.DecoyLags) > 0 {
		pair, err := r.pairing(dims)
		if err != nil {
			return err
		}
		if r.decoys, err = NewDecoys(DecoyConfig{Pair: pair, Tau: r.cfg.Tau, Lags: r.cfg.DecoyLags}); err != nil {
			return err
		}
	}
	return nil
}

// guardTurns is how far apart guard bins stand, in rad per time constant: a little beyond the 6 at which
// they share next to nothing.
const guardTurns = 6.5

// Step adds s. An error leaves the replay as it was: a sample that is not finite, of another number of
// channels than the first, or too late.
func (r *Replay) Step(s *phase.Sample) error {
	if r.est == nil {
		if err := r.open(max(len(s.X), len(s.R), len(s.Y), 1)); err != nil {
			return err
		}
	}
	p, ok, err := r.est.Step(s)
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("kairos: replay: sample without a point")
	}
	if _, err := r.window.Step(&p); err != nil {
		return fmt.Errorf("kairos: replay at %d ns: %w", s.T, err)
	}
	if r.decoys != nil {
		if err := r.decoys.Step(&p); err != nil {
			return fmt.Errorf("kairos: replay at %d ns: %w", s.T, err)
		}
	}
	for _, t := range r.window.Terms() {
		if r.guard != nil {
			if err := r.guard.Add(t); err != nil {
				return fmt.Errorf("kairos: replay at %d ns: %w", s.T, err)
			}
		}
		if t.Fresh {
			r.process.Step(t.P, t.Weight)
			r.change.Step(t.P, t.Weight)
		}
	}
	return nil
}

func (r *Replay) open(dims int) error {
	est, err := phase.NewEstimator(phase.Config{Dims: dims, Reading: r.cfg.Reading})
	if err != nil {
		return err
	}
	window, err := r.integrator(dims)
	if err != nil {
		return err
	}
	r.est, r.window = est, window
	return r.controls(dims)
}

// Controls returns how the resonance stands out from its guard bins and from its decoy lags; the zero value
// where there are none.
func (r *Replay) Controls() (guard, decoys evidence.CFAR) {
	if r.window == nil {
		return guard, decoys
	}
	s := r.window.Read().S
	if r.guard != nil {
		guard = r.guard.Judge(s)
	}
	if r.decoys != nil {
		decoys = r.decoys.Judge(s)
	}
	return guard, decoys
}

// Read returns the state at the newest sample, zero before the first.
func (r *Replay) Read() Reading {
	if r.window == nil {
		return Reading{}
	}
	v := r.window.Read()
	return Reading{
		N: v.N, At: v.At, S: pair(v.S), W: v.W, Q: v.Q, Ex: v.Ex, Ey: v.Ey,
		T: pair(v.T), T2: v.T2, Nu: v.Nu, Psi: v.Psi,
		LnPBound: evidence.LnBound(v.Nu, v.T2), LnE: r.process.LnE(), LnSR: r.change.LnSR(),
		T2Unbiased: v.T2Unbiased(), Ts: pair(v.Ts),
	}
}

// Spectrum appends the reading of every level of a ladder at the newest sample, fastest first, unshrunk
// but Ts, and nothing for other windows.
func (r *Replay) Spectrum(dst []Scale) []Scale {
	if r.window == nil || r.window.Ladder() == nil {
		return dst
	}
	l := r.window.Ladder()
	for j := range l.Levels() {
		v := l.Read(j)
		dst = append(dst, Scale{
			Tau: float64(l.Tau(j)) * 1e-9, T: pair(v.T), T2: v.T2, Nu: v.Nu, W: v.W, LnPBound: evidence.LnBound(v.Nu, v.T2),
		})
	}
	return dst
}

// Scale is what one level of a ladder says: one line of its coherence spectrum.
type Scale struct {
	Tau      float64    `json:"tau_s"`     // s, the level's time constant
	T        [2]float64 `json:"T"`         // the resonance
	T2       float64    `json:"T2"`        // |T|²
	Nu       float64    `json:"nu"`        // effective samples
	W        float64    `json:"mass"`      // Σ w
	LnPBound float64    `json:"lnP_bound"` // universal bound on one look at T2
}

func pair(z complex128) [2]float64 { return [2]float64{real(z), imag(z)} }
