package mcp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// ServeStdio speaks to one client, one JSON-RPC message a line, until in ends, ctx ends, or the
// server is closed. At the end of in, calls under way may finish within Config.Drain. It returns
// nil then, and otherwise the first error of in or out.
//
// It returns when all of its calls have returned. If in is an io.Closer it is closed, to release a
// blocked Read. A Read that does not heed that, and a Write that blocks because the client does not
// read, are left behind when ctx ends or the server is closed; they use nothing but in and out.
//
// The library's stdio server is not used: it reads lines of any length, shares one session between
// all connections, and drops what is under way when in ends.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, end, busy := s.begin(ctx, false)
	if busy != nil {
		return ErrClosed
	}
	defer end()
	c := &conn{
		s: s, out: make(chan outgoing, backlog), pending: map[string]*pending{},
		session: newStdioSession("stdio-" + strings.ToLower(rand.Text())),
	}
	if err := s.core.RegisterSession(ctx, c.session); err != nil {
		return fmt.Errorf("mcp: stdio: %w", err)
	}
	defer s.core.UnregisterSession(ctx, c.session.id)
	return c.serve(ctx, in, out)
}

// conn is one stdio connection.
type conn struct {
	s       *Server
	session *stdioSession

	out  chan outgoing
	gone <-chan struct{}         // closed when the connection ends
	fail context.CancelCauseFunc // ends the connection, with the first error

	calls   sync.WaitGroup // requests under way
	mu      sync.Mutex
	pending map[string]*pending // by the id's literal
}

// pending is one request under way.
type pending struct {
	cancel    context.CancelFunc
	listen    *listenSession // set for subscriptions/listen
	cancelled bool           // by the client, who then wants no answer
}

// outgoing is one line to write, or a question whether all before it have been written.
type outgoing struct {
	b       []byte
	written chan<- struct{} // closed instead of a write
}

func (c *conn) serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, c.fail = context.WithCancelCause(ctx)
	defer c.fail(nil)
	c.gone = ctx.Done()
	if closer, ok := in.(io.Closer); ok {
		defer context.AfterFunc(ctx, func() { _ = closer.Close() })()
	}
	lines := make(chan line)
	go readLines(ctx, in, c.s.cfg.MaxBody, lines)
	go c.writeLines(ctx, out)
	var notes sync.WaitGroup
	notes.Go(func() { c.forward(ctx) })

	err := c.read(ctx, lines)
	if err == nil {
		c.drain(ctx)
	}
	c.fail(err)
	c.calls.Wait()
	notes.Wait()
	if err = context.Cause(ctx); errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// read handles messages until in or ctx ends.
func (c *conn) read(ctx context.Context, lines <-chan line) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-lines:
			if l.long {
				c.refuse(nil, &rpcError{codeInvalid, fmt.Sprintf("message: longer than %d bytes", c.s.cfg.MaxBody)})
			} else if len(bytes.TrimSpace(l.b)) > 0 {
				c.handle(ctx, l.b)
			}
			if errors.Is(l.err, io.EOF) {
				return nil
			}
			if l.err != nil {
				return fmt.Errorf("mcp: stdio: read: %w", l.err)
			}
		}
	}
}

