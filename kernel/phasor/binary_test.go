package phasor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cursor"
	"github.com/becomingone/becomingone/kernel/phasor"
	"github.com/becomingone/becomingone/kernel/signal"
)

func TestFormsComeBack(t *testing.T) {
	c := book(t, 64)
	rnd := signal.Rand(5)
	for _, newest := range []phasor.Age{0, 25 * phasor.HalfLife} {
		b := fill(t, c, newest, items(c, 15, newest, &rnd))
		var got phasor.Bundle
		require.NoError(t, got.UnmarshalBinary(form(t, b)))
		require.Equal(t, form(t, b), form(t, &got))
		require.Equal(t, b.View(nil).Weight(c.Atom("w1")), got.View(nil).Weight(c.Atom("w1")))
		require.NoError(t, got.Add(c.Atom("w2"), 3))
		require.NoError(t, b.Add(c.Atom("w2"), 3))
		require.Equal(t, form(t, b), form(t, &got), "it goes on to the bit")
		require.Equal(t, c.ID(), got.Book())
	}
	raw, err := c.Atom("x").AppendBinary(nil)
	require.NoError(t, err)
	var v phasor.Vector
	require.NoError(t, v.UnmarshalBinary(raw))
	require.Equal(t, c.Atom("x"), v)
	_, err = make(phasor.Vector, 5).AppendBinary(nil)
	require.ErrorContains(t, err, "dims 5")
	_, err = new(phasor.Bundle).AppendBinary(nil)
	require.ErrorContains(t, err, "dims 0")
}

func TestFormsRefuse(t *testing.T) {
	c := book(t, 64)
	b := c.Bundle()
	require.NoError(t, b.Add(c.Atom("x"), 1))
	good := form(t, b)
	change := func(at int, to ...byte) []byte {
		out := append([]byte(nil), good...)
		copy(out[at:], to)
		return out
	}
	const mass, width, body = 26, 34, 35
	wide := append(append([]byte(nil), good[:width]...), good[width]+1)
	for i := body; i < len(good)-8; i += int(good[width]) {
		part := good[i : i+int(good[width])]
		wide = append(append(wide, part...), byte(int8(part[len(part)-1])>>7))
	}
	wide = append(wide, good[len(good)-8:]...)
	for name, data := range map[string][]byte{
		"empty":     nil,
		"tag":       change(0, 'x'),
		"version":   change(1, 2),
		"dims":      change(2, 65),
		"huge dims": change(2, 255, 255, 255, 255, 255, 255, 255, 255),
		"big mass":  change(mass, 255, 255, 255, 255, 255, 255, 255, 255),
		"low mass":  change(mass, 1, 0, 0),
		"no width":  change(width, 0),
		"width 9":   change(width, 9),
		"tail":      append(change(0, 'b'), 0),
		"two forms": wide,
	} {
		got := *b.Clone()
		require.Error(t, got.UnmarshalBinary(data), name)
		require.Equal(t, good, form(t, &got), "unchanged after %s", name)
	}
}

func TestShortFormsRefuse(t *testing.T) {
	c := book(t, 64)
	b := c.Bundle()
	require.NoError(t, b.Add(c.Atom("x"), 1))
	good := form(t, b)
	for n := range good {
		require.Error(t, new(phasor.Bundle).UnmarshalBinary(good[:n]), n)
	}
	v, err := c.Atom("x").AppendBinary(nil)
	require.NoError(t, err)
	for n := range v {
		require.Error(t, new(phasor.Vector).UnmarshalBinary(v[:n]), n)
	}
	require.Error(t, new(phasor.Vector).UnmarshalBinary(append(v, 0)))
	require.Error(t, new(phasor.Vector).UnmarshalBinary(good))
	require.ErrorIs(t, new(phasor.Bundle).UnmarshalBinary(good[:40]), cursor.ErrShort)
}

// What is accepted has one form, survives every operation, and reads without overflow.
func FuzzBundle(f *testing.F) {
	c := book(f, 64)
	rnd := signal.Rand(6)
	for _, newest := range []phasor.Age{0, 1 << 40} {
		f.Add(form(f, fill(f, c, newest, items(c, 9, newest, &rnd))))
	}
	f.Add(form(f, c.Bundle()))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b phasor.Bundle
		if b.UnmarshalBinary(data) != nil {
			return
		}
		require.Equal(t, data, form(t, &b))
		v := b.View(nil)
		s, err := v.Against(v)
		require.NoError(t, err)
		require.InDelta(t, 1, real(s), 1.0000001, "0 or 1")
		a := make(phasor.Vector, b.Dims())
		require.LessOrEqual(t, real(v.Coherence(a)), 1.001)
		require.LessOrEqual(t, v.LnChance(a), 0.0)
		_ = b.Merge(b.Clone())
		_ = b.Add(a, 256)
		b.Advance(b.Age() + 13*phasor.HalfLife)
		require.NoError(t, new(phasor.Bundle).UnmarshalBinary(form(t, &b)))
	})
}

func FuzzVector(f *testing.F) {
	for _, d := range []int{64, 68} {
		raw, err := book(f, d).Atom("x").AppendBinary(nil)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v phasor.Vector
		if v.UnmarshalBinary(data) != nil {
			return
		}
		back, err := v.AppendBinary(nil)
		require.NoError(t, err)
		require.Equal(t, data, back)
	})
}
