package intent

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/becomingone/becomingone/kernel/gate"
)

// Call is a proposed action of a session.
type Call struct {
	Session   string
	Action    string
	Effect    gate.Effect // an invalid one is judged as Critical
	Arguments []byte      // a JSON object
}

// Answer is the session key of a call and the question that it raises.
type Answer struct {
	Key        gate.Key // named "session"; the margin is minus the number of values that are not cleared
	Ask        bool     // whether the user's answer could turn it
	Realign    string   // the question, where Ask is set
	QuestionID string   // bound to session, action, arguments and Policy, where Ask is set
}

// Judge answers for a call that an agent proposes. Each scalar leaf of the arguments is a role; a role
// is Master-held where trusted text of the session says its value.
//
//   - Critical passes iff every role is Master-held. A call without roles has the action's name for one.
//   - Write and Open fail where a role that is not Master-held has its value in untrusted text, or where
//     the session has lost untrusted text and nobody can tell.
//   - Read passes.
//
// Arguments that are no JSON object fail and ask nothing.
func (b *Book) Judge(at int64, c Call) Answer {
	roles, err := rolesOf(c.Arguments)
	if err != nil {
		return Answer{Key: gate.Key{Name: Name, Margin: -1, Need: err.Error()}}
	}
	if c.Effect == gate.Read {
		return passes("a call that only reads passes")
	}
	s := b.open(at, c.Session)
	if c.Effect == gate.Open || c.Effect == gate.Write {
		return s.lenient(c, roles)
	}
	return s.strict(c, roles)
}

// Name is the name of the key in decisions.
const Name = "session"

func passes(need string) Answer {
	return Answer{Key: gate.Key{Name: Name, Pass: true, Need: need}}
}

func (s *session) strict(c Call, roles []role) Answer {
	if len(roles) == 0 {
		roles = []role{newRole("", c.Action)}
	}
	var open []string
	for _, r := range roles {
		if s.holds(r) {
			continue
		}
		why := r.String() + " was said by nobody who is trusted"
		if h, ok := s.forcedBy(r); ok {
			why += ", but by " + h.quote(r)
		}
		open = append(open, why)
	}
	if len(open) == 0 {
		return passes("every value was said by somebody who is trusted")
	}
	lead := "a critical call needs every value to be the user's own"
	if len(s.trusted) == 0 {
		lead = "master_empty: no trusted text was heard in this session, and " + lead
	}
	return asks(c, lead, open)
}

func (s *session) lenient(c Call, roles []role) Answer {
	var open []string
	for _, r := range roles {
		if s.holds(r) {
			continue
		}
		if h, ok := s.forcedBy(r); ok {
			open = append(open, r.String()+" came from "+h.quote(r))
		} else if s.dropped > 0 {
			open = append(open, fmt.Sprintf("%s may have come from one of %d untrusted texts that are no longer held", r, s.dropped))
		}
	}
	if len(open) == 0 {
		return passes("no value came from untrusted text alone")
	}
	return asks(c, "untrusted text must not choose the values of a call", open)
}

// asks returns the answer of a call that is held. At most four values are named; the rest is counted.
func asks(c Call, lead string, open []string) Answer {
	const named = 4
	shown := open
	if len(open) > named {
		shown = append(open[:named:named], fmt.Sprintf("and %d more", len(open)-named))
	}
	need := lead + ": " + strings.Join(shown, "; ")
	id := questionID(c)
	return Answer{
		Key: gate.Key{Name: Name, Margin: -float64(len(open)), Need: need},
		Ask: true, QuestionID: id,
		Realign: fmt.Sprintf("Should %q be done? %s. Say so in your own words, and propose it again (question %s).", short(c.Action, 64), need, id),
	}
}

// questionID is "q-" and 12 hex digits of SHA-256 over policy, session, action and arguments, each with
// its length before it.
func questionID(c Call) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(Policy), []byte(c.Session), []byte(c.Action), c.Arguments} {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))) // a hash does not fail
		_, _ = h.Write(part)
	}
	return "q-" + hex.EncodeToString(h.Sum(nil)[:6])
}

// Voice returns the trusted text that a user's yes to a call adds to the session: the action's name and
// each value in plain characters, one a line. Heard as trusted text it makes every role Master-held.
func Voice(c Call) (string, error) {
	roles, err := rolesOf(c.Arguments)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(c.Action)
	for _, r := range roles {
		b.WriteByte('\n')
		if r.number != "" { // 1e2 is no number in a text
			b.WriteString(r.number)
			continue
		}
		b.WriteString(r.value)
	}
	return b.String(), nil
}

// String names the role for a person.
func (r role) String() string {
	if r.path == "" {
		return fmt.Sprintf("the action %q", short(r.value, 64))
	}
	return fmt.Sprintf("%s = %q", short(r.path, 64), short(r.value, 64))
}

// quote names the source and the sentence that carries the role's value.
func (h heard) quote(r role) string {
	source := h.source
	if source == "" {
		source = "an unnamed source"
	}
	return fmt.Sprintf("%s: %q", short(source, 64), short(h.sentence(r), 160))
}

// sentence returns the sentence of the text that holds the value, or the text where none does alone.
func (h heard) sentence(r role) string {
	rest := h.body
	for rest != "" {
		end := sentenceEnd(rest)
		part := heard{body: rest[:end], normal: normal(rest[:end])}
		if part.carries(r) {
			return strings.TrimSpace(part.body)
		}
		rest = rest[end:]
	}
	return strings.TrimSpace(h.body)
}

// sentenceEnd returns the length of the first sentence of s: up to a line's end, or a full stop,
// question or exclamation mark that a blank follows.
func sentenceEnd(s string) int {
	for i := range len(s) {
		switch s[i] {
		case '\n':
			return i + 1
		case '.', '!', '?':
			if i+1 < len(s) && s[i+1] == ' ' {
				return i + 2
			}
		}
	}
	return len(s)
}

// short returns s cut to n characters, with an ellipsis where it was longer.
func short(s string, n int) string {
	count := 0
	for i := range s {
		if count == n {
			return s[:i] + "…"
		}
		count++
	}
	return s
}
