package intent

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normal returns s as it is compared: compatibility-composed (NFKC), lower case, without characters
// that do not show, white space as one blank. Invalid bytes become U+FFFD.
func normal(s string) string {
	s = norm.NFKC.String(strings.ToValidUTF8(s, "\uFFFD"))
	var b strings.Builder
	b.Grow(len(s))
	blank := true // drops leading white space
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
		case unicode.In(r, unicode.Cf, unicode.Cc):
		default:
			b.WriteRune(unicode.ToLower(r))
			blank = false
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }

// tokens calls yield with each run of letters, digits and marks of the normal text s.
func tokens(s string, yield func(string) bool) {
	start := -1
	for i, r := range s {
		switch {
		case isWord(r) && start < 0:
			start = i
		case !isWord(r) && start >= 0:
			if !yield(s[start:i]) {
				return
			}
			start = -1
		}
	}
	if start >= 0 {
		yield(s[start:])
	}
}

// occurs says whether v stands in the normal text s and does not begin or end inside a word.
func occurs(s, v string) bool {
	if v == "" {
		return false
	}
	for from := 0; ; {
		i := strings.Index(s[from:], v)
		if i < 0 {
			return false
		}
		i += from
		if !cutsWord(s, i, v) {
			return true
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		from = i + size
	}
}

// cutsWord says whether v at s[i:] begins or ends inside a word of s.
func cutsWord(s string, i int, v string) bool {
	first, _ := utf8.DecodeRuneInString(v)
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	last, _ := utf8.DecodeLastRuneInString(v)
	after, _ := utf8.DecodeRuneInString(s[i+len(v):])
	return i > 0 && isWord(first) && isWord(before) || i+len(v) < len(s) && isWord(last) && isWord(after)
}

// numbers calls yield with the canonical form of each decimal number in the normal text s. "1,000.50",
// "1000.5" and "1000.50" are one number; a comma before anything but three digits is a decimal comma;
// a chain with two points (an address, a date) is a row of whole numbers.
func numbers(s string, yield func(string) bool) {
	numbersAt(s, func(_ int, n string) bool { return yield(n) })
}

// numbersAt is numbers with the byte at which the number, or the chain that it belongs to, begins.
func numbersAt(s string, yield func(int, string) bool) {
	for i := 0; i < len(s); {
		if !isDigit(s[i]) {
			i++
			continue
		}
		end := i
		for end < len(s) && (isDigit(s[end]) || (s[end] == '.' || s[end] == ',') && end+1 < len(s) && isDigit(s[end+1])) {
			end++
		}
		if !chain(s[i:end], isNegative(s, i), func(n string) bool { return yield(i, n) }) {
			return
		}
		i = end
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isNegative says whether the digit at i follows a minus sign that is no hyphen.
func isNegative(s string, i int) bool {
	if i == 0 || s[i-1] != '-' {
		return false
	}
	before, size := utf8.DecodeLastRuneInString(s[:i-1])
	return size == 0 || !isWord(before)
}

func chain(s string, negative bool, yield func(string) bool) bool {
	if c, ok := canonical(ungroup(s)); ok {
		if negative && c != "0" {
			c = "-" + c
		}
		return yield(c)
	}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '.' || r == ',' }) {
		c, _ := canonical(part)
		if !yield(c) {
			return false
		}
	}
	return true
}

// ungroup removes the commas of thousands and turns a single decimal comma into a point.
func ungroup(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	groups := strings.Split(whole, ",")
	thousands := len(groups[0]) <= 3
	for _, g := range groups[1:] {
		thousands = thousands && len(g) == 3
	}
	switch {
	case len(groups) == 1 || strings.ContainsRune(fraction, ','):
		return s
	case thousands:
		return strings.ReplaceAll(s, ",", "")
	case len(groups) == 2 && !strings.ContainsRune(s, '.'):
		return strings.Replace(s, ",", ".", 1)
	}
	return s
}

// canonical returns the one spelling of a decimal number, as JSON or a person writes it; ok is false
// where s is no number.
func canonical(s string) (string, bool) {
	digits := strings.TrimPrefix(s, "-")
	if strings.ContainsAny(digits, "eE") {
		v, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return "", false
		}
		digits = strconv.FormatFloat(v, 'f', -1, 64)
	}
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || !allDigits(whole) || !allDigits(fraction) || point && fraction == "" {
		return "", false
	}
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if strings.HasPrefix(s, "-") && whole != "0" {
		whole = "-" + whole
	}
	return whole, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}
