// Package kernel is the gate between what was perceived and what is done: a deterministic state
// machine from ordered inputs to outputs, without I/O, clock or goroutine.
package kernel

import (
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/phase"
)

// Kind says which of its parts an Input carries.
type Kind uint8

// The kinds of input.
const (
	KindSample Kind = 1 + iota // Channel and Sample
	KindText                   // Session and Text
	KindCall                   // Call
	KindTick                   // nothing but At: silence went on
	KindClose                  // Session: the conversation ended
	KindAnswer                 // Session and Answer
)

// Input is one entry of the intake: all that ever changes a kernel, in one total order.
type Input struct {
	Kind    Kind
	At      int64 // the node's clock, ns since 1970, non-decreasing from input to input
	Channel string
	Sample  phase.Sample
	Session string
	Text    Text
	Call    Call
	Answer  Answer
}

// Answer is the user's word on a question that a held call has raised.
type Answer struct {
	Question string // its id
	Yes      bool   // a yes passes the session key of the same call once; a no forgets the question
	Until    int64  // ns of the node's clock: how long a yes waits for its call; 0 with a no
}

// Trust says whether somebody vouches for a text.
type Trust uint8

// The trusts. The zero value is Untrusted, so that a forgotten one never feeds a Master.
const (
	Untrusted Trust = iota // tool output, fetched text, what an agent says through a tool
	Trusted                // the system's and the user's own words, answers to questions
)

// Text is something that was said in a session.
type Text struct {
	Trust  Trust
	Source string // where it came from, for the reasons of later decisions
	Body   string
}

// Origin says who proposes a call.
type Origin uint8

// The origins. The zero value is the least trusted.
const (
	FromAgent Origin = iota // an MCP client, a guard, a program with the agent token
	FromOwner               // the owner's own words: every role is held by the Master
	FromField               // the kernel itself, on a field's collapse: there is no session
)

// Call is a proposed action.
type Call struct {
	ID        uint64 // host's number of the invocation, unique in a data folder
	Session   string
	Origin    Origin
	Field     string // the field that proposed it, where Origin is FromField
	Action    string
	Effect    gate.Effect
	Requires  gate.Requires
	Arguments []byte // a JSON object as received
}
