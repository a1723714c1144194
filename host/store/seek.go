package store

import (
	"sort"
	"sync"

	"github.com/becomingone/becomingone/kernel/witness"
	"golang.org/x/mod/sumdb/tlog"
)

// SeekTime returns the index of the first entry whose time is at or later, ns since 1970; where there
// is none, the log's size. SeekTime(t+1) - 1 is the newest entry that is not later than t. It reads
// O(log n) bundles, verified, and remembers their first times: 9 bytes for each 256 entries.
func (l *Log) SeekTime(at int64) (index uint64, err error) {
	l.mu.Lock()
	v, items := l.view, l.recent
	l.mu.Unlock()
	return l.times.seek(v, items, at)
}

// SeekTime returns the index of the first entry that the reader sees whose time is at or later, as
// Log.SeekTime does.
func (r *Reader) SeekTime(at int64) (index uint64, err error) {
	s := r.now()
	return r.times.seek(s.view, s.items, at)
}

// timeTable remembers the times of bundles' first entries. It is filled as it is asked, from verified
// reads of one tree; a tree that does not continue that one empties it. Safe for concurrent use.
type timeTable struct {
	mu    sync.Mutex
	size  uint64 // of the tree
	root  [32]byte
	at    []int64
	known []bool
}

// seek searches a view and the items behind it.
func (t *timeTable) seek(v *view, items []item, at int64) (uint64, error) {
	if n, err := seekItems(v.cp.Size, items, at); n > 0 || err != nil {
		return v.cp.Size + uint64(n), err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.follow(v); err != nil {
		return 0, err
	}
	low, high := uint64(0), uint64(len(t.at)) // bundles below low begin before at, those from high on do not
	for low < high {
		mid := low + (high-low)/2
		first, err := t.first(v, mid)
		if err != nil {
			return 0, err
		}
		if first < at {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return 0, nil
	}
	return seekBundle(v, low-1, at)
}

// follow makes the table that of a view's tree: longer where the tree grew, empty where it is another.
func (t *timeTable) follow(v *view) error {
	if t.size == v.cp.Size && t.root == v.cp.Root {
		return nil
	}
	same := false
	if t.size > 0 && t.size <= v.cp.Size {
		root, err := tlog.TreeHash(int64(t.size), v.hashes())
		if err != nil {
			return treeError(tileID{0, t.size / tileWidth, tileWidth}, err)
		}
		same = root == t.root
	}
	if !same {
		t.at, t.known = nil, nil
	}
	bundles := int((v.cp.Size + tileWidth - 1) / tileWidth)
	t.at = append(t.at, make([]int64, bundles-len(t.at))...)
	t.known = append(t.known, make([]bool, bundles-len(t.known))...)
	t.size, t.root = v.cp.Size, v.cp.Root
	return nil
}

// first returns the time of the first entry of bundle n.
func (t *timeTable) first(v *view, n uint64) (int64, error) {
	if !t.known[n] {
		leaf, _, err := v.leaf(n * tileWidth)
		if err != nil {
			return 0, err
		}
		t.at[n], t.known[n] = leaf.At, true
	}
	return t.at[n], nil
}

// seekBundle returns the first entry at or later in bundle n, or the one behind the bundle.
func seekBundle(v *view, n uint64, at int64) (uint64, error) {
	leaves, err := v.bundle(n)
	if err != nil {
		return 0, err
	}
	for k, b := range leaves {
		leaf, _, err := decodeEntry(n*tileWidth+uint64(k), b)
		if err != nil {
			return 0, err
		}
		if leaf.At >= at {
			return leaf.Sequence, nil
		}
	}
	return n*tileWidth + uint64(len(leaves)), nil
}

// seekItems returns how many items, the first of which is entry first, lie before a time.
func seekItems(first uint64, items []item, at int64) (int, error) {
	var bad error
	n := sort.Search(len(items), func(i int) bool {
		leaf, err := witness.DecodeLeaf(items[i].leaf)
		if err != nil && bad == nil {
			bad = damaged(journalDir, int64(first)+int64(i), "%v", err)
		}
		return leaf.At >= at
	})
	return n, bad
}
