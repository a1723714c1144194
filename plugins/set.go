package plugins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/becomingone/becomingone/sdk/abi"
)

// Config says where plugins are and who hears of them.
type Config struct {
	Dirs     []string         // folders to search, as Discover does
	Embedded map[string]fs.FS // more folders, by a name for people
	More     func() []Found   // further manifests, asked by NewSet and each Reload; nil: none
	Parallel int              // plugins that load at once; 0: 2
	Queue    int              // records that wait for one observer; 0: 4096
	Batch    int              // most records of one call; 0: 256

	// OnChange, if set, is told after Actions has changed. OnObservation, if set, gets what an
	// observer adds, and owns it. Both are called from Run's goroutines, which wait for them.
	OnChange      func()
	OnObservation func(plugin string, o []abi.Observation)
	Log           *slog.Logger // nil discards
}

// Validate names the first field outside its range.
func (c Config) Validate() error {
	for _, f := range []struct {
		name        string
		value, most int
	}{{"Parallel", c.Parallel, 64}, {"Queue", c.Queue, 1 << 20}, {"Batch", c.Batch, abi.MaxBatch}} {
		if f.value < 0 || f.value > f.most {
			return fmt.Errorf("plugins: config %s %d: want 0…%d", f.name, f.value, f.most)
		}
	}
	return nil
}

// Set is the node's plugins. Its methods are safe for concurrent use.
type Set struct {
	cfg     Config
	loaders map[string]Loader
	log     *slog.Logger
	entries []*entry // fixed by New, in the order of discovery
	ready   chan struct{}
	closed  atomic.Bool
	actions atomic.Pointer[map[string]*offer]
	publish sync.Mutex // orders changes of actions; no call waits for it
}

// entry is one manifest and what became of it.
type entry struct {
	path  string
	m     Manifest
	found Found
	slots chan struct{} // one for each call that may run
	queue queue         // for an observer

	mu      sync.Mutex // guards what follows
	state   State
	plugin  Plugin
	problem string
	refused []string

	calls, failures, records, dropped atomic.Uint64
}

// offer is one action of an active plugin.
type offer struct {
	action Action
	in     *schema
	out    *schema
	entry  *entry
	plugin Plugin
}

