// Package intent asks whether the values of a proposed call were said by somebody who is trusted.
package intent

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/becomingone/becomingone/kernel/cursor"
	"github.com/becomingone/becomingone/kernel/phasor"
)

// Config bounds what a Book remembers. A text is held as it came and as it is compared; both count.
type Config struct {
	MaxSessions  int // 1…65536: beyond it the longest idle session is forgotten
	MaxTrusted   int // bytes held of trusted text a session, 1…16 MiB: beyond it Hear refuses
	MaxUntrusted int // bytes held of untrusted text a session, 1…16 MiB: beyond it the oldest is dropped

	Mode      Mode       // which evidence releases a call
	Master    Fading     // how fast trusted text fades; after ten half-lives it holds nothing
	Emissary  Fading     // how fast the force of untrusted sentences fades; what they carry stays untrusted
	Form      Form       // how coherence with the Master is held
	Directive *Directive // the readout of untrusted sentences; nil: the embedded one

	SilentCarrier bool // for measurements: the directive forcing is nothing, F = W = m = 0

	Standing []string // trusted text that every session begins with; all of it within MaxTrusted
}

// DefaultConfig returns 256 sessions of 256 KiB trusted and 4 MiB untrusted text with its index, which is
// five to six times the text itself. Suspicion outlives trust: untrusted text fades more slowly.
func DefaultConfig() Config {
	return Config{
		MaxSessions: 256, MaxTrusted: 256 << 10, MaxUntrusted: 4 << 20,
		Master:   Fading{Time: 24 * time.Hour, Turns: 64},
		Emissary: Fading{Time: 72 * time.Hour, Turns: 192},
	}
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
	for _, f := range []struct {
		name string
		Fading
	}{{"agent.master", c.Master}, {"agent.emissary", c.Emissary}} {
		if f.Time < 0 || f.Turns < 0 {
			return fmt.Errorf("intent: %s fades in %v and %d turns: neither may be below 0", f.name, f.Time, f.Turns)
		}
	}
	if int(c.Mode) >= len(modeNames) {
		return fmt.Errorf("intent: agent.policy %d: not in 0…%d", c.Mode, len(modeNames)-1)
	}
	if int(c.Form) >= len(formNames) {
		return fmt.Errorf("intent: form %d: not in 0…%d", c.Form, len(formNames)-1)
	}
	held := 0
	for _, text := range c.Standing {
		held += voiced{source: standing, body: text, normal: normal(text)}.size()
	}
	if held > c.MaxTrusted {
		return fmt.Errorf("intent: agent.trusted of %d bytes: not within agent.max_trusted %d", held, c.MaxTrusted)
	}
	return nil
}

// standing is the source of the config's own texts.
const standing = "standing instructions"

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
	reader   *reader
	phasors  *phasor.Codebook // nil in the exact form
}

// New validates cfg and returns an empty Book.
func New(cfg Config) (*Book, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Master, cfg.Emissary = cfg.fading()
	d := cfg.Directive
	if d == nil {
		var err error
		if d, err = ParseDirective(embedded); err != nil {
			return nil, err
		}
	}
	r := &reader{lexicon: newLexicon(), directive: d, seen: map[hash]struct{}{}}
	k := &Book{cfg: cfg, sessions: map[string]*session{}, reader: r}
	if cfg.Form == Phasor {
		var err error
		if k.phasors, err = phasor.New(phasor.Config{Key: []byte(atoms)}); err != nil {
			return nil, fmt.Errorf("intent: phasors: %w", err)
		}
	}
	return k, nil
}

// Text is something that was said.
type Text struct {
	Trusted bool
	Source  string // where it came from
	Body    string
}

// Append appends all of c that a decision depends on, for the hash of a config.
func (c Config) Append(dst []byte) []byte {
	dst = cursor.Text(dst, Policy)
	silent := uint64(0)
	if c.SilentCarrier {
		silent = 1
	}
	master, emissary := c.fading()
	for _, n := range []uint64{
		uint64(c.MaxSessions), uint64(c.MaxTrusted), uint64(c.MaxUntrusted), uint64(c.Mode), uint64(c.Form), silent,
		uint64(master.Time), uint64(master.Turns), uint64(emissary.Time), uint64(emissary.Turns), c.Directive.id(),
		uint64(len(c.Standing)),
	} {
		dst = cursor.Uint(dst, n)
	}
	for _, text := range c.Standing {
		dst = cursor.Text(dst, text)
	}
	return dst
}

// fading returns how fast the pathways fade.
func (c Config) fading() (master, emissary Fading) {
	d := DefaultConfig()
	return c.Master.or(d.Master), c.Emissary.or(d.Emissary)
}

// Sessions returns how many sessions are open, and how many were forgotten to make room.
func (b *Book) Sessions() (open int, evicted uint64) { return len(b.sessions), b.count }

// Hear adds t to a session, which it opens where need be. at is the node's clock in ns. Trusted text
// beyond the bound is refused with ErrFull and nothing changes; untrusted text pushes out the oldest,
// and a session that has lost some clears no more values as unheard of.
func (b *Book) Hear(at int64, id string, t Text) error {
	if !t.Trusted {
		h := b.reader.read(t.Source, t.Body)
		h.at = at
		b.open(at, id).force(h, b.cfg.MaxUntrusted)
		return nil
	}
	v := b.reader.voice(at, t.Source, t.Body)
	held := 0
	if s, ok := b.sessions[id]; ok {
		s.master.expire(at, b.cfg.Master)
		held = s.master.held
	}
	if held+v.size() > b.cfg.MaxTrusted {
		return fmt.Errorf("intent: hear %d trusted bytes in session %q: %w: %d of %d bytes are taken",
			v.size(), id, ErrFull, held, b.cfg.MaxTrusted)
	}
	b.open(at, id).master.hear(v)
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
			s.master.hear(b.reader.voice(at, standing, text))
		}
		if slices.Contains(b.evicted, hashOf(id)) {
			s.dropped = 1
		}
		b.sessions[id] = s
	}
	s.at = at
	s.master.expire(at, b.cfg.Master)
	return s
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
