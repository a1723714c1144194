package host

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/becomingone/becomingone/host/breaker"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
	"github.com/becomingone/becomingone/plugins"
)

// Judge asks the gate about a call that somebody else executes, such as a tool of an agent's own, and
// waits until the decision is durable. It is judged as an agent's. Nothing is executed, but a yes of the
// user is used up by it, and PreAction hooks may veto.
func (r *Runtime) Judge(ctx context.Context, p Proposal, effect gate.Effect) (Outcome, error) {
	if len(p.Arguments) == 0 {
		p.Arguments = []byte("{}")
	}
	if effect < gate.Read || effect > gate.Critical {
		return Outcome{}, fmt.Errorf("host: judge %s: effect %v: not one of read, open, write, critical", p.Action, effect)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(p.Arguments, &object); err != nil || object == nil {
		return Outcome{}, plugins.Errorf(plugins.CodeArguments, false, "arguments = %.40s: want a JSON object", p.Arguments)
	}
	call := kernel.Call{Session: p.Session, Action: p.Action, Effect: effect, Arguments: p.Arguments}
	return r.proposeAndWait(ctx, proposed{call: call, judged: true})
}

// CloseSession makes the node forget what was said and asked in a session that has ended.
func (r *Runtime) CloseSession(ctx context.Context, session string) error {
	errs, err := r.Sense(ctx, []kernel.Input{{Kind: kernel.KindClose, Session: session}})
	if err != nil {
		return err
	}
	return firstOf(errs...)
}

// judge asks the breakers and then the kernel about a call, and acts on the answer. An error means that
// nothing was decided. A call that trips a breaker never reaches the kernel, except in shadow mode.
func (c *cycle) judge(x *execution) error {
	key, tripped := c.trips(x)
	if tripped && !c.r.cfg.Shadow {
		c.decided(x, &gate.Decision{Verdict: gate.Dissipate, Keys: []gate.Key{key}, Reason: key.Name + ": " + key.Need,
			Realign: "propose it again after a pause, or something else"})
		return nil
	}
	in := kernel.Input{Kind: kernel.KindCall, Session: x.call.Session, Call: x.call}
	if err := c.apply(&in); err != nil {
		return err
	}
	d := c.r.loop.out.Decision
	if tripped {
		broken := *d
		broken.Keys = append(append([]gate.Key(nil), d.Keys...), key)
		broken.Reason = key.Name + ": " + key.Need
		if d.Verdict == gate.Collapse {
			broken.Verdict = gate.Dissipate
		} else {
			broken.Reason = d.Reason + "; " + broken.Reason
		}
		d = &broken
	}
	c.decided(x, d)
	return nil
}

// trips counts an agent's call.
func (c *cycle) trips(x *execution) (gate.Key, bool) {
	if x.call.Origin != kernel.FromAgent {
		return gate.Key{}, false
	}
	return c.r.breaker.Call(c.at(), x.call.Session, x.call.Action, x.call.Arguments)
}

// shadow lets a call pass that only the gate of agents' calls refuses, and says so. Keys that the owner
// has asked for by name (signals, the mesh, hooks) go on to refuse.
func (r *Runtime) shadow(x *execution) {
	if !r.cfg.Shadow || x.out.Verdict == gate.Collapse || x.call.Origin != kernel.FromAgent {
		return
	}
	for _, k := range x.out.Keys {
		if !k.Pass && k.Name != intent.Name && k.Name != breaker.Name {
			return
		}
	}
	x.out.Would, x.out.WouldBlock = x.out.Verdict, true
	x.out.Verdict, x.out.Reason = gate.Collapse, "shadow: would be "+x.out.Verdict.String()+": "+x.out.Reason
	x.out.Realign, x.out.QuestionID = "", ""
}

// answerJudged answers a call that was only to be judged. A veto that came after its decision is a
// decision of its own.
func (c *cycle) answerJudged(x *execution) {
	if x.out.Verdict == gate.Collapse {
		c.after(noRecord, func(_ uint64, err error) {
			x.out.WitnessIndex = x.decided
			c.r.release(x)
			x.reply(x.out, err)
		})
		return
	}
	at := c.at()
	slot := c.add(decisionRecord(at, x))
	decision := decisionEvent(at, x)
	c.after(slot, func(index uint64, err error) {
		decision.WitnessIndex, x.decided = index, index
		c.r.decisionMade(err, decision)
	})
	c.refuse(x)
}
