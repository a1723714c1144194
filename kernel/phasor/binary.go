package phasor

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/becomingone/becomingone/kernel/cursor"
)

const (
	tagVector = 'v'
	tagBundle = 'b'
	version   = 1
)

var errForm = errors.New("not the one form of its content")

// AppendBinary appends the binary form of v: tag, version, D, and each phase in 2 bytes, little-endian.
func (v Vector) AppendBinary(dst []byte) ([]byte, error) {
	if err := checkDims(len(v)); err != nil {
		return dst, err
	}
	dst = cursor.Uint(append(dst, tagVector, version), uint64(len(v)))
	for _, x := range v {
		dst = append(dst, byte(x), byte(x>>8))
	}
	return dst, nil
}

// UnmarshalBinary reads a vector into memory of its own. Foreign bytes are refused, never trusted.
func (v *Vector) UnmarshalBinary(data []byte) error {
	r := cursor.New(data)
	dims := head(r, tagVector)
	if r.Err() == nil && len(r.Rest()) != 2*dims {
		r.Fail(fmt.Errorf("phasor: vector of %d dimensions in %d bytes: %w", dims, len(r.Rest()), errForm))
	}
	if r.Err() != nil {
		return fmt.Errorf("phasor: read vector: %w", r.Err())
	}
	got, b := make(Vector, dims), r.Rest()
	for d := range got {
		got[d] = uint16(b[2*d]) | uint16(b[2*d+1])<<8
	}
	*v = got
	return nil
}

func checkDims(d int) error {
	if d < MinDims || d > MaxDims || d%4 != 0 {
		return fmt.Errorf("phasor: dims %d: not a multiple of 4 in %d…%d", d, MinDims, MaxDims)
	}
	return nil
}

// head reads tag, version and dimensions.
func head(r *cursor.Reader, tag byte) int {
	if t, v := r.Byte(), r.Byte(); r.Err() == nil && (t != tag || v != version) {
		r.Fail(fmt.Errorf("tag %#x version %d: want %#x, %d", t, v, tag, version))
	}
	d := r.Uint()
	if r.Err() == nil {
		if err := checkDims(int(min(d, 1<<30))); err != nil {
			r.Fail(err)
		}
	}
	return int(min(d, MaxDims))
}

// AppendBinary appends the binary form of b: tag, version, D, the codebook's ID, the age, and the present
// and the last generation, each as its mass and, if that is not 0, the width of a component in bytes and
// the components, little-endian two's complement. The width is the least that holds all of them, so equal
// bundles have equal forms.
func (b *Bundle) AppendBinary(dst []byte) ([]byte, error) {
	if err := checkDims(b.dims); err != nil {
		return dst, err
	}
	dst = cursor.Uint(append(dst, tagBundle, version), uint64(b.dims))
	dst = cursor.Uint(cursor.Uint(dst, b.book), uint64(b.age))
	return b.last.append(b.now.append(dst)), nil
}

func (g *generation) append(dst []byte) []byte {
	dst = cursor.Uint(dst, uint64(g.mass))
	if g.mass == 0 {
		return dst
	}
	width := g.width()
	dst = append(dst, byte(width))
	for _, x := range g.sum {
		for k := range width {
			dst = append(dst, byte(x>>(8*k)))
		}
	}
	return dst
}

// width returns the least number of bytes that holds every component.
func (g *generation) width() int {
	return bits.Len64(reach(g.sum))/8 + 1
}

// UnmarshalBinary replaces b by the bundle that data holds. It refuses what no Add could have made: a
// component above its mass, a mass above its bound, another form than the one that AppendBinary writes.
// Where the codebook matters compare Book; Merge does. On an error b is unchanged.
func (b *Bundle) UnmarshalBinary(data []byte) error {
	r := cursor.New(data)
	got := Bundle{dims: head(r, tagBundle), book: r.Uint(), age: Age(r.Int())}
	got.now.read(r, got.dims)
	got.last.read(r, got.dims)
	if r.Err() == nil && len(r.Rest()) != 0 {
		r.Fail(fmt.Errorf("%d bytes behind the end: %w", len(r.Rest()), errForm))
	}
	if r.Err() != nil {
		return fmt.Errorf("phasor: read bundle: %w", r.Err())
	}
	if got.now.sum == nil {
		got.now.sum = make([]int64, 2*got.dims)
	}
	*b = got
	return nil
}

func (g *generation) read(r *cursor.Reader, dims int) {
	mass := r.Uint()
	if r.Err() != nil || mass == 0 {
		return
	}
	width := int(r.Byte())
	switch rest := r.Rest(); {
	case r.Err() != nil:
		return
	case mass > maxMass || width < 1 || width > 8:
		r.Fail(fmt.Errorf("mass %d, width %d: not in 1…%d, 1…8", mass, width, int64(maxMass)))
		return
	case len(rest) < 2*dims*width:
		r.Fail(cursor.ErrShort)
		return
	}
	g.mass, g.sum = int64(mass), make([]int64, 2*dims)
	body := skip(r, 2*dims*width)
	for i := range g.sum {
		g.sum[i] = component(body[i*width:], width)
		if limit := amplitude * g.mass; g.sum[i] > limit || g.sum[i] < -limit {
			r.Fail(fmt.Errorf("component %d is %d: above %d", i, g.sum[i], limit))
			return
		}
	}
	if g.width() != width {
		r.Fail(fmt.Errorf("width %d of components that need %d: %w", width, g.width(), errForm))
	}
}

func component(b []byte, width int) int64 {
	var x uint64
	for k := range width {
		x |= uint64(b[k]) << (8 * k)
	}
	return int64(x<<(64-8*width)) >> (64 - 8*width)
}

// skip reads n bytes that are there.
func skip(r *cursor.Reader, n int) []byte {
	b := r.Rest()[:n]
	*r = *cursor.New(r.Rest()[n:])
	return b
}
