package evidence

import (
	"fmt"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// LnCFAR returns ln of the chance that a coherent sum is x times as strong as j decoys on average,
//
//	P(|S|²/mean_j|S_j|² >= x) = (1 + x/j)^-j,
//
// where the decoys S_j share the noise of S but not its signal: guard bins beside its frequency, or lags
// at which nothing is to be expected. It holds for noise of any colour and unknown strength, once the
// windows are long enough for Gaussian sums and far enough apart to be independent. x >= 0, j >= 1.
// Source: KERNEL.md 2.5.
func LnCFAR(x float64, j int) float64 {
	return float64(-float64(j) * exact.Log1p(max(x, 0)/float64(j)))
}

// CFARThreshold returns the x of LnCFAR that chance reaches with probability alpha in (0, 1):
// j·(alpha^(-1/j) - 1), for j >= 1 decoys.
func CFARThreshold(alpha float64, j int) (float64, error) {
	if !(alpha > 0 && alpha < 1) {
		return 0, fmt.Errorf("evidence: alpha %v: not in (0, 1)", alpha)
	}
	if j < 1 {
		return 0, fmt.Errorf("evidence: %d decoys: below 1", j)
	}
	return float64(float64(j) * (exact.Exp(-exact.Log(alpha)/float64(j)) - 1)), nil
}

// CFAR judges a coherent sum against decoys. The zero value has no decoys and no opinion.
type CFAR struct {
	Ratio float64 // |S|²/mean_j|S_j|²; 0 where there is nothing to compare with
	LnP   float64 // LnCFAR of it
	Decoy int     // decoys that were compared with
}

// Compare returns the judgement on s by the decoys. It allocates nothing. Decoys that are all 0 leave
// nothing to compare with.
func Compare(s complex128, decoys []complex128) CFAR {
	power := func(z complex128) float64 { return float64(real(z)*real(z)) + float64(imag(z)*imag(z)) }
	sum := 0.0
	for _, z := range decoys {
		sum += power(z)
	}
	if !(sum > 0) {
		return CFAR{Decoy: len(decoys)}
	}
	x := power(s) / (sum / float64(len(decoys)))
	return CFAR{Ratio: x, LnP: LnCFAR(x, len(decoys)), Decoy: len(decoys)}
}

// EffectiveDof returns what n products of two independent coloured streams are worth in independent ones,
//
//	nu = n/(1 + 2·Σ_{k=1}^{n-1} (1 - k/n)·Re(rho_x(k)·conj(rho_y(k)))),
//
// where rho[k-1] is a stream's autocorrelation at lag k; lags beyond the shorter slice count as 0. It is
// not above n where the colours agree, may be where they oppose each other, and is 0 for n < 1 or a sum
// that is not above 0. Source: Bayley and Hammersley 1946, KERNEL.md 2.5.
func EffectiveDof(n int, rhoX, rhoY []complex128) float64 {
	if n < 1 {
		return 0
	}
	sum := 0.5
	for k := 1; k < n && k <= len(rhoX) && k <= len(rhoY); k++ {
		x, y := rhoX[k-1], rhoY[k-1]
		re := float64(real(x)*real(y)) + float64(imag(x)*imag(y))
		sum += float64((1 - float64(k)/float64(n)) * re)
	}
	if !(sum > 0) {
		return 0
	}
	return float64(n) / (2 * sum)
}
