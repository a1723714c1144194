package store

import (
	"context"
	"fmt"

	"github.com/becomingone/becomingone/kernel/witness"
	"golang.org/x/mod/sumdb/tlog"
)

// runBytes bounds what a cursor reads of payloads at once, but for a single longer one.
const runBytes = 256 << 10

// cursor keeps what reading one entry after the other can share: the verified hashes above 256
// bundles, a verified bundle and the one behind it, open payload files and a run of payloads.
type cursor struct {
	parents parents
	n       uint64 // bundle
	leaves  [][]byte
	ahead   *ahead
	pay     payloadRun
}

// ahead is a bundle that is verified while the one before it is read. It alone uses the cursor's
// parents until done is closed.
type ahead struct {
	n      uint64
	done   chan struct{}
	leaves [][]byte
	err    error
}

func (c *cursor) next(ctx context.Context, s source, i uint64) (Entry, error) {
	if err := ctx.Err(); err != nil {
		return Entry{}, fmt.Errorf("store: read entry %d: %w", i, err)
	}
	p, err := s.lookup(i)
	if err != nil {
		return Entry{}, err
	}
	if p.item == nil && !p.erased {
		if e, err := c.read(p, i); err == nil {
			return e, nil
		}
	}
	return readEntry(ctx, s, i)
}

// read reads entry i from what is at hand; whoever gets an error reads it the slow way.
func (c *cursor) read(p place, i uint64) (Entry, error) {
	if c.leaves == nil || c.n != i/tileWidth || i%tileWidth >= uint64(len(c.leaves)) {
		if err := c.load(p.view, i/tileWidth); err != nil {
			return Entry{}, err
		}
	}
	leaf, _, err := decodeEntry(i, c.leaves[i%tileWidth])
	if err != nil {
		return Entry{}, err
	}
	salt, payload, err := c.pay.next(p, i)
	if err != nil {
		return Entry{}, err
	}
	return p.view.open(leaf, salt, payload)
}

// load makes bundle n the one at hand. From the second bundle in order on, the next is begun with.
func (c *cursor) load(v *view, n uint64) error {
	inOrder := c.leaves != nil && n == c.n+1
	leaves := c.take(n)
	if leaves == nil {
		var err error
		if leaves, err = c.bundle(v, n); err != nil {
			return err
		}
	}
	c.n, c.leaves = n, leaves
	if inOrder && n+1 < v.cp.Size/tileWidth {
		a := &ahead{n: n + 1, done: make(chan struct{})}
		go func() {
			defer close(a.done)
			a.leaves, a.err = c.bundle(v, a.n)
		}()
		c.ahead = a
	}
	return nil
}

// take waits for what was read ahead and returns it if it is bundle n and sound.
func (c *cursor) take(n uint64) [][]byte {
	a := c.ahead
	if a == nil {
		return nil
	}
	c.ahead = nil
	if <-a.done; a.err != nil || a.n != n {
		return nil // who wants it reads it again and meets the error
	}
	return a.leaves
}

func (c *cursor) bundle(v *view, n uint64) ([][]byte, error) {
	return v.bundleUnder(n, func() (tlog.Hash, error) { return c.parents.hash(v, n) })
}

// close joins what was begun and closes files.
func (c *cursor) close() {
	c.take(c.n)
	c.pay.close()
}

// parents holds the verified hashes of the full bundles below one tile of level 1.
type parents struct {
	first  uint64 // bundle
	hashes []tlog.Hash
}

// hash returns the hash of a full bundle. Hashes that an older view verified are still those of the
// log: it only grows.
func (h *parents) hash(v *view, n uint64) (tlog.Hash, error) {
	if n < h.first || n-h.first >= uint64(len(h.hashes)) {
		hashes, err := v.parents(n)
		if err != nil {
			return tlog.Hash{}, err
		}
		h.first, h.hashes = n/tileWidth*tileWidth, hashes
	}
	return h.hashes[n-h.first], nil
}

// payloadRun reads payloads of one bundle together. What it has read counts for nothing as soon as
// anything was erased since: an erased payload is not returned from memory.
type payloadRun struct {
	files    *payloadFiles
	pair     uint64 // payload files' number
	erasures uint64 // of the log, before data was read
	first    uint64
	bounds   []int64 // in the data file: where entry first begins, where it and those behind it end
	data     []byte
}

// next returns salt and payload of entry i < the view's size, which is nobody else's from then on.
func (r *payloadRun) next(p place, i uint64) (*[witness.SaltSize]byte, []byte, error) {
	if !r.holds(p, i) {
		if err := r.read(p, i); err != nil {
			return nil, nil, err
		}
	} else if p.foreign {
		same, err := r.same(i)
		if err == nil && !same {
			err = r.read(p, i)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	b := r.entry(i)
	return (*[witness.SaltSize]byte)(b), b[witness.SaltSize:], nil
}

func (r *payloadRun) holds(p place, i uint64) bool {
	return r.erasures == p.erasures && i >= r.first && i+1 < r.first+uint64(len(r.bounds))
}

// entry returns salt and payload of an entry of the run.
func (r *payloadRun) entry(i uint64) []byte {
	k := i - r.first
	start, end := r.bounds[k]-r.bounds[0], r.bounds[k+1]-r.bounds[0]
	return r.data[start:end:end]
}

// same reports whether an entry's salt still stands in the file, which an erasure changes first.
func (r *payloadRun) same(i uint64) (bool, error) {
	var salt [witness.SaltSize]byte
	if err := r.files.readData(i, salt[:], r.bounds[i-r.first]); err != nil {
		return false, err
	}
	return salt == [witness.SaltSize]byte(r.entry(i)), nil
}

// read reads the payloads from entry i on, to the end of its bundle or as many as runBytes allow.
func (r *payloadRun) read(p place, i uint64) error {
	r.bounds = r.bounds[:0]
	if r.files == nil || r.pair != i/payloadSpan {
		r.close()
		files, err := openPayloads(p.view.root, i)
		if err != nil {
			return err
		}
		r.files, r.pair = files, i/payloadSpan
	}
	n := min(tileWidth-i%tileWidth, p.view.cp.Size-i)
	bounds := make([]int64, n+1)
	if err := boundsIn(r.files.index, i, bounds); err != nil {
		return err
	}
	for len(bounds) > 2 && bounds[len(bounds)-1]-bounds[0] > runBytes {
		bounds = bounds[:len(bounds)-1]
	}
	data := make([]byte, bounds[len(bounds)-1]-bounds[0])
	if err := r.files.readData(i, data, bounds[0]); err != nil {
		return err
	}
	r.erasures, r.first, r.bounds, r.data = p.erasures, i, bounds, data
	return nil
}

func (r *payloadRun) close() {
	if r.files != nil {
		r.files.close() // only read from: nothing to lose
		r.files = nil
	}
}