// drain lets requests finish and their answers go out; a subscription has nothing to finish.
func (c *conn) drain(ctx context.Context) {
	c.mu.Lock()
	for _, p := range c.pending {
		if p.listen != nil {
			p.cancel()
		}
	}
	c.mu.Unlock()
	written := make(chan struct{})
	go func() {
		c.calls.Wait()
		c.enqueue(outgoing{written: written})
	}()
	timer := time.NewTimer(c.s.cfg.Drain)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// handle answers one message, or starts what will.
func (c *conn) handle(ctx context.Context, raw []byte) {
	env, bad := open(raw, c.s.cfg.MaxDepth)
	if bad != nil {
		c.refuse(nil, bad)
		return
	}
	wants, bad := env.request()
	switch {
	case bad != nil:
		c.refuse(nil, bad)
	case env.Method == "": // the answer to a request; this server sends none
	case env.Method == string(mcp.MethodNotificationCancelled):
		c.cancel(env.cancels())
	case !wants:
		c.write(c.dispatch(c.s.core.WithContext(ctx, c.session), raw, env.ID))
	case env.Method == string(mcp.MethodInitialize): // in order: what follows relies on it
		c.write(c.dispatch(c.s.core.WithContext(ctx, c.session), raw, env.ID))
		c.session.legacy.Store(true)
	default:
		c.start(ctx, raw, env)
	}
}

// start answers a request beside those under way.
func (c *conn) start(ctx context.Context, raw []byte, env envelope) {
	ctx, end, busy := c.s.begin(ctx, true)
	if busy != nil {
		c.refuse(env.ID, busy)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	id, p := string(env.ID), &pending{cancel: cancel}
	if env.Method == string(mcp.MethodSubscriptionsListen) {
		var request any
		if json.Unmarshal(env.ID, &request) == nil {
			p.listen = newListenSession(c.session.id, request)
		}
	}
	c.mu.Lock()
	_, twice := c.pending[id]
	if !twice {
		c.pending[id] = p
	}
	c.mu.Unlock()
	if twice {
		cancel()
		end()
		c.refuse(env.ID, &rpcError{codeInvalid, fmt.Sprintf("id: %.80s is that of a request under way", id)})
		return
	}
	c.calls.Go(func() {
		defer end()
		defer cancel()
		resp := c.answer(ctx, raw, env.ID, p)
		c.mu.Lock()
		delete(c.pending, id)
		unwanted := p.cancelled
		c.mu.Unlock()
		if !unwanted {
			c.write(resp)
		}
	})
}

func (c *conn) answer(ctx context.Context, raw []byte, id json.RawMessage, p *pending) any {
	if p.listen == nil {
		return c.dispatch(c.s.core.WithContext(ctx, c.session), raw, id)
	}
	done := make(chan struct{})
	var notes sync.WaitGroup
	notes.Go(func() { c.pump(p.listen, done) })
	resp := c.dispatch(c.s.core.WithContext(ctx, p.listen), raw, id)
	close(done)
	notes.Wait()
	return resp
}

// pump writes what a subscription hears until done, and then what is left.
func (c *conn) pump(l *listenSession, done <-chan struct{}) {
	for {
		select {
		case n := <-l.notes:
			c.write(n)
		case <-done:
			for len(l.notes) > 0 {
				c.write(<-l.notes)
			}
			return
		}
	}
}

// forward takes what the library broadcasts to the connection to those that hear it: a client that
// has shaken hands, and each subscription to that kind.
func (c *conn) forward(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-c.session.notes:
			if c.session.legacy.Load() {
				c.write(n)
			}
			c.mu.Lock()
			for _, p := range c.pending {
				if p.listen != nil && p.listen.wants(n.Method) {
					select {
					case p.listen.notes <- p.listen.tag(n):
					default: // the client does not read; the newest change is still in the queue
					}
				}
			}
			c.mu.Unlock()
		}
	}
}

// dispatch hands a message to the library. A nil result wants no answer.
func (c *conn) dispatch(ctx context.Context, raw []byte, id json.RawMessage) (resp any) {
	defer func() {
		if p := recover(); p != nil {
			c.s.log.Error("panic", "doing", "stdio message", "panic", p, "stack", string(debug.Stack()))
			resp = json.RawMessage((&rpcError{codeInternal, "internal error"}).frame(id))
		}
	}()
	if m := c.s.core.HandleMessage(ctx, raw); m != nil {
		return m
	}
	return nil
}

// cancel ends the request that a notifications/cancelled names; an unknown one has already ended.
func (c *conn) cancel(id json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.pending[string(id)]; ok {
		p.cancelled = true
		p.cancel()
	}
}

func (c *conn) refuse(id json.RawMessage, e *rpcError) { c.write(json.RawMessage(e.frame(id))) }

// write sends one message as one line; nil sends nothing.
func (c *conn) write(msg any) {
	if msg == nil {
		return
	}
	b, err := json.Marshal(msg)
	if err != nil {
		c.fail(fmt.Errorf("mcp: stdio: %w", err))
		return
	}
	c.enqueue(outgoing{b: append(b, '\n')})
}

// enqueue waits for room, but not beyond the connection's end.
func (c *conn) enqueue(o outgoing) {
	select {
	case c.out <- o:
	case <-c.gone:
	}
}

// writeLines writes until ctx ends or out fails, which ends the connection.
func (c *conn) writeLines(ctx context.Context, out io.Writer) {
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-c.out:
			if o.written != nil {
				close(o.written)
			} else if _, err := out.Write(o.b); err != nil {
				c.fail(fmt.Errorf("mcp: stdio: write: %w", err))
				return
			}
		}
	}
}

// line is one message, or the end of the input.
type line struct {
	b    []byte
	long bool // the line was longer than the limit and is lost
	err  error
}

// readLines sends each line of in, without its end, until in or ctx ends. The last line may lack an
// end. The receiver owns the bytes.
func readLines(ctx context.Context, in io.Reader, max int, lines chan<- line) {
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		var l line
		for more := true; more; {
			var chunk []byte
			chunk, l.err = r.ReadSlice('\n')
			more = errors.Is(l.err, bufio.ErrBufferFull)
			if l.long = l.long || len(l.b)+len(bytes.TrimRight(chunk, "\r\n")) > max; l.long {
				l.b = nil
			} else {
				l.b = append(l.b, chunk...)
			}
		}
		select {
		case lines <- l:
		case <-ctx.Done():
			return
		}
		if l.err != nil {
			return
		}
	}
}
