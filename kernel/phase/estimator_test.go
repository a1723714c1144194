package phase_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phase"
)

func estimator(t testing.TB, cfg phase.Config) *phase.Estimator {
	t.Helper()
	e, err := phase.NewEstimator(cfg)
	require.NoError(t, err)
	return e
}

func one(t testing.TB, e *phase.Estimator, s phase.Sample) phase.Point {
	t.Helper()
	p, ok, err := e.Step(&s)
	require.NoError(t, err)
	require.True(t, ok)
	return p
}

func phasor(at int64, z complex128) phase.Sample {
	return phase.Sample{T: at, Form: phase.Phasor, X: []complex128{z}}
}

func TestFormsByPhase(t *testing.T) {
	e := estimator(t, phase.Config{})
	for _, v := range []struct {
		s phase.Sample
		u complex128
		w float64
	}{
		{phasor(1, 3-4i), 0.6 - 0.8i, 1},
		{phasor(2, complex(1e300, 0)), 1, 1},
		{phasor(3, complex(0, -1e-200)), -1i, 1},
		{phasor(4, complex(5e-324, 0)), 0, 0}, // a denormal is nothing, and nothing has no phase
		{phase.Sample{T: 5, Form: phase.Angle, R: []float64{math.Pi / 2}}, 1i, 1},
		{phase.Sample{T: 6, Form: phase.Angle, R: []float64{1e9}}, cmplx.Exp(1e9i), 1},
		{phase.Sample{T: 7, Form: phase.Event}, 1, 1},
		{phase.Sample{T: 8, Form: phase.Real, R: []float64{-2}}, -1, 1},
	} {
		p := one(t, e, v.s)
		require.InDelta(t, 0, cmplx.Abs(p.U[0]-v.u), 1e-15, v.s)
		require.Equal(t, v.w, p.Weight)
		require.Equal(t, v.s.T, p.T)
		require.Nil(t, p.V)
	}
}

func TestByEnergyKeepsAmplitude(t *testing.T) {
	e := estimator(t, phase.Config{Reading: phase.ByEnergy})
	require.Equal(t, 3-4i, one(t, e, phasor(1, 3-4i)).U[0])
	require.Equal(t, complex(phase.Clamp, 0), one(t, e, phasor(2, 1e300)).U[0])
	p := one(t, e, phase.Sample{T: 3, Form: phase.Real, R: []float64{-2}, Y: []complex128{5i}})
	require.Equal(t, complex(-2, 0), p.U[0])
	require.Equal(t, 5i, p.V[0])
	require.Equal(t, 1.0, one(t, e, phasor(4, 0)).Weight, "an energy of 0 is a measurement")
}

func TestReferences(t *testing.T) {
	e := estimator(t, phase.Config{})
	p := one(t, e, phase.Sample{T: 1, Form: phase.Phasor, X: []complex128{2}, Y: []complex128{-3}})
	require.Equal(t, complex(-1, 0), p.V[0])
	p = one(t, e, phase.Sample{T: 2, Form: phase.Angle, R: []float64{1}, YR: []float64{math.Pi / 2}})
	require.InDelta(t, 0, cmplx.Abs(p.V[0]-1i), 1e-15)
	p = one(t, e, phase.Sample{T: 3, Form: phase.Event, Y: []complex128{1i}})
	require.Equal(t, 1i, p.V[0])
}

func TestRefusals(t *testing.T) {
	nan := math.NaN()
	for want, s := range map[string]phase.Sample{
		"form 0":                     {},
		"form 9":                     {Form: 9},
		"of 2 complex":               {Form: phase.Phasor, X: []complex128{1, 2}},
		"and 1 real values":          {Form: phase.Phasor, X: []complex128{1}, R: []float64{1}},
		"event sample of 1":          {Form: phase.Event, X: []complex128{1}},
		"two references":             {Form: phase.Angle, R: []float64{1}, Y: []complex128{1}, YR: []float64{1}},
		"reference of 2 complex":     {Form: phase.Event, Y: []complex128{1, 1}},
		"reference of 2 real":        {Form: phase.Real, R: []float64{1}, YR: []float64{1, 2}},
		"reference of a phasor":      {Form: phase.Phasor, X: []complex128{1}, YR: []float64{1}},
		"sample value 0 is (NaN":     {Form: phase.Phasor, X: []complex128{complex(nan, 0)}},
		"sample value 0 is +Inf":     {Form: phase.Real, R: []float64{math.Inf(1)}},
		"reference value 0 is (0-In": {Form: phase.Event, Y: []complex128{complex(0, math.Inf(-1))}},
		"reference value 0 is NaN":   {Form: phase.Angle, R: []float64{1}, YR: []float64{nan}},
	} {
		e := estimator(t, phase.Config{})
		_, ok, err := e.Step(&s)
		require.ErrorContains(t, err, want)
		require.False(t, ok)
	}
	e := estimator(t, phase.Config{Form: phase.Angle})
	_, _, err := e.Step(&phase.Sample{Form: phase.Event})
	require.ErrorContains(t, err, "want angle")
}

