package claims

import (
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cases"
	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// plv returns E p of the phase of a signal in circular noise against a clean reference, at a power ratio rho:
// sqrt(π·rho)/2·exp(-rho/2)·(I0(rho/2)+I1(rho/2)).
func plv(rho float64) float64 {
	z := rho / 2
	return math.Sqrt(math.Pi*rho) / 2 * math.Exp(evidence.LnI0(z)-z) * (1 + evidence.I1I0(z))
}

func ratio(db float64) float64 { return math.Pow(10, db/10) }

// heard returns the resonance of n samples of a signal in noise, against itself without the noise or, both
// being noisy, against itself a sample ago.
func heard(t *testing.T, reading phase.Reading, rho float64, both bool, n int) kairos.Resonance {
	t.Helper()
	pair := kairos.PairConfig{Reading: reading}
	if both {
		pair.Lag = 1
	}
	g := integrator(t, kairos.Config{Window: kairos.Rectangular, Pair: pair})
	r := signal.Rand(8)
	p := phase.Point{U: make([]complex128, 1), Weight: 1}
	if !both {
		p.V = []complex128{1}
	}
	for k := range n {
		z := complex(1+r.Gauss()/math.Sqrt(2*rho), r.Gauss()/math.Sqrt(2*rho))
		if reading == phase.ByPhase {
			z /= complex(cmplx.Abs(z), 0)
		}
		p.T, p.U[0] = int64(k), z
		if _, err := g.Step(&p); err != nil {
			t.Fatal(err)
		}
	}
	return g.Read()
}

// TestCase08SNR: what T is of a signal in noise, by phase and by energy, and the SNR that a threshold needs.
func TestCase08SNR(t *testing.T) {
	const n = 100_000
	for _, db := range []float64{-10, -5, 0, 3, 10, 13, 16, 20, 30} {
		rho := ratio(db)
		clean, msc := plv(rho), rho/(1+rho)
		within4(t, clean, real(heard(t, phase.ByPhase, rho, false, n).T), math.Sqrt(1-clean*clean)/math.Sqrt(n), db)
		within4(t, clean*clean, real(heard(t, phase.ByPhase, rho, true, n).T), math.Sqrt(3*(1-clean*clean))/math.Sqrt(n), db)
		within4(t, msc, heard(t, phase.ByEnergy, rho, false, n).T2, math.Sqrt(2*msc)*(1-msc)/math.Sqrt(n)+1.0/n, db)
		within4(t, msc*msc, heard(t, phase.ByEnergy, rho, true, n).T2, 2*math.Sqrt(3*(1-msc))/math.Sqrt(n)+1.0/n, db)
	}
	checkSNRFile(t)
}

func checkSNRFile(t *testing.T) {
	var c struct {
		Table struct {
			Tab []struct {
				DB    float64 `json:"snr_db"`
				PLV   float64
				Clean float64 `json:"plv2_cleanref"`
				Both  float64 `json:"plv2_both"`
				MSC   float64 `json:"msc_cleanref"`
				MSC2  float64 `json:"msc_both"`
			}
			Need map[string]float64
		}
	}
	if !cases.Read(t, "08_snr_jitter.json", &c) {
		return
	}
	require.Len(t, c.Table.Tab, 18)
	for _, v := range c.Table.Tab {
		rho := ratio(v.DB)
		p, m := plv(rho), rho/(1+rho)
		for i, want := range []float64{v.PLV, v.Clean, v.Both, v.MSC, v.MSC2} {
			require.InDelta(t, want, []float64{p, p * p, p * p * p * p, m, m * m}[i], 1e-10, v)
		}
	}
	need := c.Table.Need
	require.InDelta(t, .95, math.Pow(plv(ratio(need["plv_clean"])), 2), 1e-10)
	require.InDelta(t, .95, math.Pow(plv(ratio(need["plv_both"])), 4), 1e-10)
	clean, both := ratio(need["msc_clean"]), ratio(need["msc_both"])
	require.InDelta(t, .95, clean/(1+clean), 1e-10)
	require.InDelta(t, .95, math.Pow(both/(1+both), 2), 1e-10)
}

// TestCase08Jitter: a phase jitter of sigma rad leaves |T| = exp(-sigma²/2).
func TestCase08Jitter(t *testing.T) {
	const n = 100_000
	for _, sigma := range []float64{.05, .1, .2, .2265, .25, .3, .5, 1} {
		r, err := kairos.NewReplay(kairos.ReplayConfig{Window: kairos.Rectangular, OmegaHz: 5})
		require.NoError(t, err)
		s := signal.Coupled(signal.Clock{Step: time.Millisecond}, 80, oscillator(t, 5), sigma)
		for range n {
			v := s.Next()
			require.NoError(t, r.Step(&v))
		}
		want := math.Exp(-sigma * sigma / 2)
		within4(t, want, r.Read().T[0], math.Sqrt(.5*(1+want*want*want*want)-want*want)/math.Sqrt(n)+1e-6, sigma)
	}
	var c struct {
		Jitter []struct{ Sigma, T, T2 float64 }
		AtIc   map[string]float64 `json:"sigma_at_Ic"`
	}
	if !cases.Read(t, "08_snr_jitter.json", &c) {
		return
	}
	require.Len(t, c.Jitter, 8)
	for _, v := range c.Jitter {
		require.InDelta(t, v.T, math.Exp(-v.Sigma*v.Sigma/2), 1e-10)
		require.InDelta(t, v.T2, math.Exp(-v.Sigma*v.Sigma), 1e-10)
	}
	require.InDelta(t, c.AtIc["0.95"], math.Sqrt(-math.Log(.95)), 1e-10)
}

// power is what runs of a full leaky window of tau samples say under a jitter of sigma.
type power struct{ nu, meanT2, meanT, sd, detected float64 }

func detect(t *testing.T, tau, runs int, sigma float64) (p power) {
	t.Helper()
	g := integrator(t, kairos.Config{Tau: time.Duration(tau)})
	r := signal.Rand(uint64(1000*tau) + uint64(1e4*sigma))
	sum2 := 0.0
	u := make([]complex128, 1)
	for range runs {
		g.Reset()
		for k := range 12 * tau {
			u[0] = turn(sigma * r.Gauss() / (2 * math.Pi))
			if _, err := g.Step(&phase.Point{T: int64(k), U: u, Weight: 1}); err != nil {
				t.Fatal(err)
			}
		}
		got := g.Read()
		p.nu = got.Nu
		p.meanT2 += got.T2 / float64(runs)
		p.meanT += math.Sqrt(got.T2) / float64(runs)
		sum2 += got.T2 / float64(runs)
		if got.T2 >= .95 {
			p.detected += 1 / float64(runs)
		}
	}
	p.sd = math.Sqrt(max(0, sum2-p.meanT*p.meanT))
	return p
}

// TestCase08Power: E|T|² = rho²+(1-rho²)/nu is exact, and the chance to pass 0.95 is as tabulated.
func TestCase08Power(t *testing.T) {
	const runs, theirs = 4000, 20_000
	type row struct {
		Tau            int
		Nu, Sigma      float64
		Theory, MeanT2 float64
		Mean           float64 `json:"mean_mc"`
		SD             float64 `json:"sd_mc"`
		Pd             float64 `json:"Pd_mc"`
	}
	var c struct{ Power []row }
	if !cases.Read(t, "08_snr_jitter.json", &c) {
		for _, sigma := range []float64{.1, .2265, .3} {
			c.Power = append(c.Power, row{Tau: 10, Nu: 1 / math.Tanh(.05), Sigma: sigma, Pd: -1})
		}
	}
	for _, v := range c.Power {
		got := detect(t, v.Tau, runs, v.Sigma)
		rho2 := math.Exp(-v.Sigma * v.Sigma)
		theory := rho2 + (1-rho2)/v.Nu
		require.InEpsilon(t, v.Nu, got.nu, 2*math.Exp(-12), "after 12 tau")
		within4(t, theory, got.meanT2, 2*got.sd/math.Sqrt(runs), v)
		if v.Pd < 0 {
			continue
		}
		require.InDelta(t, v.Theory, theory, 1e-10)
		both := math.Sqrt(1.0/runs + 1.0/theirs)
		within4(t, v.MeanT2, got.meanT2, 2*v.SD*both, v)
		within4(t, v.Mean, got.meanT, v.SD*both, v)
		require.InEpsilon(t, v.SD, got.sd, 4*both*2, v)
		within4(t, v.Pd, got.detected, math.Sqrt(v.Pd*(1-v.Pd))*both+1.0/runs, v)
	}
}
