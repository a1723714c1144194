package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/becomingone/becomingone/kernel/witness"
	"golang.org/x/mod/sumdb/tlog"
)

// Report says what Verify found sound.
type Report struct {
	Entries    uint64     // in the log: below the checkpoint, and acknowledged in the journal
	Erased     uint64     // of these, without a payload any more
	Files      int        // read below log, journal and payload
	Bytes      int64      // in these files
	Root       [32]byte   // of the tree over all Entries
	Checkpoint Checkpoint // the newest signed one; it covers Checkpoint.Size entries
	TornBytes  int64      // at the journal's end: a write that a crash cut off before its answer
	Live       bool       // a writer was at work: what it wrote meanwhile was not looked at
}

// Verify checks every byte below log, journal and payload of a data folder: each leaf's form,
// sequence number and time, each payload against its leaf, each erasure against the leaf that logged
// it, each tile at each level, the checkpoint's signature and root, each journal frame, and that no
// file is there that the log did not write. It writes nothing, and keeps writers out meanwhile; where
// one is at work already it checks what was signed and acknowledged when it began. Damage is a
// *DamageError that names the first bad entry, or else the file; a folder without a log is
// fs.ErrNotExist. It trusts the public key in the
// folder: who can rewrite all of it can also rewrite that, which is what witnesses are for.
func Verify(ctx context.Context, dir string) (r Report, err error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return r, fmt.Errorf("store: verify %s: %w", dir, err)
	}
	verifier, _, err := readVerifier(root)
	if err != nil {
		return r, err
	}
	live, release, err := holdOff(root)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, release()) }()
	snap, err := takeSnapshot(root, verifier)
	if err != nil {
		return r, err
	}
	a := &audit{root: root, live: live, snap: snap, at: math.MinInt64, marks: map[uint64]uint64{}, built: map[tileID][]byte{}}
	a.pay.root = root
	defer a.pay.close()
	for _, step := range []func(context.Context) error{a.tree, a.journal, a.payloadTail, a.files} {
		if err := step(ctx); err != nil {
			return r, err
		}
	}
	return a.report()
}

// audit recomputes a log.
type audit struct {
	root  string
	live  bool
	snap  *snapshot
	tiles edge              // recomputed from the entries seen so far
	at    int64             // time of the entry before
	pay   payloadScan       //
	marks map[uint64]uint64 // index of an Erased leaf that a payload's mark names -> entry of that payload
	built map[tileID][]byte // tiles that the journal's entries fill
	r     Report
}

func (a *audit) report() (Report, error) {
	for by, seq := range a.marks {
		if by < a.tiles.size || !a.live {
			return Report{}, damaged(payloadName(seq, ".dat"), int64(seq), "marked as erased by entry %d, which says no such thing", by)
		}
	}
	root, err := a.tiles.root()
	if err != nil {
		return Report{}, err
	}
	a.r.Entries, a.r.Root, a.r.Checkpoint, a.r.Live = a.tiles.size, root, a.snap.view.cp, a.live
	for _, s := range a.snap.segs {
		a.r.TornBytes += int64(s.torn)
	}
	return a.r, nil
}

// tree recomputes everything that the checkpoint covers.
func (a *audit) tree(ctx context.Context) error {
	size := a.snap.view.cp.Size
	for a.tiles.size < size {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("store: verify entry %d: %w", a.tiles.size, err)
		}
		n := a.tiles.size / tileWidth
		id := tileID{entryLevel, n, int(min(size-n*tileWidth, tileWidth))}
		data := a.snap.view.edge.bundle
		if id.width == tileWidth {
			var err error
			if data, err = readTile(a.root, id); err != nil {
				return err
			}
		}
		leaves, err := splitBundle(data, id.width)
		if err != nil {
			return damaged(id.path(), firstEntry(id), "%v", err)
		}
		for _, b := range leaves {
			if err := a.entry(b); err != nil {
				return a.first(n, err)
			}
		}
	}
	root, err := a.tiles.root()
	if err != nil {
		return err
	}
	if root != a.snap.view.cp.Root {
		return damaged(checkpointName, -1, "its root is %v, that of the %d entries is %v", tlog.Hash(a.snap.view.cp.Root), size, root)
	}
	return a.pay.finish(a.tail())
}

// first returns the damage that the tree itself finds in a bundle in which a check failed, if it finds
// any: an entry that was changed may make its neighbour look wrong.
func (a *audit) first(n uint64, err error) error {
	if _, bad := a.snap.view.bundle(n); bad != nil {
		return bad
	}
	return err
}

// tail reports whether bytes behind the sealed payloads may be there.
func (a *audit) tail() bool {
	return a.snap.view.cp.Size%payloadSpan != 0 && (a.live || len(a.snap.items) > 0)
}

