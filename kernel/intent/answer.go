package intent

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/becomingone/becomingone/kernel/cursor"
)

// The bounds of what waits for a user's word.
const (
	MaxQuestions = 10_000                 // questions and unused answers together; the oldest gives way
	MaxAsking    = 1_000                  // sessions that have some; the one that has waited longest gives way
	MaxOwn       = 1_000                  // of one session; its own oldest gives way
	MaxWait      = 24 * 3600 * int64(1e9) // ns that a question or a yes may wait
)

// Why an answer is refused.
var (
	ErrNoQuestion = errors.New("no such question is open")
	ErrAnswered   = errors.New("the question has been answered")
	ErrLate       = errors.New("too late")
)

// Answers holds the questions that wait for the user and each yes that waits for its call. A yes belongs to
// one call: to its session, action and arguments, byte for byte. It passes that call once. Questions that
// are pushed out count as never asked. Not safe for concurrent use.
type Answers struct {
	byID    map[string]*list.Element // of *question
	order   *list.List               // oldest first
	asking  map[string]int           // questions of each session
	dropped uint64
}

// question waits for its answer, and after a yes for its call.
type question struct {
	id, session string
	sum         [32]byte // of the call
	asked       int64    // ns, the newest time that the call was held
	until       int64    // ns: how long the yes is good; 0 while the question is open
}

// NewAnswers returns an empty Answers.
func NewAnswers() *Answers {
	return &Answers{byID: map[string]*list.Element{}, order: list.New(), asking: map[string]int{}}
}

// Open returns how many questions and unused answers there are, and how many were ever pushed out.
func (a *Answers) Open() (n int, dropped uint64) { return a.order.Len(), a.dropped }

// Ask notes that the call raised the question id; at is the node's clock in ns. It reports false where
// another call has a question of that name, which then cannot be put: an answer would not say to which.
func (a *Answers) Ask(at int64, id string, c Call) bool {
	sum := sumOf(c)
	if e, ok := a.byID[id]; ok {
		q := e.Value.(*question)
		if q.sum != sum {
			return false
		}
		if q.until != 0 && q.until < at {
			q.until = 0 // that yes is over: this is a new question
		}
		q.asked = at
		a.order.MoveToBack(e)
		return true
	}
	a.makeRoom(c.Session)
	a.add(&question{id: id, session: c.Session, sum: sum, asked: at})
	return true
}

// Answer takes the user's word on an open question of the session. A yes waits until the given time, at
// most MaxWait from now, for the same call; a no forgets the question. The error wraps ErrNoQuestion,
// ErrAnswered or ErrLate, and then nothing has changed, but that a late question is forgotten.
func (a *Answers) Answer(at int64, session, id string, yes bool, until int64) error {
	e, ok := a.byID[id]
	if !ok || e.Value.(*question).session != session {
		return fmt.Errorf("intent: answer %q in session %q: %w", id, session, ErrNoQuestion)
	}
	q := e.Value.(*question)
	switch {
	case q.until != 0:
		return fmt.Errorf("intent: answer %q: %w", id, ErrAnswered)
	case at-q.asked > MaxWait:
		a.remove(e)
		return fmt.Errorf("intent: answer %q: %w: asked %d s ago", id, ErrLate, (at-q.asked)/1e9)
	case !yes:
		a.remove(e)
		return nil
	case until <= at || until-at > MaxWait:
		return fmt.Errorf("intent: answer %q: a yes until %d ns at %d ns: not within 24 h from now", id, until, at)
	}
	q.until = until
	return nil
}

// Granted reports whether a yes to exactly this call waits for it.
func (a *Answers) Granted(at int64, id string, c Call) bool {
	e, ok := a.byID[id]
	if !ok {
		return false
	}
	q := e.Value.(*question)
	return q.until != 0 && q.until >= at && q.session == c.Session && q.sum == sumOf(c)
}

// Use takes a yes away: its call has passed.
func (a *Answers) Use(id string) {
	if e, ok := a.byID[id]; ok {
		a.remove(e)
	}
}

