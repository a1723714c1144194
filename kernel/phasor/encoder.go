package phasor

import (
	"fmt"
	"unicode"
)

const (
	maxOrder  = 4
	chunk     = 1024      // distinct words that are held at a time while a text is absorbed
	laneRoom  = 1<<19 - 1 // units that a 32-bit lane of 2^13 each holds
	maxRepeat = 1 << 15   // units of a repeated word before it is added; four and 2^16 each stay in the lanes
	lot       = 4         // vectors added at a time
)

// Encoder reads texts and tool calls into bundles of its codebook and weighs words against views. It keeps
// buffers of 16·D bytes and reuses them. Not safe for concurrent use.
type Encoder struct {
	book  *Codebook
	order int

	lanes  []uint64 // biased sums of the text at hand, as in circle
	filled int64    // units in the lanes
	group  [lot]term
	count  int
	grams  [lot]Vector // memory of bound n-grams

	terms   []term // distinct words of the chunk at hand
	seen    []int32
	weights []int64
}

// term is a vector and what it weighs in a text.
type term struct {
	vector Vector
	units  int64
	weight float64 // in a view
}

// Encoder returns an encoder of n-grams of order words, 1…4. A text of fewer words is one n-gram.
func (c *Codebook) Encoder(order int) (*Encoder, error) {
	if order < 1 || order > maxOrder {
		return nil, fmt.Errorf("phasor: order %d: not in 1…%d", order, maxOrder)
	}
	e := &Encoder{book: c, order: order, lanes: make([]uint64, c.dims), seen: make([]int32, c.cache.size+1)}
	for i := range e.grams {
		e.grams[i] = make(Vector, c.dims)
	}
	return e, nil
}

// AppendWords appends the words of text, its runs of letters, digits and marks as they stand, to dst. They
// share memory with text. Normalise before: case and compatible forms make different words.
func AppendWords(dst []string, text string) []string {
	start := -1
	for i, r := range text {
		switch word := r >= 'a' && r <= 'z' || unicode.In(r, unicode.L, unicode.N, unicode.M); {
		case word && start < 0:
			start = i
		case !word && start >= 0:
			dst, start = append(dst, text[start:i]), -1
		}
	}
	if start >= 0 {
		dst = append(dst, text[start:])
	}
	return dst
}

// Absorb adds the n-grams of words to b at its age. weigh returns the weight of a word in [0, 256], for
// example its IDF; nil is 1 for every word; a word of weight 0 is left out, and an n-gram weighs the mean
// of its words. On an error b is unchanged. It allocates for words that the codebook does not hold; while
// it runs it holds up to 1024 atoms beside those of the codebook.
func (e *Encoder) Absorb(b *Bundle, words []string, weigh func(word string) float64) error {
	if err := e.fits(b.book, b.dims); err != nil {
		return err
	}
	n := min(e.order, len(words))
	if n == 0 {
		return nil
	}
	total, err := e.measure(words, n, weigh)
	if err != nil {
		return err
	}
	_, into := b.age.index()
	scale := growth(into)
	if total > maxMass/scale {
		return fmt.Errorf("phasor: absorb %d words: %w", len(words), ErrFull)
	}
	if err := b.now.room(total * scale); err != nil {
		return err
	}
	if n == 1 {
		e.addWords(&b.now, words, scale)
	} else {
		e.addGrams(&b.now, words, n, scale)
	}
	e.flush(&b.now, scale)
	return nil
}

func (e *Encoder) fits(book uint64, dims int) error {
	if book != e.book.id || dims != e.book.dims {
		return fmt.Errorf("phasor: book %#x of %d dimensions in an encoder of %#x: %w", book, dims, e.book.id, ErrBook)
	}
	return nil
}

// measure fills e.weights with the units of each n-gram and returns their sum.
func (e *Encoder) measure(words []string, n int, weigh func(string) float64) (total int64, err error) {
	e.weights = e.weights[:0]
	for _, w := range words {
		u := int64(grain)
		if weigh != nil {
			if u, err = units(weigh(w)); err != nil {
				return 0, fmt.Errorf("phasor: word %.40q: %w", w, err)
			}
		}
		e.weights = append(e.weights, u)
	}
	for i := range len(words) - n + 1 {
		sum := int64(0)
		for _, u := range e.weights[i : i+n] {
			sum += u
		}
		e.weights[i] = (sum + int64(n)/2) / int64(n)
		total += e.weights[i]
	}
	e.weights = e.weights[:len(words)-n+1]
	return total, nil
}

// addWords adds each distinct word of a chunk once, with the weights of all its occurrences.
func (e *Encoder) addWords(g *generation, words []string, scale int64) {
	for i, w := range words {
		u := e.weights[i]
		if u == 0 {
			continue
		}
		t := e.term(w)
		if t.units += u; t.units > maxRepeat {
			e.push(g, t.vector, t.units, scale)
			t.units = 0
		}
		if len(e.terms) == chunk {
			e.drain(g, scale)
		}
	}
	e.drain(g, scale)
}

func (e *Encoder) drain(g *generation, scale int64) {
	for i := range e.terms {
		if t := &e.terms[i]; t.units > 0 {
			e.push(g, t.vector, t.units, scale)
		}
	}
	e.forget()
}

// forget empties the terms, and lets go of their vectors.
func (e *Encoder) forget() {
	clear(e.terms)
	e.terms = e.terms[:0]
}

// term returns the term of a word in the chunk at hand. seen may be of an earlier chunk or of an atom that
// lost its slot since; the vector tells.
func (e *Encoder) term(word string) *term {
	v, slot := e.book.lookup(word)
	if slot != nilSlot {
		if i := int(e.seen[slot]); i < len(e.terms) && &e.terms[i].vector[0] == &v[0] {
			return &e.terms[i]
		}
		e.seen[slot] = int32(len(e.terms))
	}
	e.terms = append(e.terms, term{vector: v})
	return &e.terms[len(e.terms)-1]
}

