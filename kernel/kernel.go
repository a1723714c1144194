package kernel

import (
	"errors"
	"fmt"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
)

// Kernel is the whole state between perception and action: signal fields that collapse on their own, and
// sessions that are asked about each proposed call. The same inputs give the same outputs, bit for bit, on
// every machine. Not safe for concurrent use; it starts nothing and needs no Close.
type Kernel struct {
	cfg    Config
	hash   [32]byte
	at     int64 // the node's clock at the newest input, ns
	fields []*field
	book   *intent.Book
	words  *intent.Answers // what waits for the user, and each yes that waits for its call
}

// ErrUnheard says that no field listens to a sample's channel.
var ErrUnheard = errors.New("no field hears the channel")

// New validates cfg and returns a kernel that has heard nothing.
func New(cfg Config) (*Kernel, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	k := &Kernel{cfg: cfg, hash: cfg.hash(), words: intent.NewAnswers()}
	for _, c := range cfg.Fields {
		f, err := newField(c)
		if err != nil {
			return nil, fmt.Errorf("kernel: fields.%s: %w", c.Name, err)
		}
		k.fields = append(k.fields, f)
	}
	b, err := intent.New(cfg.Agent)
	if err != nil {
		return nil, fmt.Errorf("kernel: agent: %w", err)
	}
	k.book = b
	return k, nil
}

// ConfigHash returns the digest of all that the outputs depend on beside the inputs.
func (k *Kernel) ConfigHash() [32]byte { return k.hash }

// Apply is the one way into the kernel. First the silence until in.At is judged, then the input itself:
//
//	a sample   every field that hears its channel steps: phase, both pathways, alignment, gate
//	a text     the session hears it, trusted or not
//	a call     each key that it needs is asked; out.Decision is the answer
//	a tick     nothing more: silence was all there was
//	a close    the session is forgotten, with its questions
//	an answer  a yes waits for its call, a no forgets the question
//
// out is reset first and tells what happened, also where an error is returned: an error belongs to this
// input alone and leaves the kernel ready for the next. in is not kept.
func (k *Kernel) Apply(in *Input, out *Output) error {
	out.reset()
	if err := in.validate(); err != nil {
		return err
	}
	if in.At < k.at {
		return fmt.Errorf("kernel: input at %d ns: before the newest at %d ns", in.At, k.at)
	}
	k.at = in.At
	k.tick(out)
	switch in.Kind {
	case KindSample:
		return k.step(in, out)
	case KindText:
		return k.hear(in.Session, in.Text)
	case KindCall:
		out.Decision = k.request(&in.Call)
		return nil
	case KindTick:
		return nil
	case KindClose:
		k.book.Close(in.Session)
		k.words.Close(in.Session)
		return nil
	case KindAnswer:
		a := &in.Answer
		return k.words.Answer(k.at, in.Session, a.Question, a.Yes, a.Until)
	}
	return nil // validate knows the kinds
}

// tick judges the silence of every field until the newest input. Silence can end a collapse, never begin one.
func (k *Kernel) tick(out *Output) {
	for _, f := range k.fields {
		if f.idle(k.at) {
			out.Fields = append(out.Fields, f.out)
		}
	}
}

// step gives a sample to every field that hears its channel.
func (k *Kernel) step(in *Input, out *Output) error {
	var first error
	heard := false
	for _, f := range k.fields {
		if !f.hears(in.Channel) {
			continue
		}
		heard = true
		judged, err := f.step(k.at, in.Channel, &in.Sample)
		if judged {
			out.Fields = append(out.Fields, f.out)
		}
		if first == nil {
			first = err
		}
	}
	if !heard {
		return fmt.Errorf("kernel: channel %q: %w", in.Channel, ErrUnheard)
	}
	return first
}

// hear adds a text to a session, which begins with it where it is new.
func (k *Kernel) hear(session string, t Text) error {
	return k.book.Hear(k.at, session, intent.Text{Trusted: t.Trust == Trusted, Source: t.Source, Body: t.Body})
}

// request asks every key that the call needs, in the fixed order session, signal:<field>…, mesh. The call
// collapses iff all hold. It is held where the session key alone fails and its question is out; else it
// dissipates.
func (k *Kernel) request(c *Call) *gate.Decision {
	r := asking{kernel: k, call: c}
	r.session()
	r.origin()
	for _, name := range c.Requires.Signal {
		r.signal(name)
	}
	if c.Requires.Mesh != nil {
		r.mesh(*c.Requires.Mesh)
	}
	return r.decide()
}

// Deadline returns the next instant of the node's clock at which silence alone changes a field's state; ok
// is false where none does. A tick at that instant makes the change.
func (k *Kernel) Deadline() (at int64, ok bool) {
	for _, f := range k.fields {
		if t, has := f.deadline(); has && (!ok || t < at) {
			at, ok = t, true
		}
	}
	return at, ok
}

// FieldView is a field for status: what it said last and what became of its samples.
type FieldView struct {
	FieldOutput
	Channels []string  // that it has heard, in the order of their first samples
	Spectrum []Pathway // Master's levels from fast to slow, at the newest sample: its coherence over scale
	Counts   Counts
}

// Fields returns every field in the order of the config.
func (k *Kernel) Fields() []FieldView {
	views := make([]FieldView, len(k.fields))
	for i, f := range k.fields {
		views[i] = FieldView{FieldOutput: f.out, Spectrum: f.spectrum(), Counts: f.counts}
		for _, s := range f.streams {
			views[i].Channels = append(views[i].Channels, s.channel)
		}
	}
	return views
}

// Sessions returns how many sessions are open, and how many were forgotten to make room.
func (k *Kernel) Sessions() (open int, evicted uint64) { return k.book.Sessions() }

// Questions returns how many questions and unused answers wait, and how many were pushed out by newer ones.
func (k *Kernel) Questions() (open int, dropped uint64) { return k.words.Open() }

// Approval returns the trusted text that an owner's yes to a call adds to its session. Heard as such, it
// makes every value of the call the Master's own, and the same call passes its session key.
func Approval(c *Call) (string, error) { return intent.Voice(c.proposal()) }