// NewSet finds the manifests and starts nothing: Run loads them. loaders are by ABI name. A
// manifest that cannot be read, and one whose name or action an earlier one has, is Failed; only a
// bad cfg is an error.
func NewSet(cfg Config, loaders map[string]Loader) (*Set, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Parallel = or(cfg.Parallel, 2)
	cfg.Queue = or(cfg.Queue, 4096)
	cfg.Batch = or(cfg.Batch, 256)
	s := &Set{cfg: cfg, loaders: loaders, log: cfg.Log, ready: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.actions.Store(&map[string]*offer{})
	found := Discover(cfg.Dirs)
	for _, name := range sortedKeys(cfg.Embedded) {
		found = append(found, DiscoverFS(name, cfg.Embedded[name])...)
	}
	if cfg.More != nil {
		found = append(found, cfg.More()...)
	}
	names, actions := make(map[string]string), make(map[string]string)
	for _, f := range found {
		s.entries = append(s.entries, s.newEntry(f, names, actions))
	}
	return s, nil
}

func or(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

// newEntry claims the manifest's names, so that which of two plugins wins depends on the order of
// the manifests and not on which loads faster.
func (s *Set) newEntry(f Found, names, actions map[string]string) *entry {
	e := &entry{path: f.Path, m: f.Manifest, found: f, state: Loading}
	e.slots = make(chan struct{}, max(1, f.Manifest.Limits.Instances))
	if f.Manifest.Kind == abi.KindObserver {
		e.queue.init(s.cfg.Queue)
	}
	err := f.Err
	if err == nil {
		if other := names[f.Manifest.Name]; other != "" {
			err = fmt.Errorf("plugins: load %s: name %q: %s has it", f.Path, f.Manifest.Name, other)
		}
	}
	for _, a := range sortedKeys(f.Manifest.Actions) {
		if other := actions[a]; other != "" && err == nil {
			err = fmt.Errorf("plugins: load %s: action %q: %s has it", f.Path, a, other)
		}
	}
	if err != nil {
		e.state, e.problem = Failed, err.Error()
		return e
	}
	names[f.Manifest.Name] = f.Path
	for a := range f.Manifest.Actions {
		actions[a] = f.Path
	}
	return e
}

// Run loads the plugins, keeps the observers fed, and returns nil after ctx ends and they have
// stopped. What one plugin does wrong is its Status, never Run's error. Call it once.
func (s *Set) Run(ctx context.Context) error {
	for _, e := range s.entries {
		if e.state == Failed {
			s.log.Error("plugin failed", "path", e.path, "error", e.problem)
		}
	}
	var load, observe errgroup.Group
	load.SetLimit(s.cfg.Parallel)
	for _, e := range s.entries {
		if e.state == Failed {
			continue
		}
		load.Go(func() error {
			if s.load(ctx, e) && e.m.Kind == abi.KindObserver {
				observe.Go(func() error { s.observe(ctx, e); return nil })
			}
			return nil
		})
	}
	_ = load.Wait() // nothing returns an error
	close(s.ready)
	<-ctx.Done()
	return observe.Wait()
}

// Ready is closed once every plugin is Active or Failed.
func (s *Set) Ready() <-chan struct{} { return s.ready }

// load reports whether e has become Active.
func (s *Set) load(ctx context.Context, e *entry) bool {
	p, offers, refused, err := s.open(ctx, e)
	if err == nil && s.closed.Load() {
		err = errors.Join(errors.New("plugins: load: the node is stopping"), p.Close(ctx))
	}
	e.mu.Lock()
	if err != nil {
		e.state, e.problem = Failed, err.Error()
	} else {
		e.state, e.plugin, e.refused = Active, p, refused
	}
	e.mu.Unlock()
	if err != nil {
		s.log.Error("plugin failed", "path", e.path, "error", err)
		return false
	}
	s.log.Info("plugin loaded", "name", e.m.Name, "version", e.m.Version, "digest", e.m.SHA256, "refused", refused)
	s.change(func(all map[string]*offer) {
		for _, o := range offers {
			all[o.action.Name] = o
		}
	})
	return true
}

// change publishes a changed copy of the actions, so that readers never wait.
func (s *Set) change(edit func(all map[string]*offer)) {
	s.publish.Lock()
	next := make(map[string]*offer)
	for name, o := range *s.actions.Load() {
		next[name] = o
	}
	edit(next)
	s.actions.Store(&next)
	s.publish.Unlock()
	if s.cfg.OnChange != nil {
		s.cfg.OnChange()
	}
}

// Close refuses further calls, waits until none runs or ctx ends, and closes every plugin. Call it
// after Run has returned; a second Close does nothing.
func (s *Set) Close(ctx context.Context) error {
	if s.closed.Swap(true) {
		return nil
	}
	var all []error
	for _, e := range s.entries {
		e.mu.Lock()
		p := e.plugin
		e.mu.Unlock()
		if p == nil {
			continue
		}
		if err := p.Close(ctx); err != nil {
			all = append(all, fmt.Errorf("plugins: close %s: %w", e.m.Name, err))
		}
	}
	return errors.Join(all...)
}

// Actions returns the actions of all active plugins, ordered by name. The caller owns the slice;
// the schemas in it are shared and must not be changed.
func (s *Set) Actions() []Action {
	offers := *s.actions.Load()
	all := make([]Action, 0, len(offers))
	for _, name := range sortedKeys(offers) {
		all = append(all, offers[name].action)
	}
	return all
}

// Status returns how each plugin fares, ordered by its manifest's path.
func (s *Set) Status() []Status {
	all := make([]Status, 0, len(s.entries))
	for _, e := range s.entries {
		e.mu.Lock()
		st := Status{
			Name: e.m.Name, Version: e.m.Version, Kind: e.m.Kind, Digest: e.m.SHA256, Path: e.path,
			State: e.state, Error: e.problem, Refused: slices.Clone(e.refused),
		}
		e.mu.Unlock()
		st.Calls, st.Failures = e.calls.Load(), e.failures.Load()
		st.Records, st.Dropped = e.records.Load(), e.dropped.Load()
		st.Waiting = e.queue.len()
		all = append(all, st)
	}
	return all
}
