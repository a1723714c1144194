package phasor_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/cmplx"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/phasor"
)

func TestConfig(t *testing.T) {
	for want, cfg := range map[string]phasor.Config{
		"key of 15": {Key: testKey[:15]},
		"dims 60":   {Key: testKey, Dims: 60},
		"dims 66":   {Key: testKey, Dims: 66},
		"dims 163":  {Key: testKey, Dims: 16388},
		"dims -4":   {Key: testKey, Dims: -4},
		"atoms -1":  {Key: testKey, Atoms: -1},
	} {
		_, err := phasor.New(cfg)
		require.ErrorContains(t, err, want)
	}
	c, err := phasor.New(phasor.Config{Key: testKey})
	require.NoError(t, err)
	require.Equal(t, 2048, c.Dims())
}

// Atoms depend on the key and the word alone, not on what was asked before nor on what the cache lost.
func TestAtoms(t *testing.T) {
	small, err := phasor.New(phasor.Config{Key: testKey, Dims: 256, Atoms: 3})
	require.NoError(t, err)
	big := book(t, 1024)
	held := small.Atom("w0")
	for i := range 200 {
		w := fmt.Sprint("w", i*7%20)
		require.Equal(t, big.Atom(w)[:256], small.Atom(w))
	}
	require.Equal(t, big.Atom("w0")[:256], held, "an atom outlives its slot")
	long := string(make([]byte, 1000))
	require.Equal(t, small.Atom(long), small.Atom(long))

	other, err := phasor.New(phasor.Config{Key: append([]byte("x"), testKey...), Dims: 256})
	require.NoError(t, err)
	require.NotEqual(t, other.ID(), small.ID())
	require.NotEqual(t, big.ID(), small.ID())
	require.Less(t, cmplx.Abs(phasor.Similarity(other.Atom("w0"), held)), .25)
	require.Less(t, cmplx.Abs(phasor.Similarity(small.Role(phasor.Tool), small.Atom("0"))), .25, "kinds do not meet")
}

func TestBindings(t *testing.T) {
	c := book(t, 256)
	a, b := c.Atom("a"), c.Atom("b")
	ab := phasor.Bind(nil, a, b)
	require.Equal(t, ab, phasor.Bind(nil, b, a))
	require.Equal(t, a, phasor.Unbind(nil, ab, b))
	require.Equal(t, complex(1, 0), phasor.Similarity(a, a))
	require.Less(t, cmplx.Abs(phasor.Similarity(ab, a)), .25)
	for _, k := range []int{0, 1, 5, 255, 256, 257, -1, -300} {
		p := phasor.Permute(nil, a, k)
		require.Equal(t, a, phasor.Permute(nil, p, -k))
		require.Equal(t, phasor.Permute(nil, ab, k), phasor.Bind(nil, p, phasor.Permute(nil, b, k)))
		require.Equal(t, a[0], p[((k%256)+256)%256])
	}
	in := append(phasor.Vector(nil), a...)
	require.Equal(t, ab, phasor.Bind(in, in, b), "in place")
	require.Empty(t, phasor.Permute(nil, nil, 3))
	require.Zero(t, phasor.Similarity(nil, nil))
}

// Similarity is the mean of e^{i(a-b)} within what the circle rounds: no bias, half a cell at most.
func TestSimilarityAgainstMath(t *testing.T) {
	for _, d := range []int{64, 68, 1024, 2044} {
		c := book(t, d)
		a, b := c.Atom("a"), c.Atom("b")
		mix := append(append(phasor.Vector(nil), a[:d/2]...), b[d/2:]...)
		for _, o := range []phasor.Vector{a, b, mix} {
			var want complex128
			for i := range a {
				want += cmplx.Rect(1/float64(d), 2*math.Pi*float64(a[i]-o[i])/65536)
			}
			require.Less(t, cmplx.Abs(want-phasor.Similarity(a, o)), 4*1e-3/math.Sqrt(float64(d)))
		}
	}
	for turn := range 65536 { // every difference, each in all dimensions: the worst case of the circle
		o := make(phasor.Vector, 4)
		for i := range o {
			o[i] = uint16(turn)
		}
		got := phasor.Similarity(o, make(phasor.Vector, 4))
		require.Less(t, cmplx.Abs(got-cmplx.Rect(1, 2*math.Pi*float64(turn)/65536)), math.Pi/2048+2e-4)
	}
}

