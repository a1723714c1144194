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

// shares holds 1/I0(kappa), what a lane's factor is divided by at weight 1.
var shares = func() (g [len(sharpness)]float64) {
	for i, k := range sharpness {
		g[i] = exact.Exp(-LnI0(k))
	}
	return g
}()

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
	tall int          // lanes whose high is not 0
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
	share := shares
	if weight < 1 {
		u = exact.Scale(weight, u)
		for i, k := range sharpness {
			share[i] = exact.Exp(-LnI0(float64(k * weight)))
		}
	}
	const diagonal = math.Sqrt2 / 2
	re, im := real(u), imag(u)
	var factor [lanes]float64
	for j, cos := range [directions / 2]float64{re, float64(diagonal * (re + im)), im, float64(diagonal * (im - re))} {
		there, back := expPair(float64(0.25 * cos))
		for i := range sharpness { // concentrations 1, 4 and 16: each the fourth power of the last
			there, back = fourth(there), fourth(back)
			factor[i*directions+j] = float64(share[i] * there)
			factor[i*directions+j+directions/2] = float64(share[i] * back)
		}
	}
	for l := range d.lane {
		if m := float64((1 + d.lane[l]) * factor[l]); d.high[l] == 0 && m <= reach {
			d.lane[l] = m
		} else {
			d.push(l, factor[l])
		}
	}
}

func fourth(x float64) float64 {
	x = float64(x * x)
	return float64(x * x)
}

// expPair returns e^r and e^-r for |r| <= 1/4 as cosh r ± sinh r; their series end below 2e-16.
func expPair(r float64) (there, back float64) {
	q := float64(r * r)
	c := 1.0/40320 + float64(q*(1.0/3628800))
	c = 1.0/720 + float64(q*c)
	c = 1.0/24 + float64(q*c)
	c = 0.5 + float64(q*c)
	c = 1 + float64(q*c)
	s := 1.0/362880 + float64(q*(1.0/39916800))
	s = 1.0/5040 + float64(q*s)
	s = 1.0/120 + float64(q*s)
	s = 1.0/6 + float64(q*s)
	s = r + float64(float64(r*q)*s)
	return c + s, c - s
}

// push multiplies 1 + lane l, which is or becomes higher than a float carries, by a factor in [1e-14, 11].
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
		d.raise(l, 1)
	case m < 1/reach && d.high[l] > 0:
		m = float64(m * reach)
		d.raise(l, -1)
	}
	d.lane[l] = m
}

func (d *Detector) raise(l int, by int64) {
	if d.high[l] == 0 {
		d.tall++
	}
	if d.high[l] += by; d.high[l] == 0 {
		d.tall--
	}
}

// N returns the number of phases since the last Reset.
func (d *Detector) N() uint64 { return d.n }

// LnSR returns ln of the mean lane, 0 before the first phase. Compare it with ln A.
func (d *Detector) LnSR() float64 {
	if d.n == 0 {
		return 0
	}
	if d.tall > 0 {
		return d.lnSRTall()
	}
	var sum [4]float64 // four chains of additions, which the processor runs side by side
	for l := 0; l < lanes; l += 4 {
		for k := range sum {
			sum[k] += d.lane[l+k]
		}
	}
	return exact.Log(((sum[0] + sum[1]) + (sum[2] + sum[3])) / float64(lanes))
}

// lnSRTall is LnSR where some lanes are beyond a float.
func (d *Detector) lnSRTall() float64 {
	const lnReach = 512 * math.Ln2
	top := d.high[0]
	for _, h := range d.high[1:] {
		top = max(top, h)
	}
	sum := 0.0
	for l, m := range d.lane {
		switch top - d.high[l] {
		case 0:
			sum += m
		case 1:
			sum += float64(m * (1 / reach))
		case 2:
			sum += float64(float64(m*(1/reach)) * (1 / reach))
		}
	}
	return float64(lnReach*float64(top)) + exact.Log(sum/float64(lanes))
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
		if v.lane[l] < 0 || v.high[l] < 0 {
			r.Fail(fmt.Errorf("lane %d: %v·2^(512·%d): want both >= 0", l, v.lane[l], v.high[l]))
		}
		if v.high[l] > 0 {
			v.tall++
		}
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("evidence: restore e-SR detector: %w", err)
	}
	*d = v
	return nil
}
