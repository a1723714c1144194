package wasm

import (
	"context"

	"github.com/becomingone/becomingone/plugins"
)

// take returns an instance for the session: its own, else one that has served nobody.
func (p *Plugin) take(ctx context.Context, session string) (*instance, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, plugins.Errorf(plugins.CodeClosed, true, "the plugin is closing")
	}
	for n := len(p.idle) - 1; n >= 0; n-- {
		if i := p.idle[n]; i.session == session {
			p.idle = append(p.idle[:n], p.idle[n+1:]...)
			p.mu.Unlock()
			return i, nil
		}
	}
	var old *instance
	if len(p.idle)+len(p.slots) > cap(p.slots) && len(p.idle) > 0 {
		old = p.idle[0]
		p.idle = append(p.idle[:0], p.idle[1:]...)
	}
	i := p.warm
	p.warm = nil
	p.mu.Unlock()
	p.ring()
	if old != nil {
		if err := old.close(ctx); err != nil {
			return nil, err
		}
	}
	if i == nil {
		var err error
		if i, err = p.instantiate(ctx); err != nil {
			return nil, err
		}
	}
	i.session = session
	return i, nil
}

// put keeps an instance for its session. There is room: take made it when it counted the call.
func (p *Plugin) put(i *instance) {
	p.mu.Lock()
	p.idle = append(p.idle, i)
	p.mu.Unlock()
}

// ring asks for a warm instance; the bell is closed under mu, so that nothing rings afterwards.
func (p *Plugin) ring() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// refill keeps one instance warm until Close. What goes wrong here goes wrong again for the next
// caller, who then makes an instance itself and hears of it.
func (p *Plugin) refill(ctx context.Context) {
	defer p.refills.Done()
	for range p.bell {
		p.loader.running <- struct{}{}
		i, err := p.instantiate(ctx)
		<-p.loader.running
		if err != nil {
			continue
		}
		p.mu.Lock()
		spare := i
		if p.warm == nil && !p.closed {
			p.warm, spare = i, nil
		}
		p.mu.Unlock()
		if spare != nil {
			_ = spare.close(ctx) // a module without files has nothing to fail with
		}
	}
}
