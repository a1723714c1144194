package observer

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Band returns the two-sided band of the mean of n squared standard normal numbers, χ²_n/n, that holds
// with probability level: what the mean NIS of a calibrated filter stays within. Wilson and Hilferty's cube;
// off by less than 6e-4 at 0.99. n in 64…65536, level in (0.5, 1). Test: TestBandIsChiSquared.
func Band(n int, level float64) (low, high float64, err error) {
	if n < minWindow || n > maxWindow {
		return 0, 0, fmt.Errorf("observer: band of %d observations: not in %d…%d", n, minWindow, maxWindow)
	}
	if !(level > 0.5 && level < 1) {
		return 0, 0, fmt.Errorf("observer: band level %v: not in (0.5, 1)", level)
	}
	low, high = band(float64(n), upperQuantile(0.5*(1-level)))
	return low, high, nil
}

// band is Band at ±z standard deviations.
func band(n, z float64) (low, high float64) {
	v := 2 / float64(9*n)
	d := float64(z * math.Sqrt(v))
	cube := func(x float64) float64 { return float64(float64(x*x) * x) }
	return cube(max(1-v-d, 0)), cube(1 - v + d)
}

// upperQuantile returns the z that a standard normal number exceeds with probability p in [1e-15, 0.5].
func upperQuantile(p float64) float64 {
	low, high := 0.0, 8.0
	for range 60 {
		mid := 0.5 * (low + high)
		if upperTail(mid) > p {
			low = mid
		} else {
			high = mid
		}
	}
	return 0.5 * (low + high)
}

// upperTail returns the probability that a standard normal number exceeds z >= 0: below 2 by the series
// φ·Σ z^(2k+1)/(2k+1)!! of the middle, above by the continued fraction φ/(z+1/(z+2/(z+…))) of the tail.
func upperTail(z float64) float64 {
	const invRoot2Pi = 0.3989422804014327
	density := float64(invRoot2Pi * exact.Exp(-float64(0.5*float64(z*z))))
	if z >= 2 {
		f := z
		for k := 160.0; k >= 1; k-- {
			f = z + k/f
		}
		return density / f
	}
	sum, term := z, z
	for k := 3.0; k < 80; k += 2 {
		term = float64(float64(term*z)*z) / k
		sum += term
	}
	return 0.5 - float64(density*sum)
}

// kurtosisBar returns the kurtosis that c normal numbers exceed as seldom as a normal number exceeds z: Anscombe and
// Glynn's transformation (Biometrika 70:227, 1983), turned around. c >= 64.
// Test: TestKurtosisBar.
func kurtosisBar(c, z float64) float64 {
	mean := 3 * (c - 1) / (c + 1)
	sd := math.Sqrt(24 * c / (c + 1) * ((c - 2) / (c + 1)) * ((c - 3) / (c + 3)) / (c + 5))
	poly := float64(c*c) - float64(5*c) + 2
	skew := float64(6 * poly / ((c + 7) * (c + 9)) * math.Sqrt(6*((c+3)/c)*((c+5)/(c-2))/(c-3)))
	a := 6 + float64(8/skew*(2/skew+math.Sqrt(1+4/float64(skew*skew))))
	u := 1 - 2/(9*a) - float64(z*math.Sqrt(2/(9*a)))
	cube := float64(float64(u*u) * u)
	x := ((1-2/a)/cube - 1) / math.Sqrt(2/(a-4))
	return mean + float64(x*sd)
}
