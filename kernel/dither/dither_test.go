package dither_test

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/cmplx"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/dither"
	"github.com/becomingone/becomingone/kernel/evidence"
)

func newDither(t testing.TB, key byte, session string) *dither.Dither {
	t.Helper()
	d, err := dither.New(dither.Key{key, 31: 1}, []byte(session))
	require.NoError(t, err)
	return d
}

// The function is the documented one, from the documented parts.
func TestPhaseIsAsSpecified(t *testing.T) {
	key := dither.Key{7, 31: 9}
	d, err := dither.New(key, []byte("a to b"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("becomingone dither 1\x00a to b"))
	block, err := aes.NewCipher(mac.Sum(nil))
	require.NoError(t, err)
	for _, slot := range []int64{0, 1, -1, math.MinInt64, math.MaxInt64, 4711} {
		for channel := range 5 {
			var in, out [16]byte
			binary.BigEndian.PutUint64(in[:8], uint64(slot))
			binary.BigEndian.PutUint64(in[8:], uint64(channel/2))
			block.Encrypt(out[:], in[:])
			require.Equal(t, binary.BigEndian.Uint64(out[channel%2*8:]), d.Phase(slot, channel))
		}
	}
	require.Equal(t, uint64(0xfb9064c4f84be33), d.Phase(42, 3), "pinned: %#x", d.Phase(42, 3))
	for _, session := range [][]byte{nil, make([]byte, 257)} {
		_, err := dither.New(key, session)
		require.ErrorContains(t, err, "need 1 to 256")
	}
}

func TestPhasesAreUniformAndApart(t *testing.T) {
	const n = 20_000
	same := 0
	a, b, c := newDither(t, 1, "s"), newDither(t, 2, "s"), newDither(t, 1, "r")
	var sums [4]complex128
	seen := map[uint64]bool{}
	for k := range int64(n) {
		sums[0] += a.Rotor(k, 0)
		sums[1] += a.Rotor(k, 0) * cmplx.Conj(a.Rotor(k, 1))
		sums[2] += a.Rotor(k, 0) * cmplx.Conj(b.Rotor(k, 0))
		sums[3] += a.Rotor(k, 0) * cmplx.Conj(c.Rotor(k, 0))
		for _, v := range []uint64{a.Phase(k, 0), a.Phase(k, 1), b.Phase(k, 0), c.Phase(k, 0)} {
			if seen[v] {
				same++
			}
			seen[v] = true
		}
	}
	require.Zero(t, same)
	for i, s := range sums {
		require.Less(t, evidence.LnBound(n, cmplx.Abs(s)*cmplx.Abs(s)/n/n), 0.5)
		require.Less(t, cmplx.Abs(s)/n, .03, "%d: P below e^-18 for uniform phases", i)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(int64(0), 1.0, 0.0, uint64(5))
	f.Add(int64(math.MinInt64), -1e150, 1e-300, uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, slot int64, re, im float64, turns uint64) {
		d := newDither(t, 3, "x")
		words := []uint64{turns, turns, ^turns}
		d.ApplyTurns(slot, words)
		d.RemoveTurns(slot, words)
		require.Equal(t, []uint64{turns, turns, ^turns}, words)
		if z := complex(re, im); cmplx.Abs(z) < 1e300 {
			x := []complex128{z, z, z}
			d.Apply(slot, x)
			d.Remove(slot, x)
			for _, v := range x {
				require.LessOrEqual(t, cmplx.Abs(v-z), 1e-15*cmplx.Abs(z)+1e-323)
			}
		}
	})
}

func FuzzSlots(f *testing.F) {
	f.Add(int64(-1), int64(0), int64(10))
	f.Add(int64(math.MinInt64), int64(math.MaxInt64), int64(1))
	f.Fuzz(func(t *testing.T, at, t0, length int64) {
		s, err := dither.NewSlots(t0, time.Duration(length))
		if length <= 0 {
			require.ErrorContains(t, err, "not above 0")
			return
		}
		require.NoError(t, err)
		d := new(big.Int).Sub(big.NewInt(at), big.NewInt(t0))
		if !d.IsInt64() {
			require.Equal(t, s.At(at), s.At(at), "modulo 2^64, without a panic")
			return
		}
		k := new(big.Int).Div(d, big.NewInt(length)) // Euclidean: floor
		require.Equal(t, k.Int64(), s.At(at))
		start := new(big.Int).Add(k.Mul(k, big.NewInt(length)), big.NewInt(t0))
		got, ok := s.Start(s.At(at))
		if ok {
			require.Equal(t, start.Int64(), got)
		}
	})
}

func TestReceiverTakesASlotOnce(t *testing.T) {
	s, err := dither.NewSlots(0, time.Millisecond)
	require.NoError(t, err)
	r := dither.NewReceiver(newDither(t, 1, "s"), s)
	send := newDither(t, 1, "s")
	for _, c := range []struct {
		t  int64
		ok bool
	}{{-1, true}, {0, true}, {999_999, false}, {1_000_000, true}, {500, false}, {9_000_000, true}} {
		x := []complex128{1, 1i}
		send.Apply(s.At(c.t), x)
		require.Equal(t, c.ok, r.Take(c.t, x))
		if c.ok {
			require.InDelta(t, 0, cmplx.Abs(x[0]-1)+cmplx.Abs(x[1]-1i), 1e-15)
		}
	}
	require.EqualValues(t, 2, r.Refused())
}

func TestNoAllocations(t *testing.T) {
	d := newDither(t, 1, "s")
	r := dither.NewReceiver(newDither(t, 1, "s"), dither.Slots{Length: 1})
	x := make([]complex128, 8)
	var k int64
	require.Zero(t, testing.AllocsPerRun(200, func() {
		k++
		x[0] = 1
		d.Apply(k, x)
		r.Take(k, x)
	}))
}

func ExampleDither() {
	key := dither.Key{1, 2, 3} // from the link's TLS exporter
	send, err := dither.New(key, []byte("phone to laptop, epoch 7"))
	if err != nil {
		fmt.Println(err)
	}
	receive, err := dither.New(key, []byte("phone to laptop, epoch 7"))
	if err != nil {
		fmt.Println(err)
	}
	turns := []uint64{1 << 62}
	send.ApplyTurns(99, turns)
	receive.RemoveTurns(99, turns)
	fmt.Println(turns[0] == 1<<62)
	// Output: true
}

func ExampleReceiver() {
	slots, err := dither.NewSlots(0, time.Millisecond)
	if err != nil {
		fmt.Println(err)
	}
	d, err := dither.New(dither.Key{1}, []byte("s"))
	if err != nil {
		fmt.Println(err)
	}
	r := dither.NewReceiver(d, slots)
	x := []complex128{1}
	fmt.Println(r.Take(5_000_000, x), r.Take(5_000_001, x)) // a second sample of slot 5 does not count
	// Output: true false
}

func BenchmarkDither(b *testing.B) {
	d := newDither(b, 1, "s")
	b.Run("phase/channels=1", func(b *testing.B) {
		b.ReportAllocs()
		var slot int64
		for b.Loop() {
			slot++
			d.Phase(slot, 0)
		}
	})
	for _, n := range []int{1, 2, 64} {
		b.Run(fmt.Sprintf("apply/channels=%d", n), func(b *testing.B) {
			x := make([]complex128, n)
			for k := range x {
				x[k] = 1
			}
			b.ReportAllocs()
			var slot int64
			for b.Loop() {
				slot++
				d.Apply(slot, x)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/channel")
		})
	}
	b.Run("hmac-sha256", func(b *testing.B) { // the alternative that was not taken
		mac := hmac.New(sha256.New, make([]byte, 32))
		var in, out [32]byte
		b.ReportAllocs()
		for b.Loop() {
			in[0]++
			mac.Reset()
			mac.Write(in[:16])
			mac.Sum(out[:0])
		}
	})
}
