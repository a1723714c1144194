package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Signal is one sample that a script feeds back, as it wrote it: a JSON object in the form of one line
// of a signal file. Nothing about it has been checked but that it is an object.
type Signal struct {
	Hook   string
	Sample json.RawMessage
}

// Outcome is the joint answer of all hooks on one gate event.
type Outcome struct {
	Block   bool              `json:"block"`
	Reason  string            `json:"reason,omitempty"`  // of the first hook, in the order of definition, that blocked
	Signals []json.RawMessage `json:"signals,omitempty"` // what the scripts feed back, in that order; none where Block
	Runs    []Run             `json:"runs"`              // one for each hook that matched, in that order
}

// Runner runs the hooks of one node. Gate and Test may be called at any time, from any goroutine;
// observer events are run only while Run does.
type Runner struct {
	cfg       Config
	log       *slog.Logger
	hooks     map[Kind][]*hook
	run       func(ctx context.Context, h *hook, environ []string, input []byte) Run
	gates     chan struct{} // a place for each script of a gate event that may run at once
	observers int           // how many goroutines run observer events, one script each
	signals   chan Signal

	mu     sync.Mutex // guards closed and the closing of queue
	closed bool
	queue  chan job

	started                       atomic.Bool
	dropped, lostSignals, running atomic.Uint64
}

// job is an observer event, written down, with the hooks that match it.
type job struct {
	kind    Kind
	hooks   []*hook
	environ []string
	input   []byte
}

// New checks cfg and all that it names, and starts nothing. The error joins everything that is wrong.
// A nil log discards.
func New(cfg Config, log *slog.Logger) (*Runner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	all, err := load(cfg)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := process{base: resolve(cfg.Base, ""), environ: inherited()}
	observers := cfg.MaxParallel / 2
	return &Runner{
		cfg: cfg, log: log, hooks: all, run: p.run,
		gates:     make(chan struct{}, cfg.MaxParallel-observers),
		observers: observers,
		queue:     make(chan job, cfg.Queue),
		signals:   make(chan Signal, cfg.Queue),
	}, nil
}

// Gate runs every matching hook of the gate event e, side by side, and returns when all have answered.
// One that vetoes, or fails and may not be ignored, blocks; so does an e that is no gate event or
// cannot be written as JSON. When ctx ends, running scripts are killed and block.
func (r *Runner) Gate(ctx context.Context, e Event) Outcome {
	if !e.Kind.Gate() {
		return Outcome{Block: true, Reason: fmt.Sprintf("hooks: %q is no gate event", e.Kind)}
	}
	return r.decide(ctx, e, true)
}

// Test runs every matching hook of e, as Gate does, whatever kind of event e is, and counts nothing:
// a dry run, see Sample. Block then says whether e would be blocked, which an observer event never is.
func (r *Runner) Test(ctx context.Context, e Event) Outcome {
	if _, err := ParseKind(string(e.Kind)); err != nil {
		return Outcome{Block: true, Reason: err.Error()}
	}
	return r.decide(ctx, e, false)
}

func (r *Runner) decide(ctx context.Context, e Event, count bool) Outcome {
	matching := r.matching(&e)
	if len(matching) == 0 {
		return Outcome{}
	}
	j, err := r.job(&e, matching)
	if err != nil {
		return Outcome{Block: e.Kind.Gate(), Reason: clean(err.Error())}
	}
	runs := make([]Run, len(matching))
	var wg sync.WaitGroup
	for i, h := range matching {
		wg.Go(func() { runs[i] = r.place(ctx, h, &j) })
	}
	wg.Wait()
	out := Outcome{Runs: runs}
	for i, h := range matching {
		if count {
			r.count(h, &runs[i])
		}
		out.add(h, &runs[i])
	}
	if out.Block {
		out.Signals = nil
	}
	return out
}

// add joins the answer of h. Only a gate's hooks block; a failed one feeds nothing back.
func (o *Outcome) add(h *hook, run *Run) {
	if h.kind.Gate() && !o.Block && (run.Blocked || run.Failed && (!h.ignore || run.stopped)) {
		o.Block, o.Reason = true, fmt.Sprintf("hook %s: %s", run.Hook, run.Reason)
	}
	for _, s := range run.signals {
		o.Signals = append(o.Signals, s.Sample)
	}
}

// place waits for a place among the scripts of gate events and runs h there.
func (r *Runner) place(ctx context.Context, h *hook, j *job) Run {
	select {
	case r.gates <- struct{}{}:
		defer func() { <-r.gates }()
		return r.supervised(ctx, h, j)
	case <-ctx.Done():
		return h.notStarted(ctx)
	}
}

func (r *Runner) supervised(ctx context.Context, h *hook, j *job) Run {
	if ctx.Err() != nil {
		return h.notStarted(ctx)
	}
	r.running.Add(1)
	defer r.running.Add(^uint64(0))
	return r.run(ctx, h, j.environ, j.input)
}

func (h *hook) notStarted(ctx context.Context) Run {
	return Run{Hook: h.name, Exit: -1, Failed: true, stopped: true, Reason: "not started: " + context.Cause(ctx).Error()}
}

func (r *Runner) matching(e *Event) []*hook {
	var hs []*hook
	subject := e.subject()
	for _, h := range r.hooks[e.Kind] {
		if h.matches(subject) {
			hs = append(hs, h)
		}
	}
	return hs
}

func (r *Runner) job(e *Event, hs []*hook) (job, error) {
	if e.Node == "" {
		e.Node = r.cfg.Node
	}
	input, err := json.Marshal(e)
	if err != nil {
		return job{}, fmt.Errorf("hooks: write event %s: %w", e.Kind, err)
	}
	return job{kind: e.Kind, hooks: hs, environ: e.environ(), input: append(input, '\n')}, nil
}

var errRunTwice = errors.New("hooks: run: called twice")

// errStopped is why scripts are killed that outlast the time after Run's end.
var errStopped = errors.New("the node is stopping")
