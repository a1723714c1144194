package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// writeTimeout is how long one write to an event stream may take: a stalled connection must not
// hold its goroutine for ever.
const writeTimeout = 10 * time.Second

// events serves /events as server-sent events. A client that names Last-Event-ID continues there; any
// other gets all that is kept. The event "gap" {"missed":n} says that n events are no longer kept,
// the event "live" {} that what follows happens now.
func (s *Server) events(w http.ResponseWriter, r *http.Request, role Role) error {
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return nil
	}
	c, backlog, missed, err := s.hub.join(r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	defer s.hub.leave(c)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	st := &stream{w: w, rc: http.NewResponseController(w), boot: s.hub.boot, owner: role == Owner}
	if missed > 0 {
		fmt.Fprintf(&st.buf, "event: gap\ndata: {\"missed\":%d}\n\n", missed)
	}
	for _, f := range backlog {
		st.add(f)
	}
	st.buf.WriteString("event: live\ndata: {}\n\n")
	if st.flush() != nil {
		return nil
	}
	s.follow(st, c, r, role)
	return nil
}

// follow writes frames until the client goes, is dropped, loses its role, or the server closes.
func (s *Server) follow(st *stream, c *client, r *http.Request, role Role) {
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case f, ok := <-c.frames:
			if !ok {
				return
			}
			st.add(f)
			if !st.drain(c) {
				return
			}
		case <-beat.C:
			// A pairing ends by time or by hand; its stream ends with it.
			if now, err := s.auth.role(r); err != nil || now != role {
				return
			}
			st.buf.WriteString(":\n\n")
		}
		if st.flush() != nil {
			return
		}
	}
}

// stream writes frames to one client.
type stream struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	boot  string
	owner bool
	buf   bytes.Buffer
}

func (st *stream) add(f frame) {
	data := f.open
	if st.owner {
		data = f.full
	}
	fmt.Fprintf(&st.buf, "id: %s-%d\nevent: %s\ndata: %s\n\n", st.boot, f.seq, f.event, data)
}

// drain adds what else is waiting, so that a burst costs one write; false: the client was let go.
func (st *stream) drain(c *client) bool {
	for range cap(c.frames) {
		select {
		case f, ok := <-c.frames:
			if !ok {
				return false
			}
			st.add(f)
		default:
			return true
		}
	}
	return true
}

func (st *stream) flush() error {
	err := st.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := st.w.Write(st.buf.Bytes()); err != nil {
		return err
	}
	st.buf.Reset()
	return st.rc.Flush()
}
