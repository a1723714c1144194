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
	Key        gate.Key // named "session"; the margin is the limit less the risk, or minus the number of values that are not cleared
	Ask        bool     // whether the user's answer could turn it
	Realign    string   // the question, where Ask is set
	QuestionID string   // bound to session, action, arguments and Policy, where Ask is set
}

// Judge answers for a call that an agent proposes. Each scalar leaf of the arguments is a role, and so is
// each identifier inside a longer text; a role is Master-held where trusted text of the session says it.
//
//   - Critical passes iff every role is Master-held. A call without roles has the action's name for one.
//   - Write and Open are held where the risk reaches the limit of the policy (INTENT.md), or where the
//     session has lost untrusted text and nobody can tell where a value came from.
//   - Read passes, but the text that answers it is as forced as its values were. In mode Off all passes.
//
// Arguments that are no JSON object fail and ask nothing.
func (b *Book) Judge(at int64, c Call) Answer {
	roles, err := rolesOf(c.Arguments)
	if err != nil {
		return Answer{Key: gate.Key{Name: Name, Margin: -1, Need: err.Error()}}
	}
	if c.Effect == gate.Read {
		if s, known := b.sessions[c.Session]; known {
			s.at = at
			b.note(s, c.Action, roles)
		}
		return passes(0, "a call that only reads passes")
	}
	if b.cfg.Mode == Off {
		return passes(0, "the policy is off: every call passes")
	}
	s := b.open(at, c.Session)
	if (c.Effect == gate.Open || c.Effect == gate.Write) && b.cfg.Mode != Strict {
		return b.lenient(s, c, roles)
	}
	return s.strict(c, roles)
}

// Name is the name of the key in decisions.
const Name = "session"

func passes(margin float64, need string) Answer {
	return Answer{Key: gate.Key{Name: Name, Pass: true, Margin: margin, Need: need}}
}

// strict judges by exact provenance alone.
func (s *session) strict(c Call, roles []role) Answer {
	if len(roles) == 0 {
		roles = []role{newRole("", c.Action)}
	}
	var open []string
	for i := range roles {
		r := &roles[i]
		if s.master.holds(r, roles) {
			continue
		}
		why := r.String() + " was said by nobody who is trusted"
		if at := s.carrier(r); at.text != nil {
			why += ", but by " + at.String()
		}
		open = append(open, why)
	}
	if len(open) == 0 {
		return passes(float64(len(roles)), "every value was said by somebody who is trusted")
	}
	lead := "a critical call needs every value to be the user's own"
	if len(s.master.texts) == 0 {
		lead = "master_empty: no trusted text was heard in this session, and " + lead
	}
	return asks(c, -float64(len(open)), lead, open)
}

// carrier returns the first sentence that carries the value.
func (s *session) carrier(r *role) (at quoted) {
	s.find(r, func(p place) {
		if at.text == nil {
			h := s.text(p.text)
			at = quoted{h, int(h.words[p.word].sentence)}
		}
	})
	return at
}

// lenient judges by the risk, against the limit of the policy. Where nobody who is trusted has said
// anything in the session, nothing can speak for a value that untrusted text carries, and it is held
// whatever its sentence says.
func (b *Book) lenient(s *session, c Call, roles []role) Answer {
	if c.Effect == gate.Open { // what it fetches is as forced as its values, as a read's
		b.note(s, c.Action, roles)
	}
	if len(s.master.texts) == 0 {
		if open := s.carried(roles); len(open) > 0 {
			return asks(c, -float64(len(open)), "untrusted text must not choose the values of a call", open)
		}
	}
	worst, lost := b.weighUp(s, c.Action, roles)
	limit := b.cfg.Mode.limit()
	switch {
	case worst.risk >= limit:
		return asks(c, limit-worst.risk, worst.lead(), []string{worst.String()})
	case lost != nil && s.dropped > 0:
		return asks(c, -1, "untrusted text must not choose the values of a call", []string{
			fmt.Sprintf("%s may have come from one of %d untrusted texts that are no longer held", lost, s.dropped)})
	}
	need := "every value was said by somebody who is trusted"
	if worst.risk > -1 || worst.role != nil {
		need = fmt.Sprintf("no untrusted text drives it: risk %.2f of %.2f", worst.risk, limit)
	}
	return passes(limit-worst.risk, need)
}

// carried names each value that untrusted text carries, with where it stands.
func (s *session) carried(roles []role) (open []string) {
	for i := range roles {
		if at := s.carrier(&roles[i]); at.text != nil {
			open = append(open, roles[i].String()+" came from "+at.String())
		}
	}
	return open
}

// lead says what is wrong.
func (f *finding) lead() string {
	if f.role == nil {
		return "untrusted text must not choose what is called"
	}
	return "untrusted text must not choose the values of a call"
}

// String names the value, where it came from, and the sentence that drove it, with the numbers.
func (f *finding) String() string {
	if f.role == nil {
		return fmt.Sprintf("%s asks for what nobody who is trusted has named (risk %.2f: m %.2f, I %.2f)",
			f.driver, f.risk, f.risk, f.tool)
	}
	why := fmt.Sprintf("%s came from %s", f.role, f.carrier)
	if f.driver != f.carrier {
		why += fmt.Sprintf(", driven by %q", short(f.driver.quote(), 160))
	}
	return fmt.Sprintf("%s (risk %.2f: F %.2f, W %.2f, kappa %.2f, I %.2f)",
		why, f.risk, f.force, f.command, f.record, f.tool)
}

// asks returns the answer of a call that is held. At most four values are named; the rest is counted.
func asks(c Call, margin float64, lead string, open []string) Answer {
	const named = 4
	shown := open
	if len(open) > named {
		shown = append(open[:named:named], fmt.Sprintf("and %d more", len(open)-named))
	}
	need := lead + ": " + strings.Join(shown, "; ")
	id := questionID(c)
	return Answer{
		Key: gate.Key{Name: Name, Margin: margin, Need: need},
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

// String names the source and the sentence.
func (q quoted) String() string {
	source := q.text.source
	if source == "" {
		source = "an unnamed source"
	}
	return fmt.Sprintf("%s: %q", short(source, 64), short(q.quote(), 160))
}

// quote returns the sentence in one line.
func (q quoted) quote() string {
	s := q.text.sentences[q.sentence]
	return strings.Join(strings.Fields(q.text.text[s.start:s.end]), " ")
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

// Voiced says whether a call would pass as a critical one: by exact provenance alone.
func (b *Book) Voiced(at int64, c Call) bool {
	roles, err := rolesOf(c.Arguments)
	return err == nil && b.open(at, c.Session).strict(c, roles).Key.Pass
}
