// Package intent asks whether the values of a proposed call were said by somebody who is trusted.
package intent

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
)

// Policy is the version of the rules in this package; a question is bound to it.
const Policy = "provenance-1"

// Config bounds what a Book remembers. A text is held as it came and as it is compared; both count.
type Config struct {
	MaxSessions  int // 1…65536: beyond it the longest idle session is forgotten
	MaxTrusted   int // bytes held of trusted text a session, 1…16 MiB: beyond it Hear refuses
	MaxUntrusted int // bytes held of untrusted text a session, 1…16 MiB: beyond it the oldest is dropped

	Standing []string // trusted text that every session begins with; all of it within MaxTrusted
}

// DefaultConfig returns 256 sessions of 256 KiB trusted and 1 MiB untrusted text.
func DefaultConfig() Config {
	return Config{MaxSessions: 256, MaxTrusted: 256 << 10, MaxUntrusted: 1 << 20}
}

// Validate names the first value that is out of its range.
func (c Config) Validate() error {
	for _, v := range []struct {
		name       string
		value, max int
	}{
		{"agent.max_sessions", c.MaxSessions, 1 << 16},
		{"agent.max_trusted", c.MaxTrusted, 16 << 20},
		{"agent.max_untrusted", c.MaxUntrusted, 16 << 20},
	} {
		if v.value < 1 || v.value > v.max {
			return fmt.Errorf("intent: %s %d: not in 1…%d", v.name, v.value, v.max)
		}
	}
	held := 0
	for _, text := range c.Standing {
		held += standing(text).size()
	}
	if held > c.MaxTrusted {
		return fmt.Errorf("intent: agent.trusted of %d bytes: not within agent.max_trusted %d", held, c.MaxTrusted)
	}
	return nil
}

// standing is a text of the config as a session hears it.
func standing(text string) heard {
	return heard{source: "standing instructions", body: text, normal: normal(text)}
}

// ErrFull says that a session holds all the trusted text that it may.
var ErrFull = errors.New("trusted text is full")

// maxEvicted bounds the names of forgotten sessions that are kept, as hashes.
const maxEvicted = 4096

// Book holds what was said in each session, trusted text for the Master and untrusted text for the
// Emissary. Not safe for concurrent use.
type Book struct {
	cfg      Config
	sessions map[string]*session
	evicted  []uint64 // hashes of forgotten sessions, oldest first
	count    uint64   // sessions ever forgotten
}

// New validates cfg and returns an empty Book.
func New(cfg Config) (*Book, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Book{cfg: cfg, sessions: map[string]*session{}}, nil
}

// Text is something that was said.
type Text struct {
	Trusted bool
	Source  string // where it came from
	Body    string
}

// session is what was said in one conversation.
type session struct {
	at        int64 // ns, when it last said or asked something
	trusted   []heard
	untrusted []heard
	held      int    // bytes of trusted text
	forced    int    // bytes of untrusted text
	dropped   uint64 // untrusted texts that are no longer here
	words     map[string]struct{}
	numbers   map[string]struct{}
}

// heard is one text and its form for comparison.
type heard struct {
	source, body, normal string
}

// size counts the form for comparison too, for some characters grow in it, and the row that holds it,
// for an empty text is not free.
func (h heard) size() int { return 64 + len(h.source) + len(h.body) + len(h.normal) }

// Sessions returns how many sessions are open, and how many were forgotten to make room.
func (b *Book) Sessions() (open int, evicted uint64) { return len(b.sessions), b.count }

// Hear adds t to a session, which it opens where need be. at is the node's clock in ns. Trusted text
// beyond the bound is refused with ErrFull and nothing changes; untrusted text pushes out the oldest,
// and a session that has lost some clears no more values as unheard of.
func (b *Book) Hear(at int64, id string, t Text) error {
	h := heard{source: t.Source, body: t.Body, normal: normal(t.Body)}
	if t.Trusted {
		held := 0
		if s, ok := b.sessions[id]; ok {
			held = s.held
		}
		if held+h.size() > b.cfg.MaxTrusted {
			return fmt.Errorf("intent: hear %d trusted bytes in session %q: %w: %d of %d bytes are taken",
				h.size(), id, ErrFull, held, b.cfg.MaxTrusted)
		}
	}
	s := b.open(at, id)
	if t.Trusted {
		s.trust(h)
		return nil
	}
	s.force(h, b.cfg.MaxUntrusted)
	return nil
}

