package hooks

import (
	"slices"
	"time"
)

// Found is one hook as it was found, for a listing.
type Found struct {
	Event     Kind          `json:"event"`
	Source    string        `json:"source"` // "config", or the path of the file
	Matcher   string        `json:"matcher,omitempty"`
	Command   string        `json:"command"`
	Args      []string      `json:"args"` // null where a shell runs Command
	Timeout   time.Duration `json:"timeout_ns"`
	OnFailure string        `json:"on_failure"`
	Problem   string        `json:"problem,omitempty"` // why it would fail if it ran now
}

// HookStatus is what one hook has done since New.
type HookStatus struct {
	Event     Kind   `json:"event"`
	Hook      string `json:"hook"`
	Matcher   string `json:"matcher,omitempty"`
	Runs      uint64 `json:"runs"`
	Blocks    uint64 `json:"blocks"`
	Failures  uint64 `json:"failures"` // with the timeouts
	Timeouts  uint64 `json:"timeouts"`
	Discarded uint64 `json:"discarded"` // bytes of output that were not kept
	LastError string `json:"last_error,omitempty"`
}

// Status is what a Runner is doing and has done since New.
type Status struct {
	Running     uint64       `json:"running"` // scripts at this moment
	Queued      int          `json:"queued"`  // observer events that wait
	Queue       int          `json:"queue"`   // how many may
	Dropped     uint64       `json:"dropped"` // observer events
	SignalsLost uint64       `json:"signals_lost"`
	Hooks       []HookStatus `json:"hooks"`
}

// Found lists every hook, by event in the order of Kinds, then in the order of definition.
func (r *Runner) Found() []Found {
	all := []Found{}
	for _, k := range kinds {
		for _, h := range r.hooks[k] {
			f := Found{Event: k, Source: h.source, Matcher: h.matcher, Command: h.command,
				Args: slices.Clone(h.args), Timeout: h.timeout, OnFailure: Block}
			if h.ignore || !k.Gate() {
				f.OnFailure = Ignore
			}
			if err := h.problem(r.cfg.Base); err != nil {
				f.Problem = err.Error()
			}
			all = append(all, f)
		}
	}
	return all
}

// problem reports why h could not be started now, as far as that can be told without starting it.
func (h *hook) problem(base string) error {
	if path := scriptOf(Hook{Command: h.command, Args: h.args}); path != "" {
		return runnable(resolve(base, path))
	}
	if h.args != nil {
		return runnable(h.command)
	}
	return nil
}

// Status returns the figures of this moment.
func (r *Runner) Status() Status {
	s := Status{Running: r.running.Load(), Queued: len(r.queue), Queue: cap(r.queue),
		Dropped: r.dropped.Load(), SignalsLost: r.lostSignals.Load()}
	for _, k := range kinds {
		for _, h := range r.hooks[k] {
			hs := HookStatus{Event: k, Hook: h.name, Matcher: h.matcher, Runs: h.runs.Load(), Blocks: h.blocks.Load(),
				Failures: h.failures.Load(), Timeouts: h.timeouts.Load(), Discarded: h.discarded.Load()}
			if e := h.last.Load(); e != nil {
				hs.LastError = *e
			}
			s.Hooks = append(s.Hooks, hs)
		}
	}
	return s
}
