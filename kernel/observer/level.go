package observer

import "math"

const (
	// leastNoise is the least r/q: K* <= 0.9999.
	leastNoise = 1e-4
	// settled is the relative step of P below which the fixed point counts as reached; above it the
	// ratio of two steps still has ten good digits.
	settled = 1e-6
	// resting is the relative step of P below which it is taken no further: the rest is rounding.
	resting = 1e-14
	// surprise bounds what one block may say of q and r, in units of the variance that was predicted,
	// once their scale is set: one bad block raises them by half at most. Two in a row that are off by more
	// than this, either way, set the scale anew.
	surprise = 8
	// deadBand is the relative change of S, or the change of K, below which q and r stay what they are.
	deadBand = 0.02
	// opening blocks set q and r outright; the blocks behind them are averaged.
	opening = 2
)

// block holds the sums over one block of normalised innovations ν = e/sqrt(S).
type block struct {
	s1, s2, s4 float64 // Σ ν, Σ ν², Σ ν⁴
	lag        float64 // Σ ν_k·ν_(k-1)
}

// level is a local-level filter of one quantity: y = x + noise(r), x takes steps of variance q.
type level struct {
	m     float64 // the state's mean
	k     float64 // the gain of the newest correction
	root  float64 // 1/sqrt(S) of the newest prediction
	nu    float64 // newest innovation over sqrt(S)
	e     float64 // newest innovation
	now   block
	rests bool    // P is at its fixed point: k and root stay
	s     float64 // S of the newest prediction
	p     float64 // the state's variance
	g     Riccati
	d0    float64 // |ΔP| of the step before d1
	d1    float64 // newest |ΔP| above settled·P
	moved uint64  // observation of d1
	at    int64   // and its time, ns
	past  block   // the last whole block
	bar   bars    // the bands that it was held against
	rHat  float64
	qHat  float64
	fits  uint64 // blocks since the scale was set anew
	off   bool   // the last block was off the scale
	why   Reason // the verdict on the last block
}

// first takes y as the state: the limit of the filter as P grows without end.
func (l *level) first(y float64) {
	l.m, l.p, l.s = y, l.g.R, l.g.R
}

// step predicts, observes y and corrects, and returns the normalised innovation.
func (l *level) step(y float64, n uint64, at int64) float64 {
	if !l.rests {
		l.settle(n, at)
	}
	e := y - l.m
	l.m += float64(l.k * e)
	nu := float64(e * l.root)
	sq := float64(nu * nu)
	l.now.s1 += nu
	l.now.s2 += sq
	l.now.s4 += float64(sq * sq)
	l.now.lag += float64(nu * l.nu)
	l.e, l.nu = e, nu
	return nu
}

// settle takes P one step, as long as that moves it.
func (l *level) settle(n uint64, at int64) {
	prior := l.p + l.g.Q
	l.s = prior + l.g.R
	inverse := 1 / l.s
	l.k = float64(prior * inverse)
	l.root = math.Sqrt(inverse)
	next := float64(l.k * l.g.R)
	d := math.Abs(next - l.p)
	if d > float64(settled*next) {
		l.d0, l.d1 = l.d1, d
		l.moved, l.at = n, at
	}
	if d <= float64(resting*next) {
		l.rests = true
		return
	}
	l.p = next
}

// close ends a block: it judges the block by the q and r that were set before it, and then matches them
// to its moments. With a gain K that has settled, innovations of variance C0 and lag-1 covariance C1 say
//
//	M = C1 + K·C0,  R = (1-K)·C0 - C1,  Q = M·(1-(1-K)²) - K²·R
//
// whatever K was, M being the true variance of the prediction's error; C1 = 0 where K was right.
// Test: TestMatchingFindsTheNoise.
func (l *level) close(z *judge, lim limits) {
	l.past, l.now = l.now, block{}
	l.bar = z.bars(l.fits)
	l.why = l.verdict(z.n, lim)
	gain := l.g.Gain(l.p)
	c0 := float64(l.past.s2 / z.n * l.s)
	c1 := float64(l.past.lag / z.n * l.s)
	keep := 1 - gain
	err := c1 + float64(gain*c0)
	r := float64(keep*c0) - c1
	q := float64(err*(1-float64(keep*keep))) - float64(float64(gain*gain)*r)
	l.fit(q, r, l.offScale(c0, lim), z.memory)
	next := lim.match(l.qHat, l.rHat)
	if l.differs(next) {
		l.g, l.d0, l.d1, l.rests = next, 0, 0, false
	}
}

// offScale says whether innovations of variance c0 are far from the variance that was predicted.
func (l *level) offScale(c0 float64, lim limits) bool {
	if l.fits < opening || c0 < l.s && lim.floored(l.g) {
		return false
	}
	return c0 > float64(surprise*l.s) || float64(surprise*c0) < l.s
}

// fit averages the estimates of one block into those of the blocks before.
func (l *level) fit(q, r float64, off bool, memory uint64) {
	if off && l.off {
		l.fits, off = opening-1, false
	}
	l.off = off
	share := 1.0
	if l.fits >= opening {
		share = 1 / float64(min(l.fits-opening+1, memory))
		top := float64(surprise * l.s)
		r, q = min(max(r, -top), top), min(max(q, -top), top)
	}
	l.fits++
	l.rHat += float64(share * (r - l.rHat))
	l.qHat += float64(share * (q - l.qHat))
}

