package exact

import (
	"math"
	"math/bits"
)

const (
	cells     = 1024                   // table entries in a turn
	cellShift = 54                     // 64 - log2(cells)
	wordRad   = 3.4061215800865545e-19 // 2π/2^64
)

// circle holds sine and cosine of 2π·k/1024.
var circle = unroll()

func unroll() (t [cells]struct{ sin, cos float64 }) {
	wave := func(k int) float64 {
		k &= cells - 1
		switch {
		case k <= 256:
			return quarter[k]
		case k <= 512:
			return quarter[512-k]
		case k <= 768:
			return -quarter[k-512]
		}
		return -quarter[1024-k]
	}
	for k := range t {
		t[k].sin, t[k].cos = wave(k), wave(k+cells/4)
	}
	return t
}

// Sincos returns sine and cosine of 2π·turns/2^64, each within 4e-16: the nearest of 1024 table entries,
// turned by a residual of at most π/1024 whose series ends below 1e-18.
func Sincos(turns uint64) (sin, cos float64) {
	k := (turns + 1<<(cellShift-1)) >> cellShift
	a := float64(float64(int64(turns-k<<cellShift)) * wordRad) // |residual| <= 2^53 words: exact before scaling
	at := &circle[k&(cells-1)]
	a2 := float64(a * a)
	s := a + float64(float64(a*a2)*(float64(a2*(1.0/120))-1.0/6))
	c := float64(a2 * (float64(a2*(1.0/24)) - 0.5)) // cos a - 1
	sin = at.sin + (float64(at.cos*s) + float64(at.sin*c))
	cos = at.cos + (float64(at.cos*c) - float64(at.sin*s))
	return sin, cos
}

// Turns returns rad/2π modulo one turn in turns·2^64, off by less than one word for every finite rad;
// 0 for NaN and infinities. It multiplies in integers, so a large angle loses nothing.
func Turns(rad float64) uint64 {
	b := math.Float64bits(rad)
	exp := int(b>>52) & 0x7ff
	m := b & (1<<52 - 1)
	switch exp {
	case 0x7ff:
		return 0
	case 0:
		exp = 1
	default:
		m |= 1 << 52
	}
	exp -= 1075 // |rad| = m·2^exp
	hi, lo := perTurnAt(exp), perTurnAt(exp+64)
	carry, low := bits.Mul64(m, lo)
	w := m*hi + carry
	w += low >> 63 // round to nearest
	if math.Signbit(rad) {
		return -w
	}
	return w
}

// perTurnAt returns the 64 binary digits of 1/2π that follow the first pos; before the point they are 0.
func perTurnAt(pos int) uint64 {
	if pos <= -64 {
		return 0
	}
	if pos < 0 {
		return perTurn[0] >> uint(-pos)
	}
	i, off := pos/64, uint(pos%64)
	w := perTurn[i] << off
	if off > 0 {
		w |= perTurn[i+1] >> (64 - off)
	}
	return w
}
