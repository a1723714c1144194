package intent_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/intent"
)

const minute = int64(60e9)

func pay(session string, n int) intent.Call {
	return intent.Call{Session: session, Action: "pay", Arguments: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func TestAYesPassesItsCallOnce(t *testing.T) {
	a := intent.NewAnswers()
	c := pay("s", 1)
	require.False(t, a.Granted(0, "q", c), "nobody said yes")
	require.True(t, a.Ask(0, "q", c))
	require.False(t, a.Granted(0, "q", c), "a question is no yes")
	require.NoError(t, a.Answer(1, "s", "q", true, minute))
	require.False(t, a.Granted(1, "q", pay("s", 2)), "other arguments")
	require.False(t, a.Granted(1, "q", pay("t", 1)), "another session")
	require.False(t, a.Granted(minute+1, "q", c), "expired")
	require.True(t, a.Granted(minute, "q", c))
	a.Use("q")
	require.False(t, a.Granted(1, "q", c), "used")
	n, dropped := a.Open()
	require.Zero(t, n)
	require.Zero(t, dropped)
}

func TestRefusedAnswers(t *testing.T) {
	a := intent.NewAnswers()
	require.ErrorIs(t, a.Answer(0, "s", "q", true, 1), intent.ErrNoQuestion)
	require.True(t, a.Ask(0, "q", pay("s", 1)))
	require.False(t, a.Ask(0, "q", pay("s", 2)), "one name for two calls")
	require.ErrorIs(t, a.Answer(0, "t", "q", true, 1), intent.ErrNoQuestion, "another session's question")
	require.ErrorContains(t, a.Answer(5, "s", "q", true, 5), "not within 24 h")
	require.ErrorContains(t, a.Answer(5, "s", "q", true, 6+intent.MaxWait), "not within 24 h")
	require.NoError(t, a.Answer(5, "s", "q", true, 6))
	require.ErrorIs(t, a.Answer(5, "s", "q", false, 0), intent.ErrAnswered)

	require.True(t, a.Ask(0, "no", pay("s", 3)))
	require.NoError(t, a.Answer(5, "s", "no", false, 0))
	require.ErrorIs(t, a.Answer(5, "s", "no", true, 6), intent.ErrNoQuestion, "a no forgets")
	require.True(t, a.Ask(5, "late", pay("s", 4)))
	require.ErrorIs(t, a.Answer(6+intent.MaxWait, "s", "late", true, 7+intent.MaxWait), intent.ErrLate)

	require.True(t, a.Ask(9, "q", pay("s", 1)), "after a yes that nobody used")
	require.NoError(t, a.Answer(10, "s", "q", true, 11), "the same question may be answered anew")
	a.Close("s")
	n, _ := a.Open()
	require.Zero(t, n)
}

// Whatever is asked and answered, memory stays within its bounds, nothing passes without its yes, and the
// binary form is complete.
func TestAnswersStayBounded(t *testing.T) {
	a := intent.NewAnswers()
	r := rand.New(rand.NewPCG(1, 2))
	yes := map[string]int64{} // by question: how long it is good
	ask := func(at int64, s, n int) (string, intent.Call) {
		c := pay(fmt.Sprint("s", s), n)
		return fmt.Sprintf("q%d-%d", s, n), c
	}
	for i := range 100_000 {
		at := int64(i) * 1e6
		id, c := ask(at, r.IntN(1_300), r.IntN(400))
		switch r.IntN(8) {
		case 0:
			if a.Answer(at, c.Session, id, true, at+minute) == nil {
				yes[id] = at + minute
			}
		case 1:
			if a.Answer(at, c.Session, id, false, 0) == nil {
				delete(yes, id)
			}
		case 2:
			if a.Granted(at, id, c) {
				require.GreaterOrEqual(t, yes[id], at)
				a.Use(id)
				delete(yes, id)
				require.False(t, a.Granted(at, id, c))
			}
		default:
			if !a.Granted(at, id, c) {
				a.Ask(at, id, c)
			}
		}
		n, _ := a.Open()
		require.LessOrEqual(t, n, intent.MaxQuestions)
	}
	n, dropped := a.Open()
	require.Greater(t, n, 2_000)
	require.Positive(t, dropped)

	b, err := a.AppendBinary(nil)
	require.NoError(t, err)
	back := intent.NewAnswers()
	require.NoError(t, back.UnmarshalBinary(b))
	again, err := back.AppendBinary(nil)
	require.NoError(t, err)
	require.True(t, bytes.Equal(b, again))
	for cut := 0; cut < len(b); cut += 1 + cut {
		require.Error(t, back.UnmarshalBinary(b[:cut]))
	}
	require.Error(t, back.UnmarshalBinary(append(b, 0)))
}

// One session that asks without end pushes out its own questions only.
func TestAFloodPushesOutItsOwn(t *testing.T) {
	a := intent.NewAnswers()
	require.True(t, a.Ask(0, "mine", pay("s", 1)))
	for i := range 3 * intent.MaxOwn {
		require.True(t, a.Ask(1, fmt.Sprint("flood", i), pay("flood", i)))
	}
	require.NoError(t, a.Answer(2, "s", "mine", true, 3))
	n, dropped := a.Open()
	require.Equal(t, intent.MaxOwn+1, n)
	require.EqualValues(t, 2*intent.MaxOwn, dropped)
}

func FuzzAnswers(f *testing.F) {
	a := intent.NewAnswers()
	for i := range 3 {
		a.Ask(int64(i), fmt.Sprint("q", i), pay("s", i))
	}
	if err := a.Answer(3, "s", "q1", true, 9); err != nil {
		f.Fatal(err)
	}
	b, err := a.AppendBinary(nil)
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		a := intent.NewAnswers()
		if a.UnmarshalBinary(b) != nil {
			return
		}
		again, err := a.AppendBinary(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, again))
	})
}
