package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/note"
)

// Reader reads a log without its lock: beside the writer that is at work in the folder, or in a
// folder that nobody serves. It sees the log as it was when it was opened or last refreshed. Safe
// for concurrent use.
type Reader struct {
	root     string
	verifier note.Verifier
	key      string
	times    timeTable
	mu       sync.Mutex
	snap     *snapshot
}

// snapshot is a consistent picture of a folder: a checkpoint, its edge, and what the journal holds
// beyond it.
type snapshot struct {
	view   *view
	items  []item
	tiling int // of items, those of the oldest segment: the tiler may have begun with them, and no others
	erased map[uint64]uint64
	segs   []*segment
}

func (s *snapshot) size() uint64 { return s.view.cp.Size + uint64(len(s.items)) }

// snapshotTries bounds how often a snapshot begins again because the writer published meanwhile. What
// stays broken for the first few looks without a new checkpoint is broken.
const (
	snapshotTries = 64
	patientTries  = 3
)

// OpenReader opens the log in a data folder for reading. It changes nothing there. A folder without
// a log is fs.ErrNotExist; damage is a *DamageError.
func OpenReader(dir string) (*Reader, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", dir, err)
	}
	verifier, key, err := readVerifier(root)
	if err != nil {
		return nil, err
	}
	r := &Reader{root: root, verifier: verifier, key: key}
	if err := r.Refresh(); err != nil {
		return nil, err
	}
	return r, nil
}

// Refresh looks at the folder again; entries that were added since are visible afterwards.
func (r *Reader) Refresh() error {
	s, err := takeSnapshot(r.root, r.verifier)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snap = s
	return nil
}

// takeSnapshot reads until nothing was published between its first and its last look.
func takeSnapshot(root string, verifier note.Verifier) (*snapshot, error) {
	var last error
	for try := range snapshotTries {
		before, err := readCheckpoint(root, verifier)
		if err != nil {
			return nil, err
		}
		s, err := readSnapshot(root, before)
		after, aerr := readCheckpoint(root, verifier)
		if aerr != nil {
			return nil, aerr
		}
		if string(before.Note) == string(after.Note) {
			if err == nil || try >= patientTries && !errors.Is(err, fs.ErrNotExist) {
				return s, err
			}
		}
		last = err
	}
	return nil, errors.Join(fmt.Errorf("store: snapshot of %s: no stable moment in %d looks", root, snapshotTries), last)
}

func readSnapshot(root string, cp Checkpoint) (*snapshot, error) {
	e, err := loadEdge(root, cp)
	if err != nil {
		return nil, err
	}
	segs, err := readSegments(root, cp.Size)
	if err != nil {
		return nil, err
	}
	s := &snapshot{view: &view{root: root, cp: cp, edge: e}, segs: segs}
	for _, seg := range segs {
		if seg.last() > cp.Size {
			skip := max(cp.Size, seg.head.first) - seg.head.first
			if s.items = append(s.items, seg.items[skip:]...); s.tiling == 0 {
				s.tiling = len(s.items)
			}
		}
	}
	s.erased, err = erasures(cp.Size, s.items)
	return s, err
}

func (r *Reader) now() *snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.snap
}

func (r *Reader) size() uint64   { return r.now().size() }
func (r *Reader) refresh() error { return r.Refresh() }

func (r *Reader) lookup(i uint64) (place, error) {
	s := r.now()
	if i >= s.size() {
		return place{}, fmt.Errorf("store: entry %d of %d: %w", i, s.size(), ErrRange)
	}
	_, erased := s.erased[i]
	p := place{view: s.view, erased: erased, foreign: true}
	if i >= s.view.cp.Size {
		p.item = &s.items[i-s.view.cp.Size]
	}
	return p, nil
}

// Size returns how many entries the reader sees.
func (r *Reader) Size() uint64 { return r.size() }

// Checkpoint returns the newest signed checkpoint that the reader sees; it may cover less than Size.
func (r *Reader) Checkpoint() Checkpoint { return r.now().view.cp }

// VerifierKey returns the log's public key, as VerifyProof takes it.
func (r *Reader) VerifierKey() string { return r.key }

// Entry returns entry i, verified; the caller owns it. Behind the end it is ErrRange.
func (r *Reader) Entry(ctx context.Context, i uint64) (Entry, error) { return readEntry(ctx, r, i) }

// Entries yields the entries from an index on. An error is the last thing it yields.
func (r *Reader) Entries(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return readEntries(ctx, r, from)
}

// Prove returns the proof of entry i. An entry that no signed checkpoint covers is ErrPending: the
// writer signs within its SealEvery, and Refresh shows it.
func (r *Reader) Prove(ctx context.Context, i uint64) (Proof, error) {
	if err := ctx.Err(); err != nil {
		return Proof{}, fmt.Errorf("store: prove entry %d: %w", i, err)
	}
	p, err := r.lookup(i)
	if err != nil {
		return Proof{}, err
	}
	if p.item != nil {
		return Proof{}, fmt.Errorf("store: prove entry %d, checkpoint of %d: %w", i, p.view.cp.Size, ErrPending)
	}
	return p.view.prove(i)
}
