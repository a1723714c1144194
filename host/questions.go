package host

import (
	"container/list"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/becomingone/becomingone/hooks"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/intent"
	"github.com/becomingone/becomingone/kernel/witness"
)

// Why an answer is refused.
var (
	ErrNoQuestion = errors.New("host: no such question is open")
	ErrAnswered   = errors.New("host: the question has been answered")
	ErrLate       = errors.New("host: the question has expired")
)

// The bounds of the questions that wait, beside the kernel's own (intent.MaxQuestions and its kin).
const (
	shownArguments = 8 << 10  // bytes of a call's arguments that a question shows
	shownText      = 1 << 10  // bytes of its reason
	heldBytes      = 16 << 20 // of all questions together
	rememberedEnds = 4096     // questions that are over, kept for clear errors
)

// Answered is what an answer led to.
type Answered = web.Answered

// questions are those that wait for the user: what the kernel knows by hash alone, in words. The loop
// opens and ends them; others read.
type questions struct {
	mu     sync.Mutex
	life   time.Duration
	byID   map[string]*list.Element // of *asked
	order  *list.List               // oldest first
	asking map[string]int           // questions of each session
	bytes  int
	ended  map[string]error // why a question is over
	ends   []string         // names in ended, oldest first
	pushed uint64           // pushed out by newer ones
}

// asked is one question.
type asked struct {
	web.Question
	size  int
	shown bool // it is durable
	taken bool // an answer to it is being recorded
}

func newQuestions(life time.Duration) *questions {
	return &questions{life: life, byID: map[string]*list.Element{}, order: list.New(), asking: map[string]int{}, ended: map[string]error{}}
}

// has says whether the question is out already, so that it need not be put again.
func (q *questions) has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.byID[id]
	return ok
}

// open keeps a question and returns it as it will be shown.
func (q *questions) open(w web.Question) web.Question {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.ExpiresAt = w.At + int64(q.life)
	a := &asked{Question: w, size: 512 + len(w.Arguments) + len(w.Text) + len(w.Session) + len(w.Action)}
	q.makeRoom(w.Session, a.size)
	q.forget(w.ID)
	q.byID[w.ID] = q.order.PushBack(a)
	q.asking[w.Session]++
	q.bytes += a.size
	return w
}

// makeRoom ends the oldest questions: of the session itself where that one has too many, and all of a
// session where there are too many of those.
func (q *questions) makeRoom(session string, size int) {
	own := q.asking[session]
	if own == 0 && len(q.asking) >= intent.MaxAsking {
		q.push(q.order.Front().Value.(*asked).Session, q.order.Len())
	}
	if own >= intent.MaxOwn {
		q.push(session, 1)
	}
	for q.order.Len() >= intent.MaxQuestions || q.order.Len() > 0 && q.bytes+size > heldBytes {
		q.push(q.order.Front().Value.(*asked).Session, 1)
	}
}

// push ends up to n of the session's questions, oldest first.
func (q *questions) push(session string, n int) {
	for e := q.order.Front(); e != nil && n > 0; {
		next := e.Next()
		if e.Value.(*asked).Session == session {
			q.end(e, fmt.Errorf("%w: newer questions pushed it out", ErrNoQuestion))
			q.pushed++
			n--
		}
		e = next
	}
}

// end takes a question away and remembers why.
func (q *questions) end(e *list.Element, why error) {
	a := q.order.Remove(e).(*asked)
	delete(q.byID, a.ID)
	q.bytes -= a.size
	if q.asking[a.Session]--; q.asking[a.Session] == 0 {
		delete(q.asking, a.Session)
	}
	if len(q.ends) == rememberedEnds {
		delete(q.ended, q.ends[0])
		q.ends = q.ends[1:]
	}
	q.forget(a.ID)
	q.ended[a.ID] = why
	q.ends = append(q.ends, a.ID)
}

// forget drops an earlier end of the same question, which has been asked anew.
func (q *questions) forget(id string) {
	if _, ok := q.ended[id]; !ok {
		return
	}
	delete(q.ended, id)
	for i, e := range q.ends {
		if e == id {
			q.ends = append(q.ends[:i], q.ends[i+1:]...)
			return
		}
	}
}

// show makes a question visible once its record is durable; index is the record's.
func (q *questions) show(id string, index uint64) (web.Question, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, ok := q.byID[id]
	if !ok {
		return web.Question{}, false
	}
	a := e.Value.(*asked)
	a.shown, a.WitnessIndex = true, index
	return a.Question, true
}

