package witness

import "crypto/sha256"

// Tree is the Merkle tree over the operations of one cycle, built as they come. Hashing is that of
// RFC 6962, 2.1: 0x00 before a leaf, 0x01 before two children. The zero value is the empty tree.
// Not safe for concurrent use.
type Tree struct {
	peaks [32][32]byte // peaks[i] is the root of a complete subtree of 2^i leaves where bit i of n is set
	n     uint32
	buf   []byte
}

// Add appends one operation, whose bytes it does not keep. O(1) amortised; no allocation once the
// longest operation was seen. A tree holds fewer than 2^32 operations.
func (t *Tree) Add(op []byte) {
	t.buf = append(append(t.buf[:0], 0), op...)
	h := sha256.Sum256(t.buf)
	i := 0
	for ; t.n>>i&1 == 1; i++ {
		h = node(&t.peaks[i], &h)
	}
	t.peaks[i] = h
	t.n++
}

// Count returns how many operations were added.
func (t *Tree) Count() uint32 { return t.n }

// Root returns the Merkle tree hash over all operations so far; of none, the hash of nothing.
func (t *Tree) Root() [32]byte {
	if t.n == 0 {
		return sha256.Sum256(nil)
	}
	var h [32]byte
	started := false
	for i := range t.peaks {
		if t.n>>i&1 == 0 {
			continue
		}
		if !started {
			h, started = t.peaks[i], true
			continue
		}
		h = node(&t.peaks[i], &h)
	}
	return h
}

// Reset empties the tree and keeps its buffer.
func (t *Tree) Reset() { t.n = 0 }

// Tail returns the tree as the tail of the cycle's leaf.
func (t *Tree) Tail() CycleTail { return CycleTail{Operations: t.n, Root: t.Root()} }

func node(left, right *[32]byte) [32]byte {
	var b [65]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}
