package intent

import "slices"

// session is what was said in one conversation.
type session struct {
	at        int64 // ns, when it last said or asked something
	master    master
	untrusted []*heard // oldest first
	first     uint32   // number of the oldest untrusted text that is still here
	forced    int      // bytes of untrusted text
	sentences int      // of untrusted texts
	dropped   uint64   // untrusted texts that are no longer here
	words     places
	stems     places
}

// place is one word of an untrusted text.
type place struct {
	text uint32 // number of the text in its session
	word uint32 // number of the word in its text
}

// places tells where each word stands, oldest first.
type places map[hash][]place

func newSession() *session {
	return &session{master: newMaster(), words: places{}, stems: places{}}
}

// force adds an untrusted text and drops the oldest ones beyond limit bytes.
func (s *session) force(h *heard, limit int) {
	h.turn = s.master.turns
	number := s.first + uint32(len(s.untrusted))
	s.untrusted = append(s.untrusted, h)
	s.forced += h.size()
	s.sentences += len(h.sentences)
	s.words.add(number, h.words)
	s.stems.add(number, h.stems)
	for _, n := range h.numbers {
		s.words[n.hash] = append(s.words[n.hash], place{number, n.word})
	}
	n := 0
	for s.forced > limit {
		old := s.untrusted[n]
		s.forced -= old.size()
		s.sentences -= len(old.sentences)
		s.words.drop(s.first, old.words)
		s.stems.drop(s.first, old.stems)
		for _, n := range old.numbers {
			s.words.forget(s.first, n.hash)
		}
		s.first++
		n++
	}
	s.untrusted = slices.Delete(s.untrusted, 0, n)
	s.dropped += uint64(n)
}

func (p places) add(text uint32, words []wordAt) {
	for i, w := range words {
		p[w.hash] = append(p[w.hash], place{text, uint32(i)})
	}
}

// drop forgets the words of the oldest text.
func (p places) drop(text uint32, words []wordAt) {
	for _, w := range words {
		p.forget(text, w.hash)
	}
}

// forget forgets where a word stands in the oldest text.
func (p places) forget(text uint32, w hash) {
	at := p[w]
	n := 0
	for n < len(at) && at[n].text == text {
		n++
	}
	if n == len(at) {
		delete(p, w)
	} else if n > 0 {
		p[w] = at[n:]
	}
}

// text returns the untrusted text of a number.
func (s *session) text(number uint32) *heard { return s.untrusted[number-s.first] }
