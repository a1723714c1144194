package host

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/witness"
)

// cycle is what one turn of the loop will record and then publish.
type cycle struct {
	r       *Runtime
	ctx     context.Context // of executions
	timed   bool            // whether the cycle has its instant
	log     intakeWriter
	records []witness.Record
	effects []effect

	triggered []proposed
	launched  int              // actions that this cycle has started and that have not come back
	patience  <-chan time.Time // fires when the cycle should wait for them no longer
	impatient bool
	wanted    bool  // whether the kernel's state is to be recorded
	fatal     error // the kernel moved and its record cannot be written: the node must end
}

// effect happens when the cycle is durable, in order; slot says which record's index it is told.
type effect struct {
	slot int
	do   func(index uint64, err error)
}

// noRecord is the slot of an effect that needs no index.
const noRecord = -1

// sealed is a cycle on its way to its effects.
type sealed struct {
	ticket  *store.Ticket // nil: nothing was recorded
	shift   int           // 1 where the intake's own leaf comes before the records
	effects []effect
}

func (r *Runtime) newCycle(ctx context.Context) *cycle { return &cycle{r: r, ctx: ctx} }

// add appends a record and returns its slot.
func (c *cycle) add(rec witness.Record) int {
	c.records = append(c.records, rec)
	return len(c.records) - 1
}

func (c *cycle) after(slot int, do func(index uint64, err error)) {
	c.effects = append(c.effects, effect{slot, do})
}

// snapshot asks for a record of the kernel's whole state. It is taken when the cycle is sealed, for it
// stands behind the cycle's intake in the log and must hold all of it.
func (c *cycle) snapshot() { c.wanted = c.r.loop.dirty }

func (c *cycle) takeSnapshot() error {
	state, err := c.r.kernel.AppendBinary(nil)
	if err != nil {
		return fmt.Errorf("host: take the kernel's state: %w", err)
	}
	c.r.loop.dirty, c.r.loop.cycles = false, 0
	c.add(witness.Record{Level: witness.Meso, Type: witness.Snapshot, At: c.at(), Payload: state})
	return nil
}

// seal hands the cycle to the log and passes its effects on to the publisher. Nobody hears of an
// action before both its decision and its result are durable.
func (r *Runtime) seal(c *cycle) error {
	if c.fatal != nil {
		return c.fatal
	}
	if c.wanted {
		if err := c.takeSnapshot(); err != nil {
			return err
		}
	}
	s := sealed{effects: c.effects}
	records := c.records
	if c.log.count() > 0 {
		records = append([]witness.Record{c.log.seal(c.at())}, records...)
		s.shift = 1
		r.loop.cycles++
	}
	if len(records) > 0 {
		ticket, err := r.parts.Log.Enqueue(records)
		if err != nil {
			return fmt.Errorf("host: record: %w", err)
		}
		s.ticket = ticket
	}
	if len(s.effects) > 0 || s.ticket != nil {
		r.sealed <- s
	}
	return nil
}

// publish waits for each cycle to be durable and lets its effects happen, in order. After the log
// has failed every effect is told so, and nothing is published.
func (r *Runtime) publish() error {
	var broken error
	for s := range r.sealed {
		var first uint64
		if s.ticket != nil && broken == nil {
			var err error
			if first, err = s.ticket.Wait(context.Background()); err != nil { // the log answers every ticket
				broken = fmt.Errorf("host: record: %w", err)
				r.shut()
			}
		}
		for _, e := range s.effects {
			index := first + uint64(s.shift+e.slot)
			if e.slot == noRecord {
				index = first
			}
			e.do(index, broken)
		}
	}
	return broken
}

// intakeWriter writes the payload of a cycle's leaf:
//
//	version   u8 = 1
//	nonce     32 bytes, so that the root in the leaf tells nothing of an erased intake
//	inputs    each: length uvarint, kernel.Input in its binary form
//
// The leaf's tail is the Merkle root over the operations, in order: who has the inputs can compute
// the outputs and compare. An operation is nonce ‖ input ‖ refused (u8, 0 or 1) ‖ output.
type intakeWriter struct {
	payload []byte
	tree    witness.Tree
	op      []byte
}

const (
	intakeVersion = 1
	nonceSize     = 32
)

