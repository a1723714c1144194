package host

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/witness"
)

// item is one thing that waits in the intake: inputs that stay together, and who is told when what
// became of them is durable.
type item struct {
	inputs []kernel.Input
	call   *execution                    // set where it is a call: there are no inputs, and it has its own reply
	reply  func(errs []error, err error) // errs: one for each input; err: nothing was recorded
}

// loopState is what the loop alone touches.
type loopState struct {
	at      int64 // of the newest input, ns; never decreases
	running int   // executions that have not come back
	out     kernel.Output
	input   []byte                // scratch: the binary form of the newest input
	shown   map[string]int64      // by field: when its line was last published, ns
	states  map[string]gate.State // by field: as last published
	cycles  int                   // since the last snapshot
	dirty   bool                  // whether anything came since the last snapshot
}

// run is the loop: it ends when the door is closed and everything inside has been answered.
func (r *Runtime) run(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	silence, late := time.NewTimer(time.Hour), time.NewTimer(time.Hour)
	defer silence.Stop()
	defer late.Stop()
	every := time.NewTicker(r.cfg.SnapshotEvery)
	defer every.Stop()
	closing := r.closing
	for {
		r.schedule(silence)
		r.patience(late)
		c := r.newCycle(ctx)
		for again := true; again; again = c.awaitsActions() {
			select {
			case it := <-r.intake:
				c.take(it)
			case x := <-r.done:
				c.finish(x)
			case f := <-r.queries:
				f(c)
			case <-silence.C:
				c.tick()
			case <-late.C:
				c.expire()
			case <-every.C:
				c.snapshot()
			case <-c.patience:
				c.impatient = true
			case <-closing:
				closing = nil // once seen, the other cases decide
			}
			c.drain()
		}
		if r.loop.cycles >= snapshotCycles {
			c.snapshot()
		}
		if err := r.seal(c); err != nil {
			return err
		}
		if closing == nil && len(r.intake) == 0 && r.loop.running == 0 {
			last := r.newCycle(ctx)
			last.snapshot()
			return r.seal(last)
		}
	}
}

// awaitsActions says whether the cycle stays open for the actions that it has started: one that
// returns at once shares the commit of its decision, so that a call costs one.
func (c *cycle) awaitsActions() bool {
	return c.launched > 0 && !c.impatient && c.log.count() < maxCycle
}

// begin records that the node runs, and from which state.
func (r *Runtime) begin(ctx context.Context) error {
	cfg, err := json.Marshal(r.cfg.Kernel)
	if err != nil {
		return fmt.Errorf("host: encode kernel config: %w", err)
	}
	hash := r.kernel.ConfigHash()
	c := r.newCycle(ctx)
	c.add(jsonRecord(witness.Macro, witness.Start, c.at(), start{Version: r.cfg.Version, Name: r.cfg.Name,
		Restored: !r.recovered.Fresh, Kernel: cfg, Hash: hash[:]}))
	if r.recovered.Gaps > 0 || r.recovered.Inputs > 0 {
		// An erased intake left a state that no replay can reach, and a long tail is read only once.
		r.loop.dirty = true
		c.snapshot()
	}
	return r.seal(c)
}

// schedule sets the timer to the next instant at which silence alone changes a field's state.
func (r *Runtime) schedule(t *time.Timer) {
	at, ok := r.kernel.Deadline()
	if !ok {
		t.Reset(time.Hour)
		return
	}
	t.Reset(max(0, time.Duration(at-time.Now().UnixNano())))
}

// patience sets the timer to the next instant at which a question has waited too long.
func (r *Runtime) patience(t *time.Timer) {
	at := r.asked.next()
	if at == 0 {
		t.Reset(time.Hour)
		return
	}
	t.Reset(max(0, time.Duration(at-time.Now().UnixNano())))
}

// at is the instant of everything in the cycle: the wall's clock, but never running backwards. It is
// read when the first thing happens, not when the wait for it began.
func (c *cycle) at() int64 {
	if !c.timed {
		c.timed = true
		c.r.loop.at = max(c.r.loop.at, time.Now().UnixNano())
	}
	return c.r.loop.at
}

