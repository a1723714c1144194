// Package gate decides whether a joint state or a proposed call collapses.
package gate

import (
	"encoding/json"
	"fmt"
)

// Effect is the tier of an action: what it can do to the world if it is wrong.
type Effect uint8

// The tiers, weakest first. The zero value is no tier and never valid.
const (
	Read     Effect = 1 + iota // observes only
	Open                       // observes, and tells the open world that it did (a web fetch)
	Write                      // changes state that can be seen or undone
	Critical                   // money, credentials, deletion, ownership, new recipients
)

var effectNames = [...]string{Read: "read", Open: "open", Write: "write", Critical: "critical"}

// String returns the tier's name in manifests and records.
func (e Effect) String() string { return nameOf(effectNames[:], uint8(e), "effect") }

// MarshalText returns the tier's name; an invalid tier is an error.
func (e Effect) MarshalText() ([]byte, error) { return textOf(effectNames[:], uint8(e), "effect") }

// UnmarshalText accepts "read", "open", "write" and "critical".
func (e *Effect) UnmarshalText(b []byte) error {
	v, err := parse(effectNames[:], string(b), "effect", "read, open, write, critical")
	*e = Effect(v)
	return err
}

// Verdict is what becomes of a proposed call.
type Verdict uint8

// The verdicts. The zero value is no verdict, so that a forgotten one never releases an action.
const (
	Collapse  Verdict = 1 + iota // every key held: the call is executed
	Held                         // a question to the user is out
	Dissipate                    // a key failed and nothing was asked
)

var verdictNames = [...]string{Collapse: "collapse", Held: "held", Dissipate: "dissipate"}

// String returns the verdict's name in records and answers.
func (v Verdict) String() string { return nameOf(verdictNames[:], uint8(v), "verdict") }

// MarshalText returns the verdict's name; an invalid verdict is an error.
func (v Verdict) MarshalText() ([]byte, error) { return textOf(verdictNames[:], uint8(v), "verdict") }

// UnmarshalText accepts "collapse", "held" and "dissipate".
func (v *Verdict) UnmarshalText(b []byte) error {
	n, err := parse(verdictNames[:], string(b), "verdict", "collapse, held, dissipate")
	*v = Verdict(n)
	return err
}

// State is where a field stands between silence and collapse (KERNEL.md 9).
type State uint8

// The states of a field.
const (
	Warmup       State = 1 + iota // too little evidence or mass to judge
	Accumulating                  // enough mass, not coherent enough
	Collapsed                     // effect, evidence and mass hold
	Dissipating                   // was collapsed, fell below the release threshold
	Stale                         // nothing heard for too long
)

var stateNames = [...]string{
	Warmup: "warmup", Accumulating: "accumulating", Collapsed: "collapsed", Dissipating: "dissipating", Stale: "stale",
}

// String returns the state's name in records and answers.
func (s State) String() string { return nameOf(stateNames[:], uint8(s), "state") }

// MarshalText returns the state's name; an invalid state is an error.
func (s State) MarshalText() ([]byte, error) { return textOf(stateNames[:], uint8(s), "state") }

// UnmarshalText accepts the names that String returns.
func (s *State) UnmarshalText(b []byte) error {
	n, err := parse(stateNames[:], string(b), "state", "warmup, accumulating, collapsed, dissipating, stale")
	*s = State(n)
	return err
}

// Key is one condition of a call, with how far it holds and what would turn it.
type Key struct {
	Name   string  `json:"name"`   // "session", "signal:co2", "mesh", "hook:PreAction", …
	Pass   bool    `json:"pass"`   // whether the condition holds
	Margin float64 `json:"margin"` // finite; >= 0 iff Pass, in the key's own unit
	Need   string  `json:"need"`   // what would make it hold; says what holds where it does
}

// Decision is the answer to a proposed call: the verdict and every key that led to it.
type Decision struct {
	Verdict    Verdict `json:"verdict"`
	Keys       []Key   `json:"keys"`                  // in the fixed order of evaluation
	Reason     string  `json:"reason"`                // one line for a person
	Realign    string  `json:"realign,omitempty"`     // what would make the same call collapse
	QuestionID string  `json:"question_id,omitempty"` // set iff Verdict is Held
}

// Requires names the keys that a call needs beside the session's.
type Requires struct {
	Signal []string `json:"signal,omitempty" yaml:"signal,omitempty"` // fields that must be Collapsed and fresh
	Mesh   *Mesh    `json:"mesh,omitempty" yaml:"mesh,omitempty"`     // the pooled state that must hold
}

// Mesh is the pooled coherence that a call needs.
type Mesh struct {
	Coherence float64 `json:"coherence" yaml:"coherence"` // least pooled |T|², in (0, 1]
	Peers     int     `json:"peers" yaml:"peers"`         // least number of fresh peers, >= 1
}

// Trigger says when the kernel proposes an action by itself.
type Trigger struct {
	Collapse  []string        `json:"collapse,omitempty" yaml:"collapse,omitempty"`   // fields whose collapse proposes it
	Arguments json.RawMessage `json:"arguments,omitempty" yaml:"arguments,omitempty"` // the proposed call's arguments, a JSON object
}

func nameOf(names []string, v uint8, kind string) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", kind, v)
}

func textOf(names []string, v uint8, kind string) ([]byte, error) {
	if int(v) < len(names) && names[v] != "" {
		return []byte(names[v]), nil
	}
	return nil, fmt.Errorf("gate: %s %d: not in 1…%d", kind, v, len(names)-1)
}

func parse(names []string, s, kind, accepted string) (uint8, error) {
	for i, n := range names {
		if n != "" && n == s {
			return uint8(i), nil
		}
	}
	return 0, fmt.Errorf("gate: %s %q: not one of %s", kind, s, accepted)
}
