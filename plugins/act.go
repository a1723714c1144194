package plugins

import (
	"context"
	"errors"
	"fmt"

	"github.com/becomingone/becomingone/sdk/abi"
)

// Act performs a call that has collapsed. An error holds an *abi.Error, the plugin's own or one
// with this package's codes. Act returns within the plugin's deadline and ctx, even when what runs
// in the sandbox has not ended yet. The output is the caller's.
func (s *Set) Act(ctx context.Context, in abi.ActInput) (abi.ActOutput, error) {
	out, err := s.act(ctx, in)
	if err != nil {
		return abi.ActOutput{}, fmt.Errorf("plugins: act %s: %w", short(in.Action), err)
	}
	return out, nil
}

func (s *Set) act(ctx context.Context, in abi.ActInput) (abi.ActOutput, error) {
	o, err := s.offer(in.Action)
	if err != nil {
		return abi.ActOutput{}, err
	}
	defer o.entry.end()
	in.Arguments = arguments(in.Arguments)
	if err := o.in.check(in.Arguments); err != nil {
		return abi.ActOutput{}, Errorf(CodeArguments, false, "arguments: %v", err)
	}
	msg, err := in.Append(nil)
	if err != nil {
		return abi.ActOutput{}, Errorf(CodeArguments, false, "%v", err)
	}
	out, err := ask(ctx, o.entry, Call{Op: abi.OpAct, Session: in.Session, TimeNS: in.TimeNS, Seed: in.Seed, In: msg}, o.decode)
	o.entry.count(err)
	return out, err
}

// offer returns who offers the action and holds it until entry.end: a reload that replaces it
// meanwhile waits for the call.
func (s *Set) offer(action string) (*offer, error) {
	for !s.closed.Load() {
		o := s.table.Load().actions[action]
		if o == nil {
			return nil, Errorf(CodeUnknown, false, "no active plugin offers %q", short(action))
		}
		if o.entry.begin() {
			return o, nil
		}
		// It was replaced between the two lines, and the table has its successor.
	}
	return nil, Errorf(CodeClosed, true, "the node is stopping")
}

// decode reads an action's output and holds it against what the plugin promised.
func (o *offer) decode(payload []byte) (out abi.ActOutput, err error) {
	if err := out.Decode(payload); err != nil {
		return out, err
	}
	if err := out.Validate(); err != nil {
		return out, err
	}
	if o.out == nil {
		return out, nil
	}
	if len(out.Structured) == 0 {
		return out, errors.New("structured: missing, and output_schema promises it")
	}
	if err := o.out.check(out.Structured); err != nil {
		return out, fmt.Errorf("structured: %w", err)
	}
	return out, nil
}

type answer[T any] struct {
	out T
	err error
}

// ask runs c on its own goroutine, because what runs in a sandbox cannot be interrupted and its
// caller must not wait longer than the deadline. The slots bound those goroutines; each ends when
// its fuel does. decode judges the answer before the loader keeps what gave it.
func ask[T any](ctx context.Context, e *entry, c Call, decode func(payload []byte) (T, error)) (out T, err error) {
	if len(c.In) > e.m.Limits.InputBytes {
		return out, Errorf(CodeInput, false, "message of %d bytes, want at most %d", len(c.In), e.m.Limits.InputBytes)
	}
	ctx, cancel := context.WithTimeout(ctx, e.m.Limits.Deadline)
	defer cancel()
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return out, Errorf(CodeBusy, true, "all %d instances taken: %v", cap(e.slots), ctx.Err())
	}
	done := make(chan answer[T], 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- answer[T]{err: Errorf(CodeTrap, false, "panic: %v", v)}
			}
			<-e.slots
		}()
		done <- perform(ctx, e.plugin, c, decode)
	}()
	select {
	case a := <-done:
		return a.out, a.err
	case <-ctx.Done():
		return out, Errorf(CodeDeadline, true, "no answer: %v", ctx.Err())
	}
}

func perform[T any](ctx context.Context, p Plugin, c Call, decode func(payload []byte) (T, error)) (a answer[T]) {
	asked := false
	c.Accept = func(b []byte) error {
		asked = true
		payload, err := abi.Answer(b)
		var own *abi.Error
		if errors.As(err, &own) {
			a.err = own // a good answer: the plugin says why not
			return nil
		}
		if err == nil {
			a.out, err = decode(payload)
		}
		if err != nil {
			return Errorf(CodeProtocol, false, "%v", err)
		}
		return nil
	}
	b, err := p.Call(ctx, c, nil)
	if err == nil && !asked {
		err = c.Accept(b)
	}
	if err != nil {
		return answer[T]{err: err}
	}
	return a
}

func (e *entry) count(err error) {
	e.calls.Add(1)
	if err == nil {
		return
	}
	e.failures.Add(1)
	e.mu.Lock()
	e.problem = err.Error()
	e.mu.Unlock()
}
