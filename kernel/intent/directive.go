package intent

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Embedded weights. Their origin is told in weights/ORIGIN.md.
//
//go:embed weights/directive.json
var embedded []byte

// Directive reads how much a sentence tells somebody to do something: a linear readout of its words and
// pairs of words.
type Directive struct {
	bias    float64
	weights map[hash]float32
	digest  uint64 // of the file
}

// id tells one set of weights from another; 0 is the embedded one.
func (d *Directive) id() uint64 {
	if d == nil {
		return 0
	}
	return d.digest
}

// The kinds of features, mixed into their hashes.
const (
	oneWord   = 'u'
	twoWords  = 'b'
	firstWord = '^'
	firstTwo  = 'p'
	shape     = 's'
)

// maxWeights bounds a file of weights.
const maxWeights = 1 << 20

// ParseDirective reads weights as JSON, {"b": bias, "w": {feature: weight}}; the features are listed in
// INTENT.md.
func ParseDirective(data []byte) (*Directive, error) {
	var file struct {
		B float64            `json:"b"`
		W map[string]float64 `json:"w"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("intent: directive weights: %w", err)
	}
	if len(file.W) == 0 || len(file.W) > maxWeights {
		return nil, fmt.Errorf("intent: directive weights: %d features, not 1…%d", len(file.W), maxWeights)
	}
	sum := sha256.Sum256(data)
	d := &Directive{
		bias: file.B, weights: make(map[hash]float32, len(file.W)), digest: binary.BigEndian.Uint64(sum[:]),
	}
	for name, w := range file.W {
		if !(math.Abs(w) <= 1e6) {
			return nil, fmt.Errorf("intent: directive weight of %q: %v is not in [-1e6, 1e6]", name, w)
		}
		d.weights[featureOf(name)] = float32(w)
	}
	return d, nil
}

func featureOf(name string) hash {
	if rest, ok := strings.CutPrefix(name, "u:"); ok {
		return pair(oneWord, hashBasis.text(rest), 0)
	}
	for _, p := range []struct {
		prefix string
		kind   byte
	}{{"b:", twoWords}, {"^^", firstTwo}} {
		if rest, ok := strings.CutPrefix(name, p.prefix); ok {
			a, b, _ := strings.Cut(rest, "_")
			return pair(p.kind, hashBasis.text(a), hashBasis.text(b))
		}
	}
	if rest, ok := strings.CutPrefix(name, "^"); ok {
		return pair(firstWord, hashBasis.text(rest), 0)
	}
	return pair(shape, hashBasis.text(name), 0)
}

// numeral stands for every number.
var numeral = hashBasis.byte('#')

// read returns how directive a sentence of these words is, in (-1, 1). seen is scratch.
func (d *Directive) read(text string, words []lexeme, seen map[hash]struct{}) float64 {
	if len(words) == 0 {
		return -1
	}
	clear(seen)
	sum := d.bias
	add := func(f hash) {
		if _, twice := seen[f]; !twice {
			seen[f] = struct{}{}
			sum += float64(d.weights[f])
		}
	}
	var last hash
	for i, x := range words {
		w := x.stem
		if x.digit {
			w = numeral
		}
		add(pair(oneWord, w, 0))
		switch i {
		case 0:
			add(pair(firstWord, w, 0))
		case 1:
			add(pair(firstTwo, last, w))
			fallthrough
		default:
			add(pair(twoWords, last, w))
		}
		last = w
	}
	for _, name := range shapes(text, len(words)) {
		add(pair(shape, hashBasis.text(name), 0))
	}
	return 2/(1+exact.Exp(-sum)) - 1
}