// differs says whether next would change what the filter does by more than the dead band.
func (l *level) differs(next Riccati) bool {
	p0, p1 := l.g.Fixed(), next.Fixed()
	s0, s1 := p0+l.g.Q+l.g.R, p1+next.Q+next.R
	return math.Abs(s1-s0) > float64(deadBand*s0) ||
		math.Abs(next.Gain(p1)-l.g.Gain(p0)) > deadBand
}

// limits bound the variances of one quantity.
type limits struct {
	least, most float64 // of q and r, in the square of the unit
	step        float64 // the least q/r
}

// match returns the pair for the estimates q and r. Where q is below what the model admits, its least gain
// K decides, and r becomes what makes S the variance of the innovations under it, M+R of the formula in
// close with M = (K²·R+Q)/(1-(1-K)²).
func (m limits) match(q, r float64) Riccati {
	if q < float64(m.step*r) {
		unit := Riccati{Q: m.step, R: 1}
		p := unit.Fixed()
		k := unit.Gain(p)
		err := (float64(float64(k*k)*r) + q) / (1 - unit.Slope(p))
		r = (max(err, 0) + r) / (p + unit.Q + unit.R)
		q = float64(m.step * r)
	}
	return m.clamp(q, r)
}

// clamp returns a pair near (q, r) that lies within the limits, and q/r and r/q above their least.
func (m limits) clamp(q, r float64) Riccati {
	r = min(max(r, m.least, float64(leastNoise*q)), m.most)
	q = min(max(q, float64(m.step*r)), m.most)
	return Riccati{Q: q, R: r}
}

// floored says whether the noise is at its least: what is seen is steadier than the model can say.
func (m limits) floored(g Riccati) bool { return g.R <= m.least }

// start returns the pair to begin with: q = r, whose gain converges within a dozen observations.
func (m limits) start() Riccati {
	v := max(m.least, 1e-4)
	return Riccati{Q: v, R: v}
}

// bars are what the moments of a block of a calibrated filter stay within.
type bars struct {
	nis       Range   // of the mean NIS
	bias, rho float64 // of |mean ν| and |lag-1 correlation|
	kurtosis  Range   // of the kurtosis
}

// judge is what every filter of an observer is judged by.
type judge struct {
	n      float64 // observations in a block
	memory uint64  // most blocks that count for q and r
	two    float64 // standard deviations that one check may be off to both sides
	root   float64 // sqrt(n)
	tails  Range   // of the kurtosis
}

// newJudge shares what a report may err, 1-level, among its checks.
func newJudge(cfg Config) judge {
	each := (1 - cfg.Level) / (checks * Quantities)
	n, two := float64(cfg.Window), upperQuantile(0.5*each)
	return judge{
		n: n, memory: uint64(cfg.Memory), two: two, root: math.Sqrt(n),
		tails: Range{kurtosisBar(n, -two), kurtosisBar(n, two)},
	}
}

// bars returns the bars of a block before which fits blocks have set S and K. That these were k = few
// widens what depends on them by sqrt(1+1/k); an average of memory m is worth 2m-1.
func (z *judge) bars(fits uint64) bars {
	k := 1.0
	if fits > opening {
		k = float64(min(fits-opening, 2*z.memory-1))
	}
	two := float64(z.two * math.Sqrt(1+1/k))
	low, high := band(z.n, two)
	return bars{nis: Range{low, high}, bias: z.two / z.root, rho: two / z.root, kurtosis: z.tails}
}

// verdict names the first check that the last whole block fails, Calibrated if none.
func (l *level) verdict(n float64, lim limits) Reason {
	switch nis := l.past.s2 / n; {
	case l.fits < warm-1:
		return Warming
	case nis < l.bar.nis.Low && lim.floored(l.g):
		return Still
	case nis < l.bar.nis.Low:
		return TooSure
	case nis > l.bar.nis.High:
		return Surprised
	case math.Abs(l.past.s1/n) > l.bar.bias:
		return Biased
	case math.Abs(l.rho()) > l.bar.rho:
		return Correlated
	}
	if tails := l.kurtosis(n); tails < l.bar.kurtosis.Low || tails > l.bar.kurtosis.High {
		return Misshapen
	}
	return Calibrated
}

// rho returns the lag-1 correlation of the last whole block's innovations.
func (l *level) rho() float64 {
	if l.past.s2 == 0 {
		return 0
	}
	return l.past.lag / l.past.s2
}

// kurtosis returns the fourth moment of the last whole block over its squared second, 3 for normal ones.
func (l *level) kurtosis(n float64) float64 {
	if l.past.s2 == 0 {
		return 0
	}
	return float64(n*l.past.s4) / float64(l.past.s2*l.past.s2)
}

// lnCost returns ln of a cost in ns within 2e-11, of which less than 1 counts as 1: 2^n·m with m in
// sqrt(1/2)…sqrt(2) by the bits, and ln m = 2·artanh((m-1)/(m+1)) by the series to the eleventh power. It costs
// a quarter of exact.Log, and this is on every update's way.
func lnCost(ns int64) float64 {
	const ln2, root2 = 0.6931471805599453, 1.4142135623730951
	u := float64(max(ns, 1))
	b := math.Float64bits(u)
	n := float64(int(b>>52) - 1023)
	m := math.Float64frombits(b&(1<<52-1) | 1023<<52)
	if m > root2 {
		m, n = 0.5*m, n+1
	}
	z := (m - 1) / (m + 1)
	y := float64(z * z)
	sum := 1.0/9 + float64(y*(1.0/11))
	sum = 1.0/7 + float64(y*sum)
	sum = 1.0/5 + float64(y*sum)
	sum = 1.0/3 + float64(y*sum)
	return float64(n*ln2) + float64(2*z*(1+float64(y*sum)))
}
