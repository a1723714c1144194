package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

// Plugin is one plugin: the sealed file, and the process that runs it now. When the process ends,
// breaks the protocol or lets a call's deadline pass, another is started at once; from the second
// failure in a row on after a pause, which doubles; after maxFailures the plugin is left alone for
// Config.Cooldown and its calls fail without waiting. An answered call ends the row.
type Plugin struct {
	loader  *Loader
	m       plugins.Manifest
	image   *os.File
	printed tail
	slots   chan struct{} // one for each call that may run
	cancel  func()        // ends keep
	gone    chan struct{} // closed when keep has returned and nothing is left

	about abi.Description
	said  []byte // the description, as the first process gave it

	mu       sync.Mutex
	closed   bool
	now      *instance     // nil while none runs
	changed  chan struct{} // closed and replaced when now or tripped changes
	failures int           // in a row
	last     error         // the latest of them
	tripped  bool
}

var _ plugins.Plugin = (*Plugin)(nil)

const (
	maxFailures = 5                     // in a row, then the plugin is left alone
	firstPause  = 50 * time.Millisecond // after the second failure in a row
)

func newPlugin(l *Loader, m plugins.Manifest, image *os.File) *Plugin {
	slots := m.Limits.Instances
	if m.Fresh {
		slots = 1 // so that a process never has two calls
	}
	return &Plugin{loader: l, m: m, image: image, slots: make(chan struct{}, slots),
		gone: make(chan struct{}), changed: make(chan struct{})}
}

// launch starts a process and asks it what it is. It must always say the same.
func (p *Plugin) launch(ctx context.Context) (*instance, error) {
	ctx, cancel := context.WithTimeout(ctx, p.loader.cfg.Start)
	defer cancel()
	i, err := p.begin(ctx)
	if err != nil {
		return nil, err
	}
	err = p.describe(ctx, i)
	if err == nil && !i.settled() {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("describe: %w", err), i.end())
	}
	return i, nil
}

func (p *Plugin) describe(ctx context.Context, i *instance) error {
	b, err := i.call(ctx, abi.OpDescribe, nil, nil)
	if err != nil {
		e, _ := judge(ctx, i, err)
		return e
	}
	if b, err = abi.Answer(b); err != nil {
		return err
	}
	if p.said != nil {
		if !bytes.Equal(b, p.said) {
			return plugins.Errorf(plugins.CodeProtocol, false, "description: %s, which another process of the same file did not say", brief(string(b)))
		}
		return nil
	}
	if err := p.about.Decode(b); err != nil {
		return plugins.Errorf(plugins.CodeProtocol, false, "%v", err)
	}
	p.said = b
	return nil
}

// install offers i to the callers.
func (p *Plugin) install(i *instance) {
	p.mu.Lock()
	p.now, p.tripped = i, false
	p.ring()
	p.mu.Unlock()
}

// ring tells whoever waits that something has changed. Hold mu.
func (p *Plugin) ring() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// keep has a process running until ctx ends, and returns when none is left.
func (p *Plugin) keep(ctx context.Context, i *instance) {
	defer close(p.gone)
	var graves sync.WaitGroup
	defer graves.Wait()
	for {
		if i != nil {
			p.watch(ctx, i)
			old := i
			graves.Go(func() { p.bury(ctx, old) })
		}
		if !p.pause(ctx) {
			return
		}
		next, err := p.launch(ctx)
		if i = next; err != nil {
			p.fail(err)
			continue
		}
		p.install(i)
	}
}

// watch waits until i is retired, by a call, by its own end or because ctx ends.
func (p *Plugin) watch(ctx context.Context, i *instance) {
	select {
	case <-i.retired:
	case <-i.child.exited:
		i.retire(i.crash())
	case <-ctx.Done():
		i.retire(nil)
	}
	p.mu.Lock()
	p.now = nil
	p.ring()
	p.mu.Unlock()
	if cause := i.fault(); cause != nil {
		p.fail(cause)
	}
}

