package intent

import (
	"slices"
	"strings"
)

// inquiry is one call before one session.
type inquiry struct {
	book   *Book
	s      *session
	tool   []toolWord
	intent float64   // I
	total  float64   // weight of all that the Master voiced
	own    []float64 // weight of each word that the Master voiced, faded
	read   []uint32  // the last record that held it
	record uint32
	named  map[spot]uint64 // sentences that name a part of the tool, a bit for each word
	spots  []spot          // their order

	fadedText *heard  // the text whose fading was asked for last
	faded     float64 // what is left of it
}

// toolWord is a word of a tool's name.
type toolWord struct {
	stem  hash
	share float64 // of the name's weight; together 1
	said  float64 // 1 where the Master voiced it, less where that has faded, 0 where he did not
}

// weigh is the weight of a word: the rarer among the untrusted sentences of the session, the heavier. So
// no list of frequencies from elsewhere is needed.
func (s *session) weigh(w hash) float64 { return idf(s.sentences, len(s.stems[w])) }

func (b *Book) inquire(s *session, tool string) *inquiry {
	q := &inquiry{book: b, s: s, named: map[spot]uint64{}}
	if b.phasors == nil {
		q.weighMaster()
	} else if s.listen(b.phasors, b.cfg.Master) != nil {
		s.voice = &voice{} // what cannot be weighed speaks for nothing
	}
	b.reader.lexicon.scan(tool, b.reader.buf, func(x lexeme) {
		for _, t := range q.tool {
			if t.stem == x.stem {
				return
			}
		}
		if x.stop || len(q.tool) == maxTool {
			return
		}
		w := toolWord{stem: x.stem, share: s.weigh(x.stem)}
		w.said = q.said(x.stem)
		q.tool = append(q.tool, w)
	})
	sum := 0.0
	for _, t := range q.tool {
		sum += t.share
	}
	for i := range q.tool {
		q.tool[i].share /= sum
		q.intent += float64(q.tool[i].share * q.tool[i].said)
		q.mark(i)
	}
	return q
}

// said returns how much of a word the Master has voiced, in [0, 1].
func (q *inquiry) said(w hash) float64 {
	if v := q.s.voice; v != nil {
		return max(v.weight(q.book.phasors, w), 0)
	}
	if i, ok := q.s.master.index[w]; ok {
		return q.fade(&q.s.master.stems[i])
	}
	return 0
}

// weighMaster weighs the words of the Master.
func (q *inquiry) weighMaster() {
	m := &q.s.master
	q.own, q.read = make([]float64, len(m.stems)), make([]uint32, len(m.stems))
	for i := range m.stems {
		w := q.s.weigh(m.stems[i].hash)
		q.total += w
		q.own[i] = float64(w * q.fade(&m.stems[i]))
	}
}

// fade is what is left of the Master's voice for a word.
func (q *inquiry) fade(v *voicedStem) float64 {
	if v.firm {
		return 1
	}
	return q.book.cfg.Master.weight(q.s.at-v.at, q.s.master.turns-v.text-1)
}

// mark notes the sentences that hold word i of the tool's name.
func (q *inquiry) mark(i int) {
	for _, p := range q.s.stems[q.tool[i].stem] {
		at := spot{p.text, q.s.text(p.text).stems[p.word].sentence}
		bits, known := q.named[at]
		if !known {
			q.spots = append(q.spots, at)
		}
		q.named[at] = bits | 1<<i
	}
}

// orders returns the share of what the Master has not voiced of the tool's name that a sentence holds,
// less where he voiced the rest.
func (q *inquiry) orders(at spot) float64 {
	sum, unsaid := 0.0, 0.0
	bits := q.named[at]
	for i, t := range q.tool {
		share := float64(t.share * (1 - t.said))
		unsaid += share
		if bits>>i&1 != 0 {
			sum += share
		}
	}
	if sum == 0 {
		return 0
	}
	return sum / unsaid * (1 - q.intent)
}

// begins says whether a sentence, or a clause of it, opens with a word of the tool's name, as an order of
// it does.
func (q *inquiry) begins(h *heard, sentence int32) bool {
	const opening, least = 2, 3 // words of meaning
	s := h.sentences[sentence]
	words := h.stems[after(h.stems, s.start):after(h.stems, s.end)]
	place, from := 0, s.start
	if isField(strings.TrimSpace(h.text[s.start:s.end])) {
		place = opening // its name orders nothing
	}
	for i, w := range words {
		if i > 0 && opensClause(h.text[from:w.start]) {
			place = 0
		}
		from = w.start
		if place < opening && len(words)-i+place >= least &&
			slices.ContainsFunc(q.tool, func(t toolWord) bool { return t.stem == w.hash }) {
			return true
		}
		place++
	}
	return false
}

// opensClause says whether a clause begins between two words of meaning.
func opensClause(between string) bool {
	return strings.Contains(between, " and ") || strings.Contains(between, " then ") || strings.Contains(between, " please ")
}

// names returns coh(tool name, sentence), the share of the name that the sentence holds.
func (q *inquiry) names(at spot) float64 {
	sum := 0.0
	for i, bits := 0, q.named[at]; bits != 0; i, bits = i+1, bits>>1 {
		if bits&1 != 0 {
			sum += q.tool[i].share
		}
	}
	return sum
}

// force returns how directive a sentence still is.
func (q *inquiry) force(h *heard, sentence int32) float64 {
	readout := float64(h.sentences[sentence].readout)
	if readout <= 0 {
		return readout
	}
	return float64(readout * q.fading(h))
}

// fading is what is left of the force of an untrusted text.
func (q *inquiry) fading(h *heard) float64 {
	if q.fadedText != h { // places come text by text
		q.fadedText, q.faded = h, q.book.cfg.Emissary.weight(q.s.at-h.at, q.s.master.turns-h.turn)
	}
	return q.faded
}

// kappa returns the share of the Master that is found around a position.
func (q *inquiry) kappa(h *heard, at int32) float64 {
	if v := q.s.voice; v != nil {
		return v.share(q.book.phasors, h.stems[after(h.stems, at-recordSpan):after(h.stems, at+recordSpan)])
	}
	if q.total == 0 {
		return 0
	}
	q.record++
	sum := 0.0
	for _, w := range h.stems[after(h.stems, at-recordSpan):after(h.stems, at+recordSpan)] {
		if i, ok := q.s.master.index[w.hash]; ok && q.read[i] != q.record {
			q.read[i] = q.record
			sum += q.own[i]
		}
	}
	return sum / q.total
}

// after returns the first word at or behind a position.
func after(words []wordAt, at int32) int {
	lo, hi := 0, len(words)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if words[mid].start < at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// spot is a sentence of a session.
type spot struct {
	text     uint32
	sentence int32
}
