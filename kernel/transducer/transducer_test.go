package transducer_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/signal"
	"github.com/becomingone/becomingone/kernel/transducer"
)

const ms = int64(time.Millisecond)

func pair(t testing.TB, levels int, lnA float64) (*transducer.Emissary, *transducer.Master) {
	const tau = 100 * time.Millisecond
	e, err := transducer.NewEmissary(transducer.EmissaryConfig{Tau: tau, N0: .25, Horizon: 3 * tau, LnA: lnA, SeedNu: 27})
	require.NoError(t, err)
	m, err := transducer.NewMaster(transducer.MasterConfig{
		Tau: tau, Ratio: 4, Levels: levels, N0: .25, Horizon: 3 * tau, Emissary: tau,
		Threshold: .95, Release: .9, MinMass: 3,
	})
	require.NoError(t, err)
	return e, m
}

func term(at int64, p complex128) kairos.Term {
	return kairos.Term{T: at, P: p, Ex: 1, Ey: 1, Weight: 1, Sign: 1, Fresh: true}
}

func jitter(r *signal.Rand, sigma float64) complex128 {
	sin, cos := exact.Sincos(exact.Turns(sigma * r.Gauss()))
	return complex(cos, sin)
}

// After noise the fast voices come first and the slow ones follow, each only once it agrees.
func TestDepthGrows(t *testing.T) {
	e, m := pair(t, 4, 0)
	r := signal.Rand(1)
	put := func(at int64, p complex128) transducer.Voice {
		require.NoError(t, m.Add(term(at, p)))
		require.NoError(t, e.Add(term(at, p), true))
		now := e.ReadAt(at)
		return m.Hear(at, &now)
	}
	at := int64(0)
	for ; at < 20000*ms; at += ms {
		v := put(at, r.Circle())
		require.True(t, v.Level == 3 || at < 3*ms, "noise: the slowest level with mass")
	}
	deepest := 0
	for end := at + 60000*ms; at < end; at += ms {
		v := put(at, jitter(&r, .1))
		if v.Ts2 >= .95 {
			require.GreaterOrEqual(t, v.Level, deepest, "a deeper voice that holds is not given up")
			require.LessOrEqual(t, v.Level, deepest+1)
			deepest = v.Level
		}
	}
	require.Equal(t, 3, deepest)
	v := put(at, 1)
	require.Equal(t, 6400*time.Millisecond, v.Tau)
	// One disturbance does not move it.
	for range 20 {
		at += ms
		require.Equal(t, 3, put(at, -1).Level)
	}
}

// Where nothing has mass, the fastest speaks, and the cross term of a shared window is its own Σw².
func TestEmptyMaster(t *testing.T) {
	e, m := pair(t, 3, 0)
	now := e.ReadAt(5)
	v := m.Hear(5, &now)
	require.Zero(t, v.Level)
	require.Zero(t, v.W)
	require.Equal(t, 100*time.Millisecond, v.Tau)
	require.NoError(t, e.Add(term(6, 1), true))
	now = e.ReadAt(6)
	require.Equal(t, now.Q, m.ReadAt(0, 6, &now).Cross)
	_, alone := pair(t, 1, 0)
	require.NoError(t, alone.Add(term(6, 1)))
	require.Equal(t, now, alone.Hear(6, &now).Resonance, "one level of Emissary's tau is Emissary's window")
}

// The alarm lets the window begin at the onset of the signal: it holds the signal and nothing older.
func TestReseed(t *testing.T) {
	clean := 0
	for seed := range uint64(100) {
		seeded, _ := pair(t, 1, 22.7)
		plain, _ := pair(t, 1, 0)
		r := signal.Rand(seed)
		for i := range int64(1000) {
			p := r.Circle()
			require.NoError(t, seeded.Add(term(i*ms, p), true))
			require.NoError(t, plain.Add(term(i*ms, p), true))
			require.Equal(t, plain.ReadAt(i*ms), seeded.ReadAt(i*ms), "noise seeds nothing")
		}
		for i := int64(1000); i < 1040; i++ {
			p := jitter(&r, .1)
			require.NoError(t, seeded.Add(term(i*ms, p), true))
			require.NoError(t, plain.Add(term(i*ms, p), true))
		}
		now := seeded.ReadAt(1039 * ms)
		require.GreaterOrEqual(t, now.Nu, 27.0)
		require.Greater(t, now.T2, .8, "chance can begin the onset a few samples early")
		if now.T2 > .95 {
			clean++
		}
		require.Less(t, plain.ReadAt(1039*ms).T2, .5)
		// A late sample from before the onset is not of the window; one after it is.
		require.NoError(t, seeded.Add(term(900*ms+1, -1), true))
		require.Equal(t, now.S, seeded.ReadAt(1039*ms).S)
		require.NoError(t, seeded.Add(term(1038*ms+1, -1), true))
		require.NotEqual(t, now.S, seeded.ReadAt(1039*ms).S)
	}
	require.Greater(t, clean, 90)
}

