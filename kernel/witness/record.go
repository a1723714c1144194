// Package witness says what a record of the witness log is and how its leaf is written.
//
// A Record is what a caller hands over; a Leaf is what the log's Merkle tree commits to: who, when
// and what kind in the clear, the payload only as a salted HMAC, so that a payload can be erased
// while every proof over its leaf goes on verifying. The byte layout is in host/store/FORMAT.md.
package witness

import (
	"fmt"
	"strconv"
)

// Level is the scale at which something was witnessed.
type Level uint8

// The levels. The zero value is no level and never valid.
const (
	Micro Level = 1 + iota // the operations of one cycle, committed to by one Merkle root
	Meso                   // the state of a pathway or field
	Macro                  // decisions, actions, what was asked and answered
	Meta                   // the log and the witness itself
)

var levelNames = [...]string{Micro: "micro", Meso: "meso", Macro: "macro", Meta: "meta"}

// String returns the level's name, or "level-N" for a number that is none.
func (l Level) String() string {
	if l.valid() {
		return levelNames[l]
	}
	return "level-" + strconv.Itoa(int(l))
}

// MarshalText returns the level's name; an invalid level is an error.
func (l Level) MarshalText() ([]byte, error) {
	if !l.valid() {
		return nil, fmt.Errorf("witness: level %d: want 1 to 4", l)
	}
	return []byte(levelNames[l]), nil
}

// UnmarshalText accepts "micro", "meso", "macro" and "meta".
func (l *Level) UnmarshalText(b []byte) error {
	for i, name := range levelNames {
		if name != "" && name == string(b) {
			*l = Level(i)
			return nil
		}
	}
	return fmt.Errorf("witness: level %q: want micro, meso, macro or meta", b)
}

func (l Level) valid() bool { return l >= Micro && l <= Meta }

// Type is the kind of a record. A number without a name here is kept and proven like any other, so
// that a log outlives the program that wrote it.
type Type uint16

// The types. Numbers are part of the on-disk format: they are only ever added.
const (
	Start       Type = 1 + iota // the node began: version, origin
	Stop                        // the node ended as asked
	Config                      // the configuration from here on
	Cycle                       // one intake entry and its output; tail: CycleTail
	Snapshot                    // the kernel's complete state
	FieldChange                 // a field changed its state
	Decision                    // the gate's answer to a proposed call
	Action                      // an action that was executed, with what it returned
	Text                        // something said in a session
	Erased                      // the payload of an earlier entry was erased; tail: ErasedTail
	Checkpoint                  // a signed checkpoint, own or a peer's
	Observation                 // what an observer plugin reported
	Question                    // a question to the user
	Answer                      // the user's answer
	Hook                        // a hook script's run
	Plugin                      // a plugin came, went or failed
	Peer                        // a mesh peer came, went or was refused
)

var typeNames = [...]string{
	Start: "start", Stop: "stop", Config: "config", Cycle: "cycle", Snapshot: "snapshot",
	FieldChange: "field-change", Decision: "decision", Action: "action", Text: "text",
	Erased: "erased", Checkpoint: "checkpoint", Observation: "observation", Question: "question",
	Answer: "answer", Hook: "hook", Plugin: "plugin", Peer: "peer",
}

// String returns the type's name, or "type-N" for a number without one.
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return "type-" + strconv.Itoa(int(t))
}

// MarshalText returns what String does; every number has a text.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText accepts the names and "type-N" for any N from 0 to 65535.
func (t *Type) UnmarshalText(b []byte) error {
	for i, name := range typeNames {
		if name != "" && name == string(b) {
			*t = Type(i)
			return nil
		}
	}
	if s := string(b); len(s) > 5 && s[:5] == "type-" {
		n, err := strconv.ParseUint(s[5:], 10, 16)
		if err == nil && Type(n).String() == s {
			*t = Type(n)
			return nil
		}
	}
	return fmt.Errorf("witness: type %q: want a record type's name or type-0 to type-65535", b)
}

// Record is one thing that happened, on its way into the log.
type Record struct {
	Level   Level
	Type    Type
	At      int64  // the node's clock, ns since 1970; never less than the record before
	Payload []byte // what happened; private, erasable, only its HMAC enters the tree
	Tail    []byte // public fields of the Type that the leaf itself carries, up to MaxTail bytes; no content
}

// Validate returns an error that names the field that the log would refuse.
func (r *Record) Validate() error {
	if !r.Level.valid() {
		return fmt.Errorf("witness: record level %d: want 1 (micro) to 4 (meta)", r.Level)
	}
	if len(r.Tail) > MaxTail {
		return fmt.Errorf("witness: record tail of %d bytes: want at most %d", len(r.Tail), MaxTail)
	}
	return nil
}
