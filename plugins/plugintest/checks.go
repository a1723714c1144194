package plugintest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/becomingone/becomingone/sdk/abi"
)

// ready is whether there is anything to call with.
func (s *suite) ready() error {
	if len(s.calls) == 0 {
		return fmt.Errorf("%w: there is no well-formed call", errSkip)
	}
	return nil
}

func (s *suite) perform(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	for _, m := range s.calls {
		answer, err := s.call(ctx, s.shared, "s-1", m)
		if err != nil {
			return err
		}
		if c := code(answer); c == abi.CodeUnsupported || (m.op == abi.OpAct && c == abi.CodeInvalid) {
			return fmt.Errorf("%s %s: answered %s, and the input is as described", m.op, short(m.in), short(answer))
		}
		if err := s.valid(m, answer); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) determinism(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	for _, m := range s.calls {
		first, err := s.call(ctx, s.fresh, "s-1", m)
		if err != nil {
			return err
		}
		for range 3 {
			again, err := s.call(ctx, s.fresh, "s-1", m)
			if err != nil {
				return err
			}
			if string(again) != string(first) {
				return fmt.Errorf("%s %s: answered %s and in another instance %s", m.op, short(m.in), short(first), short(again))
			}
		}
	}
	return nil
}

func (s *suite) unknownFields(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	m := s.calls[0]
	want, err := s.call(ctx, s.fresh, "s-1", m)
	if err != nil {
		return err
	}
	all := variants(m.in)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m.in = all[name]
		got, err := s.call(ctx, s.fresh, "s-1", m)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if string(got) != string(want) {
			return fmt.Errorf("%s: %s: answered %s, want as without it %s", name, short(m.in), short(got), short(want))
		}
	}
	return nil
}

func (s *suite) unknownOperation(ctx context.Context) error {
	unknown := []message{{op: 4, in: []byte("{}")}, {op: 1 << 31, in: []byte("{}")}, {op: 0xffffffff}}
	for kind, op := range map[string]abi.Op{abi.KindAction: abi.OpAct, abi.KindObserver: abi.OpObserve, abi.KindInput: abi.OpSense} {
		if kind != s.about.Kind {
			unknown = append(unknown, message{op: op, in: []byte("{}")})
		}
	}
	if s.about.Kind == abi.KindAction {
		unknown = append(unknown, actMessage("no-such.action", []byte("{}")))
	}
	for _, m := range unknown {
		answer, err := s.call(ctx, s.shared, "s-1", m)
		if err != nil {
			return err
		}
		if c := code(answer); c != abi.CodeUnsupported {
			return fmt.Errorf("%s %s: answered %s, want the code %s", m.op, short(m.in), short(answer), abi.CodeUnsupported)
		}
	}
	return nil
}

func (s *suite) malformedMessages(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	m := s.calls[0]
	all := malformed(m.in)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(all[name]) > s.m.Limits.InputBytes {
			continue
		}
		m.in = all[name]
		answer, err := s.call(ctx, s.shared, "s-1", m)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if c := code(answer); c != abi.CodeInvalid {
			return fmt.Errorf("%s: %s %s: answered %s, want the code %s", name, m.op, short(m.in), short(answer), abi.CodeInvalid)
		}
	}
	return nil
}

func (s *suite) oddMessages(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	m := s.calls[0]
	m.first, m.count = 0, 1<<62 // an observer may take an index from what it was sent
	all := odd(m)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m.in = all[name]
		answer, err := s.call(ctx, s.shared, "s-1", m)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := s.valid(m, answer); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// perByte is the fuel that reading one byte of a message may cost, generously.
const perByte = 400

// largeMessage fills an unknown field until the message is as large as the manifest allows and its
// fuel affords.
func (s *suite) largeMessage(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	m := s.calls[0]
	head := strings.TrimSuffix(string(m.in), "}") + `,"filler":"`
	size := int(min(int64(s.m.Limits.InputBytes), s.m.Limits.Fuel/perByte))
	for _, filler := range []string{"x", "é", `\u00e9`, `\n`} {
		n := (size - len(head) - 2) / len(filler)
		if n < 1 {
			return fmt.Errorf("%w: limits.input_bytes %d and limits.fuel %d leave no room for a filler", errSkip, s.m.Limits.InputBytes, s.m.Limits.Fuel)
		}
		m.in = []byte(head + strings.Repeat(filler, n) + `"}`)
		answer, err := s.call(ctx, s.shared, "s-1", m)
		if err != nil {
			return err
		}
		if err := s.valid(m, answer); err != nil {
			return err
		}
	}
	return nil
}

func (s *suite) endurance(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	for n := range s.cfg.Calls {
		m := s.calls[n%len(s.calls)]
		answer, err := s.call(ctx, s.shared, "endurance", m)
		if err != nil {
			return fmt.Errorf("call %d of the instance: %w", n+1, err)
		}
		if err := s.valid(m, answer); err != nil {
			return fmt.Errorf("call %d of the instance: %w", n+1, err)
		}
	}
	return nil
}

func (s *suite) concurrency(ctx context.Context) error {
	if err := s.ready(); err != nil {
		return err
	}
	const callers, rounds = 8, 4
	want := make([][]byte, len(s.calls))
	for i, m := range s.calls {
		var err error
		if want[i], err = s.call(ctx, s.fresh, "s-1", m); err != nil {
			return err
		}
	}
	failures := make([]error, callers)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for n := range rounds * len(s.calls) {
				i := (n + caller) % len(s.calls)
				got, err := s.call(ctx, s.fresh, fmt.Sprint("s-", caller), s.calls[i])
				if err == nil && string(got) != string(want[i]) {
					err = fmt.Errorf("%s %s: answered %s among %d callers and alone %s", s.calls[i].op, short(s.calls[i].in), short(got), callers, short(want[i]))
				}
				if err != nil {
					failures[caller] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}
