package phasor

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Age is a position on the clock of forgetting, in half-lives·2^16. The owner decides what moves it: time
// over a half-life, turns over a half-life of turns, or both added.
type Age int64

// HalfLife is the age in which a weight halves.
const HalfLife Age = 1 << 16

const (
	span    = 12 * HalfLife // of a generation
	lighter = 12            // powers of two by which a generation is lighter than the next
	grain   = 256           // units of weight 1, and of growth 1
	maxMass = 1 << 49       // units: 2^12·2^49 leaves two bits of a sum free
)

// Errors that a caller may branch on.
var (
	// ErrBook says that two things come from different codebooks.
	ErrBook = errors.New("not of the same codebook")
	// ErrFull says that a sum would leave its range. Half-lives make room.
	ErrFull = errors.New("bundle is full")
	// ErrOld says that an item is older than the last generation and weighs nothing any more.
	ErrOld = errors.New("forgotten already")
	// ErrAhead says that a bundle to be merged is newer; Advance first, as far as its sender is believed.
	ErrAhead = errors.New("newer than the bundle it is merged into")
)

// Bundle is a weighted sum of phasors that forgets: at age A an item that was added at age a with weight w
// has the weight w·2^(a-A), until it is one to two generations of 12 half-lives old and is dropped. Sums
// are integers, so the order of Add, AddAt and Merge changes no bit. 16·D bytes, twice that after the
// first generation. A bundle begins at age 0. The zero value is good for UnmarshalBinary only. Not safe for concurrent use.
type Bundle struct {
	dims      int
	book      uint64
	age       Age
	now, last generation
}

// generation sums what was added in one span of ages.
type generation struct {
	sum  []int64 // re, im of each dimension in units/2^12; nil: nothing
	mass int64   // Σ units
}

// Bundle returns an empty bundle at age 0.
func (c *Codebook) Bundle() *Bundle {
	return &Bundle{dims: c.dims, book: c.id, now: generation{sum: make([]int64, 2*c.dims)}}
}

// Dims returns D.
func (b *Bundle) Dims() int { return b.dims }

// Book returns the ID of the codebook.
func (b *Bundle) Book() uint64 { return b.book }

// Age returns the newest age that the bundle has seen.
func (b *Bundle) Age() Age { return b.age }

// Empty says whether nothing is held.
func (b *Bundle) Empty() bool { return b.now.mass == 0 && b.last.mass == 0 }

// index returns the number of the generation that holds a, and how far a is into it, in [0, span).
func (a Age) index() (int64, Age) {
	i := a / span
	if a < i*span {
		i--
	}
	return int64(i), a - i*span
}

// growth returns grain·2^into, rounded: the weight of an item to one at the start of its generation.
func growth(into Age) int64 {
	part := exact.Exp(float64(math.Ln2 * float64(into%HalfLife) / float64(HalfLife)))
	return int64(math.Floor(float64(part*float64(int64(grain)<<(into/HalfLife))) + 0.5))
}

// Advance moves the bundle to age to, which makes all it holds lighter. An earlier age changes nothing.
func (b *Bundle) Advance(to Age) {
	if to <= b.age {
		return
	}
	was, _ := b.age.index()
	is, _ := to.index()
	b.age = to
	switch is - was {
	case 0:
		return
	case 1:
		b.now, b.last = b.last, b.now
	default:
		b.last.empty()
	}
	b.now.empty()
	if b.now.sum == nil {
		b.now.sum = make([]int64, 2*b.dims)
	}
}

func (g *generation) empty() {
	clear(g.sum)
	g.mass = 0
}

// at returns the generation that a falls into and the growth of an item there. It advances to a newer a.
func (b *Bundle) at(a Age) (*generation, int64, error) {
	b.Advance(a)
	newest, _ := b.age.index()
	i, into := a.index()
	switch newest - i {
	case 0:
		return &b.now, growth(into), nil
	case 1:
		if b.last.sum == nil {
			b.last.sum = make([]int64, 2*b.dims)
		}
		return &b.last, growth(into), nil
	}
	return nil, 0, fmt.Errorf("phasor: add at age %d to a bundle at %d: %w", a, b.age, ErrOld)
}

// units returns a weight in units: an integer in 0…2^16.
func units(weight float64) (int64, error) {
	if !(weight >= 0 && weight <= 256) {
		return 0, fmt.Errorf("phasor: weight %v: not in [0, 256]", weight)
	}
	return int64(math.Floor(float64(weight*grain) + 0.5)), nil
}