// add appends one operation: an input in its binary form, the output that it had, and whether the
// kernel refused it.
func (w *intakeWriter) add(input []byte, out *kernel.Output, refused bool) (err error) {
	if len(w.payload) == 0 {
		w.payload = append(make([]byte, 0, 512), intakeVersion)
		w.payload = append(w.payload, make([]byte, nonceSize)...)
		if _, err := rand.Read(w.payload[1:]); err != nil {
			return fmt.Errorf("host: draw nonce: %w", err)
		}
	}
	w.payload = binary.AppendUvarint(w.payload, uint64(len(input)))
	w.payload = append(w.payload, input...)
	if w.op, err = operation(w.op[:0], w.payload[1:1+nonceSize], input, out, refused); err != nil {
		return err
	}
	w.tree.Add(w.op)
	return nil
}

// operation appends one operation to dst.
func operation(dst, nonce, input []byte, out *kernel.Output, refused bool) ([]byte, error) {
	dst = append(append(dst, nonce...), input...)
	if refused {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	dst, err := out.AppendBinary(dst)
	if err != nil {
		return dst, fmt.Errorf("host: encode output: %w", err)
	}
	return dst, nil
}

func (w *intakeWriter) count() int { return int(w.tree.Count()) }

func (w *intakeWriter) seal(at int64) witness.Record {
	return witness.Record{Level: witness.Micro, Type: witness.Cycle, At: at,
		Payload: w.payload, Tail: w.tree.Tail().Append(nil)}
}

// The payloads of macro records are JSON, for people and for other programs.

type fieldChange struct {
	From gate.State      `json:"from"`
	Line json.RawMessage `json:"line"`
}

func fieldRecord(at int64, line []byte, prev gate.State) witness.Record {
	return jsonRecord(witness.Macro, witness.FieldChange, at, fieldChange{prev, line})
}

type decisionPayload struct {
	Call      uint64          `json:"call"`
	Session   string          `json:"session,omitempty"`
	Origin    string          `json:"origin"`
	Action    string          `json:"action"`
	Effect    gate.Effect     `json:"effect"`
	Arguments json.RawMessage `json:"arguments"`
	Verdict   gate.Verdict    `json:"verdict"`
	Keys      []gate.Key      `json:"keys"`
	Reason    string          `json:"reason"`
	Realign   string          `json:"realign,omitempty"`
	Question  string          `json:"question_id,omitempty"`
	Would     gate.Verdict    `json:"would,omitzero"`        // in shadow: what the verdict would have been
	WouldHold bool            `json:"would_block,omitempty"` // in shadow: it would not have been executed
	Judged    bool            `json:"judged,omitempty"`      // the caller asked for the verdict alone
}

func decisionRecord(at int64, x *execution) witness.Record {
	return jsonRecord(witness.Macro, witness.Decision, at, decisionPayload{
		Call: x.call.ID, Session: x.call.Session, Origin: originOf(&x.call), Action: x.call.Action,
		Effect: x.call.Effect, Arguments: x.call.Arguments, Verdict: x.out.Verdict, Keys: x.out.Keys,
		Reason: x.out.Reason, Realign: x.out.Realign, Question: x.out.QuestionID,
		Would: x.out.Would, WouldHold: x.out.WouldBlock, Judged: x.judged,
	})
}

type actionPayload struct {
	Call    uint64  `json:"call"`
	Plugin  string  `json:"plugin,omitempty"`
	TookNS  int64   `json:"took_ns"`
	Outcome Outcome `json:"outcome"`
}

func actionRecord(at int64, x *execution) witness.Record {
	return jsonRecord(witness.Macro, witness.Action, at, actionPayload{x.call.ID, x.plugin, int64(x.took), x.out})
}

// jsonRecord writes a payload. What cannot be written (a plugin's structured result that is no JSON)
// is recorded as that complaint: an event without a record would be worse.
func jsonRecord(level witness.Level, kind witness.Type, at int64, payload any) witness.Record {
	b, err := json.Marshal(payload)
	if err != nil {
		b, _ = json.Marshal(map[string]string{"unwritable": err.Error()}) // a map of strings always encodes
	}
	return witness.Record{Level: level, Type: kind, At: at, Payload: b}
}

func originOf(c *kernel.Call) string {
	switch c.Origin {
	case kernel.FromOwner:
		return "owner"
	case kernel.FromField:
		return "field:" + c.Field
	}
	return "agent"
}

// start is the payload of the record that begins a run of the node.
type start struct {
	Version  string          `json:"version"`
	Name     string          `json:"name"`
	Restored bool            `json:"restored"` // whether the kernel goes on from earlier state
	Kernel   json.RawMessage `json:"kernel"`   // its configuration
	Hash     []byte          `json:"hash"`     // of that, as the kernel computes it
}
