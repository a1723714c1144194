package intent

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// hash is FNV-1a, 64 bits. It finds words in untrusted text, where a collision can only add suspicion;
// what the Master holds is compared as text.
type hash uint64

const (
	hashBasis hash = 14695981039346656037
	hashPrime hash = 1099511628211
)

func (h hash) byte(c byte) hash { return (h ^ hash(c)) * hashPrime }

func (h hash) add(s []byte) hash {
	for _, c := range s {
		h = h.byte(c)
	}
	return h
}

func (h hash) text(s string) hash {
	for i := range len(s) {
		h = h.byte(s[i])
	}
	return h
}

// pair is the hash of two words that follow each other, and of their kind.
func pair(kind byte, a, b hash) hash {
	h := (hash(kind) + 1) * 0x9e3779b97f4a7c15
	h = (h ^ a) * 0xff51afd7ed558ccd
	h ^= h >> 32
	h = (h ^ b) * 0xc4ceb9fe1a85ec53
	return h ^ h>>29
}

// suffixes are cut from a word, the first that leaves three letters.
var suffixes = [...]string{"ingly", "edly", "ings", "ing", "ies", "ed", "es", "s"}

// stem cuts the ending of a lower-case word: the same word in another number or tense is the same stem.
// Digits are left alone. The result shares memory with w, which may be changed.
func stem(w []byte) []byte {
	if digitsOnly(w) {
		return w
	}
	for _, suffix := range suffixes {
		if len(w)-len(suffix) < 3 || !strings.HasSuffix(string(w), suffix) {
			continue
		}
		if suffix == "s" && w[len(w)-2] == 's' {
			continue
		}
		w = w[:len(w)-len(suffix)]
		if suffix == "ies" {
			w = append(w, 'y')
		}
		break
	}
	if len(w) > 3 && w[len(w)-1] == 'e' {
		w = w[:len(w)-1]
	}
	if n := len(w); n > 3 && w[n-1] == w[n-2] && w[n-1] != 'l' && w[n-1] != 's' {
		w = w[:n-1]
	}
	return w
}

func digitsOnly(w []byte) bool {
	for _, c := range w {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// stopList are words of grammar, which say nothing about what a text is about.
const stopList = `a about all also always an and any are as at be but by can could do for from has he his
how i if in into is it its me my no of on or our out over please so should than that the their then there
they this to try under up was we were what when where which who will with would you your`

// lexicon knows which stems mean nothing.
type lexicon struct{ stop map[hash]struct{} }

func newLexicon() *lexicon {
	l := &lexicon{stop: map[hash]struct{}{}}
	for w := range strings.FieldsSeq(stopList) {
		l.stop[hashBasis.add(stem([]byte(w)))] = struct{}{}
	}
	return l
}

// lexeme is one word as the readout and the coherences see it.
type lexeme struct {
	stem  hash
	start int32 // in the text
	end   int32
	digit bool // nothing but digits
	stop  bool
	upper bool // begins with a capital letter
}

// scan calls yield with each lexeme of text: runs of letters and digits, parted where a small letter or a
// digit meets a capital one. buf is scratch.
func (l *lexicon) scan(text string, buf []byte, yield func(lexeme)) {
	start, small := -1, false
	flush := func(end int) {
		if start < 0 {
			return
		}
		yield(l.lexeme(text, start, end, buf))
		start = -1
	}
	for i, r := range text {
		switch {
		case !isWord(r):
			flush(i)
			small = false
			continue
		case small && r < utf8.RuneSelf && r >= 'A' && r <= 'Z':
			flush(i)
		}
		if start < 0 {
			start = i
		}
		small = r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
	}
	flush(len(text))
}

func (l *lexicon) lexeme(text string, start, end int, buf []byte) lexeme {
	x := lexeme{start: int32(start), end: int32(end), upper: text[start] >= 'A' && text[start] <= 'Z'}
	w := lower(buf[:0], text[start:end])
	x.digit = digitsOnly(w)
	x.stem = hashBasis.add(stem(w))
	_, x.stop = l.stop[x.stem]
	return x
}

// lower appends s in lower case.
func lower(dst []byte, s string) []byte {
	for i, r := range s {
		switch {
		case r >= utf8.RuneSelf:
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		case r >= 'A' && r <= 'Z':
			dst = append(dst, s[i]+'a'-'A')
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}

// idf is the weight of a word that occurs in with of all sentences, between 1 and ln(1+all)+1.
func idf(all, with int) float64 {
	return exact.Log(float64(1+all)/float64(1+with)) + 1
}
