// Package host composes the node: one intake makes one order of events, the kernel decides, one log
// keeps what happened, and only then does anyone hear of it.
//
//	Sense, Say, Call -> intake -> [step] kernel -> [act] hooks, plugin -> [record] log -> [publish]
//
// One goroutine owns the kernel and takes the intake in order; a second one waits for the log and
// publishes in the same order. Actions run beside them and come back through the same loop, so that
// the log's order is the order in which the node knew of things. Nothing calls back into the kernel.
//
// # Bounds
//
//	intake        Config.Intake items (1024), each a call or up to 256 lines: a full intake makes the caller wait
//	cycle         closed at 256 inputs or the end of the item that passes them: one micro leaf, one group commit
//	action        a cycle stays open for up to 2 ms for the actions that it has started
//	unpublished   16 cycles: a slow disk makes the intake wait
//	questions     10,000, of 1,000 sessions, 16 MiB; the oldest gives way and counts as never asked
//	calls         Config.Calls in flight (256): one more is refused with ErrBusy
//	observers     their queues are their own; what does not fit is dropped and counted
package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/becomingone/becomingone/hooks"
	"github.com/becomingone/becomingone/host/breaker"
	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

// What callers branch on.
var (
	ErrStopped = errors.New("host: the node is stopping")
	ErrBusy    = errors.New("host: too many calls in flight")
)

// Actions are what a collapsed call executes.
type Actions interface {
	Actions() []plugins.Action
	// Check returns the action if the arguments fit its schema, before anything is decided.
	Check(ctx context.Context, action string, arguments []byte) (plugins.Action, error)
	Act(ctx context.Context, in abi.ActInput) (abi.ActOutput, error)
}

// Hooks are a person's scripts on events.
type Hooks interface {
	Gate(ctx context.Context, e hooks.Event) hooks.Outcome
	Notify(e hooks.Event)
}

// Feed hears of what happened after it was recorded. Neither method may block.
type Feed interface {
	Publish(event string, data json.RawMessage)
}

// Observer sees records after they are durable. It must not block.
type Observer interface {
	Observe(ctx context.Context, in abi.ObserveInput) error
}

// Config sizes a Runtime.
type Config struct {
	Name          string        // the node's name, in hook events
	Version       string        // of the program
	Kernel        kernel.Config // what the kernel is
	Intake        int           // inputs that may wait; 0 is 1024
	Calls         int           // calls in flight; 0 is 256
	SnapshotEvery time.Duration // between two records of the kernel's whole state; 0 is one minute
	Guarded       []string      // channels whose samples are taken from the owner and from sources only
	Grace         time.Duration // how long actions may still run after a stop; 0 is 10 s

	Shadow       bool           // what an agent's session key or a breaker would refuse is recorded, and passes
	Breakers     breaker.Config // limits of each tool in each session; the zero value is none
	QuestionLife time.Duration  // how long a question waits, and a yes for its call: up to 23 h; 0 is ten minutes
}

// Parts are what a Runtime is composed of. Log, Actions and Hooks are required.
type Parts struct {
	Log      *store.Log
	Actions  Actions
	Hooks    Hooks
	Feed     Feed     // nil: nobody listens
	Observer Observer // nil: nobody observes
	Logger   *slog.Logger
}

// Runtime is the pipeline. Its methods are safe for concurrent use; they work while Run does.
type Runtime struct {
	cfg   Config
	parts Parts
	log   *slog.Logger

	kernel  *kernel.Kernel
	intake  chan item
	queries chan func(*cycle)
	done    chan *execution
	sealed  chan sealed
	calls   chan struct{}
	closing chan struct{}
	dead    chan struct{} // closed when the loop has ended: nothing more is taken
	ended   chan struct{} // closed when Run has: nothing more is answered

	door   sync.RWMutex // held for reading while something is put into the intake
	closed bool
	acts   sync.WaitGroup

	recovered Recovery
	loop      loopState
	state     published
	asked     *questions
	breaker   *breaker.Breaker // the loop's alone
}

const (
	maxCycle       = 256                  // inputs of a cycle
	maxWaiting     = 16                   // cycles that wait to be durable
	actionPatience = 2 * time.Millisecond // how long a cycle stays open for the actions that it has started
	snapshotCycles = 4096                 // cycles after which the state is recorded even if the time has not come
)