// entry checks the next entry below the checkpoint, and the tiles that it fills.
func (a *audit) entry(b []byte) error {
	i := a.tiles.size
	leaf, err := a.order(tileID{entryLevel, i / tileWidth, tileWidth}.path(), b)
	if err != nil {
		return err
	}
	salt, payload, err := a.payload(leaf)
	if err != nil {
		return err
	}
	_, pending := a.snap.erased[i]
	if pending {
		a.r.Erased++ // by the journal: nobody knows how far the erasure came
	} else if witness.Seal(&salt, payload) != leaf.MAC {
		by, ok := parseEraseMark(&salt)
		if !ok || by <= i || !allZero(payload) {
			return damaged(payloadName(i, ".dat"), int64(i), "the payload does not match its leaf")
		}
		a.marks[by] = i
		a.r.Erased++
	}
	if leaf.Type == witness.Erased {
		if err := a.erasure(leaf); err != nil {
			return err
		}
	}
	return a.tiles.add(b, a.compare)
}

// order checks form, sequence number and time of the next leaf.
func (a *audit) order(file string, b []byte) (witness.Leaf, error) {
	i := a.tiles.size
	leaf, _, err := decodeEntry(i, b)
	if err != nil {
		return leaf, err
	}
	if leaf.At < a.at {
		return leaf, damaged(file, int64(i), "its time %d lies before %d, that of the entry before", leaf.At, a.at)
	}
	a.at = leaf.At
	return leaf, nil
}

// payload returns what is stored for a leaf. Beside a writer a mismatch is looked at again: it may be
// an erasure at work.
func (a *audit) payload(leaf witness.Leaf) (salt [witness.SaltSize]byte, payload []byte, err error) {
	salt, payload, err = a.pay.next(leaf.Sequence)
	for range readTries {
		if _, marked := parseEraseMark(&salt); err != nil || !a.live || witness.Seal(&salt, payload) == leaf.MAC || marked && allZero(payload) {
			break
		}
		salt, payload, err = a.pay.files.read(leaf.Sequence)
	}
	return salt, payload, err
}

// erasure checks that the entry which an Erased leaf names is marked so.
func (a *audit) erasure(leaf witness.Leaf) error {
	id := tileID{entryLevel, leaf.Sequence / tileWidth, tileWidth}
	tail, err := witness.ParseErasedTail(leaf.Tail)
	if err != nil || tail.Sequence >= leaf.Sequence {
		return damaged(id.path(), int64(leaf.Sequence), "an erased leaf with tail %x", leaf.Tail)
	}
	if seq, ok := a.marks[leaf.Sequence]; ok && seq == tail.Sequence {
		delete(a.marks, leaf.Sequence)
		return nil
	}
	for by, seq := range a.marks { // erased once more, later
		if seq == tail.Sequence && by > leaf.Sequence {
			return nil
		}
	}
	if _, pending := a.snap.erased[tail.Sequence]; pending {
		return nil
	}
	return damaged(payloadName(tail.Sequence, ".dat"), int64(tail.Sequence), "not erased, though entry %d says so", leaf.Sequence)
}

// compare checks a tile that the entries fill against the file.
func (a *audit) compare(id tileID, want []byte) error {
	if id.level == entryLevel {
		return nil // the file is where these entries came from
	}
	have, err := readTile(a.root, id)
	if err != nil {
		return err
	}
	return sameTile(id, have, want)
}

// sameTile names the first entry below the first hash in which two tiles differ.
func sameTile(id tileID, have, want []byte) error {
	if bytes.Equal(have, want) {
		return nil
	}
	if id.level == entryLevel || len(have) != len(want) {
		return damaged(id.path(), firstEntry(id), "not what the entries make of it")
	}
	i := 0
	for bytes.Equal(have[i:i+tlog.HashSize], want[i:i+tlog.HashSize]) {
		i += tlog.HashSize
	}
	first := (id.n*tileWidth + uint64(i/tlog.HashSize)) << (tileHeight * id.level)
	return damaged(id.path(), int64(first), "hash %d is not that of what lies below it", i/tlog.HashSize)
}

// journal checks what the journal holds: again, where a crash left it behind, and beyond the tree.
func (a *audit) journal(ctx context.Context) error {
	size := a.snap.view.cp.Size
	for _, s := range a.snap.segs {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("store: verify %s: %w", s.name, err)
		}
		if err := checkItems(s.name, s.head.first, s.items); err != nil {
			return err
		}
		for i := range s.items {
			seq := s.head.first + uint64(i)
			if seq < size {
				if err := a.repeated(s, seq, s.items[i].leaf); err != nil {
					return err
				}
				continue
			}
			leaf, err := a.order(s.name, s.items[i].leaf)
			if err != nil {
				return err
			}
			if _, gone := a.snap.erased[seq]; gone {
				a.r.Erased++
			}
			if tail, terr := witness.ParseErasedTail(leaf.Tail); terr == nil && leaf.Type == witness.Erased {
				if a.marks[seq] == tail.Sequence {
					delete(a.marks, seq)
				}
			}
			if err := a.tiles.add(s.items[i].leaf, a.compareAhead); err != nil {
				return err
			}
		}
	}
	return nil
}

// repeated checks a journal entry that the tree holds too.
func (a *audit) repeated(s *segment, seq uint64, leaf []byte) error {
	_, have, err := a.snap.view.leaf(seq)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, leaf) {
		return damaged(s.name, int64(seq), "the journal's entry is not the tree's")
	}
	return nil
}
