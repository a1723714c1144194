package plugintest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/plugintest"
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

// fake is a plugin in this process, and its own loader; change spoils one answer of it.
type fake struct {
	p      *sdk.Plugin
	change func(c plugins.Call, answer []byte) ([]byte, error)
	refuse error
	closed atomic.Int64
}

func (f *fake) Load(context.Context, plugins.Manifest, []byte) (plugins.Plugin, error) {
	if f.refuse != nil {
		return nil, f.refuse
	}
	return f, nil
}

func (f *fake) Description() abi.Description { return f.p.Describe() }

func (f *fake) Close(context.Context) error {
	f.closed.Add(1)
	return nil
}

func (f *fake) Call(_ context.Context, c plugins.Call, dst []byte) ([]byte, error) {
	answer := f.p.Call(c.Op, c.In, nil)
	if f.change != nil {
		var err error
		if answer, err = f.change(c, answer); err != nil {
			return dst, err
		}
	}
	return append(dst, answer...), nil
}

func echo() *sdk.Plugin {
	return &sdk.Plugin{Name: "echo", Version: "1", Actions: []sdk.Action{{
		Action: abi.Action{
			Name:        "say",
			InputSchema: abi.Raw(`{"type":"object","properties":{"text":{"type":"string"},"n":{"type":"integer","minimum":3}},"required":["text","n"]}`),
		},
		Do: func(in *abi.ActInput) (abi.ActOutput, error) { return sdk.Text(string(in.Arguments), nil), nil },
	}}}
}

func granted(p *sdk.Plugin) plugins.Manifest {
	d := p.Describe()
	m := plugins.Manifest{Name: d.Name, Version: d.Version, Kind: d.Kind, ABI: abi.Version, File: "x", Limits: plugins.DefaultLimits()}
	if d.Kind == abi.KindInput {
		m.Channels = []string{"mic"}
	}
	m.Actions = map[string]plugins.Grant{}
	for _, a := range d.Actions {
		m.Actions[a.Name] = plugins.Grant{Effect: gate.Write}
	}
	return m
}

func failed(results []plugintest.Result) (names []string) {
	for _, r := range results {
		if r.State == plugintest.Failed {
			names = append(names, r.Name)
		}
	}
	return names
}

func TestSoundPluginsHold(t *testing.T) {
	for _, p := range []*sdk.Plugin{
		echo(),
		{Name: "watch", Version: "1", Observe: func(in *abi.ObserveInput) (abi.ObserveOutput, error) {
			if len(in.Records) == 0 {
				return abi.ObserveOutput{}, nil
			}
			return abi.ObserveOutput{Observations: []abi.Observation{{Index: in.Records[0].Index, Type: "seen"}}}, nil
		}},
		{Name: "ear", Version: "1", Sense: func(in *abi.SenseInput) (abi.SenseOutput, error) {
			return abi.SenseOutput{Samples: []abi.Sample{{T: in.TimeNS, X: []float64{float64(len(in.Text))}}}}, nil
		}},
	} {
		f := &fake{p: p}
		results, err := plugintest.Check(t.Context(), granted(p), nil, plugintest.Config{Loader: f})
		require.NoError(t, err)
		require.True(t, plugintest.Ok(results), "%v", results)
		require.Len(t, results, 13)
		require.EqualValues(t, 2, f.closed.Load())
	}
}