// bury ends i once its calls have ended, each of which has its deadline, or at once when ctx ends. A
// process that has done nothing wrong may go by itself.
func (p *Plugin) bury(ctx context.Context, i *instance) {
	overdue := time.NewTimer(p.m.Limits.Deadline)
	defer overdue.Stop()
	select {
	case <-i.idle:
	case <-overdue.C:
	case <-ctx.Done():
	}
	if i.spotless() {
		grace := time.NewTimer(p.loader.cfg.Grace)
		defer grace.Stop()
		i.child.terminate()
		select {
		case <-i.child.exited:
		case <-grace.C:
		}
	}
	if err := i.end(); err != nil {
		p.loader.log.Error("plugin process left something", "name", p.m.Name, "error", err)
	}
}

// fail counts one failure in the row.
func (p *Plugin) fail(err error) {
	p.mu.Lock()
	p.failures++
	p.last = err
	n := p.failures
	p.tripped = n >= maxFailures
	p.ring()
	p.mu.Unlock()
	p.loader.log.Warn("plugin process failed", "name", p.m.Name, "in_a_row", n, "error", err)
}

// pause waits for as long as the row of failures asks, and reports whether to go on.
func (p *Plugin) pause(ctx context.Context) bool {
	p.mu.Lock()
	n := p.failures
	p.mu.Unlock()
	if n < 2 {
		return ctx.Err() == nil
	}
	wait := p.loader.cfg.Cooldown
	if n < maxFailures {
		wait = firstPause << (n - 2)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// Description returns what the process answered when it was first started.
func (p *Plugin) Description() abi.Description { return p.about }

// Printed returns the end of what the plugin's processes have printed. It may hold what callers
// said: it is for the owner.
func (p *Plugin) Printed() string { return p.printed.String() }

// Call runs one operation. It ends with ctx and limits.deadline, whatever the process does.
func (p *Plugin) Call(ctx context.Context, c plugins.Call, dst []byte) ([]byte, error) {
	if len(c.In) > p.m.Limits.InputBytes {
		return dst, plugins.Errorf(plugins.CodeInput, false, "message of %d bytes, want at most %d", len(c.In), p.m.Limits.InputBytes)
	}
	ctx, cancel := context.WithTimeout(ctx, p.m.Limits.Deadline)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return dst, plugins.Errorf(plugins.CodeBusy, true, "all %d places taken: %v", cap(p.slots), ctx.Err())
	}
	defer func() { <-p.slots }()
	i, err := p.take(ctx)
	if err != nil {
		return dst, err
	}
	defer i.leave()
	if p.m.Fresh {
		defer i.retire(nil)
	}
	out, err := i.call(ctx, c.Op, c.In, dst)
	if most := p.m.Limits.OutputBytes; err == nil && len(out)-len(dst)-1 > most {
		err = plugins.Errorf(plugins.CodeOutput, false, "answer of %d bytes, want at most %d", len(out)-len(dst)-1, most)
	}
	if err != nil {
		e, retire := judge(ctx, i, err)
		if retire {
			i.retire(e)
		}
		return dst, e
	}
	p.mu.Lock()
	p.failures = 0
	p.mu.Unlock()
	return out, nil
}

// take returns the running process, counted in. It waits for a start that is under way.
func (p *Plugin) take(ctx context.Context) (*instance, error) {
	for {
		p.mu.Lock()
		i, changed, closed, tripped, last := p.now, p.changed, p.closed, p.tripped, p.last
		p.mu.Unlock()
		switch {
		case closed:
			return nil, plugins.Errorf(plugins.CodeClosed, true, "the plugin is closing")
		case i != nil && i.enter():
			return i, nil
		case tripped:
			return nil, plugins.Errorf(plugins.CodeTrap, true, "left alone for %v after %d failures in a row: %v", p.loader.cfg.Cooldown, maxFailures, last)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, plugins.Errorf(plugins.CodeBusy, true, "the process restarts: %v", ctx.Err())
		}
	}
}

// Close waits until no call runs, or ctx ends, then ends the process: by SIGTERM, and by SIGKILL
// after Config.Grace. Nothing is left when it returns, whatever it returns.
func (p *Plugin) Close(ctx context.Context) error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.ring()
	p.mu.Unlock()
	if again {
		<-p.gone
		return nil
	}
	var late error
	for range cap(p.slots) {
		select {
		case p.slots <- struct{}{}:
			defer func() { <-p.slots }()
		case <-ctx.Done():
			late = fmt.Errorf("process: close %s: calls were running: %w", p.m.Name, ctx.Err())
		}
	}
	p.cancel()
	<-p.gone
	return errors.Join(late, p.image.Close())
}
