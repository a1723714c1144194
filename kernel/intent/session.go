package intent

import (
	"slices"
	"strings"
)

// session is what was said in one conversation.
type session struct {
	at        int64 // ns, when it last said or asked something
	master    master
	untrusted []*heard // oldest first
	first     uint32   // number of the oldest untrusted text that is still here
	forced    int      // bytes of untrusted text
	sentences int      // of untrusted texts
	dropped   uint64   // untrusted texts that are no longer here
	asked     []asked  // reads whose answers are not heard yet, oldest first
	words     places
	stems     places
	voice     *voice // in the phasor form, once it was asked
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
	h.taint = s.answered(h.source)
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

// asked is the force that chose the values of a read.
type asked struct {
	action string
	force  float64
}

// maxAsked bounds the reads that wait for their answers; with more, the oldest counts as never answered.
const maxAsked = 64

// ask notes a read whose values were chosen with some force.
func (s *session) ask(action string, force float64) {
	s.asked = slices.DeleteFunc(s.asked, func(a asked) bool { return a.action == action })
	if force <= 0 {
		return
	}
	if len(s.asked) == maxAsked {
		s.asked = slices.Delete(s.asked, 0, 1)
	}
	s.asked = append(s.asked, asked{action, force})
}

// answered returns the force of the read that a text answers: its source is the action's name, with or
// without "result of" before it and more behind it.
func (s *session) answered(source string) float64 {
	source = strings.TrimPrefix(source, "result of ")
	for i, a := range s.asked {
		rest, ok := strings.CutPrefix(source, a.action)
		if ok && (rest == "" || rest[0] == ' ' || rest[0] == ':') {
			s.asked = slices.Delete(s.asked, i, i+1)
			return a.force
		}
	}
	return 0
}