// Close forgets what a session has asked. An unknown one is no error.
func (a *Answers) Close(session string) {
	if a.asking[session] == 0 {
		return
	}
	for e := a.order.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*question).session == session {
			a.remove(e)
		}
		e = next
	}
}

// makeRoom pushes out the oldest so that the session may ask once more.
func (a *Answers) makeRoom(session string) {
	own := a.asking[session]
	if own >= MaxOwn {
		e := a.order.Front()
		for e.Value.(*question).session != session {
			e = e.Next()
		}
		a.drop(e)
		return
	}
	if own == 0 && len(a.asking) >= MaxAsking {
		longest := a.order.Front().Value.(*question).session
		a.dropped += uint64(a.asking[longest])
		a.Close(longest)
	}
	if a.order.Len() >= MaxQuestions {
		a.drop(a.order.Front())
	}
}

func (a *Answers) drop(e *list.Element) {
	a.remove(e)
	a.dropped++
}

func (a *Answers) add(q *question) {
	a.byID[q.id] = a.order.PushBack(q)
	a.asking[q.session]++
}

func (a *Answers) remove(e *list.Element) {
	q := a.order.Remove(e).(*question)
	delete(a.byID, q.id)
	if a.asking[q.session]--; a.asking[q.session] == 0 {
		delete(a.asking, q.session)
	}
}

// sumOf is SHA-256 over session, action and arguments, each with its length before it. A question's name
// is too short to stand for a call: whoever chooses arguments can find two calls with one name.
func sumOf(c Call) [32]byte {
	b := make([]byte, 0, 24+len(c.Session)+len(c.Action)+len(c.Arguments))
	for _, part := range [][]byte{[]byte(c.Session), []byte(c.Action), c.Arguments} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
	}
	return sha256.Sum256(b)
}

const answersVersion = 1

// AppendBinary appends all questions and answers, oldest first. Equal Answers give equal bytes.
func (a *Answers) AppendBinary(dst []byte) ([]byte, error) {
	dst = cursor.Uint(append(dst, answersVersion), a.dropped)
	dst = cursor.Uint(dst, uint64(a.order.Len()))
	for e := a.order.Front(); e != nil; e = e.Next() {
		q := e.Value.(*question)
		dst = append(cursor.Text(cursor.Text(dst, q.id), q.session), q.sum[:]...)
		dst = cursor.Uint(cursor.Uint(dst, uint64(q.asked)), uint64(q.until))
	}
	return dst, nil
}

// UnmarshalBinary restores Answers. On an error they are as they were.
func (a *Answers) UnmarshalBinary(data []byte) error {
	r := cursor.New(data)
	if v := r.Byte(); v != answersVersion {
		r.Fail(fmt.Errorf("version %d: not %d", v, answersVersion))
	}
	next := NewAnswers()
	next.dropped = r.Uint()
	last := int64(0)
	for i := range r.Len(MaxQuestions, 64) {
		q := &question{id: r.Text(64), session: r.Text(256)}
		for j := range q.sum {
			q.sum[j] = r.Byte()
		}
		q.asked, q.until = r.Int(), r.Int()
		_, twice := next.byID[q.id]
		switch {
		case r.Err() != nil:
		case twice || next.asking[q.session] >= MaxOwn || next.asking[q.session] == 0 && len(next.asking) >= MaxAsking:
			r.Fail(fmt.Errorf("question %q: there twice, or one too many of session %q", q.id, q.session))
		case i > 0 && q.asked < last || q.until < 0:
			r.Fail(fmt.Errorf("question %q: times %d and %d ns: not in order", q.id, q.asked, q.until))
		}
		if r.Err() != nil {
			break
		}
		next.add(q)
		last = q.asked
	}
	if n := len(r.Rest()); n > 0 {
		r.Fail(fmt.Errorf("%d bytes behind the last question", n))
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("intent: restore answers: %w", err)
	}
	*a = *next
	return nil
}
