package gate

import (
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/align"
	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// leastNu is what the e-SR route asks of the windows beside its own evidence (KERNEL.md 9).
const leastNu = 6

// Look is what a gate is shown: the joint state at one instant and what speaks for it.
type Look struct {
	T           int64         // event time of the state, ns
	Joint       align.Joint   // of the shrunk resonances
	NuMaster    float64       // Kish number of the level that speaks for Master
	NuEmissary  float64       // Kish number of Emissary's window
	Mass        float64       // the smaller mass of the two windows
	Correlation float64       // >= 1: samples that one independent sample is worth; every nu is divided by it
	LnE         float64       // e-process since the last release
	LnSR        float64       // e-SR detector
	Steps       uint64        // steps of that detector since the field began
	Silence     time.Duration // since the newest sample; 0 where one has just come
}

// Margins say how far each condition of a collapse holds: >= 0 iff it does. All are finite.
type Margins struct {
	Effect   float64 // |T~_sync|² - I_c
	Evidence float64 // nats, of the better of the two routes
	First    float64 // nats that the first collapse has beyond its own budget; 0 where it is not asked
	Mass     float64 // samples beyond W_min
	Chord    float64 // delta - chord
	Fresh    float64 // seconds until stale
}

// Judgement is the answer to one Look.
type Judgement struct {
	State   State
	Changed bool    // whether State differs from the one before
	Reason  Reason  // the condition that decided
	LnP     float64 // bound on ln P(a look like this collapses by chance), <= 0
	Margins Margins
}

// Gate is the state of one field between silence and collapse. Not safe for concurrent use.
//
// A field collapses iff, at a look, all of these hold (KERNEL.md 9):
//
//   - effect: |T~_sync|² >= I_c, and the chord |T~_m - T~_e| <= delta;
//   - evidence by one of two routes, each with half the budget:
//     the bound, min over U(nu_sync, I_c)·J, U(nu_m, x')·J, U(nu_e, x') <= alpha_look/2, or
//     the detector, nu >= 6 and SR >= A = 2·3600·f_eval/alpha_hour;
//   - for the first collapse of the field's life also E >= 2/alpha_hour or SR >= A_n (below);
//   - mass: both windows hold W_min or more, and the newest sample is fresh.
//
// Why this keeps the budget, with alpha_look = alpha_hour/(3600·f_eval). A collapse implies that
// |T_sync|² >= I_c and that either pathway alone has |T|² >= x' = (2·√I_c - 1)², so the probability of
// each of these events bounds that of a collapse, and so does the least of them. nu depends on times and
// weights alone, never on a phase, so taking the least costs nothing. Which of Master's J levels speaks
// does depend on phases, hence the union over J. Looks are counted, not trusted: event time is cut into
// slots of 1/f_eval, the gate looks once a slot at most, and the detector steps once a slot at most. So
// an hour holds 3600·f_eval looks (one more where it cuts a slot) however fast samples come. Each look
// spends half of alpha_look on the bound; between two alarms of the detector pass A slots or more on
// average. Together: alpha_hour false collapses an hour, whatever the dependence between looks.
//
// The first collapse has a second promise, P(ever) <= alpha_hour. Half of it is Ville's inequality for
// the e-process E. E alone would punish a field for the noise that it heard before its signal began (a
// signal after n samples of noise would have to outweigh all of them), so the other half goes to the
// detector: SR_n - n is a martingale, hence P(SR >= a somewhere in 2^k <= n < 2^(k+1)) <= 2^(k+1)/a,
// and a_k = 2^(k+1)·(k+1)²·(π²/6)·(2/alpha) makes the sum over all k alpha/2.
//
// Both the detector and the promise assume phases that are uniform given the past. Where the declared
// correlation is above 1 they are switched off and only the bound, at nu/correlation, can collapse. That
// division is exact when samples that many apart are independent (Hölder: E exp(Σ) <= Π of the
// interleaved independent sums), and a declaration to be measured where correlation only fades.
type Gate struct {
	cfg      Config
	lim      limits
	state    State
	slot     int64 // the newest slot that a look has used up
	looked   bool  // whether slot means anything
	opened   bool  // whether the field has ever collapsed
	released int64 // event time of the last release
}

// New validates cfg and returns a gate in Warmup.
func New(cfg Config) (*Gate, error) {
	lim, err := cfg.limits()
	if err != nil {
		return nil, err
	}
	return &Gate{cfg: cfg, lim: lim, state: Warmup}, nil
}

// State returns where the field stands.
func (g *Gate) State() State { return g.state }

// NuMin returns the nu of T_sync at which the bound alone suffices.
func (g *Gate) NuMin() (float64, error) {
	nu, err := evidence.NuMin(g.cfg.Threshold, exact.Exp(g.lim.lnAlpha-g.lim.lnJ))
	if err != nil {
		return 0, fmt.Errorf("gate: nu_min: %w", err)
	}
	return nu, nil
}

// LnA returns ln of what the change detector must reach, A = 2·3600·f_eval/alpha_hour.
func (g *Gate) LnA() float64 { return g.lim.lnA }

// Due says whether event time t, in ns, lies in a slot that no look has used up. The detector of e-SR
// steps only where it does.
func (g *Gate) Due(t int64) bool { return !g.looked || g.slotOf(t) > g.slot }

func (g *Gate) slotOf(t int64) int64 {
	q := t / g.lim.period
	if t%g.lim.period < 0 {
		q--
	}
	return q
}

// Step judges the state after a sample. It allocates nothing.
func (g *Gate) Step(l *Look) Judgement {
	j := g.weigh(l)
	before := g.state
	due := g.Due(l.T)
	if due {
		g.slot, g.looked = g.slotOf(l.T), true
	}
	switch {
	case g.state == Collapsed && l.Joint.T2 < g.cfg.Release:
		g.state, g.released, j.Reason = Dissipating, l.T, ReasonReleased
	case g.state == Collapsed:
		j.Reason = ReasonHolds
	case j.Reason == ReasonHolds && !due:
		j.Reason = ReasonLook
	case j.Reason == ReasonHolds:
		g.state, g.opened = Collapsed, true
	default:
		g.state = g.waiting(l.T, j)
	}
	j.State, j.Changed = g.state, g.state != before
	return j
}

// Idle judges the state after silence alone, which can end a collapse but never begin one.
func (g *Gate) Idle(l *Look) Judgement {
	j := g.weigh(l)
	before := g.state
	switch {
	case l.Silence >= g.cfg.StaleAfter:
		g.state, j.Reason = Stale, ReasonStale
	case g.state == Collapsed && l.Joint.T2 < g.cfg.Release:
		g.state, g.released, j.Reason = Dissipating, l.T, ReasonReleased
	}
	j.State, j.Changed = g.state, g.state != before
	return j
}

// Releases says whether silence as in l ends a collapse, and changes nothing.
func (g *Gate) Releases(l *Look) bool { return l.Joint.T2 < g.cfg.Release }

// waiting returns the state of a field that does not collapse: Dissipating for a while after a release,
// Warmup while nothing could collapse yet, else Accumulating.
func (g *Gate) waiting(t int64, j Judgement) State {
	if g.state == Dissipating && t-g.released < int64(g.cfg.StaleAfter) {
		return Dissipating
	}
	if j.Margins.Mass < 0 || j.Margins.Evidence < 0 {
		return Warmup
	}
	return Accumulating
}

// weigh works out the margins and the first condition that fails.
func (g *Gate) weigh(l *Look) Judgement {
	lnP := g.bound(l)
	m := Margins{
		Effect:   l.Joint.T2 - g.cfg.Threshold,
		Evidence: g.lim.lnAlpha - lnP,
		Mass:     l.Mass - g.cfg.MinMass,
		Chord:    g.cfg.Delta - l.Joint.Chord,
		Fresh:    (g.cfg.StaleAfter - l.Silence).Seconds(),
	}
	if l.Correlation <= 1 {
		alarm := finite(math.Min(l.LnSR-g.lim.lnA, l.Joint.Nu-leastNu))
		m.Evidence = math.Max(m.Evidence, alarm)
		if !g.opened {
			m.First = finite(math.Max(l.LnE-g.lim.lnFirst, l.LnSR-g.lnEver(l.Steps)))
		}
	}
	return Judgement{Reason: m.failing(), LnP: lnP, Margins: m}
}

// bound returns the least of the bounds on the same event, at most 0. A bound depends on nu·x alone and
// falls with it wherever it says anything, so the greater product has the lesser bound.
func (g *Gate) bound(l *Look) float64 {
	c := math.Max(1, l.Correlation)
	chosen := math.Max(l.Joint.Nu*g.cfg.Threshold, l.NuMaster*g.lim.least) / c
	p := g.lim.lnJ + evidence.LnBound(chosen, 1)
	p = math.Min(p, evidence.LnBound(l.NuEmissary*g.lim.least/c, 1))
	return math.Min(p, 0)
}

// lnEver returns ln of what the detector must reach at step n for P(ever) <= alpha_hour/2.
func (g *Gate) lnEver(n uint64) float64 {
	_, k := math.Frexp(float64(n)) // 2^(k-1) <= n < 2^k, and 0 for n = 0
	return g.lim.lnFirst + float64(float64(k)*math.Ln2) + float64(2*exact.Log(float64(max(k, 1)))) + exact.Log(math.Pi*math.Pi/6)
}

// finite keeps a margin finite: an empty detector has ln SR = -Inf.
func finite(x float64) float64 { return math.Max(-1e9, math.Min(1e9, x)) }
