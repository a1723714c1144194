package hooks

import (
	"context"
	"sync"
	"time"
)

// Notify hands the observer event e to the hooks that match it and returns at once. The event is
// written down before Notify returns; its slices stay the caller's. What finds the queue full, or the
// Runner stopped, is dropped and counted.
func (r *Runner) Notify(e Event) {
	hs := r.matching(&e)
	if len(hs) == 0 {
		return
	}
	if e.Kind.Gate() {
		r.drop(e.Kind, "a gate event must be asked, not told")
		return
	}
	j, err := r.job(&e, hs)
	if err != nil {
		r.drop(e.Kind, err.Error())
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.drop(e.Kind, "stopped")
		return
	}
	select {
	case r.queue <- j:
	default:
		r.drop(e.Kind, "queue full")
	}
}

func (r *Runner) drop(kind Kind, why string) {
	r.dropped.Add(1)
	r.log.Warn("hook event dropped", "event", string(kind), "reason", why)
}

// Signals returns what hooks on observer events feed back. It holds as many samples as the queue holds
// events; what finds it full is dropped and counted. It is closed when Run returns.
func (r *Runner) Signals() <-chan Signal { return r.signals }

// Run runs the hooks of observer events until ctx ends, then takes no more, empties the queue within
// Config.Grace, kills what still runs, and returns nil. The hooks of one event run one after another in
// the order of definition; events begin in the order of Notify and may overlap. Run is called once.
func (r *Runner) Run(ctx context.Context) error {
	if !r.started.CompareAndSwap(false, true) {
		return errRunTwice
	}
	work, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(errStopped)
	var workers sync.WaitGroup
	for range r.observers {
		workers.Go(func() {
			for j := range r.queue {
				r.observe(work, j)
			}
		})
	}
	<-ctx.Done()
	r.mu.Lock()
	r.closed = true
	close(r.queue)
	r.mu.Unlock()
	late := time.AfterFunc(r.cfg.Grace, func() { kill(errStopped) })
	defer late.Stop()
	workers.Wait()
	close(r.signals)
	return nil
}

func (r *Runner) observe(ctx context.Context, j job) {
	if ctx.Err() != nil {
		r.drop(j.kind, "stopped")
		return
	}
	for _, h := range j.hooks {
		run := r.supervised(ctx, h, &j)
		r.count(h, &run)
		for _, s := range run.signals {
			r.feed(s)
		}
	}
}

func (r *Runner) feed(s Signal) {
	select {
	case r.signals <- s:
	default:
		r.lostSignals.Add(1)
		r.log.Warn("hook signal dropped", "hook", s.Hook, "reason", "nobody takes them fast enough")
	}
}

// count adds run to the figures of h and logs what is worth a look.
func (r *Runner) count(h *hook, run *Run) {
	h.runs.Add(1)
	h.discarded.Add(run.Discarded)
	if !run.Blocked && !run.Failed {
		r.log.Debug("hook ran", "event", string(h.kind), "hook", run.Hook, "elapsed", run.Elapsed)
		return
	}
	what := "hook blocked"
	switch {
	case run.Failed:
		what = "hook did not answer"
		h.failures.Add(1)
		h.last.Store(&run.Reason)
	case !h.kind.Gate():
		what = "hook cannot block what it observes"
		fallthrough
	default:
		h.blocks.Add(1)
	}
	if run.TimedOut {
		h.timeouts.Add(1)
	}
	r.log.Warn(what, "event", string(h.kind), "hook", run.Hook, "exit", run.Exit, "reason", run.Reason,
		"elapsed", run.Elapsed)
}
