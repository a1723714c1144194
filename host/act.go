package host

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/becomingone/becomingone/hooks"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/sdk/abi"
)

// maxChain is how many calls may follow from one, each requested by the action before it.
const maxChain = 4

// Outcome is what became of a proposed call.
type Outcome = web.Outcome

// Proposal is a call before the gate has seen it.
type Proposal struct {
	Session   string
	Owner     bool // the owner's own words
	Action    string
	Arguments json.RawMessage // a JSON object; nil is {}
}

// proposed is a call that the gate will be asked about.
type proposed struct {
	call   kernel.Call
	plugin string // that offers the action
	depth  int    // how many calls led to it, each requested by the action before
}

// execution is one call on its way from the gate to its reply.
type execution struct {
	proposed
	reply func(Outcome, error)
	out   Outcome
	state *abi.State

	cycle   *cycle // that started it
	decided uint64 // the index of its decision's record

	heard string    // what the action brought back from the world, untrusted
	next  *proposed // what it asked for
	took  time.Duration
}

// Call proposes an action and waits until what became of it is durable. A refusal by the gate is an
// Outcome; an error means that nothing was decided: an unknown action, bad arguments, ErrBusy,
// ErrStopped. Once a call has collapsed it is executed and recorded even if ctx ends before.
func (r *Runtime) Call(ctx context.Context, p Proposal) (Outcome, error) {
	if len(p.Arguments) == 0 {
		p.Arguments = []byte("{}")
	}
	call := kernel.Call{Session: p.Session, Action: p.Action, Arguments: p.Arguments}
	if p.Owner {
		call.Origin = kernel.FromOwner
	}
	p0, err := r.known(ctx, call)
	if err != nil {
		return Outcome{}, err
	}
	answered := newAnswer[Outcome]()
	x, err := r.admit(p0, answered.give)
	if err != nil {
		return Outcome{}, err
	}
	in := kernel.Input{Kind: kernel.KindCall, Session: call.Session, Call: x.call}
	if err := r.offer(ctx, item{inputs: []kernel.Input{in}, call: x}); err != nil {
		r.release(x)
		return Outcome{}, err
	}
	return answered.wait(ctx, r.ended)
}

// answer carries one reply from the publisher to whoever waits for it.
type answer[T any] struct {
	reply chan struct{}
	value T
	err   error
}

func newAnswer[T any]() *answer[T] { return &answer[T]{reply: make(chan struct{})} }

func (a *answer[T]) give(value T, err error) {
	a.value, a.err = value, err
	close(a.reply)
}

// wait returns what was given. A runtime that failed may have ended without giving anything.
func (a *answer[T]) wait(ctx context.Context, ended <-chan struct{}) (none T, err error) {
	select {
	case <-a.reply:
		return a.value, a.err
	case <-ctx.Done():
		return none, fmt.Errorf("host: wait for an answer: %w", context.Cause(ctx))
	case <-ended:
	}
	select {
	case <-a.reply:
		return a.value, a.err
	default:
		return none, ErrStopped
	}
}

// known completes the call from the action's manifest and checks its arguments.
func (r *Runtime) known(ctx context.Context, call kernel.Call) (proposed, error) {
	if err := checkArguments(call.Arguments); err != nil {
		return proposed{}, err
	}
	a, err := r.parts.Actions.Check(ctx, call.Action, call.Arguments)
	if err != nil {
		return proposed{}, err
	}
	call.Effect, call.Requires = a.Effect, a.Requires
	return proposed{call: call, plugin: a.Plugin}, nil
}

// admit gives a call its number and a place among those in flight.
func (r *Runtime) admit(p proposed, reply func(Outcome, error)) (*execution, error) {
	select {
	case r.calls <- struct{}{}:
	default:
		return nil, fmt.Errorf("%w: %d", ErrBusy, cap(r.calls))
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		<-r.calls
		return nil, fmt.Errorf("host: number a call: %w", err)
	}
	p.call.ID = binary.LittleEndian.Uint64(id[:])
	x := &execution{proposed: p, reply: reply}
	x.out = Outcome{Action: p.call.Action, Session: p.call.Session, Content: []web.Content{}}
	return x, nil
}

func (r *Runtime) release(*execution) { <-r.calls }

// decided records the kernel's decision and starts the action, or sends the refusal.
func (c *cycle) decided(x *execution) {
	d := c.r.loop.out.Decision
	x.out.Verdict, x.out.Reason, x.out.Realign, x.out.QuestionID = d.Verdict, d.Reason, d.Realign, d.QuestionID
	x.out.Keys = append([]gate.Key(nil), d.Keys...)
	at := c.at()
	slot := c.add(decisionRecord(at, x))
	decision := decisionEvent(at, x)
	c.after(slot, func(index uint64, err error) {
		decision.WitnessIndex, x.decided = index, index
		c.r.decisionMade(err, decision)
	})
	if d.Verdict == gate.Collapse {
		c.launch(x)
		return
	}
	c.after(slot, func(index uint64, err error) {
		x.out.WitnessIndex = index
		c.r.release(x)
		c.r.notify(err, hooks.Dissipate, at, index, x)
		x.reply(x.out, err)
	})
}

