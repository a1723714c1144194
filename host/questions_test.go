package host

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/hooks"
	"github.com/becomingone/becomingone/host/breaker"
	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
	"github.com/becomingone/becomingone/kernel/witness"
)

func pay(session string, n int) Proposal {
	return Proposal{Session: session, Action: "pay", Arguments: json.RawMessage(fmt.Sprintf(`{"to":"X%d"}`, n))}
}

func held(t *testing.T, b *bench, p Proposal) string {
	t.Helper()
	out, err := b.Call(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, gate.Held, out.Verdict, out.Reason)
	require.NotEmpty(t, out.QuestionID)
	return out.QuestionID
}

// A held call becomes a question; a yes executes nothing; the same call, made again, passes once.
func TestAQuestionIsAnsweredOnce(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir, Config{})
	id := held(t, b, pay("s", 1))
	require.Equal(t, id, held(t, b, pay("s", 1)), "one question for the same call")
	list, open := b.Questions(10)
	require.Equal(t, 1, open)
	require.Equal(t, "pay", list[0].Action)
	require.JSONEq(t, `{"to":"X1"}`, string(list[0].Arguments))
	require.Contains(t, list[0].Text, "master_empty")

	a, err := b.Answer(t.Context(), id, true, "test")
	require.NoError(t, err)
	require.Equal(t, "yes", a.Answer)
	require.Zero(t, b.actions.runs.Load(), "an answer executes nothing")
	_, err = b.Answer(t.Context(), id, true, "test")
	require.ErrorIs(t, err, ErrAnswered)
	_, err = b.Answer(t.Context(), "q-000000000000", true, "test")
	require.ErrorIs(t, err, ErrNoQuestion)

	held(t, b, pay("s", 2))
	held(t, b, pay("t", 1))
	out, err := b.Call(t.Context(), pay("s", 1))
	require.NoError(t, err)
	require.Equal(t, gate.Collapse, out.Verdict, out.Reason)
	require.EqualValues(t, 1, b.actions.runs.Load())
	held(t, b, pay("s", 1))

	_, err = b.Answer(t.Context(), id, false, "test")
	require.NoError(t, err, "the question was asked anew")
	_, open = b.Questions(10)
	require.Equal(t, 2, open)
	require.NoError(t, b.stop())
	n := recorded(t, dir)
	require.Equal(t, 4, n[witness.Question])
	require.Equal(t, 2, n[witness.Answer])
	require.Equal(t, 2, b.hooks.kinds()[hooks.Realign])
	replays(t, dir)
}

func replays(t *testing.T, dir string) {
	t.Helper()
	r, err := store.OpenReader(dir)
	require.NoError(t, err)
	_, err = Replay(t.Context(), r)
	require.NoError(t, err)
}

// A yes outlives a restart; a question that was not answered is asked again.
func TestAYesOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir, Config{})
	id := held(t, b, pay("s", 1))
	open := held(t, b, pay("s", 2))
	_, err := b.Answer(t.Context(), id, true, "test")
	require.NoError(t, err)
	require.NoError(t, b.stop())

	b = begin(t, dir, Config{})
	_, err = b.Answer(t.Context(), open, true, "test")
	require.ErrorIs(t, err, ErrNoQuestion, "nobody has asked since the start")
	out, err := b.Call(t.Context(), pay("s", 1))
	require.NoError(t, err)
	require.Equal(t, gate.Collapse, out.Verdict)
	require.Equal(t, open, held(t, b, pay("s", 2)))
	_, err = b.Answer(t.Context(), open, true, "test")
	require.NoError(t, err)
}

// No answer in time is no.
func TestLateAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := begin(t, dir, Config{QuestionLife: time.Minute})
		late, yes := held(t, b, pay("s", 1)), held(t, b, pay("s", 2))
		_, err := b.Answer(t.Context(), yes, true, "test")
		require.NoError(t, err)
		<-time.After(time.Minute + time.Second)
		synctest.Wait()
		_, open := b.Questions(10)
		require.Zero(t, open)
		_, err = b.Answer(t.Context(), late, true, "test")
		require.ErrorIs(t, err, ErrLate)
		held(t, b, pay("s", 1))
		held(t, b, pay("s", 2)) // its yes is over too
		require.Zero(t, b.actions.runs.Load())
		require.NoError(t, b.stop())
		require.Equal(t, 2, recorded(t, dir)[witness.Answer], "the yes, and the silence")
	})
}

