package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/becomingone/becomingone/kernel/witness"
	"golang.org/x/mod/sumdb/note"
)

// tiler moves whole journal segments into tiles, bundles and payload files and signs for them. All
// of a step is repeatable: after a crash the same segment gives the same bytes. Not safe for
// concurrent use.
type tiler struct {
	root   string
	disk   disk
	dirs   *folders
	signer note.Signer
	edge   *edge
	pay    payloads
}

func newTiler(root string, d disk, signer note.Signer, e *edge) *tiler {
	dirs := newFolders(d, root)
	return &tiler{root: root, disk: d, dirs: dirs, signer: signer, edge: e,
		pay: payloads{disk: d, dirs: dirs, root: root}}
}

// integrate appends items to the tree: everything that the new checkpoint covers is durable before
// the checkpoint is. It returns the tree to read from now on.
func (t *tiler) integrate(items []item) (*view, error) {
	first := t.edge.size
	erased, err := erasures(first, items)
	if err != nil {
		return nil, err
	}
	if err := t.pay.append(first, items, erased); err != nil {
		return nil, fmt.Errorf("store: payloads from entry %d: %w", first, err)
	}
	if err := t.writeTiles(items); err != nil {
		return nil, fmt.Errorf("store: tiles from entry %d: %w", first, err)
	}
	for seq, by := range erased {
		if seq < first {
			if err := t.pay.erase(seq, by); err != nil {
				return nil, during(fmt.Sprintf("erase entry %d", seq), err)
			}
		}
	}
	v, err := t.publish()
	if err != nil {
		return nil, err
	}
	return v, t.sweep(first)
}

// erasures maps the entries that items erase to the last leaf that does so.
func erasures(first uint64, items []item) (map[uint64]uint64, error) {
	erased := map[uint64]uint64{}
	for i := range items {
		seq := first + uint64(i)
		leaf, err := witness.DecodeLeaf(items[i].leaf)
		if err != nil {
			return nil, fmt.Errorf("store: entry %d: %w", seq, err)
		}
		if leaf.Type != witness.Erased {
			continue
		}
		tail, err := witness.ParseErasedTail(leaf.Tail)
		if err != nil || tail.Sequence >= seq {
			return nil, fmt.Errorf("store: entry %d: bad erased tail %x", seq, leaf.Tail)
		}
		erased[tail.Sequence] = seq
	}
	return erased, nil
}

// writeTiles writes each tile that items fill and then the new edge, all durable.
func (t *tiler) writeTiles(items []item) error {
	full := func(id tileID, data []byte) error { return t.dirs.place(id.path(), data) }
	for i := range items {
		if err := t.edge.add(items[i].leaf, full); err != nil {
			return err
		}
	}
	ids, data := t.edge.partials()
	for i, id := range ids {
		if err := t.dirs.place(id.path(), data[i]); err != nil {
			return err
		}
	}
	return t.dirs.sync()
}

// publish signs the tree and puts the checkpoint in its place.
func (t *tiler) publish() (*view, error) {
	root, err := t.edge.root()
	if err != nil {
		return nil, err
	}
	cp, err := signCheckpoint(t.signer, t.edge.size, root)
	if err != nil {
		return nil, err
	}
	if err = t.dirs.place(checkpointName, cp.Note); err == nil {
		err = t.dirs.sync()
	}
	if err != nil {
		return nil, fmt.Errorf("store: checkpoint of %d entries: %w", cp.Size, err)
	}
	return &view{root: t.root, cp: cp, edge: t.edge.clone()}, nil
}

// sweep removes the partial tiles whose full tile came to be since the tree had old entries, which
// is when C2SP lets them go.
func (t *tiler) sweep(old uint64) error {
	for level := entryLevel; level <= maxLevel; level++ {
		last := inTree(level, t.edge.size) / tileWidth
		for n := inTree(level, old) / tileWidth; n < last; n++ {
			if err := t.removeAll(tileID{level: level, n: n}.folder() + ".p"); err != nil {
				return fmt.Errorf("store: sweep: %w", err)
			}
		}
	}
	return nil
}

// removeAll removes a folder of files, if it exists.
func (t *tiler) removeAll(dir string) error {
	entries, err := os.ReadDir(filepath.Join(t.root, filepath.FromSlash(dir)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", dir, cause(err))
	}
	for _, e := range entries {
		if err := t.disk.do(op{kind: opRemove, path: dir + "/" + e.Name()}); err != nil {
			return err
		}
	}
	delete(t.dirs.known, dir)
	return t.disk.do(op{kind: opRemove, path: dir})
}
