package intent

import (
	"fmt"

	"github.com/becomingone/becomingone/kernel/cursor"
)

const stateVersion = 1

// AppendBinary appends all that the Book remembers: sessions in order of their names, each text as it
// came. Equal Books give equal bytes.
func (b *Book) AppendBinary(dst []byte) ([]byte, error) {
	dst = append(dst, stateVersion)
	dst = cursor.Uint(dst, b.count)
	dst = cursor.Uint(dst, uint64(len(b.evicted)))
	for _, h := range b.evicted {
		dst = cursor.Uint(dst, h)
	}
	dst = cursor.Uint(dst, uint64(len(b.sessions)))
	for _, id := range b.names() {
		s := b.sessions[id]
		dst = cursor.Text(dst, id)
		dst = cursor.Uint(cursor.Uint(dst, uint64(s.at)), s.dropped)
		dst = appendHeard(appendHeard(dst, s.trusted), s.untrusted)
	}
	return dst, nil
}

func appendHeard(dst []byte, texts []heard) []byte {
	dst = cursor.Uint(dst, uint64(len(texts)))
	for _, h := range texts {
		dst = cursor.Text(cursor.Text(dst, h.source), h.body)
	}
	return dst
}

// UnmarshalBinary restores a Book of the same Config. On an error the Book is as it was.
func (b *Book) UnmarshalBinary(data []byte) error {
	r := cursor.New(data)
	if v := r.Byte(); v != stateVersion {
		r.Fail(fmt.Errorf("version %d: not %d", v, stateVersion))
	}
	next := Book{cfg: b.cfg, sessions: map[string]*session{}, count: r.Uint()}
	for range r.Len(maxEvicted, 8) {
		next.evicted = append(next.evicted, r.Uint())
	}
	last := ""
	for i := range r.Len(b.cfg.MaxSessions, 40) {
		id, s := next.readSession(r)
		if r.Err() == nil && i > 0 && id <= last {
			r.Fail(fmt.Errorf("session %q: not in order behind %q", id, last))
		}
		if r.Err() != nil {
			break
		}
		next.sessions[id], last = s, id
	}
	if len(r.Rest()) > 0 {
		r.Fail(fmt.Errorf("%d bytes behind the last session", len(r.Rest())))
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("intent: restore sessions: %w", err)
	}
	*b = next
	return nil
}

func (b *Book) readSession(r *cursor.Reader) (string, *session) {
	s := newSession()
	id := r.Text(len(r.Rest()))
	s.at, s.dropped = r.Int(), r.Uint()
	for range r.Len(b.cfg.MaxTrusted, 16) {
		s.trust(readHeard(r))
	}
	for range r.Len(b.cfg.MaxUntrusted, 16) {
		h := readHeard(r)
		s.untrusted = append(s.untrusted, h)
		s.forced += h.size()
	}
	if s.held > b.cfg.MaxTrusted || s.forced > b.cfg.MaxUntrusted {
		r.Fail(fmt.Errorf("session %q: %d trusted and %d untrusted bytes: not within %d and %d",
			id, s.held, s.forced, b.cfg.MaxTrusted, b.cfg.MaxUntrusted))
	}
	return id, s
}

func readHeard(r *cursor.Reader) heard {
	h := heard{source: r.Text(len(r.Rest())), body: r.Text(len(r.Rest()))}
	h.normal = normal(h.body)
	return h
}