// A hook may keep the question from being put: then nobody can say yes.
func TestAHookBlocksAQuestion(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir, Config{})
	b.hooks.veto["pay"] = "do not disturb"
	out, err := b.Call(t.Context(), pay("s", 1))
	require.NoError(t, err)
	require.Equal(t, gate.Dissipate, out.Verdict)
	require.Empty(t, out.QuestionID)
	require.Equal(t, "hook:PreRealign", out.Keys[len(out.Keys)-1].Name)
	_, open := b.Questions(10)
	require.Zero(t, open)
	require.NoError(t, b.stop())
	require.Equal(t, 1, recorded(t, dir)[witness.Answer])
	replays(t, dir)
}

// A thousand sessions and ten thousand questions, answered twice, late, for other calls and by nobody:
// memory is bounded, every wrong answer is an error, and nothing runs without its own yes.
func TestManyQuestions(t *testing.T) {
	b := begin(t, t.TempDir(), Config{Kernel: manySessions()})
	const sessions, each = 1000, 10
	ids := make([][]string, sessions)
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for s := w; s < sessions; s += 64 {
				for n := range each {
					out, err := b.Call(t.Context(), pay(fmt.Sprint("s", s), n))
					if err != nil || out.Verdict != gate.Held {
						t.Errorf("session %d call %d: %v %v", s, n, out.Verdict, err)
						return
					}
					ids[s] = append(ids[s], out.QuestionID)
				}
			}
		})
	}
	wg.Wait()
	_, open := b.Questions(1)
	require.Equal(t, sessions*each, open)

	// One more session and one more question push out the oldest, which then cannot be answered.
	list, _ := b.Questions(sessions * each)
	oldest := list[0]
	held(t, b, pay("one more", 1))
	_, err := b.Answer(t.Context(), oldest.ID, true, "test")
	require.ErrorIs(t, err, ErrNoQuestion)
	_, open = b.Questions(1)
	require.LessOrEqual(t, open, intent.MaxQuestions)

	r := rand.New(rand.NewPCG(4, 4))
	said, pushed := map[string]bool{}, map[string]bool{}
	for range 300 {
		s, n := r.IntN(sessions), r.IntN(each)
		id, yes := ids[s][n], r.IntN(2) > 0
		_, err := b.Answer(t.Context(), id, yes, "test")
		_, again := said[id]
		if err != nil && !again && id != oldest.ID {
			// The kernel gave up one whole session: its oldest, which calls that came together may have
			// made another than the oldest of the list.
			require.ErrorIs(t, err, ErrNoQuestion)
			pushed[fmt.Sprint("s", s)] = true
			continue
		}
		require.Equal(t, again || id == oldest.ID, err != nil, "%v", err)
		if err == nil {
			said[id] = yes
		}
	}
	require.LessOrEqual(t, len(pushed), 1, "one session more pushes out one session: %v", pushed)
	require.Zero(t, b.actions.runs.Load(), "answers execute nothing")
	want := 0
	for s := range sessions {
		for n := range each {
			if yes, ok := said[ids[s][n]]; ok && yes {
				want++
				out, err := b.Call(t.Context(), pay(fmt.Sprint("s", s), n))
				require.NoError(t, err)
				require.Equal(t, gate.Collapse, out.Verdict)
			}
		}
	}
	require.Positive(t, want)
	require.EqualValues(t, want, b.actions.runs.Load(), "each yes was used once")
}

func manySessions() kernel.Config {
	cfg := kernel.DefaultConfig()
	cfg.Agent.MaxSessions = 2000
	return cfg
}

// In shadow mode what only the gate of agents' calls would refuse runs, and is recorded as such.
func TestShadow(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir, Config{Shadow: true, Breakers: breaker.Config{Identical: 2}})
	b.hooks.veto["slow"] = "not today"
	for i := range 3 {
		out, err := b.Call(t.Context(), pay("s", 1))
		require.NoError(t, err)
		require.Equal(t, gate.Collapse, out.Verdict)
		require.True(t, out.WouldBlock)
		require.Equal(t, gate.Held, out.Would)
		require.Equal(t, "done", out.Content[0].Text)
		require.Equal(t, i == 2, out.Keys[len(out.Keys)-1].Name == breaker.Name)
	}
	out, err := b.Call(t.Context(), say("hello"))
	require.NoError(t, err)
	require.False(t, out.WouldBlock)
	out, err = b.Call(t.Context(), Proposal{Session: "s", Action: "slow"})
	require.NoError(t, err)
	require.Equal(t, gate.Dissipate, out.Verdict, "hooks go on to veto")
	_, open := b.Questions(1)
	require.Zero(t, open)
	require.NoError(t, b.stop())
	require.Zero(t, recorded(t, dir)[witness.Question])
	replays(t, dir)
}