// Each defect fails the check that is there for it, with an advice.
func TestDefectsAreFound(t *testing.T) {
	trap := plugins.Errorf(plugins.CodeTrap, false, "unreachable")
	var calls atomic.Int64
	changed := func(do func(p *sdk.Plugin)) *fake {
		p := echo()
		do(p)
		return &fake{p: p}
	}
	spoiled := func(when func(c plugins.Call) bool, answer string, err error) *fake {
		return &fake{p: echo(), change: func(c plugins.Call, sound []byte) ([]byte, error) {
			if when(c) {
				return []byte(answer), err
			}
			return sound, nil
		}}
	}
	acts := func(c plugins.Call) bool { return c.Op == abi.OpAct && bytes.Contains(c.In, []byte(`"text":"a"`)) }
	has := func(part string) func(plugins.Call) bool {
		return func(c plugins.Call) bool { return bytes.Contains(c.In, []byte(part)) }
	}
	for _, c := range []struct {
		check, detail string
		f             *fake
	}{
		{"load", "no", &fake{p: echo(), refuse: errors.New("no")}},
		{"describe", `"other": the manifest has "echo"`, changed(func(p *sdk.Plugin) { p.Name = "other" })},
		{"describe", `capability "net"`, changed(func(p *sdk.Plugin) { p.Capabilities = []string{"net"} })},
		{"describe", `action "say"`, changed(func(p *sdk.Plugin) { p.Actions[0].Name = "speak" })},
		{"describe", "and then", &fake{p: echo(), change: func(c plugins.Call, sound []byte) ([]byte, error) {
			if c.Op == abi.OpDescribe && calls.Add(1)%2 == 0 {
				return append(sound, ' '), nil
			}
			return sound, nil
		}}},
		{"schemas", "input_schema", changed(func(p *sdk.Plugin) { p.Actions[0].InputSchema = abi.Raw(`{"type":"array"}`) })},
		{"schemas", "only references inside", changed(func(p *sdk.Plugin) { p.Actions[0].OutputSchema = abi.Raw(`{"$ref":"file:///etc/passwd"}`) })},
		{"calls", "structured", changed(func(p *sdk.Plugin) {
			p.Actions[0].OutputSchema = abi.Raw(`{"type":"object","required":["said"]}`)
		})},
		{"calls", "trap", spoiled(acts, "", trap)},
		{"calls", "status 7", spoiled(acts, "\x07{}", nil)},
		{"calls", "content[0].type", spoiled(acts, "\x00"+`{"content":[{"type":"video"}]}`, nil)},
		{"calls", "the input is as described", spoiled(acts, "\x01"+`{"code":"invalid","message":"no"}`, nil)},
		{"determinism", "in another instance", &fake{p: echo(), change: func(c plugins.Call, sound []byte) ([]byte, error) {
			if acts(c) {
				return append([]byte("\x00"), strings.Repeat(" ", int(calls.Add(1)%7))+"{}"...), nil
			}
			return sound, nil
		}}},
		{"unknown fields", "want as without it", spoiled(has("x-tomorrow"), "\x01"+`{"code":"invalid","message":"what is x-tomorrow?"}`, nil)},
		{"unknown operation", "want the code unsupported", spoiled(func(c plugins.Call) bool { return c.Op == 4 }, "\x00{}", nil)},
		{"unknown operation", "want the code unsupported", spoiled(has("no-such.action"), "\x00{}", nil)},
		{"malformed messages", "want the code invalid", spoiled(has(`{"a":01}`), "\x00{}", nil)},
		{"malformed messages", "trap", spoiled(has(`[[[[[[[[[[`+strings.Repeat("[", 100)), "", trap)},
		{"odd messages", "trap", spoiled(has(`"arguments":[[[]]]`), "", trap)},
		{"large message", "fuel", spoiled(func(c plugins.Call) bool { return len(c.In) > 100_000 && bytes.Contains(c.In, []byte("filler")) }, "", plugins.Errorf(plugins.CodeFuel, false, "burnt"))},
		{"endurance", "call 501 of the instance", func() *fake {
			var served atomic.Int64
			return spoiled(func(c plugins.Call) bool { return c.Session == "endurance" && served.Add(1) > 500 }, "", plugins.Errorf(plugins.CodeMemory, false, "full"))
		}()},
		{"concurrency", "among 8 callers", spoiled(func(c plugins.Call) bool { return c.Session == "s-5" }, "\x00{}", nil)},
	} {
		t.Run(c.check+" "+c.detail, func(t *testing.T) {
			results, err := plugintest.Check(t.Context(), granted(echo()), nil, plugintest.Config{Loader: c.f})
			require.NoError(t, err)
			require.False(t, plugintest.Ok(results))
			require.Contains(t, failed(results), c.check)
			for _, r := range results {
				if r.Name == c.check {
					require.Contains(t, r.Detail, c.detail)
					require.NotEmpty(t, r.Advice)
				}
			}
		})
	}
}

func TestInputAndObserverOutputsAreHeld(t *testing.T) {
	for want, p := range map[string]*sdk.Plugin{
		"0 of u, x, phase and event": {Name: "ear", Version: "1", Sense: func(*abi.SenseInput) (abi.SenseOutput, error) {
			return abi.SenseOutput{Samples: []abi.Sample{{T: 1}}}, nil
		}},
		`samples[0].ch "other"`: {Name: "ear", Version: "1", Sense: func(*abi.SenseInput) (abi.SenseOutput, error) {
			return abi.SenseOutput{Samples: []abi.Sample{{Channel: "other", Event: true}}}, nil
		}},
		"no record of the batch has": {Name: "watch", Version: "1", Observe: func(*abi.ObserveInput) (abi.ObserveOutput, error) {
			return abi.ObserveOutput{Observations: []abi.Observation{{Index: 1, Type: "x"}}}, nil
		}},
		"observations[0].type: missi": {Name: "watch", Version: "1", Observe: func(*abi.ObserveInput) (abi.ObserveOutput, error) {
			return abi.ObserveOutput{Observations: []abi.Observation{{Index: 1 << 60}}}, nil
		}},
	} {
		results, err := plugintest.Check(t.Context(), granted(p), nil, plugintest.Config{Loader: &fake{p: p}})
		require.NoError(t, err)
		require.Contains(t, failed(results), "calls")
		require.Contains(t, results[4].Detail, want)
	}
}

// Without arguments that satisfy the schema there is nothing to call with, and that is said.
func TestArguments(t *testing.T) {
	p := echo()
	p.Actions[0].InputSchema = abi.Raw(`{"type":"object","properties":{"code":{"type":"string","pattern":"^[0-9]{4}$"}},"required":["code"]}`)
	results, err := plugintest.Check(t.Context(), granted(p), nil, plugintest.Config{Loader: &fake{p: p}})
	require.NoError(t, err)
	require.Equal(t, plugintest.Skipped, results[3].State)
	require.Contains(t, results[3].Detail, "none could be made")
	cfg := plugintest.Config{Loader: &fake{p: p}, Arguments: map[string][]json.RawMessage{"say": {json.RawMessage(`{"code":"1234"}`)}}}
	results, err = plugintest.Check(t.Context(), granted(p), nil, cfg)
	require.NoError(t, err)
	require.Equal(t, plugintest.Held, results[4].State)
	cfg.Arguments["say"][0] = json.RawMessage(`{"code":"x"}`)
	results, err = plugintest.Check(t.Context(), granted(p), nil, cfg)
	require.NoError(t, err)
	require.Equal(t, plugintest.Failed, results[3].State)
	_, err = plugintest.Check(t.Context(), plugins.Manifest{}, nil, plugintest.Config{})
	require.ErrorContains(t, err, "name")
}
