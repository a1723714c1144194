package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/becomingone/becomingone/kernel/witness"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// view is the log as one signed checkpoint covers it. Full tiles and bundles come from disk and are
// verified at every read; the edge was verified when the view was made. Safe for concurrent use.
type view struct {
	root string
	cp   Checkpoint
	edge *edge
}

// errStale says that a payload was erased after the view was made.
var errStale = errors.New("erased meanwhile")

// loadEdge reads the right edge that belongs to a checkpoint and verifies it.
func loadEdge(root string, cp Checkpoint) (*edge, error) {
	e := &edge{size: cp.Size}
	for level := entryLevel; level <= maxLevel; level++ {
		n := inTree(level, cp.Size)
		id := tileID{level, n / tileWidth, int(n % tileWidth)}
		if id.width == 0 {
			continue
		}
		b, err := readTile(root, id)
		if err != nil {
			return nil, err
		}
		if level == entryLevel {
			e.bundle = b
			continue
		}
		e.tiles[level] = b
	}
	h, err := e.root()
	if err != nil {
		return nil, err
	}
	if h != cp.Root {
		return nil, e.blame(root, cp)
	}
	return e, e.checkBundle()
}

// blame finds the tile of an edge that keeps it from matching its checkpoint.
func (e *edge) blame(root string, cp Checkpoint) error {
	for level, have := range e.tiles {
		n := inTree(level, e.size)
		want, err := e.below(root, level)
		if err != nil {
			return err
		}
		for i := 0; i < len(have); i += tlog.HashSize {
			if !bytes.Equal(have[i:i+tlog.HashSize], want[i:i+tlog.HashSize]) {
				id := tileID{level, n / tileWidth, int(n % tileWidth)}
				first := (id.n*tileWidth + uint64(i/tlog.HashSize)) << (tileHeight * level)
				return damaged(id.path(), int64(first), "hash %d is not that of what lies below it", i/tlog.HashSize)
			}
		}
	}
	return damaged(checkpointName, -1, "its root is %v, that of the %d entries is another", tlog.Hash(cp.Root), cp.Size)
}

// below recomputes the edge's tile at a level from what lies below it.
func (e *edge) below(root string, level int) ([]byte, error) {
	var out []byte
	first := inTree(level, e.size) / tileWidth * tileWidth
	width := int(inTree(level, e.size) % tileWidth)
	if level == 0 {
		id := tileID{entryLevel, first / tileWidth, width}
		leaves, err := splitBundle(e.bundle, width)
		if err != nil {
			return nil, damaged(id.path(), int64(first), "%v", err)
		}
		for _, leaf := range leaves {
			h := tlog.RecordHash(leaf)
			out = append(out, h[:]...)
		}
		return out, nil
	}
	for i := range width {
		data, err := readTile(root, tileID{level - 1, first + uint64(i), tileWidth})
		if err != nil {
			return nil, err
		}
		h := tileRoot(data)
		out = append(out, h[:]...)
	}
	return out, nil
}

// checkBundle compares the entries of the edge with their hashes.
func (e *edge) checkBundle() error {
	first := e.size - e.size%tileWidth
	id := tileID{entryLevel, first / tileWidth, int(e.size % tileWidth)}
	leaves, err := splitBundle(e.bundle, id.width)
	if err != nil {
		return damaged(id.path(), int64(first), "%v", err)
	}
	return matchLeaves(id, leaves, e.tiles[0])
}

