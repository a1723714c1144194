package evidence

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/phase/state"
)

const (
	directions = 8
	reach      = 0x1p512 // a lane above it is carried as lane·2^-512

	detectorTag     = 'R'
	detectorVersion = 1
)

// sharpness is the concentrations of the detector's lanes.
var sharpness = [...]float64{1, 4, 16}

// lanes is the number of lanes.
const lanes = len(sharpness) * directions

// gains holds exp(kappa)/I0(kappa): the growth of a lane that is hit in its direction.
var gains = func() (g [len(sharpness)]float64) {
	for i, k := range sharpness {
		g[i] = exact.Exp(k - LnI0(k))
	}
	return g
}()

// headings holds the directions, an eighth of a turn apart.
var headings = [directions]complex128{
	1, complex(math.Sqrt2/2, math.Sqrt2/2), 1i, complex(-math.Sqrt2/2, math.Sqrt2/2),
	-1, complex(-math.Sqrt2/2, -math.Sqrt2/2), -1i, complex(math.Sqrt2/2, -math.Sqrt2/2),
}

// Detector is the e-SR change detector, lanes of concentration 1, 4 and 16 in 8 directions,
//
//	M <- (1+M)·exp(kappa·cos(theta-psi))/I0(kappa),   SR = mean of the lanes:
//
// under H0 the mean number of phases until SR >= A is at least A. It restarts itself and so hears a signal
// that begins at any time. O(1) time and space. The zero value has heard nothing. Not safe for concurrent
// use. Source: KERNEL.md 2.3 (iii).
type Detector struct {
	lane [lanes]float64
	high [lanes]int64 // the lane is lane·2^(512·high)
	n    uint64
}

// Step adds the phase of u with a weight in [0, 1] that must not depend on that phase. A u without phase
// and a weight that is not above 0 change nothing. It allocates nothing.
func (d *Detector) Step(u complex128, weight float64) {
	u = exact.Unit(u)
	if u == 0 || !(weight > 0) {
		return
	}
	d.n++
	weight = min(weight, 1)
	for i, k := range sharpness {
		gain, k := gains[i], k
		if weight < 1 {
			k = float64(k * weight)
			gain = exact.Exp(k - LnI0(k))
		}
		for j, h := range headings {
			cos := float64(real(u)*real(h)) + float64(imag(u)*imag(h))
			d.push(i*directions+j, float64(gain*exact.ExpNeg(float64(k*(1-cos)))))
		}
	}
}

// push multiplies 1 + lane l by a factor in [1e-14, 11].
func (d *Detector) push(l int, factor float64) {
	m := d.lane[l]
	switch h := d.high[l]; {
	case h == 0:
		m++
	case h == 1:
		m += 1 / reach
	}
	m = float64(m * factor)
	switch {
	case m > reach:
		m = float64(m * (1 / reach))
		d.high[l]++
	case m < 1/reach && d.high[l] > 0:
		m = float64(m * reach)
		d.high[l]--
	}
	d.lane[l] = m
}

// N returns the number of phases since the last Reset.
func (d *Detector) N() uint64 { return d.n }

// LnSR returns ln of the mean lane, 0 before the first phase. Compare it with ln A.
func (d *Detector) LnSR() float64 {
	if d.n == 0 {
		return 0
	}
	const lnReach = 512 * math.Ln2
	var ln [lanes]float64
	for l, m := range d.lane {
		ln[l] = float64(lnReach*float64(d.high[l])) + exact.Log(m)
	}
	return lnMean(ln[:])
}

// Reset forgets everything.
func (d *Detector) Reset() { *d = Detector{} }

// AppendBinary appends the state.
func (d *Detector) AppendBinary(dst []byte) ([]byte, error) {
	dst = state.Uint(state.Head(dst, detectorTag, detectorVersion), d.n)
	for l, m := range d.lane {
		dst = state.Int(state.Float(dst, m), d.high[l])
	}
	return dst, nil
}

// UnmarshalBinary restores a state, which then goes on bit-identically.
func (d *Detector) UnmarshalBinary(b []byte) error {
	r := state.Open(b, detectorTag, detectorVersion)
	v := Detector{n: r.Uint()}
	for l := range v.lane {
		v.lane[l], v.high[l] = r.Float(), r.Int()
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("evidence: restore e-SR detector: %w", err)
	}
	*d = v
	return nil
}