// New restores the kernel from the log (see Recovery) and starts nothing.
func New(ctx context.Context, cfg Config, parts Parts) (*Runtime, error) {
	if parts.Log == nil || parts.Actions == nil || parts.Hooks == nil {
		return nil, errors.New("host: log, actions and hooks: want all three")
	}
	if cfg.Intake < 0 || cfg.Calls < 0 || cfg.SnapshotEvery < 0 || cfg.Grace < 0 {
		return nil, fmt.Errorf("host: intake %d, calls %d, snapshot_every %v, grace %v: want none below 0",
			cfg.Intake, cfg.Calls, cfg.SnapshotEvery, cfg.Grace)
	}
	cfg = cfg.withDefaults()
	if parts.Logger == nil {
		parts.Logger = slog.New(slog.DiscardHandler)
	}
	k, rec, err := Recover(ctx, parts.Log, cfg.Kernel)
	if err != nil {
		return nil, err
	}
	parts.Logger.Info("kernel ready", "restored", !rec.Fresh, "inputs", rec.Inputs, "gaps", rec.Gaps)
	r := &Runtime{
		cfg: cfg, parts: parts, log: parts.Logger, kernel: k,
		intake:  make(chan item, cfg.Intake),
		queries: make(chan func(*cycle)),
		done:    make(chan *execution, cfg.Calls),
		sealed:  make(chan sealed, maxWaiting),
		calls:   make(chan struct{}, cfg.Calls),
		closing: make(chan struct{}),
		dead:    make(chan struct{}),
		ended:   make(chan struct{}),
	}
	r.recovered = rec
	r.loop = loopState{at: rec.At, shown: map[string]int64{}, states: map[string]gate.State{}}
	for _, f := range k.Fields() {
		r.loop.states[f.Field] = f.State // what held before the stop is no news
	}
	r.state.init()
	r.asked, r.breaker = newQuestions(cfg.QuestionLife), breaker.New(cfg.Breakers)
	return r, nil
}

func (c Config) withDefaults() Config {
	if c.Intake == 0 {
		c.Intake = 1024
	}
	if c.Calls == 0 {
		c.Calls = 256
	}
	if c.SnapshotEvery == 0 {
		c.SnapshotEvery = time.Minute
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.QuestionLife == 0 {
		c.QuestionLife = 10 * time.Minute
	}
	return c
}

// Run takes the intake until ctx ends, then answers everything that it accepted, records the
// kernel's state and returns nil. A log that fails ends it with that cause: a node that cannot
// witness does not act. The log's own Run must go on until this one has returned.
func (r *Runtime) Run(ctx context.Context) error {
	defer close(r.ended)
	actCtx, cancelActs := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelActs()
	stop := context.AfterFunc(ctx, func() {
		r.shut()
		timer := time.AfterFunc(r.cfg.Grace, cancelActs)
		context.AfterFunc(actCtx, func() { timer.Stop() })
	})
	defer stop()

	published := make(chan error, 1)
	go func() { published <- r.publish() }()
	err := r.run(actCtx)
	close(r.dead) // whoever still waits for room is sent away, so that the door can close
	r.shut()
	cancelActs()
	r.acts.Wait()
	r.refuseRest()
	close(r.sealed)
	return errors.Join(err, <-published)
}

// refuseRest answers what a loop that failed has left behind; after a clean stop there is nothing.
func (r *Runtime) refuseRest() {
	for {
		select {
		case it := <-r.intake:
			if it.call != nil {
				it.call.reply(it.call.out, ErrStopped)
			} else {
				it.reply(nil, ErrStopped)
			}
		case x := <-r.done:
			x.reply(x.out, ErrStopped)
		default:
			return
		}
	}
}

// shut closes the door: what is inside is still answered, nothing more comes in.
func (r *Runtime) shut() {
	r.door.Lock()
	defer r.door.Unlock()
	if !r.closed {
		r.closed = true
		close(r.closing)
	}
}

// offer puts it into the intake, waiting for room.
func (r *Runtime) offer(ctx context.Context, it item) error {
	r.door.RLock()
	defer r.door.RUnlock()
	if r.closed {
		return ErrStopped
	}
	select {
	case r.intake <- it:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("host: offer: %w", context.Cause(ctx))
	case <-r.dead:
		return ErrStopped
	}
}

// ask runs f in the loop, between two cycles, and waits for it.
func (r *Runtime) ask(ctx context.Context, f func()) error {
	finished := make(chan struct{})
	select {
	case r.queries <- func(*cycle) { f(); close(finished) }:
		<-finished
		return nil
	case <-ctx.Done():
		return fmt.Errorf("host: ask: %w", context.Cause(ctx))
	case <-r.dead:
		return ErrStopped
	}
}

// tell lets f add to the next cycle.
func (r *Runtime) tell(f func(*cycle)) error {
	select {
	case r.queries <- f:
		return nil
	case <-r.dead:
		return ErrStopped
	}
}