func TestConfigErrors(t *testing.T) {
	line := phase.NCO{F: 1}
	for want, cfg := range map[string]phase.Config{
		"form 5":              {Form: 5},
		"dims -1":             {Dims: -1},
		"reading 2":           {Reading: 2},
		"motion_floor NaN":    {MotionFloor: math.NaN()},
		"motion_floor 3":      {MotionFloor: 3},
		"want real":           {Form: phase.Angle, LockIn: phase.LockIn{NCO: line, Tau: 1}},
		"lock-in tau":         {LockIn: phase.LockIn{NCO: line}},
		"max_gap":             {LockIn: phase.LockIn{NCO: line, Tau: 1, MaxGap: -1}},
		"lock-in frequency 0": {LockIn: phase.LockIn{Velocity: true}},
	} {
		_, err := phase.NewEstimator(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestMotionGate(t *testing.T) {
	e := estimator(t, phase.Config{MotionFloor: 0.1})
	turn := func(a float64) complex128 { return cmplx.Exp(complex(0, a)) }
	for i, v := range []struct{ angle, weight float64 }{
		{0, 0}, // nothing to compare with
		{0, 0}, {0.09, 0}, {0.18, 0}, {0.29, 1}, {0.29, 0}, {3, 1},
	} {
		require.Equal(t, v.weight, one(t, e, phasor(int64(i), 5*turn(v.angle))).Weight, i)
	}
	require.Equal(t, 1.0, one(t, e, phase.Sample{T: 9, Form: phase.Event}).Weight, "an event is motion")

	// Over channels the chord is the root mean square: one channel of four at 0.2 is 0.1.
	e = estimator(t, phase.Config{MotionFloor: 0.1, Dims: 4})
	x := []complex128{1, 1, 1, 1}
	one(t, e, phase.Sample{T: 1, Form: phase.Phasor, X: x})
	x[2] = turn(0.19)
	require.Zero(t, one(t, e, phase.Sample{T: 2, Form: phase.Phasor, X: x}).Weight)
	x[2] = turn(0.40)
	require.Equal(t, 1.0, one(t, e, phase.Sample{T: 3, Form: phase.Phasor, X: x}).Weight)
}

const hz = 5.0

func lockIn(t testing.TB, velocity bool) phase.LockIn {
	t.Helper()
	line, err := phase.NewNCO(hz)
	require.NoError(t, err)
	return phase.LockIn{NCO: line, Tau: 2 * time.Second, Velocity: velocity, MaxGap: 100 * time.Millisecond}
}

// TestLockInFindsPhaseAndAmplitude: a cosine of amplitude A and phase p becomes A·exp(ip), its velocity
// iωA·exp(ip), whatever level it rides on.
func TestLockInFindsPhaseAndAmplitude(t *testing.T) {
	for _, velocity := range []bool{false, true} {
		for _, p := range []float64{0, 1, -2.5} {
			e := estimator(t, phase.Config{Reading: phase.ByEnergy, LockIn: lockIn(t, velocity)})
			level, want := 0.0, 3*cmplx.Exp(complex(0, p))
			if velocity {
				level, want = 1e4, want*complex(0, 2*math.Pi*hz)
			}
			var got phase.Point
			for k := range int64(20_000) { // 20 s: ten tau
				at := k*1e6 + (k*k%7)*1e5
				s := phase.Sample{T: at, Form: phase.Real, R: []float64{level + 3*math.Cos(2*math.Pi*hz*float64(at)*1e-9+p)}}
				q, ok, err := e.Step(&s)
				require.NoError(t, err)
				require.Equal(t, k > 0, ok)
				got = q
			}
			image := 1 / math.Hypot(1, 2*2*math.Pi*hz*2) // of the line at -2ω
			require.InDelta(t, 0, cmplx.Abs(got.U[0]-want)/cmplx.Abs(want), image+2e-3, "%v %v", velocity, p)
			require.Equal(t, 1.0, got.Weight)
		}
	}
}

// TestLockInMotion: a steady line moves although its demodulated phase stands still; a constant does not,
// and a line that stops loses its weight within half a period although its estimate rings on.
func TestLockInMotion(t *testing.T) {
	for _, velocity := range []bool{false, true} {
		e := estimator(t, phase.Config{MotionFloor: 0.01, LockIn: lockIn(t, velocity)})
		at := int64(0)
		feed := func(x float64) phase.Point {
			at += 1e6
			p, _, err := e.Step(&phase.Sample{T: at, Form: phase.Real, R: []float64{x}})
			require.NoError(t, err)
			return p
		}
		for k := range 5000 {
			p := feed(math.Cos(2 * math.Pi * hz * float64(at+1e6) * 1e-9))
			if k > 2 {
				require.Equal(t, 1.0, p.Weight, k)
			}
		}
		for k := range 3000 {
			if p := feed(0.25); k > 101 {
				require.Zero(t, p.Weight, k)
			}
		}
	}
}

func TestLockInGaps(t *testing.T) {
	e := estimator(t, phase.Config{LockIn: lockIn(t, true)})
	step := func(at int64, x float64) (phase.Point, bool, error) {
		return e.Step(&phase.Sample{T: at, Form: phase.Real, R: []float64{x}})
	}
	_, ok, err := step(0, 1)
	require.NoError(t, err)
	require.False(t, ok, "one sample has no velocity")
	_, ok, err = step(1e6, 2)
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = step(1e6, 3)
	require.NoError(t, err)
	require.False(t, ok, "no time, no velocity")
	_, ok, err = step(200e6, 3)
	require.NoError(t, err)
	require.False(t, ok, "too wide a gap")
	_, ok, err = step(201e6, 4)
	require.NoError(t, err)
	require.True(t, ok)
	_, _, err = step(200e6, 4)
	require.ErrorIs(t, err, phase.ErrLate)
	_, _, err = e.Step(&phase.Sample{T: 300e6, Form: phase.Real, R: []float64{1}, Y: []complex128{1}})
	require.ErrorContains(t, err, "want YR")
}

// TestLockInReference: two lines with one phase between them keep it through the same filter.
func TestLockInReference(t *testing.T) {
	e := estimator(t, phase.Config{LockIn: lockIn(t, false)})
	var p phase.Point
	for k := range int64(20_000) {
		a := 2 * math.Pi * hz * float64(k) * 1e-3
		s := phase.Sample{T: k * 1e6, Form: phase.Real, R: []float64{math.Cos(a + 0.7)}, YR: []float64{9 * math.Cos(a)}}
		p, _, _ = e.Step(&s)
	}
	require.InDelta(t, 0.7, cmplx.Phase(p.U[0]*cmplx.Conj(p.V[0])), 0.05)
}

func TestRestoreGoesOnBitIdentically(t *testing.T) {
	for _, cfg := range []phase.Config{
		{MotionFloor: 0.1, Dims: 2},
		{MotionFloor: 0.1, Dims: 2, Reading: phase.ByEnergy, LockIn: lockIn(t, true)},
	} {
		e, whole := estimator(t, cfg), estimator(t, cfg)
		for k := range int64(100) {
			x := math.Sin(float64(k * k))
			s := phase.Sample{T: k * 7e6, Form: phase.Real, R: []float64{x, -x * x}}
			if k%3 == 0 {
				s.YR = []float64{x * x, 1}
			}
			p, ok, err := e.Step(&s)
			require.NoError(t, err)
			q, ok2, err := whole.Step(&s)
			require.NoError(t, err)
			require.Equal(t, q, p)
			require.Equal(t, ok2, ok)
			b, err := e.AppendBinary(nil)
			require.NoError(t, err)
			e = estimator(t, cfg)
			require.NoError(t, e.UnmarshalBinary(b))
			for cut := range len(b) {
				require.Error(t, estimator(t, cfg).UnmarshalBinary(b[:cut]))
			}
			require.ErrorContains(t, estimator(t, phase.Config{}).UnmarshalBinary(b), "want 1")
			require.Error(t, estimator(t, phase.Config{Dims: 2, LockIn: phase.LockIn{}}).UnmarshalBinary(append(b, 0)))
		}
	}
}

func TestCorrelation(t *testing.T) {
	require.Equal(t, 1.0, phase.Correlation(time.Second, 0))
	require.InDelta(t, 1, phase.Correlation(time.Hour, time.Second), 1e-15)
	require.InDelta(t, 1/math.Tanh(0.01), phase.Correlation(time.Second, 50*time.Second), 1e-10)
	require.True(t, math.IsInf(phase.Correlation(0, 1), 1))
}

func TestReadingText(t *testing.T) {
	for _, r := range []phase.Reading{phase.ByPhase, phase.ByEnergy} {
		b, err := r.MarshalText()
		require.NoError(t, err)
		var back phase.Reading
		require.NoError(t, back.UnmarshalText(b))
		require.Equal(t, r, back)
	}
	var r phase.Reading
	require.ErrorContains(t, r.UnmarshalText([]byte("loud")), "phasor, energy")
	_, err := phase.Reading(7).MarshalText()
	require.Error(t, err)
	require.Equal(t, "reading(7) form(9) angle", fmt.Sprint(phase.Reading(7), phase.Form(9), phase.Angle))
}

func TestStepAllocatesNothing(t *testing.T) {
	for _, cfg := range []phase.Config{{MotionFloor: 0.01}, {MotionFloor: 0.01, LockIn: lockIn(t, true)}} {
		e := estimator(t, cfg)
		s := phase.Sample{Form: phase.Real, R: []float64{1}, YR: []float64{2}}
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			s.T += 1e6
			s.R[0] = -s.R[0]
			if _, _, err := e.Step(&s); err != nil {
				t.Fatal(err)
			}
		}))
	}
}

