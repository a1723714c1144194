package observer_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/observer"
)

func binaryOf(t testing.TB, o *observer.Observer) []byte {
	t.Helper()
	b, err := o.AppendBinary(nil)
	require.NoError(t, err)
	return b
}

// TestRestoredGoesOnBitIdentically cuts a run at places before, in and behind the first blocks.
func TestRestoredGoesOnBitIdentically(t *testing.T) {
	for _, cut := range []int{0, 1, 2, 3, 257, 258, 259, 1000, 5000} {
		s := &source{r: 6, sd: 1e-3, ratio: .1}
		a, b := newObserver(t), newObserver(t)
		run(t, a, s, cut, nil)
		require.NoError(t, b.UnmarshalBinary(binaryOf(t, a)))
		require.Equal(t, a.Report(), b.Report())
		for range 700 {
			y := s.next()
			require.NoError(t, a.Observe(y))
			require.NoError(t, b.Observe(y))
		}
		require.Equal(t, binaryOf(t, a), binaryOf(t, b), cut)
	}
}

func TestReadsArePure(t *testing.T) {
	o := newObserver(t)
	require.Zero(t, o.Predict())
	run(t, o, &source{r: 6, sd: 1e-3, ratio: .1}, 700, nil)
	before := binaryOf(t, o)
	first, guess := o.Report(), o.Predict()
	require.Equal(t, first, o.Report())
	require.Equal(t, guess, o.Predict())
	require.Equal(t, before, binaryOf(t, o))
}

func TestRestoreRefuses(t *testing.T) {
	o := newObserver(t)
	run(t, o, &source{r: 6, sd: 1e-3, ratio: .1}, 700, nil)
	good := binaryOf(t, o)
	other, err := observer.New(observer.Config{Window: 128})
	require.NoError(t, err)
	require.ErrorContains(t, other.UnmarshalBinary(good), "another config")
	put := func(at int, v uint64) []byte {
		b := append([]byte(nil), good...)
		binary.LittleEndian.PutUint64(b[at:], v)
		return b
	}
	const counters, firstLevel = 2, 2 + 7*8
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "ends early"},
		{"version", append([]byte{good[0], 9}, good[2:]...), "version 9"},
		{"short", good[:len(good)-1], "ends early"},
		{"long", append(append([]byte(nil), good...), 0), "behind the last field"},
		{"count", put(counters+16, 1), "1 observations: not"},
		{"mean", put(firstLevel, math.Float64bits(9)), "not what a filter reaches"},
		{"variance", put(firstLevel+8, math.Float64bits(-1)), "not what a filter reaches"},
		{"noise", put(firstLevel+24, math.Float64bits(0)), "not what a filter reaches"},
		{"innovation", put(firstLevel+32, math.Float64bits(1e121)), "not what a filter reaches"},
		{"square", put(firstLevel+80, math.Float64bits(-1)), "below 0"},
		{"nan", put(firstLevel, math.Float64bits(math.NaN())), "not finite"},
		{"moved", put(firstLevel+25*8, 701), "ahead of observation 700"},
	} {
		require.ErrorContains(t, o.UnmarshalBinary(c.b), c.want, c.name)
		require.Equal(t, good, binaryOf(t, o), "%s: an error changes nothing", c.name)
	}
}

// TestReportIsARecord: the JSON of a report has no number that JSON cannot hold, before, while and after
// the filters know anything.
func TestReportIsARecord(t *testing.T) {
	o := newObserver(t)
	s := &source{r: 6, sd: 1e-3, ratio: .1}
	for _, n := range []int{0, 1, 1, 1, 300, 1000} {
		run(t, o, s, n, nil)
		b, err := json.Marshal(o.Report())
		require.NoError(t, err)
		var back observer.Report
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, o.Report(), back)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	o := newObserver(t)
	s := &source{r: 6, sd: 1e-3, ratio: .1}
	y := s.next()
	require.Zero(t, testing.AllocsPerRun(2000, func() {
		if o.Observe(y) != nil || o.Report().N == 0 || o.Predict()[0].Sd < 0 {
			panic("refused")
		}
	}))
}

// FuzzObserve feeds any observations: what is accepted never poisons the state, and a replay of it gives the
// same bytes.
func FuzzObserve(f *testing.F) {
	f.Add(make([]byte, 48*70))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\xf0\x3f observations of any kind whatsoever, 48 bytes each"))
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg := observer.Config{Window: 64, Memory: 2}
		one, err := observer.New(cfg)
		require.NoError(t, err)
		two, err := observer.New(cfg)
		require.NoError(t, err)
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
		for ; len(b) >= 48; b = b[48:] {
			y := observer.Observation{
				At:     int64(word(0)),
				Master: complex(math.Float64frombits(word(1)), math.Float64frombits(word(2))), Emissary: complex(math.Float64frombits(word(3)), 0),
				Cost: int64(word(4)), Jitter: int64(word(5)),
			}
			for range 1 + y.At&63 {
				err := one.Observe(y)
				require.Equal(t, err == nil, two.Observe(y) == nil)
			}
		}
		_, err = json.Marshal(one.Report())
		require.NoError(t, err, "every number is finite")
		require.Equal(t, binaryOf(t, one), binaryOf(t, two))
		require.NoError(t, two.UnmarshalBinary(binaryOf(t, one)), "what was reached can be restored")
	})
}

// FuzzUnmarshalBinary: foreign bytes are refused or become an observer that goes on without poison.
func FuzzUnmarshalBinary(f *testing.F) {
	o := newObserver(f)
	s := &source{r: 6, sd: 1e-3, ratio: .1}
	for _, n := range []int{0, 1, 1, 300} {
		run(f, o, s, n, nil)
		f.Add(binaryOf(f, o))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o := newObserver(t)
		if o.UnmarshalBinary(b) != nil {
			return
		}
		require.Equal(t, b, binaryOf(t, o))
		s := &source{r: 1, sd: 1e-3}
		run(t, o, s, 600, nil)
		_, err := json.Marshal(o.Report())
		require.NoError(t, err)
		require.NoError(t, newObserver(t).UnmarshalBinary(binaryOf(t, o)))
	})
}