// matchLeaves compares entries with the level 0 tile over them.
func matchLeaves(id tileID, leaves [][]byte, hashes []byte) error {
	for i, leaf := range leaves {
		if h := tlog.RecordHash(leaf); string(h[:]) != string(hashes[i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			return damaged(id.path(), int64(id.n*tileWidth)+int64(i), "the entry does not match its hash in the tree")
		}
	}
	return nil
}

// readTile reads a tile or bundle and checks the length of a tile.
func readTile(root string, id tileID) ([]byte, error) {
	b, err := read(root, id.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(id.path(), firstEntry(id), "the file is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if want := id.width * tlog.HashSize; id.level != entryLevel && len(b) != want {
		return nil, damaged(id.path(), firstEntry(id), "%d bytes: want %d", len(b), want)
	}
	return b, nil
}

func firstEntry(id tileID) int64 { return int64(id.n) << (tileHeight * (max(id.level, 0) + 1)) }

// Height, ReadTiles and SaveTiles make the view a tlog.TileReader.

// Height returns 8.
func (v *view) Height() int { return tileHeight }

// ReadTiles returns tiles of the view's tree.
func (v *view) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		if t.W < tileWidth {
			out[i] = v.edge.tiles[t.L]
			continue
		}
		b, err := readTile(v.root, tileID{t.L, uint64(t.N), tileWidth})
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

// SaveTiles does nothing: the tiles came from here.
func (v *view) SaveTiles([]tlog.Tile, [][]byte) {}

func (v *view) tree() tlog.Tree { return tlog.Tree{N: int64(v.cp.Size), Hash: v.cp.Root} }

func (v *view) hashes() tlog.HashReader { return tlog.TileHashReader(v.tree(), v) }

// bundle returns the verified entries of bundle n.
func (v *view) bundle(n uint64) ([][]byte, error) {
	return v.bundleUnder(n, func() (tlog.Hash, error) {
		want, err := v.hashes().ReadHashes([]int64{tlog.StoredHashIndex(tileHeight, int64(n))})
		if err != nil {
			return tlog.Hash{}, treeError(tileID{entryLevel, n, tileWidth}, err)
		}
		return want[0], nil
	})
}

// parents returns the verified hashes of up to 256 full bundles, those that share bundle n's tile of
// level 1, from its first on.
func (v *view) parents(n uint64) ([]tlog.Hash, error) {
	first := n / tileWidth * tileWidth
	indexes := make([]int64, min(tileWidth, v.cp.Size/tileWidth-first))
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(tileHeight, int64(first)+int64(i))
	}
	hs, err := v.hashes().ReadHashes(indexes)
	if err != nil {
		return nil, treeError(tileID{entryLevel, n, tileWidth}, err)
	}
	return hs, nil
}

// bundleUnder returns the entries of bundle n, verified against its verified hash, which is asked for
// unless the bundle belongs to the edge.
func (v *view) bundleUnder(n uint64, hash func() (tlog.Hash, error)) ([][]byte, error) {
	if n == v.cp.Size/tileWidth {
		return splitBundle(v.edge.bundle, int(v.cp.Size%tileWidth))
	}
	id := tileID{entryLevel, n, tileWidth}
	b, err := readTile(v.root, id)
	if err != nil {
		return nil, err
	}
	leaves, err := splitBundle(b, tileWidth)
	if err != nil {
		return nil, damaged(id.path(), firstEntry(id), "%v", err)
	}
	want, err := hash()
	if err != nil {
		return nil, err
	}
	if bundleRoot(leaves) == want {
		return leaves, nil
	}
	return nil, v.blame(id, leaves, want)
}

// blame finds the entry of a bundle that does not match the tree.
func (v *view) blame(id tileID, leaves [][]byte, want tlog.Hash) error {
	hashes, err := readTile(v.root, tileID{0, id.n, tileWidth})
	if err == nil && tileRoot(hashes) == want {
		if err := matchLeaves(id, leaves, hashes); err != nil {
			return err
		}
	}
	return damaged(id.path(), firstEntry(id), "the bundle does not match the tree")
}

// treeError names the place of an error that tlog found in tiles.
func treeError(id tileID, err error) error {
	if _, ok := errors.AsType[*DamageError](err); ok {
		return err
	}
	return damaged(id.path(), firstEntry(id), "the tiles above do not match the checkpoint: %v", err)
}

// leaf returns the verified leaf of entry i < cp.Size.
func (v *view) leaf(i uint64) (witness.Leaf, []byte, error) {
	leaves, err := v.bundle(i / tileWidth)
	if err != nil {
		return witness.Leaf{}, nil, err
	}
	return decodeEntry(i, leaves[i%tileWidth])
}

// decodeEntry decodes the leaf of entry i.
func decodeEntry(i uint64, b []byte) (witness.Leaf, []byte, error) {
	id := tileID{entryLevel, i / tileWidth, tileWidth}
	leaf, err := witness.DecodeLeaf(b)
	if err != nil {
		return leaf, nil, damaged(id.path(), int64(i), "%v", err)
	}
	if leaf.Sequence != i {
		return leaf, nil, damaged(id.path(), int64(i), "the leaf's sequence number is %d", leaf.Sequence)
	}
	return leaf, b, nil
}

// open joins a leaf with what is stored as its payload, verified.
func (v *view) open(leaf witness.Leaf, salt *[witness.SaltSize]byte, payload []byte) (Entry, error) {
	if witness.Seal(salt, payload) == leaf.MAC {
		return Entry{Leaf: leaf, Payload: payload}, nil
	}
	name := payloadName(leaf.Sequence, ".dat")
	by, ok := parseEraseMark(salt)
	switch {
	case !ok:
		return Entry{}, damaged(name, int64(leaf.Sequence), "the payload does not match its leaf")
	case by >= v.cp.Size:
		return Entry{}, fmt.Errorf("%w: %w", errStale, damaged(name, int64(leaf.Sequence), "erased by entry %d, which does not exist", by))
	}
	eraser, _, err := v.leaf(by)
	if err != nil {
		return Entry{}, err
	}
	if !erases(eraser, leaf.Sequence) {
		return Entry{}, damaged(name, int64(leaf.Sequence), "entry %d is said to have erased it and did not", by)
	}
	return Entry{Leaf: leaf, Erased: true}, nil
}

// erases reports whether a leaf is the erasure of entry seq.
func erases(leaf witness.Leaf, seq uint64) bool {
	tail, err := witness.ParseErasedTail(leaf.Tail)
	return err == nil && leaf.Type == witness.Erased && tail.Sequence == seq
}

// prove returns the proof of entry i < cp.Size.
func (v *view) prove(i uint64) (Proof, error) {
	_, leaf, err := v.leaf(i)
	if err != nil {
		return Proof{}, err
	}
	hashes, err := tlog.ProveRecord(int64(v.cp.Size), int64(i), v.hashes())
	if err != nil {
		return Proof{}, treeError(tileID{0, i / tileWidth, tileWidth}, err)
	}
	return Proof{Index: i, Leaf: append([]byte(nil), leaf...), Hashes: hashes, Checkpoint: string(v.cp.Note)}, nil
}

// loadView reads the newest checkpoint and its edge.
func loadView(root string, verifier note.Verifier) (*view, error) {
	cp, err := readCheckpoint(root, verifier)
	if err != nil {
		return nil, err
	}
	e, err := loadEdge(root, cp)
	if err != nil {
		return nil, err
	}
	return &view{root: root, cp: cp, edge: e}, nil
}
