package intent

// find calls yield with each place of a role's value in untrusted text, at its first word: its words in
// a row, or else all of them in one sentence. A number is found where an equal number stands.
func (s *session) find(r *role, yield func(place)) {
	if r.number != "" {
		for _, p := range s.words[numberKey(r.number)] {
			yield(p)
		}
		return
	}
	if len(r.words) == 0 {
		return
	}
	want := r.words[:min(len(r.words), maxCompared)]
	rare := 0
	for i, w := range want {
		if len(s.words[w]) < len(s.words[want[rare]]) {
			rare = i
		}
	}
	found := false
	for _, p := range s.words[want[rare]] {
		if first := int(p.word) - rare; inRow(s.text(p.text).words, first, want) {
			found = true
			yield(place{p.text, uint32(first)})
		}
	}
	if found || len(want) == 1 {
		return
	}
	last := spot{text: s.first, sentence: -1}
	for _, p := range s.words[want[rare]] {
		words := s.text(p.text).words
		at := spot{p.text, words[p.word].sentence}
		if at != last && inSentence(words, int(p.word), want) {
			yield(p)
		}
		last = at
	}
}

// maxCompared is how many words of a value are looked for: fewer find more.
const maxCompared = 64

// inRow says whether words[first:] begins with want.
func inRow(words []wordAt, first int, want []hash) bool {
	if first < 0 || first+len(want) > len(words) {
		return false
	}
	for i, w := range want {
		if words[first+i].hash != w {
			return false
		}
	}
	return true
}

// inSentence says whether the sentence of words[at] holds all of want.
func inSentence(words []wordAt, at int, want []hash) bool {
	lo, hi := at, at
	for lo > 0 && words[lo-1].sentence == words[at].sentence {
		lo--
	}
	for hi < len(words) && words[hi].sentence == words[at].sentence {
		hi++
	}
	for _, w := range want {
		found := false
		for _, x := range words[lo:hi] {
			found = found || x.hash == w
		}
		if !found {
			return false
		}
	}
	return true
}