// Add adds v with a weight in [0, 256] at the bundle's age. v must come from the bundle's codebook; only
// its length is checked. It allocates nothing.
func (b *Bundle) Add(v Vector, weight float64) error { return b.AddAt(b.age, v, weight) }

// AddAt adds v as Add would have done at age a. A newer a advances the bundle; up to one generation before
// the bundle's the outcome is the same to the bit as if v had come in time; earlier it is ErrOld.
func (b *Bundle) AddAt(a Age, v Vector, weight float64) error {
	u, err := units(weight)
	if err != nil {
		return err
	}
	if len(v) != b.dims {
		return fmt.Errorf("phasor: add a vector of %d dimensions: want %d", len(v), b.dims)
	}
	g, grown, err := b.at(a)
	if err != nil {
		return err
	}
	if err := g.room(u * grown); err != nil {
		return err
	}
	g.add(v, u*grown)
	return nil
}

func (g *generation) room(more int64) error {
	if more > maxMass-g.mass {
		return fmt.Errorf("phasor: add %d units to %d: %w", more, g.mass, ErrFull)
	}
	return nil
}

func (g *generation) add(v Vector, units int64) {
	g.mass += units
	sum := g.sum
	for len(v) >= 4 && len(sum) >= 8 {
		p, q := (*[4]uint16)(v), (*[8]int64)(sum)
		for i, phase := range p {
			x := cell(phase)
			q[2*i] += (int64(uint32(x)) - amplitude) * units
			q[2*i+1] += (int64(x>>32) - amplitude) * units
		}
		v, sum = v[4:], sum[8:]
	}
}

// Merge adds what o holds. It is as if all that o was given had been given to b: it commutes and
// associates to the bit. o must not be newer than b, so that no sender can make b forget.
func (b *Bundle) Merge(o *Bundle) error {
	switch {
	case b.book != o.book || b.dims != o.dims:
		return fmt.Errorf("phasor: merge book %#x of %d dimensions into %#x of %d: %w", o.book, o.dims, b.book, b.dims, ErrBook)
	case o.age > b.age:
		return fmt.Errorf("phasor: merge age %d into %d: %w", o.age, b.age, ErrAhead)
	}
	newest, _ := b.age.index()
	theirs, _ := o.age.index()
	switch newest - theirs {
	case 0:
		if err := errors.Join(b.now.room(o.now.mass), b.last.room(o.last.mass)); err != nil {
			return err
		}
		b.now.merge(&o.now)
		b.last.merge(&o.last)
	case 1:
		if err := b.last.room(o.now.mass); err != nil {
			return err
		}
		b.last.merge(&o.now)
	}
	return nil
}

func (g *generation) merge(o *generation) {
	if o.mass == 0 {
		return
	}
	if g.sum == nil {
		g.sum = make([]int64, len(o.sum))
	}
	g.mass += o.mass
	for i, x := range o.sum {
		g.sum[i] += x
	}
}

// Clone returns a bundle of the same content that shares nothing with b.
func (b *Bundle) Clone() *Bundle {
	c := *b
	c.now.sum = append([]int64(nil), b.now.sum...)
	c.last.sum = append([]int64(nil), b.last.sum...)
	return &c
}

// mix writes the sum of both generations to dst, 2·D integers, in units of the present one over 2^fine:
// as fine as 62 bits allow, up to the 12 bits by which the last generation is lighter.
func (b *Bundle) mix(dst []int64) (fine int) {
	if b.last.mass == 0 {
		copy(dst, b.now.sum)
		return 0
	}
	fine = max(0, min(lighter, 60-bits.Len64(reach(b.now.sum))))
	coarse := lighter - fine
	half := int64(1) << coarse >> 1
	last := b.last.sum[:len(dst)]
	for i, x := range b.now.sum[:len(dst)] {
		dst[i] = x<<fine + (last[i]+half)>>coarse
	}
	return fine
}

// reach returns a number of as many bits as the widest integer in v needs beside its sign.
func reach(v []int64) (used uint64) {
	for _, x := range v {
		used |= uint64(x ^ x>>63)
	}
	return used
}

// Phases returns the angles of the sum, the bundle as a vector of 2·D bytes: to bind it, or to send it
// where size counts more than the 27 % of capacity that it costs. An empty sum has the phase 0. dst is
// overwritten and may be nil.
func (b *Bundle) Phases(dst Vector) Vector {
	dst = grown(dst, b.dims)
	sum := make([]int64, 2*b.dims)
	b.mix(sum)
	for d := range dst {
		turns := exact.Turns(exact.Atan2(float64(sum[2*d+1]), float64(sum[2*d])))
		dst[d] = uint16((turns + 1<<47) >> 48)
	}
	return dst
}