// claim finds an open question for its answer and keeps a second answer away from it.
func (q *questions) claim(id string, at int64) (web.Question, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, ok := q.byID[id]
	if !ok {
		if why, known := q.ended[id]; known {
			return web.Question{}, fmt.Errorf("%w: question %q", why, id)
		}
		return web.Question{}, fmt.Errorf("%w: question %.64q", ErrNoQuestion, id)
	}
	a := e.Value.(*asked)
	switch {
	case !a.shown:
		return web.Question{}, fmt.Errorf("%w: question %q", ErrNoQuestion, id)
	case a.taken:
		return web.Question{}, fmt.Errorf("%w: question %q", ErrAnswered, id)
	case at >= a.ExpiresAt:
		return web.Question{}, fmt.Errorf("%w: question %q", ErrLate, id)
	}
	a.taken = true
	return a.Question, nil
}

// settle ends a question that was claimed.
func (q *questions) settle(id string, yes bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e, ok := q.byID[id]; ok {
		word := "no"
		if yes {
			word = "yes"
		}
		q.end(e, fmt.Errorf("%w: with %s", ErrAnswered, word))
	}
}

// late takes the questions that have waited too long.
func (q *questions) late(at int64) (out []web.Question) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for e := q.order.Front(); e != nil; {
		next, a := e.Next(), e.Value.(*asked)
		if a.ExpiresAt > at {
			break // all wait equally long, so the rest is younger
		}
		if !a.taken {
			out = append(out, a.Question)
			q.end(e, ErrLate)
		}
		e = next
	}
	return out
}

// next is when the oldest question expires; 0 where none waits.
func (q *questions) next() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	for e := q.order.Front(); e != nil; e = e.Next() {
		if a := e.Value.(*asked); !a.taken {
			return a.ExpiresAt
		}
	}
	return 0
}

// list returns the newest n questions that can be answered, oldest first, and how many there are in all.
func (q *questions) list(n int) (out []web.Question, open int, pushed uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out = []web.Question{}
	for e := q.order.Front(); e != nil; e = e.Next() {
		if a := e.Value.(*asked); a.shown && !a.taken {
			out = append(out, a.Question)
		}
	}
	open = len(out)
	return out[max(0, open-n):], open, q.pushed
}

// Questions returns the newest n questions that wait for the user, oldest first, and how many wait in all.
func (r *Runtime) Questions(n int) (list []web.Question, open int) {
	list, open, _ = r.asked.list(n)
	return list, open
}

// Answer takes the user's word on a question; by says through what it came. The answer is witnessed
// first, and only then does the kernel hear of it. Nothing is executed: the same call, proposed again
// within the time that a question waits, passes its session key once. The error wraps ErrNoQuestion,
// ErrAnswered, ErrLate or ErrStopped.
func (r *Runtime) Answer(ctx context.Context, id string, yes bool, by string) (Answered, error) {
	recorded := newAnswer[Answered]()
	err := r.tell(func(c *cycle) { c.record(id, yes, by, recorded.give) })
	if err != nil {
		return Answered{}, err
	}
	// Once the answer is being recorded, it is carried through even if whoever gave it is gone.
	ctx = context.WithoutCancel(ctx)
	a, err := recorded.wait(ctx, r.ended)
	if err != nil {
		return Answered{}, err
	}
	in := kernel.Input{Kind: kernel.KindAnswer, Session: a.Question.Session,
		Answer: kernel.Answer{Question: id, Yes: yes, Until: a.ExpiresAt}}
	errs, err := r.Sense(ctx, []kernel.Input{in})
	r.asked.settle(id, yes)
	if err == nil {
		err = firstOf(errs...)
	}
	if err != nil {
		return Answered{}, fmt.Errorf("%w: question %q is recorded as answered, but no longer waits: %w", ErrNoQuestion, id, err)
	}
	r.answered(a)
	return a, nil
}

// answerPayload is the record of an answer.
type answerPayload struct {
	Question string `json:"question"`
	Session  string `json:"session,omitempty"`
	Action   string `json:"action"`
	Answer   string `json:"answer"` // yes, no or, where none came in time, none
	By       string `json:"by"`
	Reason   string `json:"reason,omitempty"`
	Until    int64  `json:"until,omitempty"` // ns: how long a yes waits for its call
}

