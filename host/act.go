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
	judged bool   // the gate is asked about it, and nothing more
}

// execution is one call on its way from the gate to its reply.
type execution struct {
	proposed
	reply func(Outcome, error)
	out   Outcome
	state *abi.State

	cycle   *cycle // that started it
	decided uint64 // the index of its decision's record

	asks bool          // its question waits for the PreRealign hooks
	veto hooks.Outcome // of those

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
	return r.proposeAndWait(ctx, p0)
}

func (r *Runtime) proposeAndWait(ctx context.Context, p proposed) (Outcome, error) {
	answered := newAnswer[Outcome]()
	x, err := r.admit(p, answered.give)
	if err != nil {
		return Outcome{}, err
	}
	if err := r.offer(ctx, item{call: x}); err != nil {
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

// decided records the decision on a call and starts the action, puts the question, or sends the refusal.
func (c *cycle) decided(x *execution, d *gate.Decision) {
	x.out.Verdict, x.out.Reason, x.out.Realign, x.out.QuestionID = d.Verdict, d.Reason, d.Realign, d.QuestionID
	x.out.Keys = append([]gate.Key(nil), d.Keys...)
	c.r.shadow(x)
	at := c.at()
	slot := c.add(decisionRecord(at, x))
	decision := decisionEvent(at, x)
	c.after(slot, func(index uint64, err error) {
		decision.WitnessIndex, x.decided = index, index
		c.r.decisionMade(err, decision)
	})
	switch {
	case x.out.Verdict == gate.Collapse:
		c.launch(x)
	case x.out.Verdict == gate.Held && c.r.asked.has(x.out.QuestionID):
		c.put(x)
	case x.out.Verdict == gate.Held:
		x.asks = true
		c.launch(x)
	default:
		c.refuse(x)
	}
}

// refuse answers a call that is not executed, with the index of its decision.
func (c *cycle) refuse(x *execution) {
	at := c.at()
	c.after(noRecord, func(_ uint64, err error) {
		x.out.WitnessIndex = x.decided
		c.r.release(x)
		c.r.notify(err, hooks.Dissipate, at, x.decided, x)
		x.reply(x.out, err)
	})
}

// vetoed turns the outcome of a call that a gate hook has blocked.
func (x *execution) vetoed(by hooks.Kind, reason string) {
	x.out.Verdict, x.out.Reason = gate.Dissipate, reason
	x.out.Realign = "the " + string(by) + " hook has to let the call pass"
	x.out.Keys = append(x.out.Keys, gate.Key{Name: "hook:" + string(by), Margin: -1, Need: reason})
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
	if x.asks {
		r.askFirst(ctx, x)
	} else {
		r.perform(ctx, x, begin)
	}
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
		x.vetoed(hooks.PreAction, veto.Reason)
		return
	}
	if x.judged {
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
	switch {
	case x.asks:
		c.put(x)
		return
	case x.judged:
		c.answerJudged(x)
		return
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
