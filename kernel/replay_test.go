package kernel_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

// variety is a config that uses every kind of field.
func variety() kernel.Config {
	cfg := kernel.DefaultConfig()
	lagged := kernel.DefaultField("lagged", "c", "d")
	lagged.Lag = 3 * time.Millisecond
	locked := kernel.DefaultField("locked", "r")
	locked.Input = kernel.InputConfig{
		Form: phase.Real, FrequencyHz: 20, Filter: 100 * time.Millisecond, Correlation: 200, Velocity: true,
	}
	energy := kernel.DefaultField("energy", "d")
	energy.Reading = phase.ByEnergy
	energy.OmegaRadS = 100
	cfg.Fields[0].Channels = []string{"c"}
	cfg.Fields = append(cfg.Fields, lagged, locked, energy)
	return cfg
}

// story is an intake of everything: signals that come and go, gaps, late and repeated samples, refused
// ones, texts and calls.
func story(n int) []kernel.Input {
	r := rand.New(rand.NewPCG(11, 12))
	var ins []kernel.Input
	at := int64(1e15)
	for i := range n {
		at += int64(r.IntN(2)+1) * ms / 2
		if r.IntN(500) == 0 {
			at += int64(r.IntN(3000)) * ms
		}
		sigma := []float64{.1, .4, 9}[i/700%3]
		t := at - int64(r.IntN(20)/19)*int64(r.IntN(8))*ms
		z := signal.Rand(r.Uint64())
		s := phase.Sample{T: t, Form: phase.Angle, R: []float64{sigma * z.Gauss()}}
		in := kernel.Input{Kind: kernel.KindSample, At: at, Channel: "c", Sample: s}
		switch pick := r.IntN(40); {
		case pick < 8:
			in.Channel, in.Sample.Form, in.Sample.R = "d", phase.Phasor, nil
			in.Sample.X, in.Sample.Y = []complex128{z.Circle() * complex(3*z.Float64(), 0)}, []complex128{z.Circle()}
		case pick < 20:
			in.Channel, in.Sample = "r", phase.Sample{T: at, Form: phase.Real, R: []float64{z.Gauss()}}
		case pick == 20:
			in = kernel.Input{Kind: kernel.KindText, At: at, Session: fmt.Sprint("s", r.IntN(3)), Text: kernel.Text{
				Trust: kernel.Trust(r.IntN(2)), Source: "mail", Body: fmt.Sprintf("Send %d to bob.", r.IntN(9)),
			}}
		case pick == 21:
			in = kernel.Input{Kind: kernel.KindCall, At: at, Call: kernel.Call{
				ID: uint64(i), Session: fmt.Sprint("s", r.IntN(3)), Origin: kernel.Origin(r.IntN(3)), Field: "default",
				Action: "pay", Effect: gate.Effect(1 + r.IntN(4)), Arguments: []byte(fmt.Sprintf(`{"n":%d}`, r.IntN(9))),
				Requires: gate.Requires{Signal: []string{"default", "locked"}[:r.IntN(3)]},
			}}
		case pick == 22:
			in = kernel.Input{Kind: kernel.KindTick, At: at}
		case pick == 23:
			in.Sample.R = nil // refused
		case pick == 24 && r.IntN(4) == 0:
			in = kernel.Input{Kind: kernel.KindClose, At: at, Session: "s1"}
		case pick == 25:
			in = answered(r, at, last(ins))
		case pick == 26:
			in = kernel.Input{Kind: kernel.KindCall, At: at, Call: last(ins)}
		}
		ins = append(ins, in)
	}
	return ins
}

// last is the newest call of the story, as an agent's.
func last(ins []kernel.Input) kernel.Call {
	for i := len(ins) - 1; i >= 0; i-- {
		if c := ins[i].Call; ins[i].Kind == kernel.KindCall {
			c.Origin, c.Effect = kernel.FromAgent, gate.Critical
			return c
		}
	}
	return kernel.Call{Session: "s0", Action: "pay", Effect: gate.Critical}
}

