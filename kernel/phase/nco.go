package phase

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// NCO is a stateless integer oscillator: the phase of a clock of F turns per nanosecond (Q0.64) that
// was zero at T0. The same time gives the same phase in any order, after any restart, on any machine.
// The error against the frequency asked for is at most |t-T0|·2^-65 turns: 5.4e-11 Hz at worst, which is
// nothing to a fast line and a thousandth of a line of one cycle a year. Fine holds the next 64 binary
// digits for such a line; |t-T0| is then below 2^63 ns, 292 years, and the error below 2^-63 turns. The zero
// value stands still.
type NCO struct {
	F    uint64 // turns per ns in Q0.64; negative frequencies in two's complement
	T0   int64  // ns, the instant of phase zero
	Fine uint64 // the digits of F behind those 64; 0 for an oscillator of 64 bits
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

// NewRationalNCO is NewNCO for a frequency that no float64 holds, like one cycle in three seconds.
func NewRationalNCO(hz *big.Rat) (NCO, error) {
	f, err := turnsPerNs(hz, 64)
	if err != nil {
		return NCO{}, err
	}
	return NCO{F: f.Uint64()}, nil
}

// NewFineNCO is NewRationalNCO in 128 bits, for slow lines over long times: a cycle a year to 2^-63 turns
// in 292 years.
func NewFineNCO(hz *big.Rat) (NCO, error) {
	f, err := turnsPerNs(hz, 128)
	if err != nil {
		return NCO{}, err
	}
	fine := new(big.Int).And(f, new(big.Int).SetUint64(math.MaxUint64))
	return NCO{F: f.Rsh(f, 64).Uint64(), Fine: fine.Uint64()}, nil
}

// turnsPerNs returns floor(f·2^digits/1e9 + 1/2) modulo 2^digits.
func turnsPerNs(hz *big.Rat, digits uint) (*big.Int, error) {
	if limit := new(big.Rat).SetInt64(MaxHz); new(big.Rat).Abs(hz).Cmp(limit) >= 0 {
		return nil, fmt.Errorf("phase: frequency %s Hz: not in (-5e8, 5e8)", hz.FloatString(3))
	}
	// In integers: floor((2·num·2^digits + den·1e9) / (2·den·1e9)).
	den := new(big.Int).Mul(hz.Denom(), big.NewInt(1e9))
	num := new(big.Int).Lsh(hz.Num(), digits+1)
	num.Add(num, den)
	f := num.Div(num, den.Lsh(den, 1)) // Euclidean with a positive divisor: floor
	mask := new(big.Int).Lsh(big.NewInt(1), digits)
	return f.And(f, mask.Sub(mask, big.NewInt(1))), nil
}

// Still reports whether the oscillator stands still.
func (n NCO) Still() bool { return n.F|n.Fine == 0 }

// Phase returns the oscillator's phase at t in turns·2^64.
func (n NCO) Phase(t int64) uint64 {
	dt := uint64(t) - uint64(n.T0)
	if n.Fine == 0 {
		return dt * n.F
	}
	return dt*n.F + n.fine(dt)
}

// fine returns floor(dt·Fine/2^64), where dt is signed.
func (n NCO) fine(dt uint64) uint64 {
	hi, _ := bits.Mul64(dt, n.Fine)
	if int64(dt) < 0 {
		hi -= n.Fine
	}
	return hi
}

// Rotor returns exp(i·2π·phase) at t, with an error below 1e-15.
func (n NCO) Rotor(t int64) complex128 {
	if n.Still() {
		return 1
	}
	sin, cos := exact.Sincos(n.Phase(t))
	return complex(cos, sin)
}

// period returns how long a turn takes, in ns; +Inf for an oscillator that stands still.
func (n NCO) period() float64 {
	f := math.Abs(float64(int64(n.F)) + float64(float64(n.Fine)*0x1p-64))
	return 0x1p64 / f
}