// drain takes what else waits, without waiting, until the cycle is full.
func (c *cycle) drain() {
	for c.log.count() < maxCycle {
		select {
		case it := <-c.r.intake:
			c.take(it)
		case x := <-c.r.done:
			c.finish(x)
		default:
			return
		}
	}
}

// take gives an item's inputs to the kernel, one after the other.
func (c *cycle) take(it item) {
	if x := it.call; x != nil {
		if err := c.judge(x); err != nil {
			c.r.release(x)
			c.after(noRecord, func(_ uint64, broken error) { x.reply(x.out, firstOf(broken, err)) })
		}
		return
	}
	errs := make([]error, len(it.inputs))
	for i := range it.inputs {
		errs[i] = c.apply(&it.inputs[i])
	}
	c.after(noRecord, func(_ uint64, err error) { it.reply(errs, err) })
}

// tick tells the kernel that nothing came.
func (c *cycle) tick() {
	in := kernel.Input{Kind: kernel.KindTick}
	if err := c.apply(&in); err != nil {
		c.r.log.Error("tick refused", "err", err)
	}
}

// apply is the step: one input, one output, and what follows from it. An input that the kernel refuses
// is recorded too, for it was counted; the error is the caller's.
func (c *cycle) apply(in *kernel.Input) error {
	r := c.r
	in.At = c.at()
	var err error
	if r.loop.input, err = in.AppendBinary(r.loop.input[:0]); err != nil {
		return err
	}
	refused := r.kernel.Apply(in, &r.loop.out)
	if c.fatal = c.log.add(r.loop.input, &r.loop.out, refused != nil); c.fatal != nil {
		return c.fatal
	}
	r.loop.dirty = true
	for i := range r.loop.out.Fields {
		c.field(&r.loop.out.Fields[i])
	}
	if len(c.triggered) > 0 {
		c.propose()
	}
	return refused
}

// field publishes a field's line, records a change of its state, and lets a collapse trigger actions.
func (c *cycle) field(f *kernel.FieldOutput) {
	r := c.r
	prev := r.loop.states[f.Field]
	changed := f.State != prev
	if !changed && c.at()-r.loop.shown[f.Field] < int64(100*time.Millisecond) {
		return
	}
	r.loop.shown[f.Field], r.loop.states[f.Field] = c.at(), f.State
	line := f.AppendJSON(nil)
	name, state, at := f.Field, f.State, c.at()
	if !changed {
		c.after(noRecord, func(_ uint64, err error) { r.show(err, "field", line) })
		return
	}
	slot := c.add(fieldRecord(at, line, prev))
	c.after(slot, func(index uint64, err error) { r.fieldChanged(err, index, at, name, prev, state, line) })
	if state == gate.Collapsed {
		c.trigger(name)
	}
}

// trigger queues the calls that the field's collapse proposes. They are inputs of their own, behind
// the sample that caused them, so that a replay finds them in the intake like any other.
func (c *cycle) trigger(field string) {
	for _, a := range c.r.parts.Actions.Actions() {
		for _, f := range a.Trigger.Collapse {
			if f == field {
				args := a.Trigger.Arguments
				if len(args) == 0 {
					args = []byte("{}")
				}
				c.triggered = append(c.triggered, proposed{plugin: a.Plugin, call: kernel.Call{Origin: kernel.FromField,
					Field: field, Action: a.Name, Effect: a.Effect, Requires: a.Requires, Arguments: args}})
			}
		}
	}
}

// propose gives triggered calls to the kernel.
func (c *cycle) propose() {
	calls := c.triggered
	c.triggered = nil
	for _, p := range calls {
		c.submit(p)
	}
}

// submit proposes a call of the node's own: triggered by a field, or requested by an action.
func (c *cycle) submit(p proposed) {
	x, err := c.r.admit(p, func(Outcome, error) {})
	if err != nil {
		c.r.dropped(p, err)
		return
	}
	if err := c.judge(x); err != nil {
		c.r.release(x)
		c.r.dropped(p, err)
	}
}

// dropped counts a call of the node's own that was never decided; nobody waits for its answer.
func (r *Runtime) dropped(p proposed, err error) {
	r.log.Warn("call dropped", "action", p.call.Action, "origin", originOf(&p.call), "err", err)
	r.state.droppedCalls.Add(1)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