// FuzzEstimator: no sample makes a point that is not finite, by phase not on the circle or at 0, or not
// weighed 0 or 1, and a refused one changes nothing.
func FuzzEstimator(f *testing.F) {
	for _, v := range [][2]float64{{0, 0}, {1, -1}, {math.NaN(), 1}, {math.Inf(1), 0}, {1e300, 1e-300}, {5e-324, 0}, {1e22, 1e150}} {
		b := binary.LittleEndian.AppendUint64(nil, math.Float64bits(v[0]))
		for form := range uint8(5) {
			f.Add(form, int64(1)<<40, binary.LittleEndian.AppendUint64(b, math.Float64bits(v[1])))
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, dt int64, b []byte) {
		b = b[:min(len(b), 1<<10)]
		for _, cfg := range []phase.Config{
			{MotionFloor: 0.01}, {Reading: phase.ByEnergy}, {LockIn: lockIn(t, true)},
			{Reading: phase.ByEnergy, MotionFloor: 0.5, LockIn: lockIn(t, false)},
		} {
			e := estimator(t, cfg)
			var at int64
			for rest := b; len(rest) >= 16; rest = rest[16:] {
				x := math.Float64frombits(binary.LittleEndian.Uint64(rest))
				y := math.Float64frombits(binary.LittleEndian.Uint64(rest[8:]))
				s := phase.Sample{T: at, Form: phase.Form(form), X: []complex128{complex(x, y)}}
				if s.Form != phase.Phasor {
					s.X, s.R, s.YR = nil, []float64{x}, []float64{y}
				}
				at += dt
				before, err := e.AppendBinary(nil)
				require.NoError(t, err)
				p, ok, err := e.Step(&s)
				if err != nil {
					after, _ := e.AppendBinary(nil)
					require.Equal(t, before, after)
				}
				if !ok {
					continue
				}
				require.True(t, p.Weight == 0 || p.Weight == 1)
				a := cmplx.Abs(p.U[0])
				require.LessOrEqual(t, a, 2*phase.Clamp)
				if cfg.Reading == phase.ByPhase && a != 0 {
					require.InDelta(t, 1, a, 1e-15)
				}
			}
		}
	})
}

func ExampleEstimator() {
	e, err := phase.NewEstimator(phase.Config{MotionFloor: 0.01})
	if err != nil {
		fmt.Println(err)
		return
	}
	for k, z := range []complex128{2, 2, 3i, -1} {
		p, _, err := e.Step(&phase.Sample{T: int64(k), Form: phase.Phasor, X: []complex128{z}})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.U[0], p.Weight)
	}
	// Output:
	// (1+0i) 0
	// (1+0i) 0
	// (0+1i) 1
	// (-1+0i) 1
}

func BenchmarkEstimator(b *testing.B) {
	for name, cfg := range map[string]phase.Config{"phasor": {MotionFloor: 0.01}, "lock-in": {MotionFloor: 0.01, LockIn: lockIn(b, true)}} {
		b.Run(name, func(b *testing.B) {
			e := estimator(b, cfg)
			s := phase.Sample{Form: phase.Phasor, X: []complex128{1 + 2i}}
			if cfg.LockIn.On() {
				s = phase.Sample{Form: phase.Real, R: []float64{1}}
			}
			b.ReportAllocs()
			for b.Loop() {
				s.T += 1e6
				if _, _, err := e.Step(&s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