// record claims the question and witnesses the answer.
func (c *cycle) record(id string, yes bool, by string, give func(Answered, error)) {
	at := c.at()
	q, err := c.r.asked.claim(id, at)
	if err != nil {
		give(Answered{}, err)
		return
	}
	a := Answered{Question: q, Answer: "no"}
	if yes {
		a.Answer, a.ExpiresAt = "yes", at+int64(c.r.asked.life)
	}
	slot := c.add(jsonRecord(witness.Macro, witness.Answer, at, answerPayload{Question: id, Session: q.Session,
		Action: q.Action, Answer: a.Answer, By: by, Until: a.ExpiresAt}))
	c.after(slot, func(index uint64, err error) {
		a.WitnessIndex = index
		give(a, err)
	})
}

// answered tells everyone of an answer that has taken effect.
func (r *Runtime) answered(a Answered) {
	a.Question.State = a.Answer
	r.showJSON(nil, "question", a.Question)
	detail, err := json.Marshal(struct {
		Question string `json:"question_id"`
		Answer   string `json:"answer"`
	}{a.Question.ID, a.Answer})
	if err != nil {
		detail = nil // two texts always encode
	}
	r.parts.Hooks.Notify(hooks.Event{Kind: hooks.Realign, Time: time.Unix(0, a.Question.At).UTC(), Node: r.cfg.Name,
		Session: a.Question.Session, Action: a.Question.Action, Arguments: a.Question.Arguments,
		WitnessIndex: &a.WitnessIndex, Detail: detail})
}

// expire ends the questions that nobody answered in time: no answer is no.
func (c *cycle) expire() {
	for _, q := range c.r.asked.late(c.at()) {
		slot := c.add(jsonRecord(witness.Macro, witness.Answer, c.at(), answerPayload{Question: q.ID, Session: q.Session,
			Action: q.Action, Answer: "none", By: "time"}))
		q.State = "expired"
		c.after(slot, func(index uint64, err error) {
			c.r.showJSON(err, "question", q)
		})
	}
}

// askFirst runs the PreRealign hooks, which may keep a question from being put. It runs beside the loop.
func (r *Runtime) askFirst(ctx context.Context, x *execution) {
	x.veto = r.parts.Hooks.Gate(ctx, r.event(hooks.PreRealign, time.Now().UnixNano(), nil, x))
}

// put puts the question of a held call to the user, unless a hook has blocked it, and answers the caller.
func (c *cycle) put(x *execution) {
	if x.veto.Block {
		c.silence(x)
		return
	}
	if id := x.out.QuestionID; !c.r.asked.has(id) {
		q := c.r.asked.open(questionOf(c.at(), x))
		slot := c.add(jsonRecord(witness.Macro, witness.Question, c.at(), q))
		c.after(slot, func(index uint64, err error) {
			if q, ok := c.r.asked.show(id, index); ok {
				c.r.showJSON(err, "question", q)
			}
		})
	}
	c.refuse(x)
}

// silence withdraws a question that a hook has blocked: nobody is asked, so the answer is no.
func (c *cycle) silence(x *execution) {
	at, id := c.at(), x.out.QuestionID
	in := kernel.Input{Kind: kernel.KindAnswer, Session: x.call.Session, Answer: kernel.Answer{Question: id}}
	if err := c.apply(&in); err != nil {
		c.r.log.Warn("question not withdrawn", "question", id, "err", err)
	}
	x.vetoed(hooks.PreRealign, x.veto.Reason)
	x.out.QuestionID = ""
	c.add(jsonRecord(witness.Macro, witness.Answer, at, answerPayload{Question: id, Session: x.call.Session,
		Action: x.call.Action, Answer: "no", By: "hook:" + string(hooks.PreRealign), Reason: x.veto.Reason}))
	c.refuse(x)
}

// questionOf is the question in words. Arguments that are too long to be shown are in the decision's record.
func questionOf(at int64, x *execution) web.Question {
	q := web.Question{ID: x.out.QuestionID, At: at, Session: x.call.Session, Action: x.call.Action, Effect: x.call.Effect,
		Text: cut(x.out.Reason, shownText), ArgumentsBytes: len(x.call.Arguments), State: "open"}
	if len(x.call.Arguments) <= shownArguments {
		q.Arguments = json.RawMessage(x.call.Arguments)
	}
	return q
}

// cut shortens s to n bytes, at a character's end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
