// Package literal evaluates the manifesto's integral as it is written,
//
//	T_τ(ω) = ∫ φ'(t)·φ'(t-τ)·exp(iωt) dt,
//
// with a real phase φ and no normalisation. It is a test mode and decides nothing: its unit is rad²/s, it
// grows with the window and the loudness, rescaling time changes it, and of an oscillation of constant
// frequency it sees nothing at any ω but 0 and everything there. Package kairos holds what is true instead.
// Source: KERNEL.md 1.2.
package literal

import (
	"errors"
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase"
)

// MaxLag is the most samples of delay.
const MaxLag = 1 << 20

// largest bounds a velocity, so that no sum of products overflows.
const largest = 1e100

// ErrOrder reports a time that is not after the one before.
var ErrOrder = errors.New("time does not increase")

// Config says what an Integral listens to. The zero value is ω = 0 without delay.
type Config struct {
	Omega phase.NCO // ω
	Lag   int       // τ in samples, 0…MaxLag; for Phase alone
}

// Integral is the running value. Not safe for concurrent use.
type Integral struct {
	cfg   Config
	heard bool
	t0, t int64      // ns, first and newest
	sum   complex128 // ∫ up to t, rad²/s
	last  complex128 // the integrand at t, held until the next
	ring  []float64  // velocities of Phase, the next slot is n mod len
	n     int        // of them so far, stops counting at len
	slot  int
	phase float64 // newest of Phase
	begun bool
	from  int64 // its time
}

// New validates cfg and returns an integral over nothing.
func New(cfg Config) (*Integral, error) {
	if cfg.Lag < 0 || cfg.Lag > MaxLag {
		return nil, fmt.Errorf("literal: lag %d samples: not in 0…%d", cfg.Lag, MaxLag)
	}
	return &Integral{cfg: cfg, ring: make([]float64, cfg.Lag+1)}, nil
}

// Add adds the velocities x = φ'(t) and y = φ'(t-τ), rad/s, at t in ns; they hold until the next t (the left
// Riemann sum). An error changes nothing: a t that does not increase, a velocity above 1e100 or not a
// number.
func (g *Integral) Add(t int64, x, y float64) error {
	if !(math.Abs(x) <= largest && math.Abs(y) <= largest) {
		return fmt.Errorf("literal: velocities %v and %v rad/s: not in -1e100…1e100", x, y)
	}
	if g.heard && t <= g.t {
		return fmt.Errorf("literal: add at %d ns: %w", t, ErrOrder)
	}
	if !g.heard {
		g.heard, g.t0 = true, t
	} else {
		g.sum += scale(seconds(g.t, t), g.last)
	}
	g.t = t
	g.last = scale(float64(x*y), g.cfg.Omega.Rotor(t))
	return nil
}

// Phase adds the unwrapped phase phi in rad at t in ns: its velocity is the difference to the phase before,
// and Lag samples ago is the delayed one. Errors as Add. An integral is fed by Add or by Phase, not by both.
func (g *Integral) Phase(t int64, phi float64) error {
	if !(math.Abs(phi) <= largest) {
		return fmt.Errorf("literal: phase %v rad: not in -1e100…1e100", phi)
	}
	if !g.begun {
		g.begun, g.from, g.phase = true, t, phi
		return nil
	}
	if t <= g.from {
		return fmt.Errorf("literal: phase at %d ns: %w", t, ErrOrder)
	}
	v := (phi - g.phase) / seconds(g.from, t)
	y := v
	if g.cfg.Lag > 0 {
		y = g.ring[(g.slot+1)%len(g.ring)]
	}
	if g.n >= g.cfg.Lag {
		if err := g.Add(t, v, y); err != nil {
			return err
		}
	}
	g.from, g.phase = t, phi
	g.ring[g.slot] = v
	g.slot = (g.slot + 1) % len(g.ring)
	g.n = min(g.n+1, len(g.ring))
	return nil
}

// Read returns ∫ up to the newest t in rad²/s, the seconds that it covers, and their quotient, the line's
// coefficient in rad²/s², 0 of an empty span. None of them has a bound.
func (g *Integral) Read() (sum complex128, span float64, mean complex128) {
	span = seconds(g.t0, g.t)
	if span > 0 {
		mean = complex(real(g.sum)/span, imag(g.sum)/span)
	}
	return g.sum, span, mean
}

func seconds(from, to int64) float64 { return float64(uint64(to)-uint64(from)) * 1e-9 }

func scale(s float64, z complex128) complex128 {
	return complex(float64(s*real(z)), float64(s*imag(z)))
}
