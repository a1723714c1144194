package phasor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
)

const (
	// MinDims and MaxDims bound the dimensions of a vector.
	MinDims = 64
	MaxDims = 16384

	minKey    = 16
	maxAtoms  = 1 << 20
	longWord  = 64 // bytes; longer names are drawn anew each time, so that the cache's size is known
	nilSlot   = -1
	wordAtom  = 'w'
	roleAtom  = 'r'
	axisName  = 'a'
	features  = 'f'
	identity  = 'i'
	expansion = "becomingone/phasor/1/"
)

// Config says what a codebook draws.
type Config struct {
	Key   []byte // secret, at least 16 bytes; equal keys make equal atoms on every machine. Copied
	Dims  int    // D, a multiple of 4 in 64…16384; 0 means 2048
	Atoms int    // atoms of words kept, 2D + about 200 bytes each; 0 means 4096, which is 16 MiB at D = 2048
}

// Validate names the field that is out of range.
func (c Config) Validate() error {
	switch {
	case len(c.Key) < minKey:
		return fmt.Errorf("phasor: key of %d bytes: want %d or more", len(c.Key), minKey)
	case c.Dims != 0 && (c.Dims < MinDims || c.Dims > MaxDims || c.Dims%4 != 0):
		return fmt.Errorf("phasor: dims %d: not a multiple of 4 in %d…%d", c.Dims, MinDims, MaxDims)
	case c.Atoms < 0 || c.Atoms > maxAtoms:
		return fmt.Errorf("phasor: atoms %d: not in 0…%d", c.Atoms, maxAtoms)
	}
	return nil
}

// Codebook draws atoms and keeps those used last. A codebook of fewer dimensions with the same key holds
// the first dimensions of the same atoms. Not safe for concurrent use.
type Codebook struct {
	dims  int
	id    uint64
	mac   hash.Hash
	name  []byte // what is being hashed
	bytes []byte // keystream of one atom, 2D
	roles [roleCount]Vector
	cache cache
}

// New validates cfg and returns a codebook with an empty cache.
func New(cfg Config) (*Codebook, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Dims == 0 {
		cfg.Dims = 2048
	}
	if cfg.Atoms == 0 {
		cfg.Atoms = 4096
	}
	c := &Codebook{dims: cfg.Dims, mac: hmac.New(sha256.New, cfg.Key), bytes: make([]byte, 2*cfg.Dims)}
	seed := c.seed(identity, fmt.Sprintf("%d", cfg.Dims))
	c.id = binary.LittleEndian.Uint64(seed[:])
	for r := range c.roles {
		c.roles[r] = c.draw(roleAtom, string(rune('0'+r)))
	}
	c.cache.open(cfg.Atoms)
	return c, nil
}

// Dims returns D.
func (c *Codebook) Dims() int { return c.dims }

// ID names key and dimensions without giving the key away. Bundles of two codebooks do not merge.
func (c *Codebook) ID() uint64 { return c.id }

// seed returns HMAC(key, package version, kind, name), 32 bytes that nobody predicts without the key.
func (c *Codebook) seed(kind byte, name string) (sum [sha256.Size]byte) {
	c.name = append(append(append(c.name[:0], expansion...), kind), name...)
	c.mac.Reset()
	c.mac.Write(c.name)
	c.mac.Sum(sum[:0])
	if cap(c.name) > 1<<16 {
		c.name = nil
	}
	return sum
}

// stream returns the keystream of one name: AES-256-CTR from 0 under a seed that nothing else uses.
func (c *Codebook) stream(kind byte, name string) cipher.Stream {
	seed := c.seed(kind, name)
	block, err := aes.NewCipher(seed[:])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	var zero [aes.BlockSize]byte
	return cipher.NewCTR(block, zero[:])
}

func (c *Codebook) draw(kind byte, name string) Vector {
	clear(c.bytes)
	c.stream(kind, name).XORKeyStream(c.bytes, c.bytes)
	v := make(Vector, c.dims)
	for d := range v {
		v[d] = binary.LittleEndian.Uint16(c.bytes[2*d:])
	}
	return v
}

// Atom returns the vector of a word, which may be any text; case and spelling are the caller's to settle.
// The vector is shared: it must not be written to. It stays valid when the cache forgets it.
func (c *Codebook) Atom(word string) Vector {
	v, _ := c.lookup(word)
	return v
}

// lookup returns the atom of a word and its slot in the cache, nilSlot where it has none.
func (c *Codebook) lookup(word string) (Vector, int) {
	if len(word) > longWord {
		return c.draw(wordAtom, word), nilSlot
	}
	if slot, ok := c.cache.find(word); ok {
		return c.cache.atoms[slot].vector, slot
	}
	v := c.draw(wordAtom, word)
	return v, c.cache.put(word, v)
}

// cache holds a fixed number of atoms; the one unused for longest makes room. Links are slots; slot 0 is
// the ring's head and holds no atom.
type cache struct {
	slots map[string]int32
	atoms []atom
	size  int
}

type atom struct {
	word       string
	vector     Vector
	next, last int32
}

func (c *cache) open(size int) {
	c.slots, c.atoms, c.size = make(map[string]int32), make([]atom, 1, min(size+1, 1024)), size
}

func (c *cache) find(word string) (int, bool) {
	slot, ok := c.slots[word]
	if ok && c.atoms[0].next != slot {
		c.unlink(slot)
		c.link(slot)
	}
	return int(slot), ok
}

func (c *cache) put(word string, v Vector) int {
	var slot int32
	if len(c.atoms) <= c.size {
		slot = int32(len(c.atoms))
		c.atoms = append(c.atoms, atom{})
	} else {
		slot = c.atoms[0].last
		c.unlink(slot)
		delete(c.slots, c.atoms[slot].word)
	}
	word = strings.Clone(word) // a word must not keep the text alive that it was cut from
	c.atoms[slot].word, c.atoms[slot].vector = word, v
	c.slots[word] = slot
	c.link(slot)
	return int(slot)
}

func (c *cache) unlink(slot int32) {
	a := c.atoms[slot]
	c.atoms[a.last].next, c.atoms[a.next].last = a.next, a.last
}

func (c *cache) link(slot int32) {
	first := c.atoms[0].next
	c.atoms[slot].next, c.atoms[slot].last = first, 0
	c.atoms[0].next, c.atoms[first].last = slot, slot
}
