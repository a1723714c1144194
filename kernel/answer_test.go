package kernel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
)

func reply(k *kernel.Kernel, at int64, session, question string, yes bool, until int64) error {
	var out kernel.Output
	return k.Apply(&kernel.Input{Kind: kernel.KindAnswer, At: at, Session: session,
		Answer: kernel.Answer{Question: question, Yes: yes, Until: until}}, &out)
}

// A yes passes the session key of the same call once, and of no other.
func TestAnAnswerIsUsedOnce(t *testing.T) {
	k, at := presence(t, false)
	c := kernel.Call{Session: "s", Action: "pay", Effect: gate.Critical, Arguments: []byte(`{"to":"X9"}`)}
	q := ask(t, k, at, c).QuestionID
	require.NotEmpty(t, q)
	require.Equal(t, q, ask(t, k, at, c).QuestionID, "the same call is the same question")
	require.ErrorIs(t, reply(k, at+1, "other", q, true, at+100), intent.ErrNoQuestion)
	require.NoError(t, reply(k, at+1, "s", q, true, at+100))
	require.ErrorIs(t, reply(k, at+1, "s", q, true, at+100), intent.ErrAnswered)

	other := c
	other.Arguments = []byte(`{"to":"X8"}`)
	require.Equal(t, gate.Held, ask(t, k, at+2, other).Verdict)
	d := ask(t, k, at+3, c)
	require.Equal(t, gate.Collapse, d.Verdict, d.Reason)
	require.Contains(t, d.Keys[0].Need, "the user said yes to this call, once")
	require.Equal(t, gate.Held, ask(t, k, at+4, c).Verdict, "used up")

	require.NoError(t, reply(k, at+5, "s", q, true, at+100))
	require.Equal(t, gate.Held, ask(t, k, at+101, c).Verdict, "expired")
	require.NoError(t, reply(k, at+102, "s", q, false, 0))
	require.ErrorIs(t, reply(k, at+103, "s", q, true, at+200), intent.ErrNoQuestion, "a no forgets the question")
}

// A yes waits where another key still fails, and outlives a restart.
func TestAnAnswerWaitsForTheOtherKeys(t *testing.T) {
	k, at := presence(t, true)
	c := kernel.Call{Session: "s", Action: "pay", Effect: gate.Critical, Arguments: []byte(`{"to":"X9"}`)}
	q := ask(t, k, at, c).QuestionID
	require.NoError(t, reply(k, at, "s", q, true, at+int64(3e9)))
	c.Requires = gate.Requires{Signal: []string{"absence"}}
	d := ask(t, k, at+1, c)
	require.Equal(t, gate.Dissipate, d.Verdict)
	require.True(t, d.Keys[0].Pass)

	saved, err := k.AppendBinary(nil)
	require.NoError(t, err)
	restored, _ := presence(t, false)
	require.NoError(t, restored.UnmarshalBinary(saved))
	c.Requires.Signal = []string{"presence"}
	require.Equal(t, gate.Collapse, ask(t, restored, at+2, c).Verdict)
	n, dropped := restored.Questions()
	require.Zero(t, n)
	require.Zero(t, dropped)
	require.NoError(t, restored.Apply(&kernel.Input{Kind: kernel.KindClose, At: at + 3, Session: "s"}, &kernel.Output{}))
}
