// Package kairos integrates temporal resonance: how steadily x(t) and y(t-lag) keep their phase.
package kairos

import (
	"time"

	"github.com/becomingone/becomingone/kernel/phase"
)

// Term is what one pair adds to a window: its demodulated product and its energies.
type Term struct {
	T      int64      // ns, the time of x
	P      complex128 // ⟨x,y⟩_C·exp(iωt); |P| <= 1 by phase
	Ex, Ey float64    // ⟨x,x⟩_C, ⟨y,y⟩_C
	Weight float64    // >= 0
	Sign   int8       // +1 adds, -1 takes back what a late sample has changed
}

// PairConfig says how samples pair.
type PairConfig struct {
	Dims      int           // channels D; 0 means 1
	Metric    []float64     // diagonal of C, D values >= 0 with sum 1; nil is 1/D each
	Reading   phase.Reading //
	Conjugate bool          // x·y instead of x·conj(y)
	Omega     phase.NCO     // the detuning to listen at
	Lag       time.Duration // >= 0; 0 is none
	MaxGap    time.Duration // widest bracket that the lagged value is interpolated in; 0 means 2·Lag
	Horizon   time.Duration // how late a sample may come; 0 refuses late ones
	Capacity  int           // most samples in the lag ring; 0 means 65536
}

// Correlator pairs each point with its reference. V where the point has one, else x itself at the
// lag, else (no lag) the clock phasor 1, which makes T the vector strength.
type Correlator struct{}

// NewCorrelator validates cfg.
func NewCorrelator(cfg PairConfig) (*Correlator, error) { panic("unfinished") }

// Step pairs p. The terms belong to the correlator and hold until the next Step: one for a sample in
// order, none where it finds no partner, more where a late one re-pairs its neighbours. ErrLate where
// p is older than the horizon.
func (c *Correlator) Step(p *phase.Point) ([]Term, error) { panic("unfinished") }

// Resonance is the state of a window.
type Resonance struct {
	N              uint64     // terms of weight > 0 that were added (leaky) or are inside (rectangular)
	At             int64      // ns, the time it is read for
	S              complex128 // Σ w·p
	W, Q           float64    // Σ w, Σ w²
	Ex, Ey, A1, A2 float64    // Σ w·|x|², Σ w·|y|², Σ w|p|, Σ (w|p|)²
	T, Ts          complex128 // S/W or S/sqrt(Ex·Ey); Ts = T·W/(W+n0)
	T2, Ts2        float64    // |T|², |Ts|²
	Nu             float64    // W²/Q by phase, min(W²/Q, A1²/A2) by energy
	Psi            float64    // arg T, rad
}

// T2Unbiased returns the pairwise phase consistency (nu·|T|²-1)/(nu-1), 0 where nu <= 1.
func (r Resonance) T2Unbiased() float64 { panic("unfinished") }

// Window is the shape of a memory.
type Window uint8

// The windows.
const (
	Leaky Window = iota
	Rectangular
)

// Config of an Integrator.
type Config struct {
	Pair     PairConfig
	Window   Window
	Tau      time.Duration // leaky: time constant > 0; rectangular: length, 0 is without end
	N0       float64       // pseudo-mass that does not decay, >= 0
	Capacity int           // rectangular: most samples inside; 0 means 1<<20
}

// Integrator is one window over one stream. Not safe for concurrent use.
type Integrator struct{}

// NewIntegrator validates cfg.
func NewIntegrator(cfg Config) (*Integrator, error) { panic("unfinished") }

// Step pairs p and adds what comes of it.
func (g *Integrator) Step(p *phase.Point) (Resonance, error) { panic("unfinished") }

// Add adds a term that a Correlator made. ErrLate where it is older than the horizon.
func (g *Integrator) Add(t Term) error { panic("unfinished") }

// Read returns the resonance at the newest term.
func (g *Integrator) Read() Resonance { panic("unfinished") }

// ReadAt returns what Read would be after silence until at, and changes nothing.
func (g *Integrator) ReadAt(at int64) Resonance { panic("unfinished") }

// Reset forgets everything.
func (g *Integrator) Reset() { panic("unfinished") }

// BankConfig of a Bank: level j has tau_j = Tau·Ratio^j.
type BankConfig struct {
	Reading phase.Reading
	Tau     time.Duration // of level 0
	Ratio   float64       // > 1
	Levels  int           // 1…64
	N0      float64
	Horizon time.Duration
	Partner time.Duration // time constant of another leaky window over the same terms, for Cross; 0 is none
}

// Bank is a row of leaky windows that share each term.
type Bank struct{}

// NewBank validates cfg.
func NewBank(cfg BankConfig) (*Bank, error) { panic("unfinished") }

// Add adds one term to every level.
func (b *Bank) Add(t Term) error { panic("unfinished") }

// Levels returns the number of levels; Tau the time constant of level j.
func (b *Bank) Levels() int { panic("unfinished") }

// Tau returns the time constant of level j.
func (b *Bank) Tau(j int) time.Duration { panic("unfinished") }

// ReadAt returns level j after silence until at.
func (b *Bank) ReadAt(j int, at int64) Resonance { panic("unfinished") }

// Cross returns Σ w_j·w_partner of level j after silence until at.
func (b *Bank) Cross(j int, at int64) float64 { panic("unfinished") }

// Cross is Σ w_a·w_b of two leaky windows over the same terms, the cross term of Kish.
type Cross struct{}

// NewCross returns the empty sum of windows with time constants a and b > 0.
func NewCross(a, b, horizon time.Duration) (*Cross, error) { panic("unfinished") }

// Add adds one term.
func (c *Cross) Add(t Term) error { panic("unfinished") }

// ReadAt returns the sum after silence until at.
func (c *Cross) ReadAt(at int64) float64 { panic("unfinished") }
