package intent

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// heard is one untrusted text, indexed.
type heard struct {
	source, body string
	text         string  // the body as it is read: see fold
	at           int64   // ns, when it was heard
	turn         uint32  // how many trusted texts had been heard
	taint        float64 // force of the call that it answers: what was asked for on somebody's order
	sentences    []sentence
	words        []wordAt // as values are compared
	stems        []wordAt // as topics are compared, without words of grammar
	numbers      []numberAt
}

// sentence is a stretch of a text.
type sentence struct {
	start, end int32   // bytes
	readout    float32 // how directive it is, -1…1
}

// wordAt is a word of a text.
type wordAt struct {
	hash     hash
	start    int32 // bytes
	sentence int32
}

// numberAt is a number of a text.
type numberAt struct {
	hash hash
	word uint32
}

// numberKey is the hash of a canonical number, unlike that of any word.
func numberKey(canonical string) hash { return pair('n', hashBasis.text(canonical), 0) }

// size is what a text costs to hold. The row that holds it is not free either.
func (h *heard) size() int {
	n := 64 + len(h.source) + len(h.body) + 16*(len(h.words)+len(h.stems)+len(h.sentences))
	if len(h.text) != len(h.body) {
		n += len(h.text)
	}
	return n
}

// fold returns s as it is read: compatibility-composed (NFKC), without characters that do not show, and
// the escapes of quoted values as what they stand for. Case and lines stay.
func fold(s string) string {
	if !plain(s) {
		s = norm.NFKC.String(strings.ToValidUTF8(s, "\uFFFD"))
		s = strings.Map(func(r rune) rune {
			if r != '\n' && r != '\t' && unicode.In(r, unicode.Cf, unicode.Cc) {
				return -1
			}
			return r
		}, s)
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return unescape(s)
}

// unescape reads \n, \r, \t, \", \', \\ and a backslash before a line's end, which joins the lines.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'n', 'r':
			b = append(b, '\n')
		case 't':
			b = append(b, '\t')
		case '"', '\'', '\\', ' ':
			b = append(b, c)
		case '\n':
			for i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\t') {
				i++
			}
		default:
			b = append(b, '\\', c)
		}
	}
	return string(b)
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// reader turns texts into their index. Its scratch makes it unfit for concurrent use.
type reader struct {
	lexicon   *lexicon
	directive *Directive
	buf       []byte
	lexemes   []lexeme
	seen      map[hash]struct{}
}

func (r *reader) read(source, body string) *heard {
	h := &heard{source: source, body: body, text: fold(body)}
	for rest := 0; rest < len(h.text); {
		end := rest + sentenceEnd(h.text[rest:])
		r.sentence(h, rest, end)
		rest = end
	}
	return h
}

// sentence adds text[start:end] where it holds a word.
func (r *reader) sentence(h *heard, start, end int) {
	start += itemNumber(h.text[start:end])
	text := h.text[start:end]
	number := int32(len(h.sentences))
	r.lexemes = r.lexemes[:0]
	r.lexicon.scan(text, r.buf, func(x lexeme) { r.lexemes = append(r.lexemes, x) })
	if len(r.lexemes) == 0 {
		return
	}
	for _, x := range r.lexemes {
		if !x.stop {
			h.stems = append(h.stems, wordAt{x.stem, int32(start) + x.start, number})
		}
	}
	scanWords(text, func(from, to int) {
		r.buf = lower(r.buf[:0], text[from:to])
		h.words = append(h.words, wordAt{hashBasis.add(r.buf), int32(start + from), number})
	})
	r.numbers(h, start, end, number)
	h.sentences = append(h.sentences, sentence{int32(start), int32(end), float32(r.directive.read(text, r.lexemes, r.seen))})
}

// numbers adds the numbers of text[start:end], each at its first word.
func (r *reader) numbers(h *heard, start, end int, sentence int32) {
	i := len(h.words)
	for i > 0 && h.words[i-1].sentence == sentence {
		i--
	}
	numbersAt(h.text[start:end], func(at int, n string) bool {
		for i < len(h.words)-1 && int(h.words[i+1].start) <= start+at {
			i++
		}
		h.numbers = append(h.numbers, numberAt{numberKey(n), uint32(i)})
		return true
	})
}