// The evidence hears each instant once, in order, and not what is taken back.
func TestEvidenceHearsOnce(t *testing.T) {
	e, _ := pair(t, 1, 0)
	require.NoError(t, e.Add(term(10, 1), true))
	lnE, steps := e.LnE(), e.Steps()
	for _, odd := range []kairos.Term{
		term(10, 1), term(5, 1), {T: 11, P: 1, Weight: 0, Sign: 1}, {T: 12, P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: -1},
	} {
		require.NoError(t, e.Add(odd, true))
		require.Equal(t, lnE, e.LnE())
		require.Equal(t, steps, e.Steps())
	}
	require.NoError(t, e.Add(term(13, 1), false))
	require.Greater(t, e.LnE(), lnE)
	require.Equal(t, steps, e.Steps(), "the detector steps only when it may")
	e.Release()
	require.Zero(t, e.LnE())
	require.Equal(t, steps, e.Steps())
	require.ErrorIs(t, e.Add(term(-1e9, 1), true), kairos.ErrLate)
}

func TestStateComesBack(t *testing.T) {
	e, m := pair(t, 4, 22.7)
	r := signal.Rand(3)
	for i := range int64(2000) {
		p := r.Circle()
		if i > 1000 {
			p = jitter(&r, .1)
		}
		require.NoError(t, m.Add(term(i*ms, p)))
		require.NoError(t, e.Add(term(i*ms, p), true))
		now := e.ReadAt(i * ms)
		m.Hear(i*ms, &now)
	}
	be, err := e.AppendBinary(nil)
	require.NoError(t, err)
	bm, err := m.AppendBinary(nil)
	require.NoError(t, err)
	e2, m2 := pair(t, 4, 22.7)
	require.NoError(t, e2.UnmarshalBinary(be))
	require.NoError(t, m2.UnmarshalBinary(bm))
	for i := int64(2000); i < 2100; i++ {
		p := r.Circle()
		require.NoError(t, m.Add(term(i*ms, p)))
		require.NoError(t, m2.Add(term(i*ms, p)))
		require.NoError(t, e.Add(term(i*ms, p), true))
		require.NoError(t, e2.Add(term(i*ms, p), true))
		a, b := e.ReadAt(i*ms), e2.ReadAt(i*ms)
		require.Equal(t, m.Hear(i*ms, &a), m2.Hear(i*ms, &b))
		require.Equal(t, e.LnSR(), e2.LnSR())
	}
	for cut := range be {
		require.Error(t, e2.UnmarshalBinary(be[:cut]))
	}
	for cut := range bm {
		require.Error(t, m2.UnmarshalBinary(bm[:cut]))
	}
	_, fewer := pair(t, 2, 0)
	require.Error(t, fewer.UnmarshalBinary(bm))
}

func TestLevels(t *testing.T) {
	require.Equal(t, 8, transducer.Levels(200*time.Millisecond, time.Hour, 4))
	require.Equal(t, 1, transducer.Levels(time.Second, time.Second, 4))
	require.Equal(t, 2, transducer.Levels(time.Second, 4*time.Second, 4))
	require.Equal(t, 64, transducer.Levels(1, math.MaxInt64, 1.01))
}

func TestConfigsAreChecked(t *testing.T) {
	_, err := transducer.NewEmissary(transducer.EmissaryConfig{})
	require.ErrorContains(t, err, "transducer: emissary: kairos: bank tau 0s")
	_, err = transducer.NewMaster(transducer.MasterConfig{Tau: time.Second, Ratio: 4})
	require.ErrorContains(t, err, "transducer: master: kairos: bank levels 0")
}

// A window of 100 ms hears a steady signal; a bank up to 1.6 s speaks with its slowest voice.
func ExampleMaster_Hear() {
	tau := 100 * time.Millisecond
	e, _ := transducer.NewEmissary(transducer.EmissaryConfig{Tau: tau})
	m, _ := transducer.NewMaster(transducer.MasterConfig{
		Tau: tau, Ratio: 4, Levels: 3, Emissary: tau, Threshold: .95, Release: .9, MinMass: 3,
	})
	var v transducer.Voice
	for i := range int64(100) {
		t := kairos.Term{T: i * ms, P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: 1}
		_, _ = m.Add(t), e.Add(t, true)
		now := e.ReadAt(t.T)
		v = m.Hear(t.T, &now)
	}
	fmt.Println(v.Tau, v.T2)
	// Output: 1.6s 1
}
