package kernel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
)

// proposal is what the session key sees of a call. No arguments are an empty object.
func (c *Call) proposal() intent.Call {
	args := c.Arguments
	if len(args) == 0 {
		args = []byte("{}")
	}
	return intent.Call{Session: c.Session, Action: c.Action, Effect: c.Effect, Arguments: args}
}

// asking collects the keys of one call.
type asking struct {
	kernel   *Kernel
	call     *Call
	keys     []gate.Key
	question intent.Answer // of the session key
	asked    bool          // whether the session key belongs to the call
	granted  bool          // whether the session key holds by the user's yes alone
}

// session asks the session key. A field that proposes has no session; the owner's own words are trusted.
func (r *asking) session() {
	switch r.call.Origin {
	case FromField:
		return
	case FromOwner:
		r.question = intent.Answer{Key: gate.Key{Name: intent.Name, Pass: true, Need: "the owner's own words"}}
	default:
		r.question = r.kernel.book.Judge(r.kernel.at, r.call.proposal())
		r.grant()
	}
	r.asked = true
	r.keys = append(r.keys, r.question.Key)
}

// grant turns a failed session key where the user has said yes to this very call.
func (r *asking) grant() {
	q := &r.question
	if q.Key.Pass || !q.Ask || !r.kernel.words.Granted(r.kernel.at, q.QuestionID, r.call.proposal()) {
		return
	}
	r.granted = true
	q.Key = gate.Key{Name: intent.Name, Pass: true, Need: "the user said yes to this call, once (question " + q.QuestionID + ")"}
}

// origin asks the field that proposes the call for its own collapse, which is the call's provenance.
func (r *asking) origin() {
	if r.call.Origin == FromField && !slices.Contains(r.call.Requires.Signal, r.call.Field) {
		r.signal(r.call.Field)
	}
}

// signal asks whether a field is collapsed and fresh at this moment: Apply has judged its silence before.
// The margin is |T|² above the release threshold where it is, below the threshold of a collapse where that
// is what is missing, and -1 where something else is.
func (r *asking) signal(name string) {
	key := gate.Key{Name: "signal:" + name, Margin: -1}
	f := r.kernel.field(name)
	switch {
	case f == nil:
		key.Need = "field " + name + " is unknown; the config names the fields"
	case f.out.State == gate.Collapsed:
		key.Pass, key.Margin = true, f.out.Sync.T2-f.cfg.Gate.Release
		key.Need = fmt.Sprintf("field %s is collapsed: |T|² %.3f, released below %v", name, f.out.Sync.T2, f.cfg.Gate.Release)
	default:
		if f.out.Margins.Effect < 0 {
			key.Margin = f.out.Margins.Effect
		}
		key.Need = f.need()
	}
	r.keys = append(r.keys, key)
}

func (k *Kernel) field(name string) *field {
	for _, f := range k.fields {
		if f.cfg.Name == name {
			return f
		}
	}
	return nil
}

// need says what a field that is not collapsed has, and what it takes.
func (f *field) need() string {
	o := &f.out
	if !f.heard {
		return fmt.Sprintf("field %s is %s: it has heard nothing yet", f.cfg.Name, o.State)
	}
	budget := "within the budget"
	if o.Margins.Evidence < 0 {
		budget = fmt.Sprintf("%.1f nats short", -o.Margins.Evidence)
	} else if o.Margins.First < 0 {
		budget = fmt.Sprintf("%.1f nats short of a first collapse", -o.Margins.First)
	}
	return fmt.Sprintf("field %s is %s: |T|² %.3f of %v, chord %.3f of %v, evidence %s, mass %.1f of %v",
		f.cfg.Name, o.State, o.Sync.T2, f.cfg.Gate.Threshold, o.Sync.Chord, f.cfg.Align.Delta, budget,
		min(o.Master.Mass, o.Emissary.Mass), f.cfg.Gate.MinMass)
}

// mesh asks the pooled state, which a node without peers does not have.
func (r *asking) mesh(m gate.Mesh) {
	r.keys = append(r.keys, gate.Key{
		Name: "mesh", Margin: -float64(max(m.Peers, 1)),
		Need: fmt.Sprintf("no mesh: the call needs %d peers at a coherence of %v", m.Peers, m.Coherence),
	})
}

// decide turns the keys into the answer.
func (r *asking) decide() *gate.Decision {
	d := &gate.Decision{Verdict: gate.Collapse, Keys: r.keys, Reason: "every key holds"}
	var missing []string
	onlySession := r.asked
	for _, k := range r.keys {
		if k.Pass {
			continue
		}
		missing = append(missing, k.Name+": "+k.Need)
		onlySession = onlySession && k.Name == intent.Name
	}
	if len(missing) == 0 {
		if r.granted {
			r.kernel.words.Use(r.question.QuestionID)
		}
		return d
	}
	d.Reason = strings.Join(missing, "; ")
	if onlySession && r.question.Ask && r.kernel.words.Ask(r.kernel.at, r.question.QuestionID, r.call.proposal()) {
		d.Verdict, d.Realign, d.QuestionID = gate.Held, r.question.Realign, r.question.QuestionID
		return d
	}
	d.Verdict, d.Realign = gate.Dissipate, r.realign()
	return d
}

// realign says when the same call is worth proposing again.
func (r *asking) realign() string {
	var when []string
	for _, k := range r.keys {
		field, isSignal := strings.CutPrefix(k.Name, "signal:")
		switch {
		case k.Pass:
		case isSignal && r.kernel.field(field) == nil:
			when = append(when, "the config declares the field "+field)
		case isSignal:
			when = append(when, "the field "+field+" is collapsed")
		case k.Name == intent.Name:
			when = append(when, "its values are the user's own")
		default:
			when = append(when, "the mesh holds")
		}
	}
	return "propose it again when " + strings.Join(when, " and ")
}
