package mcp

import (
	"maps"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// backlog bounds the notifications that wait for a slow stdio client; more are dropped by the sender.
const backlog = 64

// stdioSession is one stdio client as the library sees it. The library's own is a single global
// that all connections of a process share.
type stdioSession struct {
	id      string
	legacy  atomic.Bool // has shaken hands, so it hears of changes without asking
	notes   chan mcp.JSONRPCNotification
	info    atomic.Pointer[mcp.Implementation]
	caps    atomic.Pointer[mcp.ClientCapabilities]
	version atomic.Pointer[string]
}

var _ server.SessionWithClientInfo = (*stdioSession)(nil)

func newStdioSession(id string) *stdioSession {
	return &stdioSession{id: id, notes: make(chan mcp.JSONRPCNotification, backlog)}
}

// Initialize does nothing and Initialized is true from the start: who hears of a change is decided by
// conn.forward.
func (s *stdioSession) Initialize()       {}
func (s *stdioSession) Initialized() bool { return true }

func (s *stdioSession) SessionID() string                                   { return s.id }
func (s *stdioSession) NotificationChannel() chan<- mcp.JSONRPCNotification { return s.notes }
func (s *stdioSession) SetClientInfo(i mcp.Implementation)                  { s.info.Store(&i) }
func (s *stdioSession) GetClientInfo() mcp.Implementation                   { return value(&s.info) }
func (s *stdioSession) SetClientCapabilities(c mcp.ClientCapabilities)      { s.caps.Store(&c) }
func (s *stdioSession) GetClientCapabilities() mcp.ClientCapabilities       { return value(&s.caps) }
func (s *stdioSession) SetProtocolVersion(v string)                         { s.version.Store(&v) }
func (s *stdioSession) ProtocolVersion() string                             { return value(&s.version) }

func value[T any](p *atomic.Pointer[T]) (v T) {
	if q := p.Load(); q != nil {
		v = *q
	}
	return v
}

// listenSession is one subscriptions/listen request of a stdio client: what it asked to hear is
// sent to it marked with its own id, and to nobody else.
type listenSession struct {
	stdioSession
	request any // the request's id
	filter  atomic.Pointer[mcp.SubscriptionFilter]
}

var _ server.SessionWithSubscriptionFilter = (*listenSession)(nil)

func newListenSession(id string, request any) *listenSession {
	l := &listenSession{request: request}
	l.id, l.notes = id, make(chan mcp.JSONRPCNotification, backlog)
	return l
}

func (l *listenSession) SetSubscriptionFilter(f mcp.SubscriptionFilter) { l.filter.Store(&f) }

func (l *listenSession) SubscriptionFilter() (mcp.SubscriptionFilter, bool) {
	f := l.filter.Load()
	if f == nil {
		return mcp.SubscriptionFilter{}, false
	}
	return *f, true
}

// wants reports whether the client asked for notifications of this kind.
func (l *listenSession) wants(method string) bool {
	f, _ := l.SubscriptionFilter()
	return method == mcp.MethodNotificationToolsListChanged && f.ToolsListChanged ||
		method == mcp.MethodNotificationResourcesListChanged && f.ResourcesListChanged
}

// tag returns n marked with the request that it answers. n is shared, so its meta is copied.
func (l *listenSession) tag(n mcp.JSONRPCNotification) mcp.JSONRPCNotification {
	meta := maps.Clone(n.Params.Meta)
	if meta == nil {
		meta = make(map[string]any, 1)
	}
	meta[mcp.MetaKeySubscriptionID] = l.request
	n.Params.Meta = meta
	return n
}
