package host

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/becomingone/becomingone/hooks"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/becomingone/becomingone/sdk/abi"
)

// recent is how many decisions the status shows.
const recent = 50

// published is what the publisher keeps for those who ask later.
type published struct {
	mu        sync.Mutex
	decisions []web.Decision // the newest, oldest first

	droppedCalls atomic.Uint64 // calls of the node's own that found no place
}

func (p *published) init() { p.decisions = make([]web.Decision, 0, recent) }

func (p *published) remember(d web.Decision) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.decisions) == recent {
		p.decisions = append(p.decisions[:0], p.decisions[1:]...)
	}
	p.decisions = append(p.decisions, d)
}

func (p *published) latest() []web.Decision {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]web.Decision{}, p.decisions...)
}

// show passes an event on, unless it could not be recorded.
func (r *Runtime) show(err error, event string, data json.RawMessage) {
	if err == nil && r.parts.Feed != nil {
		r.parts.Feed.Publish(event, data)
	}
}

// showJSON encodes a value of a type that always encodes.
func (r *Runtime) showJSON(err error, event string, v any) {
	data, bad := json.Marshal(v)
	if bad != nil {
		r.log.Error("event not shown", "event", event, "err", bad)
		return
	}
	r.show(err, event, data)
}

// fieldChanged tells everyone of a field's new state.
func (r *Runtime) fieldChanged(err error, index uint64, at int64, field string, prev, state gate.State, line []byte) {
	if err != nil {
		return
	}
	r.show(nil, "field", line)
	r.observe(index, witness.Macro, witness.FieldChange, at, line)
	kind := hooks.Dissipate
	switch {
	case state == gate.Collapsed:
		kind = hooks.Collapse
	case prev != gate.Collapsed:
		return // from one waiting state to another: nothing collapsed, nothing dissipated
	}
	r.parts.Hooks.Notify(hooks.Event{Kind: kind, Time: time.Unix(0, at).UTC(), Node: r.cfg.Name, Field: field,
		Coherence: line, WitnessIndex: &index})
}

// decisionEvent is the decision as the page shows it.
func decisionEvent(at int64, x *execution) web.Decision {
	return web.Decision{At: at, Action: x.call.Action, Origin: originOf(&x.call), Session: x.call.Session,
		Verdict: x.out.Verdict, Keys: x.out.Keys, Reason: x.out.Reason, Realign: x.out.Realign, QuestionID: x.out.QuestionID,
		WouldBlock: x.out.WouldBlock}
}

func (r *Runtime) decisionMade(err error, d web.Decision) {
	if err != nil {
		return
	}
	r.state.remember(d)
	r.showJSON(nil, "decision", d)
	if data, bad := json.Marshal(d); bad == nil {
		r.observe(d.WitnessIndex, witness.Macro, witness.Decision, d.At, data)
	}
}

// acted tells everyone what an action returned.
func (r *Runtime) acted(err error, at int64, index uint64, x *execution) {
	if err != nil {
		return
	}
	kind := hooks.PostAction
	switch {
	case x.out.Verdict != gate.Collapse:
		kind = hooks.Dissipate // a PreAction hook vetoed
	case x.out.Error != nil:
		kind = hooks.ActionError
	}
	ran := web.Ran{At: at, Action: x.call.Action, Plugin: x.plugin, DurationUS: x.took.Microseconds(),
		Error: x.out.Error, Decision: x.decided, WitnessIndex: index}
	if kind == hooks.Dissipate {
		d := decisionEvent(at, x)
		d.WitnessIndex = index
		r.decisionMade(nil, d)
	} else {
		r.showJSON(nil, "action", ran)
		r.notify(nil, hooks.Collapse, at, index, x)
	}
	if data, bad := json.Marshal(ran); bad == nil {
		r.observe(index, witness.Macro, witness.Action, at, data)
	}
	r.notify(nil, kind, at, index, x)
}

// notify tells the observer hooks about a call.
func (r *Runtime) notify(err error, kind hooks.Kind, at int64, index uint64, x *execution) {
	if err == nil {
		r.parts.Hooks.Notify(r.event(kind, at, &index, x))
	}
}

// event is what a hook script reads about a call.
func (r *Runtime) event(kind hooks.Kind, at int64, index *uint64, x *execution) hooks.Event {
	e := hooks.Event{Kind: kind, Time: time.Unix(0, at).UTC(), Node: r.cfg.Name, Session: x.call.Session,
		Action: x.call.Action, Arguments: x.call.Arguments, WitnessIndex: index,
		Decision: &gate.Decision{Verdict: x.out.Verdict, Keys: x.out.Keys, Reason: x.out.Reason,
			Realign: x.out.Realign, QuestionID: x.out.QuestionID}}
	if kind == hooks.PostAction || kind == hooks.ActionError {
		if data, err := json.Marshal(x.out); err == nil {
			e.Result = data
		}
	}
	return e
}

// observe hands a record to the observer plugins; their queue drops and counts what it cannot take, so
// there is nothing to wait for and nothing that a context could end.
func (r *Runtime) observe(index uint64, level witness.Level, kind witness.Type, at int64, data []byte) {
	if r.parts.Observer == nil {
		return
	}
	rec := abi.Record{Index: index, Level: level.String(), Type: kind.String(), At: at, Data: data}
	if err := r.parts.Observer.Observe(context.Background(), abi.ObserveInput{Records: []abi.Record{rec}}); err != nil {
		r.log.Debug("record not observed", "index", index, "err", err)
	}
}

// Observed records what an observer plugin adds, behind what it is about. It does not wait for the log.
func (r *Runtime) Observed(plugin string, o []abi.Observation) error {
	payload, err := json.Marshal(struct {
		Plugin       string            `json:"plugin"`
		Observations []abi.Observation `json:"observations"`
	}{plugin, o})
	if err != nil {
		return fmt.Errorf("host: encode observations: %w", err)
	}
	return r.tell(func(c *cycle) {
		c.add(witness.Record{Level: witness.Macro, Type: witness.Observation, At: c.at(), Payload: payload})
	})
}