// Numbers: the kernel is a bell of the axis' scale, and binding adds.
func TestAxis(t *testing.T) {
	c := book(t, 4096)
	axis, err := c.Axis("amount", 10)
	require.NoError(t, err)
	vec := func(x float64) phasor.Vector {
		v, err := axis.Vector(nil, x)
		require.NoError(t, err)
		return v
	}
	for _, at := range []float64{0, 1234.5, -1e9, 3e12} {
		for _, dx := range []float64{0, 1, 5, 10, 20, 100} {
			s := phasor.Similarity(vec(at), vec(at+dx))
			require.InDelta(t, math.Exp(-dx*dx/200), real(s), 4/math.Sqrt(2*4096), "%v+%v", at, dx)
			require.InDelta(t, 0, imag(s), 4/math.Sqrt(2*4096))
		}
	}
	sum := phasor.Bind(nil, vec(12.25), vec(-40.5))
	for d, want := range vec(12.25 - 40.5) {
		require.LessOrEqual(t, int16(sum[d]-want), int16(1))
		require.GreaterOrEqual(t, int16(sum[d]-want), int16(-1))
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), 1e14} {
		_, err := axis.Vector(nil, bad)
		require.ErrorContains(t, err, "phasor: number")
		_, err = c.Axis("x", -bad)
		require.ErrorContains(t, err, "scale")
	}
}

func TestFeatures(t *testing.T) {
	c := book(t, 64)
	_, err := c.Features("x", 384, 1.1)
	require.ErrorContains(t, err, "sigma²")
	_, err = c.Features("x", 0, 4)
	require.ErrorContains(t, err, "size")
	_, err = c.Features("x", 1<<21, 4)
	require.ErrorContains(t, err, "size")
	f, err := c.Features("x", 3, 4)
	require.NoError(t, err)
	for _, bad := range [][]float32{{1, 2}, {0, 0, 0}, {float32(math.NaN()), 1, 1}, {float32(math.Inf(1)), 1, 1}} {
		_, err := f.Vector(nil, bad)
		require.ErrorContains(t, err, "phasor: embedding")
	}
	pair := featurePairs(t, 4096, 4)
	for _, cos := range []float64{1, .95, .5, 0, -1} {
		require.InDelta(t, math.Exp(-4*(1-cos)), real(pair(cos)), 4/math.Sqrt(2*4096), cos)
	}
	require.InDelta(t, 1-.0256/4, phasor.GateCos(.95, 4), 1e-4)
	require.InDelta(t, .1, math.Exp(-2*phasor.MinSigma2), 1e-3)
}

// TestPinnedBits holds what the package makes to the bits of the machine that wrote them.
func TestPinnedBits(t *testing.T) {
	c := book(t, 256)
	e, err := c.Encoder(2)
	require.NoError(t, err)
	axis, err := c.Axis("amount", 3)
	require.NoError(t, err)
	f, err := c.Features("text", 3, 4)
	require.NoError(t, err)
	b := c.Bundle()
	require.NoError(t, e.AddCall(b, phasor.Call{Tool: "pay", Args: []phasor.Arg{{Name: "sum", Axis: axis, Number: 12.5}}}, 2))
	b.Advance(13*phasor.HalfLife + 7)
	require.NoError(t, e.Absorb(b, phasor.AppendWords(nil, "the bill of December"), nil))
	v, err := f.Vector(nil, []float32{1, -2, .5})
	require.NoError(t, err)
	form, err := b.AppendBinary(nil)
	require.NoError(t, err)
	for _, v := range []phasor.Vector{c.Atom("x"), v, b.Phases(nil)} {
		form, err = v.AppendBinary(form)
		require.NoError(t, err)
	}
	view := b.View(nil)
	form = fmt.Appendf(form, "%x %x %x", view.Weight(c.Atom("x")), view.Coherence(c.Atom("x")), view.LnChance(c.Atom("x")))
	require.Equal(t, "134593dde80ed45258653db2a92d5716b3effbdf20f93c1fcdd58bf62f38e2f5", fmt.Sprintf("%x", sha256.Sum256(form)))
}

// TestNothingFuses looks for fused products in what the compiler writes for a machine that has them.
func TestNothingFuses(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for arm64")
	}
	cmd := exec.Command("go", "build", "-gcflags=-S", ".")
	cmd.Env = append(cmd.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "TEXT", "the compiler printed no code")
	require.Empty(t, regexp.MustCompile(`(?m)^.*\tFN?M(ADD|SUB)D\t.*$`).FindAllString(string(out), 20))
}
