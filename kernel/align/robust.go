package align

import (
	"math"
	"slices"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

const (
	medianRounds = 256   // steps at most; a dozen is the rule
	medianSlope  = 1e-12 // the cost is flat: in units of the weights' sum
)

// Center is a geometric median and how nearly it is one.
type Center struct {
	At    complex128 // the point of least Σ w·|x - At|
	Slope float64    // |gradient| of that cost per weight at At: 0 at the median itself
	Steps int        // of the iteration; 0 where the median is one of the points
}

// Median returns the weighted geometric median of the points. weights has the points' length; those that
// are not above 0, and points that are not finite, do not count. Without any the center is 0.
//
// A point that is the median is found as such, by its own optimality condition. Else Weiszfeld's iteration
// runs from the cheapest point or the weighted mean, with a Newton step wherever that serves (Weiszfeld
// alone creeps when the median is close to a point), until the slope is 1e-12, rounding hides any gain, or
// 256 steps are done. What is left shows in Slope, and MedianBound holds for any Slope. The same points in
// the same order give the same bits; another order changes the last ones. O(n²), no allocation.
// Source: KERNEL.md 4.4, Minsker 2015.
func Median(points []complex128, weights []float64) Center {
	sum, mean := 0.0, complex128(0)
	for k, x := range points {
		if w := weight(x, weights[k]); w > 0 {
			sum += w
			mean += exact.Scale(w, x)
		}
	}
	if !(sum > 0 && sum <= math.MaxFloat64) {
		return Center{}
	}
	p := pullAt(points, weights, complex(real(mean)/sum, imag(mean)/sum))
	for k, x := range points {
		if weight(x, weights[k]) == 0 {
			continue
		}
		at := pullAt(points, weights, x)
		if exact.Abs(at.force) <= at.here {
			return Center{At: x}
		}
		if at.cost < p.cost {
			p = at
		}
	}
	c := Center{At: p.at, Slope: p.slope() / sum}
	for c.Steps < medianRounds && c.Slope > medianSlope {
		to := p.next(points, weights)
		if to.cost >= p.cost && to.slope() >= p.slope() {
			break // as flat as floats can tell
		}
		p = to
		c = Center{At: p.at, Slope: p.slope() / sum, Steps: c.Steps + 1}
	}
	return c
}

// weight returns what a point counts.
func weight(x complex128, w float64) float64 {
	if !(w > 0 && w <= math.MaxFloat64) || !(exact.Abs(x) <= math.MaxFloat64) {
		return 0
	}
	return w
}

// pull is how the points draw on one place.
type pull struct {
	at         complex128
	cost       float64    // Σ w·|x-at|
	force      complex128 // Σ w·(x-at)/|x-at|, the gradient of the cost with its sign turned
	stiff      float64    // Σ w/|x-at|
	xx, xy, yy float64    // Σ w/|x-at|·(1 - u·uᵀ), the curvature of the cost
	here       float64    // weight at the place itself
}

func pullAt(points []complex128, weights []float64, y complex128) pull {
	p := pull{at: y}
	for k, x := range points {
		w := weight(x, weights[k])
		if w == 0 {
			continue
		}
		d := exact.Abs(x - y)
		if d == 0 {
			p.here += w
			continue
		}
		c := w / d
		p.cost += float64(w * d)
		u := complex(real(x-y)/d, imag(x-y)/d)
		p.stiff += c
		p.force += exact.Scale(w, u)
		p.xx += float64(c * float64(imag(u)*imag(u)))
		p.yy += float64(c * float64(real(u)*real(u)))
		p.xy -= float64(c * float64(real(u)*imag(u)))
	}
	return p
}

// slope returns the steepest descent of the cost: the weight at the place itself holds it back.
func (p *pull) slope() float64 { return max(0, exact.Abs(p.force)-p.here) }

// next returns a step: a Newton step, whole or cut, that halves the slope or gains enough, else Weiszfeld's.
// A point that Weiszfeld's step lands on is not the median, or it would have been found first: the others
// pull it off again (Vardi and Zhang).
func (p *pull) next(points []complex128, weights []float64) pull {
	det := float64(p.xx*p.yy) - float64(p.xy*p.xy)
	if p.here == 0 && det > float64(1e-9*float64(p.stiff*p.stiff)) {
		fx, fy := real(p.force), imag(p.force)
		dx := (float64(p.yy*fx) - float64(p.xy*fy)) / det
		dy := (float64(p.xx*fy) - float64(p.xy*fx)) / det
		gain := float64(fx*dx) + float64(fy*dy) // twice what a whole step would gain on a parabola
		for cut := 1.0; cut > .01; cut /= 2 {
			to := pullAt(points, weights, p.at+exact.Scale(cut, complex(dx, dy)))
			if to.slope() <= p.slope()/2 || to.cost <= p.cost-float64(cut*gain/8) {
				return to
			}
		}
	}
	if p.stiff == 0 {
		return *p
	}
	step := 1 / p.stiff
	if p.here > 0 {
		step *= p.slope() / exact.Abs(p.force)
	}
	return pullAt(points, weights, p.at+exact.Scale(step, p.force))
}

// MedianBound returns C with |median - z| <= C·r for every z that has at least 1-alpha of the weight
// within r of it, whatever the rest says: (1-alpha)/sqrt((1-alpha)² - (alpha+slope)²), which at slope 0 is
// Minsker's (1-alpha)/sqrt(1-2·alpha). slope is a Center's; +Inf where liars of weight alpha can win.
//
// Why: were the median further away, every point near z would lie within asin(1/C) of one direction, and
// the cost would fall that way by more than the slope, even if all others pulled back.
func MedianBound(alpha, slope float64) float64 {
	near, far := 1-alpha, alpha+slope
	if !(alpha >= 0 && slope >= 0 && far < near) {
		return math.Inf(1)
	}
	return near / math.Sqrt(float64((near-far)*(near+far)))
}

// MSR moves own to the mean of itself and of the values that are left after the f largest of those above it
// and the f smallest of those below it are gone (W-MSR with equal weights). The result lies within the
// honest values if at most f lie; n >= 3f+1 nodes that all hear each other then agree. Values that are not
// finite do not count. It sorts values in place and allocates nothing. Source: LeBlanc et al. 2013.
func MSR(own float64, values []float64, f int) float64 {
	slices.Sort(values)
	f = max(f, 0)
	lo, hi := 0, len(values)
	for lo < hi && !(values[lo] >= -math.MaxFloat64) { // NaN sorts first
		lo++
	}
	for hi > lo && values[hi-1] > math.MaxFloat64 {
		hi--
	}
	values = values[lo:hi]
	cut := func(n int) int { return min(n, f) }
	under, _ := slices.BinarySearch(values, own)
	over := under
	for over < len(values) && values[over] == own {
		over++
	}
	kept := values[cut(under) : len(values)-cut(len(values)-over)]
	n, shift := float64(len(kept)+1), 0.0
	for _, v := range kept {
		shift += v/n - own/n
	}
	return own + shift
}

// MSRPhase is MSR on the circle: others count by where they are from own, in (-π, π]. own and phases are
// rad of any size, the result is in (-π, π]. All honest phases have to lie within a half circle. It
// overwrites phases and allocates nothing.
func MSRPhase(own float64, phases []float64, f int) float64 {
	for k, p := range phases {
		phases[k] = wrap(p - own)
	}
	return wrap(own + MSR(0, phases, f))
}

// wrap returns rad modulo 2π in (-π, π], NaN for what is not finite.
func wrap(rad float64) float64 {
	if !(math.Abs(rad) <= math.MaxFloat64) {
		return math.NaN()
	}
	if rad > -math.Pi && rad <= math.Pi {
		return rad
	}
	w := int64(exact.Turns(rad))
	if w == math.MinInt64 {
		return math.Pi
	}
	return float64(float64(w) * (math.Pi * 0x1p-63))
}

// Order returns the order parameter r·exp(iψ), the mean of the phasors' directions: r is 1 where all agree
// and about 1/√n among strangers. Values without a direction (0, NaN, infinite) do not count.
func Order(phasors []complex128) complex128 {
	sum, n := complex128(0), 0
	for _, p := range phasors {
		if u := exact.Unit(p); u != 0 {
			sum += u
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return complex(real(sum)/float64(n), imag(sum)/float64(n))
}
