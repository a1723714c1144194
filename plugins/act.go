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
	if s.closed.Load() {
		return abi.ActOutput{}, Errorf(CodeClosed, true, "the node is stopping")
	}
	o := (*s.actions.Load())[in.Action]
	if o == nil {
		return abi.ActOutput{}, Errorf(CodeUnknown, false, "no active plugin offers %q", short(in.Action))
	}
	in.Arguments = arguments(in.Arguments)
	if err := o.in.check(in.Arguments); err != nil {
		return abi.ActOutput{}, Errorf(CodeArguments, false, "arguments: %v", err)
	}
	msg, err := in.Append(nil)
	if err != nil {
		return abi.ActOutput{}, Errorf(CodeArguments, false, "%v", err)
	}
	out, err := o.perform(ctx, Call{Op: abi.OpAct, Session: in.Session, TimeNS: in.TimeNS, Seed: in.Seed, In: msg})
	o.entry.count(err)
	return out, err
}

func (o *offer) perform(ctx context.Context, c Call) (out abi.ActOutput, err error) {
	payload, err := o.entry.call(ctx, o.plugin, c)
	if err != nil {
		return out, err
	}
	if err := out.Decode(payload); err != nil {
		return out, Errorf(CodeProtocol, false, "%v", err)
	}
	if err := out.Validate(); err != nil {
		return out, Errorf(CodeProtocol, false, "%v", err)
	}
	if o.out == nil {
		return out, nil
	}
	if len(out.Structured) == 0 {
		return out, Errorf(CodeProtocol, false, "structured: missing, and output_schema promises it")
	}
	if err := o.out.check(out.Structured); err != nil {
		return out, Errorf(CodeProtocol, false, "structured: %v", err)
	}
	return out, nil
}

type answer struct {
	payload []byte
	err     error
}

// call runs c on its own goroutine, because what runs in a sandbox cannot be interrupted and its
// caller must not wait longer than the deadline. The slots bound those goroutines; each ends when
// its fuel does. The payload is the caller's.
func (e *entry) call(ctx context.Context, p Plugin, c Call) ([]byte, error) {
	if len(c.In) > e.m.Limits.InputBytes {
		return nil, Errorf(CodeInput, false, "message of %d bytes, want at most %d", len(c.In), e.m.Limits.InputBytes)
	}
	ctx, cancel := context.WithTimeout(ctx, e.m.Limits.Deadline)
	defer cancel()
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, Errorf(CodeBusy, true, "all %d instances taken: %v", cap(e.slots), ctx.Err())
	}
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- answer{err: Errorf(CodeTrap, false, "panic: %v", v)}
			}
			<-e.slots
		}()
		b, err := p.Call(ctx, c, nil)
		if err == nil {
			b, err = split(b)
		}
		done <- answer{b, err}
	}()
	select {
	case a := <-done:
		return a.payload, a.err
	case <-ctx.Done():
		return nil, Errorf(CodeDeadline, true, "no answer: %v", ctx.Err())
	}
}

// split is abi.Answer with malformed answers under this package's code.
func split(b []byte) ([]byte, error) {
	payload, err := abi.Answer(b)
	var e *abi.Error
	if err != nil && !errors.As(err, &e) {
		err = Errorf(CodeProtocol, false, "%v", err)
	}
	return payload, err
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