// launch starts the action of a call that has collapsed.
func (c *cycle) launch(x *execution) {
	if c.launched == 0 && c.patience == nil {
		c.patience = time.After(actionPatience)
	}
	c.launched++
	x.cycle = c
	c.r.loop.running++
	c.r.acts.Add(1)
	go c.r.execute(c.ctx, x)
}

// execute runs the gate hooks and the action. It runs beside the loop and hands x back to it.
func (r *Runtime) execute(ctx context.Context, x *execution) {
	defer r.acts.Done()
	begin := time.Now()
	r.perform(ctx, x, begin)
	x.took = time.Since(begin)
	r.done <- x // has room for every call in flight
}

func (r *Runtime) perform(ctx context.Context, x *execution, begin time.Time) {
	veto := r.parts.Hooks.Gate(ctx, r.event(hooks.PreAction, begin.UnixNano(), nil, x))
	for _, sample := range veto.Signals {
		if err := r.feedBack(ctx, sample); err != nil {
			r.log.Warn("signal of a hook refused", "action", x.call.Action, "err", err)
		}
	}
	if veto.Block {
		x.out.Verdict = gate.Dissipate
		x.out.Reason = veto.Reason
		x.out.Realign = "the PreAction hook has to let the call pass"
		x.out.Keys = append(x.out.Keys, gate.Key{Name: "hook:PreAction", Margin: -1, Need: veto.Reason})
		return
	}
	out, err := r.parts.Actions.Act(ctx, abi.ActInput{
		Action: x.call.Action, Arguments: abi.Raw(x.call.Arguments), Session: x.call.Session,
		TimeNS: begin.UnixNano(), Seed: x.call.ID, State: x.state,
	})
	if err != nil {
		x.out.Error = callError(err)
		return
	}
	for _, part := range out.Content {
		x.out.Content = append(x.out.Content, web.Content{Type: part.Type, Text: part.Text, Data: part.Data, MimeType: part.MimeType})
		if x.call.Effect <= gate.Open {
			x.heard += part.Text + "\n"
		}
	}
	if len(out.Structured) > 0 {
		x.out.Structured = json.RawMessage(out.Structured)
		if x.call.Effect <= gate.Open {
			x.heard += string(out.Structured) + "\n"
		}
	}
	if out.Request != nil {
		r.follow(ctx, x, out.Request)
	}
}

// callError is the action's own failure in the form of an answer.
func callError(err error) *web.CallError {
	var guest *abi.Error
	if errors.As(err, &guest) {
		return &web.CallError{Code: guest.Code, Message: guest.Message}
	}
	return &web.CallError{Code: "failed", Message: err.Error()}
}

// finish records what an action returned, lets the session hear what it brought back, and replies.
func (c *cycle) finish(x *execution) {
	r := c.r
	r.loop.running--
	if x.cycle == c {
		c.launched--
	}
	at := c.at()
	slot := c.add(actionRecord(at, x))
	c.after(slot, func(index uint64, err error) {
		x.out.WitnessIndex = index
		r.release(x)
		r.acted(err, at, index, x)
		x.reply(x.out, err)
	})
	if x.heard != "" {
		// What a tool read from the world speaks in the session as untrusted input (GATE.md).
		in := kernel.Input{Kind: kernel.KindText, Session: x.call.Session,
			Text: kernel.Text{Trust: kernel.Untrusted, Source: "result of " + x.call.Action, Body: x.heard}}
		if err := c.apply(&in); err != nil {
			r.log.Warn("result not heard", "action", x.call.Action, "err", err)
		}
	}
	if x.next != nil {
		c.submit(*x.next)
	}
}

// follow prepares the call that an action asked for; the gate judges it as any agent's.
func (r *Runtime) follow(ctx context.Context, x *execution, req *abi.Request) {
	call := kernel.Call{Session: x.call.Session, Action: req.Action, Arguments: req.Arguments}
	if len(call.Arguments) == 0 {
		call.Arguments = []byte("{}")
	}
	next, err := r.known(ctx, call)
	next.depth = x.depth + 1
	if err == nil && next.depth > maxChain {
		err = fmt.Errorf("host: action %s: %d calls in a row requested by actions: want at most %d", call.Action, next.depth, maxChain)
	}
	if err != nil {
		r.dropped(proposed{call: call}, err)
		return
	}
	x.next = &next
}