// Close forgets a session that has ended. An unknown one is no error.
func (b *Book) Close(id string) { delete(b.sessions, id) }

// open returns the session, new where it is not known. One that was forgotten comes back as having lost
// text, so that filling the Book with sessions clears nothing.
func (b *Book) open(at int64, id string) *session {
	s, ok := b.sessions[id]
	if !ok {
		if len(b.sessions) >= b.cfg.MaxSessions {
			b.evict()
		}
		s = newSession()
		for _, text := range b.cfg.Standing {
			s.trust(standing(text))
		}
		if slices.Contains(b.evicted, hashOf(id)) {
			s.dropped = 1
		}
		b.sessions[id] = s
	}
	s.at = at
	return s
}

func newSession() *session {
	return &session{words: map[string]struct{}{}, numbers: map[string]struct{}{}}
}

// evict forgets the session that has been idle longest; of equals the first by name.
func (b *Book) evict() {
	var oldest string
	for i, id := range b.names() {
		if i == 0 || b.sessions[id].at < b.sessions[oldest].at {
			oldest = id
		}
	}
	delete(b.sessions, oldest)
	b.count++
	b.evicted = append(b.evicted, hashOf(oldest))
	if len(b.evicted) > maxEvicted {
		b.evicted = slices.Delete(b.evicted, 0, len(b.evicted)-maxEvicted)
	}
}

// names returns the open sessions in order.
func (b *Book) names() []string {
	ids := make([]string, 0, len(b.sessions))
	for id := range b.sessions {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func hashOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // a hash does not fail
	return h.Sum64()
}

func (s *session) trust(h heard) {
	s.trusted = append(s.trusted, h)
	s.held += h.size()
	tokens(h.normal, func(w string) bool { s.words[w] = struct{}{}; return true })
	numbers(h.normal, func(n string) bool { s.numbers[n] = struct{}{}; return true })
}

func (s *session) force(h heard, limit int) {
	s.untrusted = append(s.untrusted, h)
	s.forced += h.size()
	n := 0
	for s.forced > limit {
		s.forced -= s.untrusted[n].size()
		n++
	}
	s.untrusted = slices.Delete(s.untrusted, 0, n)
	s.dropped += uint64(n)
}

// holds says whether the session's Master voiced the value: as it stands, or all of its words. A number
// is held by an equal number only.
func (s *session) holds(r role) bool {
	if r.number != "" {
		_, ok := s.numbers[r.number]
		return ok
	}
	for _, h := range s.trusted {
		if occurs(h.normal, r.normal) {
			return true
		}
	}
	return all(r.normal, s.words)
}

// all says whether every word of the normal text v, which has one at least, is in words.
func all(v string, words map[string]struct{}) bool {
	found := false
	tokens(v, func(w string) bool {
		_, found = words[w]
		return found
	})
	return found
}

// forcedBy returns the first untrusted text that carries the value.
func (s *session) forcedBy(r role) (heard, bool) {
	for _, h := range s.untrusted {
		if h.carries(r) {
			return h, true
		}
	}
	return heard{}, false
}

// carries says whether the text holds the value: as it stands, as an equal number, or all of its words.
func (h heard) carries(r role) bool {
	if occurs(h.normal, r.normal) {
		return true
	}
	if r.number != "" {
		found := false
		numbers(h.normal, func(n string) bool { found = n == r.number; return !found })
		return found
	}
	found := false
	tokens(r.normal, func(w string) bool {
		found = occurs(h.normal, w)
		return found
	})
	return found
}