func (e *Encoder) addGrams(g *generation, words []string, n int, scale int64) {
	var window [maxOrder]Vector
	for i, w := range words {
		copy(window[:], window[1:n])
		window[n-1] = e.book.Atom(w)
		if at := i - n + 1; at >= 0 && e.weights[at] > 0 {
			dst := e.grams[e.count]
			gram(dst, window[:n])
			e.push(g, dst, e.weights[at], scale)
		}
	}
}

// push adds v to the lot at hand and the lot to the lanes when it is full. units <= 2^15 + 2^16.
func (e *Encoder) push(g *generation, v Vector, units, scale int64) {
	e.group[e.count] = term{vector: v, units: units}
	if e.count++; e.count < lot {
		return
	}
	e.spill(g, scale)
}

// spill adds the lot at hand to the lanes, after making room in them.
func (e *Encoder) spill(g *generation, scale int64) {
	var more int64
	for i := range e.group {
		if i >= e.count {
			e.group[i] = term{vector: e.group[0].vector}
		}
		more += e.group[i].units
	}
	if e.filled+more > laneRoom {
		e.empty(g, scale)
	}
	e.filled += more
	t := &e.group
	addLot(e.lanes, t[0].vector, t[1].vector, t[2].vector, t[3].vector,
		uint64(t[0].units), uint64(t[1].units), uint64(t[2].units), uint64(t[3].units))
	e.count = 0
}

// addLot adds four weighted vectors to the lanes: a sum is read and written once for the four.
func addLot(lanes []uint64, a, b, c, d Vector, wa, wb, wc, wd uint64) {
	b, c, d, lanes = b[:len(a)], c[:len(a)], d[:len(a)], lanes[:len(a)]
	for i := range lanes {
		lanes[i] += cell(a[i])*wa + cell(b[i])*wb + cell(c[i])*wc + cell(d[i])*wd
	}
}

// flush moves everything at hand to g.
func (e *Encoder) flush(g *generation, scale int64) {
	if e.count > 0 {
		e.spill(g, scale)
	}
	e.empty(g, scale)
	e.group = [lot]term{}
}

// empty moves the lanes to g, without their bias.
func (e *Encoder) empty(g *generation, scale int64) {
	bias := amplitude * e.filled
	sum := g.sum[:2*len(e.lanes)]
	for d, x := range e.lanes {
		sum[2*d] += (int64(uint32(x)) - bias) * scale
		sum[2*d+1] += (int64(x>>32) - bias) * scale
	}
	clear(e.lanes)
	g.mass += e.filled * scale
	e.filled = 0
}

// Weigh appends the weight that each n-gram of words has in v to dst, which may be nil: n-gram i begins at
// word i. The sum over a window of the text, each word counted once, tells how much of what v holds occurs
// there. A repeated word is read once where the order is 1.
func (e *Encoder) Weigh(dst []float64, v *View, words []string) ([]float64, error) {
	if err := e.fits(v.book, len(v.at)/2); err != nil {
		return dst, err
	}
	n := min(e.order, len(words))
	if n < 2 {
		return e.weighWords(dst, v, words), nil
	}
	var window [maxOrder]Vector
	for i, w := range words {
		copy(window[:], window[1:n])
		if window[n-1] = e.book.Atom(w); i >= n-1 {
			gram(e.grams[0], window[:n])
			dst = append(dst, v.Weight(e.grams[0]))
		}
	}
	return dst, nil
}

func (e *Encoder) weighWords(dst []float64, v *View, words []string) []float64 {
	for _, w := range words {
		if len(e.terms) == chunk {
			e.forget()
		}
		t := e.term(w)
		if t.units == 0 {
			t.units, t.weight = 1, v.Weight(t.vector)
		}
		dst = append(dst, t.weight)
	}
	e.forget()
	return dst
}

// AddCall adds every filler of call, bound to its role, each with a weight in [0, 256]: ask for them with
// Codebook.Bound. On an error b is unchanged.
func (e *Encoder) AddCall(b *Bundle, call Call, weight float64) error {
	if err := e.fits(b.book, b.dims); err != nil {
		return err
	}
	u, err := units(weight)
	if err != nil {
		return err
	}
	_, into := b.age.index()
	scale := growth(into)
	if err := b.now.room((2*int64(len(call.Args)) + 2) * u * scale); err != nil {
		return fmt.Errorf("phasor: call of %.40q: %w", call.Tool, err)
	}
	for _, a := range call.Args {
		if a.Axis != nil {
			if _, err := e.book.BoundNumber(e.grams[0], a.Name, a.Axis, a.Number); err != nil {
				return fmt.Errorf("phasor: argument %.40q: %w", a.Name, err)
			}
		}
	}
	if err := e.addFillers(&b.now, call, u, scale); err != nil {
		return err
	}
	e.flush(&b.now, scale)
	return nil
}

func (e *Encoder) addFillers(g *generation, call Call, u, scale int64) error {
	bound := func(r Role, words ...string) {
		e.push(g, e.book.Bound(e.grams[e.count], r, words...), u, scale)
	}
	bound(Tool, call.Tool)
	for _, a := range call.Args {
		bound(ArgName, a.Name)
		if a.Axis == nil {
			bound(ArgValue, a.Name, a.Value)
			continue
		}
		v, err := e.book.BoundNumber(e.grams[e.count], a.Name, a.Axis, a.Number)
		if err != nil {
			return err
		}
		e.push(g, v, u, scale)
	}
	if call.Outcome != "" {
		bound(Outcome, call.Outcome)
	}
	return nil
}
