package intent

import (
	"fmt"
	"math"

	"github.com/becomingone/becomingone/kernel/cursor"
)

const stateVersion = 2

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
		dst = cursor.Uint(cursor.Uint(dst, uint64(s.master.turns)), uint64(len(s.master.texts)))
		for _, v := range s.master.texts {
			dst = cursor.Uint(cursor.Uint(dst, uint64(v.at)), uint64(v.turn))
			dst = cursor.Text(cursor.Text(dst, v.source), v.body)
		}
		dst = cursor.Uint(dst, uint64(len(s.untrusted)))
		for _, h := range s.untrusted {
			dst = cursor.Uint(cursor.Uint(dst, uint64(h.at)), uint64(h.turn))
			dst = cursor.Uint(dst, math.Float64bits(h.taint))
			dst = cursor.Text(cursor.Text(dst, h.source), h.body)
		}
		dst = cursor.Uint(dst, uint64(len(s.asked)))
		for _, a := range s.asked {
			dst = cursor.Uint(cursor.Text(dst, a.action), math.Float64bits(a.force))
		}
	}
	return dst, nil
}

// UnmarshalBinary restores a Book of the same Config. On an error the Book is as it was.
func (b *Book) UnmarshalBinary(data []byte) error {
	r := cursor.New(data)
	if v := r.Byte(); v != stateVersion {
		r.Fail(fmt.Errorf("version %d: not %d", v, stateVersion))
	}
	next := Book{cfg: b.cfg, reader: b.reader, phasors: b.phasors, sessions: map[string]*session{}, count: r.Uint()}
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
	turns := r.Uint()
	for i := range r.Len(b.cfg.MaxTrusted, 32) {
		at, turn := r.Int(), r.Uint()
		v := b.reader.voice(at, r.Text(len(r.Rest())), r.Text(len(r.Rest())))
		if turn >= turns || turns > math.MaxUint32 || i > 0 && turn <= uint64(s.master.texts[i-1].turn) {
			r.Fail(fmt.Errorf("session %q: turn %d of %d: not in order", id, turn, turns))
			break
		}
		v.turn = uint32(turn)
		s.master.add(v)
	}
	s.master.turns = uint32(turns)
	for range r.Len(b.cfg.MaxUntrusted, 32) {
		at, turn, taint := r.Int(), r.Uint(), math.Float64frombits(r.Uint())
		h := b.reader.read(r.Text(len(r.Rest())), r.Text(len(r.Rest())))
		if turn > turns || !(taint >= 0 && taint <= 1) {
			r.Fail(fmt.Errorf("session %q: turn %d, force %v: not in 0…%d and [0, 1]", id, turn, taint, turns))
			break
		}
		h.at = at
		s.force(h, math.MaxInt)
		h.turn, h.taint = uint32(turn), taint
	}
	for range r.Len(maxAsked, 16) {
		a := asked{r.Text(len(r.Rest())), math.Float64frombits(r.Uint())}
		if !(a.force > 0 && a.force <= 1) {
			r.Fail(fmt.Errorf("session %q: force %v: not in (0, 1]", id, a.force))
			break
		}
		s.asked = append(s.asked, a)
	}
	if s.master.held > b.cfg.MaxTrusted || s.forced > b.cfg.MaxUntrusted {
		r.Fail(fmt.Errorf("session %q: %d trusted and %d untrusted bytes: not within %d and %d",
			id, s.master.held, s.forced, b.cfg.MaxTrusted, b.cfg.MaxUntrusted))
	}
	return id, s
}
