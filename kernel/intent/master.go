package intent

import (
	"slices"
	"strings"
	"time"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// master is what trusted text of a session has said.
type master struct {
	texts   []voiced
	held    int    // bytes
	turns   uint32 // texts ever heard
	words   map[string]struct{}
	numbers map[string]struct{}
	dates   map[date]struct{}
	spans   map[int]struct{} // minutes
	stems   []voicedStem     // each once, in the order in which they were first voiced
	index   map[hash]int32   // into stems
}

// voicedStem is a word of the Master and the newest text that voiced it.
type voicedStem struct {
	hash hash
	text uint32 // its turn
	at   int64
	firm bool // a standing instruction voiced it: it does not fade
}

// voiced is one trusted text.
type voiced struct {
	source, body, normal string
	at                   int64
	turn                 uint32
	stems                []hash // each once, without words of grammar
}

// size counts the form for comparison too, for some characters grow in it, and the row that holds it,
// for an empty text is not free.
func (v voiced) size() int { return 64 + len(v.source) + len(v.body) + len(v.normal) }

func newMaster() master {
	return master{
		words: map[string]struct{}{}, numbers: map[string]struct{}{}, dates: map[date]struct{}{},
		spans: map[int]struct{}{}, index: map[hash]int32{},
	}
}

// voice reads a trusted text.
func (r *reader) voice(at int64, source, body string) voiced {
	v := voiced{source: source, body: body, normal: normal(body), at: at}
	clear(r.seen)
	r.lexicon.scan(fold(body), r.buf, func(x lexeme) {
		if _, twice := r.seen[x.stem]; x.stop || twice {
			return
		}
		r.seen[x.stem] = struct{}{}
		v.stems = append(v.stems, x.stem)
	})
	return v
}

// hear adds a trusted text.
func (m *master) hear(v voiced) {
	v.turn = m.turns
	m.turns++
	m.add(v)
}

func (m *master) add(v voiced) {
	m.texts = append(m.texts, v)
	m.held += v.size()
	for _, w := range v.stems {
		i, known := m.index[w]
		if !known {
			i = int32(len(m.stems))
			m.index[w] = i
			m.stems = append(m.stems, voicedStem{hash: w})
		}
		s := &m.stems[i]
		s.at, s.text, s.firm = v.at, v.turn, s.firm || v.source == standing
	}
	tokens(v.normal, func(w string) bool { m.words[w] = struct{}{}; return true })
	numbers(v.normal, func(n string) bool { m.numbers[n] = struct{}{}; return true })
	dates(v.normal, func(d date) { m.dates[d] = struct{}{} })
	spans(v.normal, func(n int) { m.spans[n] = struct{}{} })
}

// forgotten is the number of half-lives after which a trusted text holds nothing any more.
const forgotten = 10

// expire drops the texts that have faded away.
func (m *master) expire(at int64, f Fading) {
	gone := func(v voiced) bool {
		return v.source != standing && f.halfLives(at-v.at, m.turns-v.turn-1) >= forgotten
	}
	if !slices.ContainsFunc(m.texts, gone) {
		return
	}
	next := newMaster()
	next.turns = m.turns
	for _, v := range m.texts {
		if !gone(v) {
			next.add(v)
		}
	}
	*m = next
}

// Fading says how fast a pathway forgets: a weight halves in each Time and in each Turns trusted texts.
type Fading struct {
	Time  time.Duration // 0 is the default
	Turns int           // 0 is the default
}

func (f Fading) or(defaults Fading) Fading {
	if f.Time == 0 {
		f.Time = defaults.Time
	}
	if f.Turns == 0 {
		f.Turns = defaults.Turns
	}
	return f
}

func (f Fading) halfLives(age int64, turns uint32) float64 {
	return float64(max(age, 0))/float64(f.Time) + float64(turns)/float64(f.Turns)
}

// weight is what is left of something, in (0, 1].
func (f Fading) weight(age int64, turns uint32) float64 {
	const ln2 = 0.6931471805599453
	return exact.Exp(-ln2 * f.halfLives(age, turns))
}

// holds says whether the Master voiced the value of a role of a call: as it stands, or all of its words,
// or its date in words, or what it can be put together from. A number is held by an equal number only.
func (m *master) holds(r *role, call []role) bool {
	if r.number != "" {
		_, ok := m.numbers[r.number]
		return ok
	}
	for i := range m.texts {
		if occurs(m.texts[i].normal, r.normal) {
			return true
		}
	}
	return all(r.normal, m.words) || m.holdsDate(r) || m.derives(r, call) || m.joins(r.normal)
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

// joins says whether an e-mail address is made of nothing but names that the Master voiced: words in a
// row, run together, on both sides, with "com" at the end.
func (m *master) joins(address string) bool {
	local, domain, ok := strings.Cut(address, "@")
	name, ok2 := strings.CutSuffix(domain, ".com")
	if !ok || !ok2 {
		return false
	}
	local = strings.NewReplacer(".", "", "_", "", "-", "").Replace(local)
	return m.voicedAsOne(local) && m.voicedAsOne(name)
}

// leastName is how many letters make a name: shorter ones are had for little.
const leastName = 6

// voicedAsOne says whether words in a row of one trusted text, run together, are v.
func (m *master) voicedAsOne(v string) bool {
	if len(v) < leastName || !m.beginsVoiced(v) {
		return false
	}
	for i := range m.texts {
		found := false
		var tails []string // what is left of v behind words that it begins with
		tokens(m.texts[i].normal, func(w string) bool {
			next := tails[:0:0]
			for _, t := range append(tails, v) {
				if rest, ok := strings.CutPrefix(t, w); ok {
					found = found || rest == ""
					next = append(next, rest)
				}
			}
			tails = next
			return !found
		})
		if found {
			return true
		}
	}
	return false
}

// beginsVoiced says whether v begins with a word that the Master voiced, which rules out most at once.
func (m *master) beginsVoiced(v string) bool {
	for i := 1; i <= len(v); i++ {
		if _, ok := m.words[v[:i]]; ok {
			return true
		}
	}
	return false
}