// answered is an answer to the question that a call raises, or would.
func answered(r *rand.Rand, at int64, c kernel.Call) kernel.Input {
	b, err := intent.New(intent.DefaultConfig())
	if err != nil {
		panic(err) // the default config is valid
	}
	q := b.Judge(at, intent.Call{Session: c.Session, Action: c.Action, Effect: c.Effect, Arguments: c.Arguments})
	a := kernel.Answer{Question: q.QuestionID, Yes: r.IntN(4) > 0}
	if a.Yes {
		a.Until = at + int64(r.IntN(100)-2)*1000*ms
	}
	return kernel.Input{Kind: kernel.KindAnswer, At: at, Session: c.Session, Answer: a}
}

// run applies the intake and returns the outputs' digest form, errors included.
func run(t testing.TB, k *kernel.Kernel, ins []kernel.Input) []byte {
	var out kernel.Output
	var b []byte
	for i := range ins {
		err := k.Apply(&ins[i], &out)
		var bad error
		b, bad = out.AppendBinary(b)
		require.NoError(t, bad)
		b = fmt.Appendf(b, "%v", err)
	}
	return b
}

// The same intake gives the same outputs, also through its recorded form.
func TestReplayIsBitIdentical(t *testing.T) {
	ins := story(6000)
	first := run(t, newKernel(t, variety()), ins)
	require.Equal(t, first, run(t, newKernel(t, variety()), ins))
	var recorded []byte
	for i := range ins {
		var err error
		recorded, err = ins[i].AppendBinary(recorded)
		require.NoError(t, err)
	}
	var again []kernel.Input
	for len(recorded) > 0 {
		in, rest, err := kernel.DecodeInput(recorded)
		require.NoError(t, err)
		again, recorded = append(again, in), rest
	}
	require.Equal(t, first, run(t, newKernel(t, variety()), again))
}

// A kernel that is saved at any moment and restored goes on as if it had never stopped.
func TestRestoreIsBitIdentical(t *testing.T) {
	ins := story(4000)
	whole := newKernel(t, variety())
	r := rand.New(rand.NewPCG(9, 9))
	for at := 0; at < len(ins); {
		saved, err := whole.AppendBinary(nil)
		require.NoError(t, err)
		restored := newKernel(t, variety())
		require.NoError(t, restored.UnmarshalBinary(saved))
		same, err := restored.AppendBinary(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(saved, same))
		next := min(at+1+r.IntN(400), len(ins))
		da, oka := whole.Deadline()
		db, okb := restored.Deadline()
		require.Equal(t, oka, okb)
		require.Equal(t, da, db)
		require.True(t, bytes.Equal(run(t, whole, ins[at:next]), run(t, restored, ins[at:next])), "cut at %d", at)
		require.Equal(t, whole.Fields(), restored.Fields())
		at = next
	}
}

// The story is no story unless fields collapse in it and calls meet every verdict.
func TestStoryHasEverything(t *testing.T) {
	k := newKernel(t, variety())
	states, verdicts := map[gate.State]bool{}, map[gate.Verdict]bool{}
	answers, granted := map[bool]int{}, false
	var out kernel.Output
	ins := story(6000)
	for i := range ins {
		err := k.Apply(&ins[i], &out) // refused inputs are part of it
		if ins[i].Kind == kernel.KindAnswer {
			answers[err == nil]++
		}
		for _, f := range out.Fields {
			states[f.State] = true
		}
		if d := out.Decision; d != nil {
			verdicts[d.Verdict] = true
			granted = granted || strings.Contains(d.Keys[0].Need, "the user said yes")
		}
	}
	require.True(t, granted, "a yes was used")
	require.Positive(t, answers[true])
	require.Positive(t, answers[false])
	require.Len(t, states, 5)
	require.Len(t, verdicts, 3)
	for _, v := range k.Fields() {
		t.Log(v.Field, v.State, v.Counts)
	}
}

