package host

import (
	"context"
	"errors"

	"github.com/becomingone/becomingone/host/config"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel/gate"
)

// shownQuestions is how many questions the status shows.
const shownQuestions = 100

// Questions lists the newest n questions for the owner.
func (f *Face) Questions(n int) (list []web.Question, open int) { return f.Runtime.Questions(n) }

// Answer takes the owner's word.
func (f *Face) Answer(ctx context.Context, req web.AnswerRequest, by string) (web.Answered, error) {
	a, err := f.Runtime.Answer(ctx, req.ID, *req.Yes, by)
	switch {
	case errors.Is(err, ErrAnswered):
		err = &web.Error{Code: web.Conflict, Field: "id", Message: err.Error()}
	case errors.Is(err, ErrLate):
		err = &web.Error{Code: web.Expired, Field: "id", Message: err.Error()}
	case errors.Is(err, ErrNoQuestion):
		err = &web.Error{Code: web.NotFound, Field: "id", Message: err.Error()}
	default:
		err = f.refusal(err, "")
	}
	return a, err
}

// Judge asks the gate about a tool that somebody else executes. The config's class for it wins.
func (f *Face) Judge(ctx context.Context, req web.JudgeRequest) (web.Outcome, error) {
	out, err := f.Runtime.Judge(ctx, Proposal{Session: sessionOf(req.Session), Action: req.Action, Arguments: req.Arguments},
		f.class(req.Action, req.Effect))
	return out, f.refusal(err, req.Action)
}

// class is the tier of a tool that has no manifest here: who asks knows what it can do, and the user may
// know better.
func (f *Face) class(action string, effect gate.Effect) gate.Effect {
	if e, ok := f.Agent.Classes[action]; ok {
		effect = e
	}
	if f.Agent.Policy == config.Strict && effect > gate.Read {
		return gate.Critical
	}
	return effect
}

// CloseSession forgets a session that has ended.
func (f *Face) CloseSession(ctx context.Context, session string) error {
	return f.refusal(f.Runtime.CloseSession(ctx, session), "")
}
