package phase

import (
	"fmt"
	"math"
	"math/big"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// NCO is a stateless integer oscillator: the phase of a clock of F turns per nanosecond (Q0.64) that
// was zero at T0. The same time gives the same phase in any order, after any restart, on any machine.
// The error against the frequency asked for is at most |t-T0|·2^-65 turns. The zero value stands still.
type NCO struct {
	F  uint64 // turns per ns in Q0.64; negative frequencies in two's complement
	T0 int64  // ns, the instant of phase zero
}

// MaxHz is the exclusive bound of |frequency|: half a turn per nanosecond.
const MaxHz = 5e8

// NewNCO returns the oscillator of hz cycles per second, phase zero at t = 0. hz is taken as the exact
// binary rational that the float64 is. It is an error unless |hz| < MaxHz.
func NewNCO(hz float64) (NCO, error) {
	if math.IsNaN(hz) || math.IsInf(hz, 0) {
		return NCO{}, fmt.Errorf("phase: frequency %v Hz: not finite", hz)
	}
	return NewRationalNCO(new(big.Rat).SetFloat64(hz))
}

// NewRationalNCO is NewNCO for a frequency that no float64 holds, like one cycle a year.
func NewRationalNCO(hz *big.Rat) (NCO, error) {
	if limit := new(big.Rat).SetInt64(MaxHz); new(big.Rat).Abs(hz).Cmp(limit) >= 0 {
		return NCO{}, fmt.Errorf("phase: frequency %s Hz: not in (-5e8, 5e8)", hz.FloatString(3))
	}
	// F = floor(f·2^64/1e9 + 1/2), in integers: floor((2·num·2^64 + den·1e9) / (2·den·1e9)).
	den := new(big.Int).Mul(hz.Denom(), big.NewInt(1e9))
	num := new(big.Int).Lsh(hz.Num(), 65)
	num.Add(num, den)
	f := num.Div(num, den.Lsh(den, 1)) // Euclidean with a positive divisor: floor
	f.And(f, new(big.Int).SetUint64(math.MaxUint64))
	return NCO{F: f.Uint64()}, nil
}

// Phase returns the oscillator's phase at t in turns·2^64.
func (n NCO) Phase(t int64) uint64 { return (uint64(t) - uint64(n.T0)) * n.F }

// Rotor returns exp(i·2π·phase) at t, with an error below 1e-15.
func (n NCO) Rotor(t int64) complex128 {
	if n.F == 0 {
		return 1
	}
	sin, cos := exact.Sincos(n.Phase(t))
	return complex(cos, sin)
}
