package plugins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
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
	ready   chan struct{}
	reloads chan chan error // to Run
	stopped chan struct{}   // Run has returned
	closed  atomic.Bool

	members sync.RWMutex // guards entries
	entries []*entry     // in the order of discovery
	table   atomic.Pointer[table]
	publish sync.Mutex // orders changes of table; no call waits for it
}

// table is who does what; never changed once it is published.
type table struct {
	actions  map[string]*offer
	channels map[string]*entry
}

// entry is one manifest and what became of it.
type entry struct {
	path     string
	m        Manifest
	found    Found
	slots    chan struct{} // one for each call that may run
	queue    queue         // for an observer
	replaced chan struct{} // closed once nothing more is given to an observer
	fed      chan struct{} // closed when an observer's loop has ended
	plugin   Plugin        // set before it is Active, never changed
	offers   []*offer      // set with plugin

	mu      sync.Mutex // guards what follows
	state   State
	problem string
	refused []string
	retired bool
	running sync.WaitGroup // of those between begin and end

	calls, failures, records, dropped atomic.Uint64
}

// offer is one action of an active plugin.
type offer struct {
	action Action
	in     *schema
	out    *schema
	entry  *entry
}

// NewSet finds the manifests and starts nothing: Run loads them. loaders are by ABI name. A
// manifest that cannot be read, and one whose name, action or channel an earlier one has, is Failed;
// only a bad cfg is an error.
func NewSet(cfg Config, loaders map[string]Loader) (*Set, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Parallel = or(cfg.Parallel, 2)
	cfg.Queue = or(cfg.Queue, 4096)
	cfg.Batch = or(cfg.Batch, 256)
	s := &Set{cfg: cfg, loaders: loaders, log: cfg.Log, ready: make(chan struct{}),
		reloads: make(chan chan error), stopped: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.table.Store(&table{})
	c := claims{}
	for _, f := range s.discover() {
		s.entries = append(s.entries, s.newEntry(f, c.take(f)))
	}
	return s, nil
}

func or(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

func (s *Set) discover() []Found {
	found := Discover(s.cfg.Dirs)
	for _, name := range sortedKeys(s.cfg.Embedded) {
		found = append(found, DiscoverFS(name, s.cfg.Embedded[name])...)
	}
	if s.cfg.More != nil {
		found = append(found, s.cfg.More()...)
	}
	return found
}

// claims are the manifests' names, by what they are of, and the path of the manifest that has it.
type claims map[string]string

// take claims a manifest's names, so that which of two plugins wins depends on the order of the
// manifests and not on which loads faster. A manifest that wins not all of them gets none.
func (c claims) take(f Found) error {
	if f.Err != nil {
		return f.Err
	}
	wanted := []string{fmt.Sprintf("name %q", f.Manifest.Name)}
	for _, a := range sortedKeys(f.Manifest.Actions) {
		wanted = append(wanted, fmt.Sprintf("action %q", a))
	}
	for _, ch := range f.Manifest.Channels {
		wanted = append(wanted, fmt.Sprintf("channel %q", ch))
	}
	for _, w := range wanted {
		if other := c[w]; other != "" {
			return fmt.Errorf("plugins: load %s: %s: %s has it", f.Path, w, other)
		}
	}
	for _, w := range wanted {
		c[w] = f.Path
	}
	return nil
}

// newEntry is Loading, or Failed by err.
func (s *Set) newEntry(f Found, err error) *entry {
	e := &entry{path: f.Path, m: f.Manifest, found: f, state: Loading}
	e.slots = make(chan struct{}, max(1, f.Manifest.Limits.Instances))
	if f.Manifest.Kind == abi.KindObserver {
		e.queue.init(s.cfg.Queue)
		e.replaced, e.fed = make(chan struct{}), make(chan struct{})
	}
	if err != nil {
		e.state, e.problem = Failed, err.Error()
	}
	return e
}

// Run loads the plugins, keeps the observers fed, serves Reload, and returns nil after ctx ends and
// all of that has stopped. What one plugin does wrong is its Status, never Run's error. Call it once.
func (s *Set) Run(ctx context.Context) error {
	defer close(s.stopped)
	var tasks sync.WaitGroup // observers, and what waits to be closed
	s.load(ctx, s.current(), func(e *entry) {
		s.change(func(t *table) { t.add(e) })
		s.tell()
		if e.m.Kind == abi.KindObserver {
			tasks.Go(func() { s.observe(ctx, e) })
		}
	})
	close(s.ready)
	for {
		select {
		case <-ctx.Done():
			tasks.Wait()
			return nil
		case done := <-s.reloads:
			done <- s.reload(ctx, &tasks)
		}
	}
}

// Ready is closed once every plugin is Active or Failed.
func (s *Set) Ready() <-chan struct{} { return s.ready }

func (s *Set) current() []*entry {
	s.members.RLock()
	defer s.members.RUnlock()
	return slices.Clone(s.entries)
}

// load loads those entries that are Loading, some at once, and calls active for each that has become
// Active, from many goroutines.
func (s *Set) load(ctx context.Context, entries []*entry, active func(e *entry)) {
	var g errgroup.Group
	g.SetLimit(s.cfg.Parallel)
	for _, e := range entries {
		switch e.stateNow() {
		case Failed:
			s.log.Error("plugin failed", "path", e.path, "error", e.problem)
		case Loading:
			g.Go(func() error {
				if s.start(ctx, e) {
					active(e)
				}
				return nil
			})
		}
	}
	_ = g.Wait() // nothing returns an error
}

// start reports whether e has become Active.
func (s *Set) start(ctx context.Context, e *entry) bool {
	p, offers, refused, err := s.open(ctx, e)
	if err == nil && s.closed.Load() {
		err = errors.Join(errors.New("plugins: load: the node is stopping"), p.Close(ctx))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.state, e.problem = Failed, err.Error()
		s.log.Error("plugin failed", "path", e.path, "error", err)
		return false
	}
	e.state, e.plugin, e.offers, e.refused = Active, p, offers, refused
	s.log.Info("plugin loaded", "name", e.m.Name, "version", e.m.Version, "digest", e.m.SHA256, "refused", refused)
	return true
}

// change publishes a changed copy of the table, so that readers never wait.
func (s *Set) change(edit func(t *table)) {
	s.publish.Lock()
	defer s.publish.Unlock()
	old := s.table.Load()
	next := &table{actions: maps.Clone(old.actions), channels: maps.Clone(old.channels)}
	edit(next)
	s.table.Store(next)
}

func (t *table) add(e *entry) {
	if t.actions == nil {
		t.actions, t.channels = make(map[string]*offer), make(map[string]*entry)
	}
	for _, o := range e.offers {
		t.actions[o.action.Name] = o
	}
	for _, c := range e.m.Channels {
		t.channels[c] = e
	}
}

func (s *Set) tell() {
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
	for _, e := range s.current() {
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
	offers := s.table.Load().actions
	all := make([]Action, 0, len(offers))
	for _, name := range sortedKeys(offers) {
		all = append(all, offers[name].action)
	}
	return all
}

// Status returns how each plugin fares, in the order of discovery.
func (s *Set) Status() []Status {
	entries := s.current()
	all := make([]Status, 0, len(entries))
	for _, e := range entries {
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
