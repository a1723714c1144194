package align_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/align"
)

type pair [2]float64

func (p pair) complex() complex128 { return complex(p[0], p[1]) }

// The published algebra of T_sync (case 16): both definitions of the manifest, and which one we take.
func TestCase16(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "16_sync_algebra.json"))
	require.NoError(t, err)
	var c struct {
		Cases []struct {
			A, B       pair
			T2         float64 `json:"T2_complex"`
			Power      float64 `json:"T2_power"`
			DeltaMag   float64 `json:"delta_mag"`
			DeltaChord float64 `json:"delta_chord"`
		}
		Limits map[string]struct {
			MinEach  float64 `json:"min_each"`
			MaxChord float64 `json:"max_chord"`
			MaxAngle float64 `json:"max_angle_rad"`
		}
		Tolerance float64
	}
	require.NoError(t, json.Unmarshal(raw, &c))
	require.NotEmpty(t, c.Cases)
	one := func(z complex128) align.Pathway { return align.Pathway{T: z, W: 1, Q: 1} }
	for _, k := range c.Cases {
		j := align.Join(one(k.A.complex()), one(k.B.complex()), 1)
		require.InDelta(t, k.T2, j.T2, c.Tolerance)
		require.InDelta(t, k.DeltaMag, j.Gap, c.Tolerance)
		require.InDelta(t, k.DeltaChord, j.Chord, c.Tolerance)
		require.InDelta(t, k.Power, j.T2+j.Chord*j.Chord/4, c.Tolerance, "parallelogram")
		require.InDelta(t, cmplx.Phase(k.A.complex()*cmplx.Conj(k.B.complex())), j.Angle, c.Tolerance)
	}
	for ic, limit := range c.Limits {
		var x float64
		_, err := fmt.Sscan(ic, &x)
		require.NoError(t, err)
		require.InDelta(t, limit.MinEach, math.Sqrt(align.Least(x)), c.Tolerance)
	}
}

// Whatever weights two windows have, Nu is the Kish number of the mean of their means.
func TestNuIsKishOfTheMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 1 + r.IntN(50)
		var wm, we, qm, qe, cross float64
		m, e := make([]float64, n), make([]float64, n)
		for k := range n {
			m[k], e[k] = r.Float64(), r.Float64()
			wm, we, qm, qe, cross = wm+m[k], we+e[k], qm+m[k]*m[k], qe+e[k]*e[k], cross+m[k]*e[k]
		}
		var sum float64
		for k := range n {
			v := (m[k]/wm + e[k]/we) / 2
			sum += v * v
		}
		j := align.Join(align.Pathway{W: wm, Q: qm}, align.Pathway{W: we, Q: qe}, cross)
		require.InEpsilon(t, 1/sum, j.Nu, 1e-12)
	}
}

func TestEmptyPathwayIsWorthNothing(t *testing.T) {
	j := align.Join(align.Pathway{}, align.Pathway{T: 1, W: 1, Q: 1}, 0)
	require.Zero(t, j.Nu)
	require.Zero(t, j.Angle)
}

// No pair of resonances that passes the joint threshold has a member below Least.
func TestLeastIsForced(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100000 {
		m := cmplx.Rect(math.Sqrt(r.Float64()), r.Float64()/2)
		e := cmplx.Rect(math.Sqrt(r.Float64()), r.Float64()/2)
		j := align.Join(align.Pathway{T: m}, align.Pathway{T: e}, 0)
		for _, ic := range []float64{.3, .5, .8, .95} {
			if j.T2 >= ic {
				require.GreaterOrEqual(t, real(m*cmplx.Conj(m)), align.Least(ic)-1e-12)
				require.GreaterOrEqual(t, real(e*cmplx.Conj(e)), align.Least(ic)-1e-12)
			}
		}
	}
	require.Zero(t, align.Least(.2))
}

// Two pathways in antiphase: the magnitude gap sees nothing, the chord everything.
func ExampleJoin() {
	j := align.Join(align.Pathway{T: 1, W: 9, Q: 9}, align.Pathway{T: -1, W: 9, Q: 9}, 9)
	fmt.Println(j.T2, j.Gap, j.Chord)
	// Output: 0 0 2
}
