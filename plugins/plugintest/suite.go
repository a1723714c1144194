package plugintest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

// suite is one run of Check.
type suite struct {
	m    plugins.Manifest
	cfg  Config
	code []byte

	shared  plugins.Plugin // keeps its instances
	fresh   plugins.Plugin // an instance for each call
	about   abi.Description
	inputs  map[string]schema // by action
	outputs map[string]schema
	calls   []message // well-formed
	note    string    // why calls are fewer than they could be
}

// check is one step. A failure's text says what was sent, what came and what was wanted.
type check struct {
	name   string
	do     func(s *suite, ctx context.Context) error
	advice string
}

// errSkip in a check's error means that it could not be tried.
var errSkip = errors.New("not tried")

func checks() []check {
	return []check{
		{"load", (*suite).load, "the module must stay within its manifest: compare imports with capabilities, memory and fuel with limits, exports with plugins/ABI.md 1"},
		{"describe", (*suite).describe, "answer operation 0 as plugins/ABI.md 4.1 says, always the same, and as the manifest says: name, version, kind, actions"},
		{"schemas", (*suite).schemas, "input_schema and output_schema are JSON Schemas of type object, at most 64 KiB, with references only inside themselves"},
		{"arguments", (*suite).prepare, "give the schema \"examples\", \"default\" or \"enum\" where its rules are hard to meet by guessing, or name arguments in Config.Arguments"},
		{"calls", (*suite).perform, "answer a call that satisfies the schema with status 0 and an output as plugins/ABI.md 4 has it, or with status 1 and {code, message}"},
		{"determinism", (*suite).determinism, "use time_ns as the only clock and seed as the only entropy; do not let the order of a map or of what came before into an answer"},
		{"unknown fields", (*suite).unknownFields, "ignore fields that you do not know, let the last of two count, take null as absence, allow space, decode names before you compare them"},
		{"unknown operation", (*suite).unknownOperation, "answer operations and actions that you do not know with the code unsupported"},
		{"malformed messages", (*suite).malformedMessages, "read the whole message before you act on it, and answer what is no JSON object with the code invalid; do not trap"},
		{"odd messages", (*suite).oddMessages, "check the type of each field before you use it; an answer of either status will do, a trap or endless work will not"},
		{"large message", (*suite).largeMessage, "reading a message may cost 400 units of fuel a byte and must be linear: raise limits.memory_pages if memory ran out"},
		{"endurance", (*suite).endurance, "an instance serves many calls: free, collect or reuse what a call has taken"},
		{"concurrency", (*suite).concurrency, "instances share nothing but their code; what a process keeps must be safe for concurrent calls"},
	}
}

func (s *suite) run(ctx context.Context) ([]Result, error) {
	var results []Result
	for _, c := range checks() {
		if err := ctx.Err(); err != nil {
			return results, fmt.Errorf("plugintest: check %s: %w", s.m.Name, err)
		}
		start := time.Now()
		err := errSkip
		if s.shared != nil || c.name == "load" {
			err = c.do(s, ctx)
		}
		r := Result{Name: c.name, State: Held, Took: time.Since(start)}
		switch {
		case errors.Is(err, errSkip):
			r.State, r.Detail = Skipped, err.Error()
		case err != nil:
			r.State, r.Detail, r.Advice = Failed, err.Error(), c.advice
		case c.name == "arguments":
			r.Detail = s.note
		}
		results = append(results, r)
	}
	return results, nil
}

func (s *suite) close(ctx context.Context) error {
	var err error
	for _, p := range []plugins.Plugin{s.shared, s.fresh} {
		if p != nil {
			err = errors.Join(err, p.Close(ctx))
		}
	}
	return err
}

func (s *suite) load(ctx context.Context) error {
	m := s.m
	m.Fresh = true
	fresh, err := s.cfg.Loader.Load(ctx, m, s.code)
	if err != nil {
		return err
	}
	s.fresh = fresh
	m.Fresh, m.Limits.Instances = false, max(4, m.Limits.Instances)
	s.shared, err = s.cfg.Loader.Load(ctx, m, s.code)
	return err
}

