package plugins

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/becomingone/becomingone/sdk/abi"
)

// Reload looks for the manifests again and makes the set what they say: new ones are loaded beside
// what runs, then all changes take effect at once, then OnChange is told. Calls that run on what was
// replaced end there and nothing is dropped; an observer that was replaced is first fed what waited
// for it. A plugin whose manifest has not changed stays as it is, a failed one is tried again.
//
// It returns once the changes have taken effect. An error says which plugins failed to load, or that
// ctx or the set ended; a reload that was begun goes on. It waits for Run and, if it is called early,
// until the first load is over.
func (s *Set) Reload(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case s.reloads <- done:
	case <-s.stopped:
		return fmt.Errorf("plugins: reload: %w", Errorf(CodeClosed, true, "the node is stopping"))
	case <-ctx.Done():
		return fmt.Errorf("plugins: reload: %w", context.Cause(ctx))
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("plugins: reload: %w", context.Cause(ctx))
	}
}

// reload runs on Run's goroutine, so that there is one at a time.
func (s *Set) reload(ctx context.Context, tasks *sync.WaitGroup) error {
	old := s.current()
	next, fresh, gone := s.compare(old)
	if len(fresh)+len(gone) == 0 {
		return nil
	}
	s.load(ctx, fresh, func(*entry) {})
	s.members.Lock()
	s.entries = next
	s.members.Unlock()
	s.change(func(t *table) {
		*t = table{}
		for _, e := range next {
			if e.stateNow() == Active {
				t.add(e)
			}
		}
	})
	s.tell()
	var errs []error
	for _, e := range fresh {
		switch e.stateNow() {
		case Failed:
			errs = append(errs, errors.New(e.problem))
		case Active:
			if e.m.Kind == abi.KindObserver {
				tasks.Go(func() { s.observe(ctx, e) })
			}
		}
	}
	for _, e := range gone {
		tasks.Go(func() { s.retire(ctx, e) })
	}
	return errors.Join(errs...)
}

// compare returns the entries that the manifests ask for, those of them that are new, and those of
// old that are not among them.
func (s *Set) compare(old []*entry) (next, fresh, gone []*entry) {
	type identity struct {
		path string
		sum  [32]byte
	}
	keep := make(map[identity]*entry, len(old))
	for _, e := range old {
		if e.stateNow() == Active {
			keep[identity{e.path, e.found.sum}] = e
		}
	}
	kept := make(map[*entry]bool, len(old))
	c := claims{}
	for _, f := range s.discover() {
		err := c.take(f)
		if e := keep[identity{f.Path, f.sum}]; e != nil && err == nil {
			next, kept[e] = append(next, e), true
			continue
		}
		e := s.newEntry(f, err)
		next, fresh = append(next, e), append(fresh, e)
	}
	for _, e := range old {
		if !kept[e] {
			gone = append(gone, e)
		}
	}
	return next, fresh, gone
}

// retire closes what nothing new is given to, once its last call has ended.
func (s *Set) retire(ctx context.Context, e *entry) {
	e.mu.Lock()
	e.retired = true
	p := e.plugin
	e.mu.Unlock()
	if p == nil {
		return
	}
	if e.fed != nil {
		close(e.replaced)
		<-e.fed
	}
	e.running.Wait()
	// A call that its caller no longer waits for ends by its fuel, also when the node stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), MaxLimits().Deadline)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		s.log.Error("replaced plugin not closed", "name", e.m.Name, "error", err)
		return
	}
	s.log.Info("plugin unloaded", "name", e.m.Name, "version", e.m.Version, "digest", e.m.SHA256)
}

// begin keeps e from being closed until end, and reports false if it has been replaced.
func (e *entry) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.retired {
		return false
	}
	e.running.Add(1)
	return true
}

func (e *entry) end() { e.running.Done() }