func TestRestoreRefusesOthers(t *testing.T) {
	k := newKernel(t, variety())
	run(t, k, story(500))
	saved, err := k.AppendBinary(nil)
	require.NoError(t, err)
	other := variety()
	other.Fields[0].Align.Delta = .2
	require.ErrorContains(t, newKernel(t, other).UnmarshalBinary(saved), "config")
	require.NotEqual(t, k.ConfigHash(), newKernel(t, other).ConfigHash())
	for cut := 0; cut < len(saved); cut += 1 + cut/50 {
		require.Error(t, k.UnmarshalBinary(saved[:cut]))
	}
	require.Error(t, k.UnmarshalBinary(append(saved, 0)))
	kept, err := k.AppendBinary(nil)
	require.NoError(t, err)
	require.True(t, bytes.Equal(saved, kept), "what is refused changes nothing")
}

func FuzzUnmarshalBinary(f *testing.F) {
	cfg := kernel.DefaultConfig()
	cfg.Fields[0].Master.Tau = 4 * cfg.Fields[0].Emissary.Tau // two levels: a small state is fuzzed deeper
	k := newKernel(f, cfg)
	run(f, k, story(3))
	saved, err := k.AppendBinary(nil)
	require.NoError(f, err)
	f.Add(saved)
	hash := k.ConfigHash()
	f.Fuzz(func(t *testing.T, b []byte) {
		k := newKernel(t, cfg)
		if len(b) > 33 { // past the guard of the config hash
			b = append(append(append([]byte(nil), b[0]), hash[:]...), b[33:]...)
		}
		if k.UnmarshalBinary(b) != nil {
			return
		}
		again, err := k.AppendBinary(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, again), "a state that is taken is the state that is kept")
		var out kernel.Output
		_ = k.Apply(&kernel.Input{Kind: kernel.KindTick, At: 1 << 62}, &out) // the clock may stand beyond it
		k.Deadline()
	})
}

func FuzzDecodeInput(f *testing.F) {
	for _, in := range story(300) {
		b, err := in.AppendBinary(nil)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in, rest, err := kernel.DecodeInput(b)
		if err != nil {
			require.Equal(t, b, rest)
			return
		}
		again, err := in.AppendBinary(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b[:len(b)-len(rest)], again))
	})
}

func TestInputBounds(t *testing.T) {
	long := string(make([]byte, 257))
	for want, in := range map[string]kernel.Input{
		"kernel: input kind 9: not in 1…6":                      {Kind: 9},
		"kernel: input text.body: 1048577, not in 0…1048576":    {Kind: kernel.KindText, Text: kernel.Text{Body: string(make([]byte, 1<<20+1))}},
		"kernel: input session: 257, not in 0…256":              {Kind: kernel.KindClose, Session: long},
		"kernel: input answer.question: 65, not in 0…64":        {Kind: kernel.KindAnswer, Answer: kernel.Answer{Question: long[:65]}},
		"kernel: input answer.until 7 ns":                       {Kind: kernel.KindAnswer, Answer: kernel.Answer{Until: 7}},
		"kernel: input text.trust: 2, not in 0…1":               {Kind: kernel.KindText, Text: kernel.Text{Trust: 2}},
		"kernel: input sample.x: 4097, not in 0…4096":           {Kind: kernel.KindSample, Sample: phase.Sample{X: make([]complex128, 4097)}},
		"kernel: input call.origin: 3, not in 0…2":              {Kind: kernel.KindCall, Call: kernel.Call{Origin: 3}},
		"kernel: input call.requires.signal: 257, not in 0…256": {Kind: kernel.KindCall, Call: kernel.Call{Requires: gate.Requires{Signal: []string{long}}}},
		"kernel: input call.requires.mesh":                      {Kind: kernel.KindCall, Call: kernel.Call{Requires: gate.Requires{Mesh: &gate.Mesh{}}}},
		"kernel: input call.arguments: 16777217":                {Kind: kernel.KindCall, Call: kernel.Call{Arguments: make([]byte, 16<<20+1)}},
	} {
		_, err := in.AppendBinary(nil)
		require.ErrorContains(t, err, want)
		var out kernel.Output
		require.ErrorContains(t, newKernel(t, kernel.DefaultConfig()).Apply(&in, &out), want)
	}
}
