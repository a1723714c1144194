package intent

import "math"

// Lexical is how the words of a call agree with what was said, as cosines in [0, 1]: the figures that the
// gate is measured against, and no part of it.
type Lexical struct {
	Master   float64 // with all trusted text
	Emissary float64 // with all untrusted text
	Weighted float64 // with all trusted text, rare words counting more
}

// Lexical compares the words of a call with those of its session. Arguments that are no JSON object have
// none.
func (b *Book) Lexical(at int64, c Call) Lexical {
	s := b.open(at, c.Session)
	words := b.wordsOf(c)
	var l Lexical
	var both, common, master, call float64
	for _, w := range words {
		weight := s.weigh(w)
		call += float64(weight * weight)
		if _, ok := s.master.index[w]; ok {
			l.Master++
			common += float64(weight * weight)
		}
		if _, ok := s.stems[w]; ok {
			both++
		}
	}
	for _, v := range s.master.stems {
		weight := s.weigh(v.hash)
		master += float64(weight * weight)
	}
	n := float64(len(words))
	l.Master = cosine(l.Master, n, float64(len(s.master.stems)))
	l.Emissary = cosine(both, n, float64(len(s.stems)))
	l.Weighted = cosine(common, call, master)
	return l
}

// cosine of two vectors by their product and their squares; 0 where one is empty.
func cosine(product, a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return product / math.Sqrt(float64(a*b))
}

// wordsOf returns the words of a call's name and values, each once.
func (b *Book) wordsOf(c Call) []hash {
	texts := []string{c.Action}
	if roles, err := rolesOf(c.Arguments); err == nil {
		for _, r := range roles {
			texts = append(texts, r.value)
		}
	}
	var words []hash
	seen := map[hash]struct{}{}
	for _, text := range texts {
		b.reader.lexicon.scan(text, b.reader.buf, func(x lexeme) {
			if _, twice := seen[x.stem]; !twice && !x.stop {
				seen[x.stem] = struct{}{}
				words = append(words, x.stem)
			}
		})
	}
	return words
}