// A call that trips a breaker is refused with that key, and the kernel never sees it.
func TestBreakers(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir, Config{Breakers: breaker.Config{Identical: 3}})
	for range 3 {
		out, err := b.Call(t.Context(), say("round and round"))
		require.NoError(t, err)
		require.Equal(t, gate.Collapse, out.Verdict)
	}
	out, err := b.Call(t.Context(), say("round and round"))
	require.NoError(t, err)
	require.Equal(t, gate.Dissipate, out.Verdict)
	require.Len(t, out.Keys, 1)
	require.Equal(t, breaker.Name, out.Keys[0].Name)
	require.Negative(t, out.Keys[0].Margin)
	p := say("round and round")
	p.Owner = true
	out, err = b.Call(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, gate.Collapse, out.Verdict, "the owner may repeat")
	require.NoError(t, b.stop())
	replays(t, dir)
}

// Judging decides and records, executes nothing, and uses up a yes.
func TestJudge(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir, Config{})
	b.hooks.veto["rm"] = "never"
	judge := func(action, args string, e gate.Effect) Outcome {
		out, err := b.Judge(t.Context(), Proposal{Session: "g", Action: action, Arguments: json.RawMessage(args)}, e)
		require.NoError(t, err)
		return out
	}
	require.Equal(t, gate.Collapse, judge("Read", `{"path":"a"}`, gate.Read).Verdict)
	require.Equal(t, gate.Dissipate, judge("rm", `{}`, gate.Write).Verdict)
	out := judge("Send", `{"to":"eve"}`, gate.Critical)
	require.Equal(t, gate.Held, out.Verdict)
	_, err := b.Answer(context.Background(), out.QuestionID, true, "test")
	require.NoError(t, err)
	require.Equal(t, gate.Collapse, judge("Send", `{"to":"eve"}`, gate.Critical).Verdict)
	require.Equal(t, gate.Held, judge("Send", `{"to":"eve"}`, gate.Critical).Verdict)
	require.NoError(t, b.CloseSession(t.Context(), "g"))
	_, err = b.Judge(t.Context(), Proposal{Action: "Send", Arguments: json.RawMessage(`[]`)}, gate.Write)
	require.ErrorContains(t, err, "want a JSON object")
	_, err = b.Judge(t.Context(), Proposal{Action: "Send"}, 0)
	require.ErrorContains(t, err, "not one of read, open, write, critical")
	require.Zero(t, b.actions.runs.Load())
	require.NoError(t, b.stop())
	n := recorded(t, dir)
	require.Zero(t, n[witness.Action])
	require.Equal(t, 6, n[witness.Decision], "the veto is one of its own")
	replays(t, dir)
}

// The report counts what agents proposed, tool by tool, and nobody else.
func TestAgentReport(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir, Config{Shadow: true})
	for i := range 4 {
		_, err := b.Call(t.Context(), pay("s", i))
		require.NoError(t, err)
	}
	_, err := b.Call(t.Context(), say("hello"))
	require.NoError(t, err)
	p := pay("s", 9)
	p.Owner = true
	_, err = b.Call(t.Context(), p)
	require.NoError(t, err)
	require.NoError(t, b.stop())
	r, err := store.OpenReader(dir)
	require.NoError(t, err)
	got, err := ReportAgents(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, 5, got.Decisions)
	require.Equal(t, 4, got.WouldHold)
	require.Zero(t, got.Blocked)
	require.Equal(t, "pay", got.Tools[0].Tool)
	require.Equal(t, map[string]int{"session": 4}, got.Tools[0].Keys)
	require.Len(t, got.Tools[0].Reasons, 3)
	require.Equal(t, 4, got.Tools[0].Passed)
	require.Equal(t, 1, got.Tools[1].Passed)
	require.Empty(t, got.Tools[1].Reasons)
}