// scanWords calls yield with the bounds of each run of letters, digits and marks.
func scanWords(s string, yield func(from, to int)) {
	start := -1
	for i, c := range s {
		switch {
		case isWord(c) && start < 0:
			start = i
		case !isWord(c) && start >= 0:
			yield(start, i)
			start = -1
		}
	}
	if start >= 0 {
		yield(start, len(s))
	}
}

// sentenceEnd returns the length of the first sentence of s. It ends at a full stop, question or
// exclamation mark that white space follows; with its line, unless the line goes on; and before the next
// field of a record.
func sentenceEnd(s string) int {
	line := 0 // where the line begins
	for i := range len(s) {
		switch s[i] {
		case '\n':
			if !goesOn(s[line:i], s[i+1:]) {
				return i + 1
			}
			line = i + 1
		case '.', '!', '?':
			if i+1 < len(s) && isBlank(s[i+1]) && !abbreviates(s[line:i+1]) {
				return i + 2
			}
		case ',', '{', '[':
			if beginsField(s[i+1:]) {
				return i + 1
			}
		}
	}
	return len(s)
}

// itemNumber returns the length of the number of an item of a list, which is no value: "3. " or "3) ".
func itemNumber(s string) int {
	i := len(s) - len(strings.TrimLeft(s, " \n\t"))
	from := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == from || i-from > 3 || i+1 >= len(s) || s[i] != '.' && s[i] != ')' || !isBlank(s[i+1]) {
		return 0
	}
	return i + 2
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

// abbreviates says whether the mark at the end of line ends no sentence: it belongs to the number of an
// item, to an initial or to a title.
func abbreviates(line string) bool {
	word := line[:len(line)-1]
	start := strings.LastIndexFunc(word, func(r rune) bool { return r == ' ' || r == '\t' }) + 1
	first := strings.TrimSpace(word[:start]) == ""
	word = word[start:]
	if line[len(line)-1] != '.' || word == "" {
		return false
	}
	switch {
	case first && allDigits(word): // the number of an item
		return true
	case len(word) == 1 && word[0] >= 'A' && word[0] <= 'Z' && word != "I":
		return true
	}
	switch strings.ToLower(word) {
	case "mr", "mrs", "ms", "dr", "st", "prof", "no", "vs", "e.g", "i.e":
		return true
	}
	return false
}

// beginsField says whether a quoted name with a colon behind it stands at the beginning of s, as the
// fields of a record do in JSON and its kin.
func beginsField(s string) bool {
	s = strings.TrimLeft(s, " \n\t")
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return false
	}
	const longest = 64
	end := strings.IndexByte(s[1:min(len(s), longest)], s[0]) + 1
	if end < 2 || end+1 >= len(s) || s[end+1] != ':' {
		return false
	}
	for i := 1; i < end; i++ {
		if c := s[i]; !(c == '_' || c == ' ' || c == '-' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c)) {
			return false
		}
	}
	return true
}

// wide is the least length of a line that may have been broken for want of room.
const wide = 60

// goesOn says whether a line is broken in the middle of a sentence: the next one begins with a small
// letter, or this one is wide; and the next is neither blank nor an item of a list nor a field.
func goesOn(line, rest string) bool {
	next, _, _ := strings.Cut(rest, "\n")
	next = strings.TrimSpace(next)
	if next == "" || strings.TrimSpace(line) == "" || isField(next) || strings.HasPrefix(next, "- ") {
		return false
	}
	return next[0] >= 'a' && next[0] <= 'z' || len(line) >= wide
}

// shapes names what a sentence looks like: its length, whether it asks, whether it is a field.
func shapes(text string, words int) []string {
	names := make([]string, 0, 3)
	names = append(names, lengths[min(words/4, len(lengths)-1)])
	text = strings.TrimSpace(text)
	if strings.HasSuffix(text, "?") {
		names = append(names, "Q")
	}
	if isField(text) {
		names = append(names, "kv")
	}
	return names
}

var lengths = [...]string{"len0", "len1", "len2", "len3", "len4", "len5", "len6"}

// isField says whether the text begins with a name, a colon and a blank or the end, as a record's lines do.
func isField(text string) bool {
	if beginsField(text) {
		return true
	}
	name, rest, found := strings.Cut(strings.TrimPrefix(text, "- "), ":")
	if !found || name == "" || rest != "" && rest[0] != ' ' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}