func (s *suite) describe(ctx context.Context) error {
	s.about = s.fresh.Description()
	if err := s.about.Validate(); err != nil {
		return err
	}
	for _, f := range []struct{ field, is, want string }{
		{"name", s.about.Name, s.m.Name}, {"version", s.about.Version, s.m.Version}, {"kind", s.about.Kind, s.m.Kind},
	} {
		if f.is != f.want {
			return fmt.Errorf("%s %q: the manifest has %q", f.field, f.is, f.want)
		}
	}
	for _, c := range s.about.Capabilities {
		if !slices.Contains(s.m.Capabilities, c) {
			return fmt.Errorf("capability %q: the manifest does not grant it", c)
		}
	}
	described := map[string]bool{}
	for i := range s.about.Actions {
		described[s.about.Actions[i].Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(s.m.Actions)) {
		if !described[name] {
			return fmt.Errorf("action %q: the manifest lists it and the plugin has it not", name)
		}
	}
	first, err := s.call(ctx, s.fresh, "", message{op: abi.OpDescribe})
	if err != nil {
		return err
	}
	again, err := s.call(ctx, s.shared, "", message{op: abi.OpDescribe})
	if err == nil && string(again) != string(first) {
		err = fmt.Errorf("answered %s and then %s", short(first), short(again))
	}
	return err
}

func (s *suite) schemas(context.Context) error {
	s.inputs, s.outputs = map[string]schema{}, map[string]schema{}
	for i := range s.about.Actions {
		a := &s.about.Actions[i]
		var err error
		if s.inputs[a.Name], err = compile(a.InputSchema); err != nil {
			return fmt.Errorf("actions[%d] %s: input_schema: %w", i, a.Name, err)
		}
		if s.outputs[a.Name], err = compile(a.OutputSchema); err != nil {
			return fmt.Errorf("actions[%d] %s: output_schema: %w", i, a.Name, err)
		}
	}
	return nil
}

// prepare collects the well-formed calls that later checks make.
func (s *suite) prepare(context.Context) error {
	switch s.about.Kind {
	case abi.KindObserver:
		s.calls = []message{observeMessage(1), observeMessage(5), observeMessage(64)}
	case abi.KindInput:
		s.calls = senseMessages(s.m.Channels[0]) // Validate wants one
	}
	for i := range s.about.Actions {
		name := s.about.Actions[i].Name
		made, err := s.inputs[name].sample()
		if err == nil {
			s.calls = append(s.calls, actMessage(name, made))
		} else if len(s.cfg.Arguments[name]) == 0 {
			s.note = fmt.Sprintf("action %s: none could be made: %v", name, err)
		}
		for _, given := range s.cfg.Arguments[name] {
			if err := s.inputs[name].accepts(given); err != nil {
				return fmt.Errorf("Config.Arguments of %s: %s: %w", name, short(given), err)
			}
			s.calls = append(s.calls, actMessage(name, given))
		}
	}
	if len(s.calls) == 0 {
		return fmt.Errorf("%w: %s", errSkip, s.note)
	}
	return nil
}

// call returns the answer of p, which must be one, within a generous deadline.
func (s *suite) call(ctx context.Context, p plugins.Plugin, session string, m message) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := p.Call(ctx, plugins.Call{Op: m.op, Session: session, TimeNS: timeNS, Seed: seed, In: m.in}, nil)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", m.op, short(m.in), err)
	}
	var own *abi.Error
	if _, err := abi.Answer(out); err != nil && !errors.As(err, &own) {
		return nil, fmt.Errorf("%s %s: answered %s: %w", m.op, short(m.in), short(out), err)
	}
	return out, nil
}

// code is the code of an error answer, or "" of a success.
func code(answer []byte) string {
	_, err := abi.Answer(answer)
	var own *abi.Error
	if errors.As(err, &own) {
		return own.Code
	}
	return ""
}

// valid holds a successful answer to its operation's output.
func (s *suite) valid(m message, answer []byte) error {
	payload, err := abi.Answer(answer)
	if err != nil {
		var own *abi.Error
		if errors.As(err, &own) && !json.Valid(answer[1:]) {
			return fmt.Errorf("%s %s: error %s: no JSON", m.op, short(m.in), short(answer))
		}
		return nil
	}
	switch m.op {
	case abi.OpAct:
		err = s.validAct(m, payload)
	case abi.OpObserve:
		err = validObserve(m, payload)
	case abi.OpSense:
		err = s.validSense(payload)
	}
	if err != nil {
		return fmt.Errorf("%s %s: answered %s: %w", m.op, short(m.in), short(answer), err)
	}
	return nil
}

func (s *suite) validAct(m message, payload []byte) error {
	var out abi.ActOutput
	if err := out.Decode(payload); err != nil {
		return err
	}
	if err := out.Validate(); err != nil {
		return err
	}
	promise := s.outputs[m.action]
	if promise.s == nil {
		return nil
	}
	if len(out.Structured) == 0 {
		return errors.New("structured: missing, and output_schema promises it")
	}
	if err := promise.accepts(out.Structured); err != nil {
		return fmt.Errorf("structured: %w", err)
	}
	return nil
}

func validObserve(m message, payload []byte) error {
	var out abi.ObserveOutput
	if err := out.Decode(payload); err != nil {
		return err
	}
	for i, o := range out.Observations {
		if o.Index < m.first || o.Index >= m.first+uint64(m.count) {
			return fmt.Errorf("observations[%d].index %d: no record of the batch has it, want %d…%d", i, o.Index, m.first, m.first+uint64(m.count)-1)
		}
		if o.Type == "" {
			return fmt.Errorf("observations[%d].type: missing", i)
		}
	}
	return nil
}

func (s *suite) validSense(payload []byte) error {
	var out abi.SenseOutput
	if err := out.Decode(payload); err != nil {
		return err
	}
	for i := range out.Samples {
		p, kinds := &out.Samples[i], 0
		if p.Channel != "" && !slices.Contains(s.m.Channels, p.Channel) {
			return fmt.Errorf("samples[%d].ch %q: want one of the manifest's channels %q", i, p.Channel, s.m.Channels)
		}
		for _, set := range []bool{len(p.U) > 0, len(p.X) > 0, len(p.Phase) > 0, p.Event} {
			if set {
				kinds++
			}
		}
		if kinds != 1 {
			return fmt.Errorf("samples[%d]: %d of u, x, phase and event, want exactly one", i, kinds)
		}
	}
	return nil
}
