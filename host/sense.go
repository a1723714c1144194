package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/becomingone/becomingone/host/source"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel"
)

// Sense offers inputs, which stay together in their order, and waits until they are durable. errs has
// one entry for each input, nil where the kernel took it; err means that nothing was recorded. The
// inputs belong to the runtime afterwards.
func (r *Runtime) Sense(ctx context.Context, inputs []kernel.Input) (errs []error, err error) {
	if len(inputs) == 0 {
		return nil, nil
	}
	answered := newAnswer[[]error]()
	if err := r.offer(ctx, item{inputs: inputs, reply: answered.give}); err != nil {
		return nil, err
	}
	return answered.wait(ctx, r.ended)
}

// Play offers one line of a record and does not wait for the log: a signal goes on by itself.
func (r *Runtime) Play(ctx context.Context, line source.Line) error {
	return r.offer(ctx, item{inputs: []kernel.Input{sampleInput(line)}, reply: func(errs []error, err error) {
		if bad := firstOf(append(errs, err)...); bad != nil {
			r.log.Warn("recorded sample refused", "channel", line.Channel, "line", line.Number, "err", bad)
		}
	}})
}

// feedBack offers a sample that one of the owner's hook scripts feeds back.
func (r *Runtime) feedBack(ctx context.Context, sample []byte) error {
	line, err := source.Parse(sample, 1, "")
	if err == nil && line.Text != nil {
		err = errors.New("host: a hook feeds samples back, not text")
	}
	if err != nil {
		return err
	}
	return r.Play(ctx, line)
}

func sampleInput(line source.Line) kernel.Input {
	return kernel.Input{Kind: kernel.KindSample, Channel: line.Channel, Sample: line.Sample}
}

// senseRequest turns the lines of a request into inputs and reports those that are none.
func (r *Runtime) senseRequest(req web.SenseRequest, owner bool) (inputs []kernel.Input, numbers []int, bad []web.LineError) {
	for _, l := range req.Lines {
		in, err := r.senseLine(req, l, owner)
		if err != nil {
			bad = append(bad, web.LineError{Line: l.N, Error: err.Error()})
			continue
		}
		inputs, numbers = append(inputs, in), append(numbers, l.N)
	}
	return inputs, numbers, bad
}

func (r *Runtime) senseLine(req web.SenseRequest, l web.Line, owner bool) (kernel.Input, error) {
	text := kernel.Text{Source: req.Source}
	if req.Trusted {
		text.Trust = kernel.Trusted
	}
	if text.Source == "" {
		text.Source = "sense"
	}
	if req.Format == web.Text {
		text.Body = string(l.Data)
		return kernel.Input{Kind: kernel.KindText, Session: sessionOf(req.Session), Text: text}, nil
	}
	line, err := source.Parse(l.Data, l.N, req.Channel)
	if err != nil {
		return kernel.Input{}, err
	}
	if line.Trust == kernel.Trusted && !owner {
		return kernel.Input{}, fmt.Errorf(`line %d: trust = "trusted": want the owner's token for trusted input`, l.N)
	}
	if line.Text == nil {
		if !owner && (slices.Contains(r.cfg.Guarded, line.Channel) || slices.Contains(r.cfg.Guarded, "*")) {
			return kernel.Input{}, fmt.Errorf("line %d: ch = %q: want the owner's token, for a field with trust: trusted hears it", l.N, line.Channel)
		}
		return sampleInput(line), nil
	}
	if line.Trust == kernel.Trusted {
		text.Trust = kernel.Trusted
	}
	if line.Channel != "default" && req.Source == "" {
		text.Source = line.Channel
	}
	text.Body = *line.Text
	return kernel.Input{Kind: kernel.KindText, Session: sessionOf(req.Session), Text: text}, nil
}

// sessionOf names the conversation of a credential that names none.
func sessionOf(session string) string {
	if session == "" {
		return "default"
	}
	return session
}
