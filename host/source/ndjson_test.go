package source

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/phase"
)

func one(t *testing.T, line string) (Line, error) {
	t.Helper()
	return NewReader(strings.NewReader(line), "").Next()
}

func TestEveryForm(t *testing.T) {
	for _, c := range []struct {
		line string
		want phase.Sample
	}{
		{`{"t":5,"u":[[1,0],[0,-1]]}`, phase.Sample{T: 5, Form: phase.Phasor, X: []complex128{1, -1i}}},
		{`{"t":5,"u":[0.5,1]}`, phase.Sample{T: 5, Form: phase.Phasor, X: []complex128{0.5 + 1i}}},
		{`{"t":-5,"x":[1.5,2]}`, phase.Sample{T: -5, Form: phase.Real, R: []float64{1.5, 2}}},
		{`{"t":5,"x":315.2}`, phase.Sample{T: 5, Form: phase.Real, R: []float64{315.2}}},
		{`{"t":5,"phase":[3.1],"y":[0.1]}`, phase.Sample{T: 5, Form: phase.Angle, R: []float64{3.1}, YR: []float64{0.1}}},
		{`{"t":5,"u":[[1,0]],"y":[[0,1]]}`, phase.Sample{T: 5, Form: phase.Phasor, X: []complex128{1}, Y: []complex128{1i}}},
		{`{"t":5,"event":true}`, phase.Sample{T: 5, Form: phase.Event}},
		{`{"t":1771400000000000001,"event":true}`, phase.Sample{T: 1771400000000000001, Form: phase.Event}},
	} {
		got, err := one(t, c.line)
		require.NoError(t, err, c.line)
		require.Equal(t, c.want, got.Sample, c.line)
		require.Equal(t, "default", got.Channel)
	}
}

func TestTextAndTrust(t *testing.T) {
	got, err := one(t, `{"text":"pay the bill","trust":"trusted","ch":"mail"}`)
	require.NoError(t, err)
	require.Equal(t, "pay the bill", *got.Text)
	require.Equal(t, kernel.Trusted, got.Trust)
	require.Equal(t, "mail", got.Channel)
}

// A bad line names the field, the value and the accepted range, and the reader goes on.
func TestBadLines(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`{"t":1}`, "line 1: forms = 0: want exactly one of u, x, phase, event, text"},
		{`{"t":1,"x":[1],"u":[[1,0]]}`, "line 1: forms = 2: want exactly one of"},
		{`{"x":[1]}`, "line 1: t = missing: want an integer of nanoseconds"},
		{`{"t":1.5,"x":[1]}`, "line 1: t = 1.5: want an integer"},
		{`{"t":99999999999999999999,"x":[1]}`, "line 1: t = 99999999999999999999: want an integer"},
		{`{"t":1,"x":["a"]}`, `line 1: x = ["a"]: want a list of 1 to 4096 finite numbers`},
		{`{"t":1,"x":null}`, "line 1: x = 0 values"},
		{`{"t":1,"x":[]}`, "line 1: x = 0 values"},
		{`{"t":1,"x":[1e999]}`, "line 1: x = [1e999]"},
		{`{"t":1,"u":[[1]]}`, "line 1: u[0] = [1]: want a pair"},
		{`{"t":1,"u":[[1,0]],"y":[[1,0],[0,1]]}`, "line 1: y = 2 values: want 1"},
		{`{"t":1,"event":false}`, "line 1: event = false: want true"},
		{`{"t":1,"event":true,"y":[1]}`, "no reference beside an event"},
		{`{"t":1,"x":[1],"trust":"maybe"}`, `line 1: trust = maybe: want "trusted" or "untrusted"`},
		{`{"t":1,"phaze":[1]}`, `unknown field "phaze"`},
		{`{"t":1,"x":[1]} {"t":2}`, "one JSON object a line"},
		{`nonsense`, "line 1: not a sample"},
		{`{"t":1,"x":[1],"ch":""}`, "line 1: ch = : want 1 to 256 bytes"},
		{strings.Repeat("x", MaxLine+2), "longer than"},
	} {
		r := NewReader(strings.NewReader(c.line+"\n"+`{"t":2,"event":true}`), "")
		_, err := r.Next()
		var bad *LineError
		require.ErrorAs(t, err, &bad, "%.60s", c.line)
		require.ErrorContains(t, err, c.want)
		next, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, 2, next.Number)
		_, err = r.Next()
		require.ErrorIs(t, err, io.EOF)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(`{"t":1,"u":[[1,0]],"y":[[0,1]]}` + "\n" + `{"t":2,"x":[1]}`)
	f.Add("{}\n\n[1]")
	f.Fuzz(func(t *testing.T, in string) {
		r := NewReader(strings.NewReader(in), "c")
		for lines := 0; ; lines++ {
			line, err := r.Next()
			var bad *LineError
			if errors.Is(err, io.EOF) {
				return
			}
			if errors.As(err, &bad) {
				continue
			}
			require.NoError(t, err)
			require.NotEmpty(t, line.Channel)
			require.LessOrEqual(t, lines, len(in), "more lines than bytes")
		}
	})
}

func ExampleReader() {
	r := NewReader(strings.NewReader(`{"t": 1000000, "ch": "wrist", "phase": [0.25]}`), "")
	line, err := r.Next()
	fmt.Println(line.Channel, line.Sample.T, line.Sample.R, err)
	// Output: wrist 1000000 [0.25] <nil>
}
