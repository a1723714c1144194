package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"golang.org/x/mod/sumdb/note"
)

func (c Config) withDefaults() Config {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.SegmentEntries, 16384)
	set(&c.SegmentBytes, 8<<20)
	set(&c.QueueEntries, 65536)
	set(&c.QueueBytes, 64<<20)
	if c.SealEvery == 0 {
		c.SealEvery = time.Second
	}
	if c.Now == nil {
		c.Now = func() int64 { return math.MinInt64 }
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Recovery says what Open found in the journal of a writer that did not close.
type Recovery struct {
	Entries   uint64 // acknowledged records that were moved from the journal into the tree
	TornBytes int64  // of writes that were cut off before anybody was told of them
}

// Open opens the log in a data folder for writing, making what is missing (folders 0700, files
// 0600), and recovers whatever a crash left in the journal. Another writer in the folder is
// ErrLocked with its name; damage is a *DamageError. On Unix a secret key that group or others may
// read is refused. Nothing is written until Run.
func Open(dir string, cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	root, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(root, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", dir, err)
	}
	lock, err := lockFolder(root)
	if err != nil {
		return nil, err
	}
	files := newOSDisk(root)
	l := &Log{root: root, cfg: cfg.withDefaults(), files: files, disk: files, lock: lock,
		erasing: map[uint64]uint64{}, changed: make(chan struct{}), wake: make(chan struct{}, 1), done: make(chan struct{})}
	if cfg.wrap != nil {
		l.disk = cfg.wrap(files)
	}
	if err := l.recover(); err != nil {
		return nil, errors.Join(err, files.close(), lock.Close())
	}
	return l, nil
}

// recover brings the folder to the state that a clean Close leaves, and l with it.
func (l *Log) recover() error {
	dirs := newFolders(l.disk, l.root)
	if err := prepareFolder(dirs); err != nil {
		return fmt.Errorf("store: open: %w", err)
	}
	signer, err := l.identity(dirs)
	if err != nil {
		return err
	}
	v, err := loadView(l.root, l.verifier)
	if err != nil {
		return err
	}
	l.tiler = newTiler(l.root, l.disk, signer, v.edge.clone())
	if err := l.tiler.pay.open(v.cp.Size); err != nil {
		return during("open", err)
	}
	segs, err := readSegments(l.root, v.cp.Size)
	if err != nil {
		return err
	}
	if v, err = l.replay(v, segs); err != nil {
		return err
	}
	l.view, l.next, l.durable = v, v.cp.Size, v.cp.Size
	if l.lastAt, err = lastTime(v); err != nil {
		return err
	}
	l.writer = writer{log: l, dirs: dirs}
	return l.writer.resume(segs)
}

// prepareFolder makes the folders and clears what a crash left unfinished.
func prepareFolder(dirs *folders) error {
	for _, dir := range []string{logDir, journalDir, payloadDir, keysDir, tmpDir} {
		if err := dirs.make(dir); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(filepath.Join(dirs.root, tmpDir))
	if err != nil {
		return fmt.Errorf("read %s: %w", tmpDir, cause(err))
	}
	for _, e := range entries {
		if err := dirs.disk.do(op{kind: opRemove, path: tmpDir + "/" + e.Name()}); err != nil {
			return err
		}
	}
	return dirs.sync()
}

// identity returns the log's key. A folder without one gets a key and a checkpoint of no entries, in
// this order: the checkpoint, the public key, the secret key. So a folder with a secret key always
// had a checkpoint.
func (l *Log) identity(dirs *folders) (note.Signer, error) {
	signer, err := readSigner(l.root)
	if errors.Is(err, fs.ErrNotExist) {
		signer, err = l.found(dirs)
	}
	if err != nil {
		return nil, err
	}
	if l.verifier, l.key, err = readVerifier(l.root); err != nil {
		return nil, err
	}
	if l.verifier.Name() != signer.Name() || l.verifier.KeyHash() != signer.KeyHash() {
		return nil, damaged(verifierName, -1, "not the public key of %s", secretName)
	}
	if l.cfg.Origin != "" && l.cfg.Origin != signer.Name() {
		return nil, fmt.Errorf("store: config origin %q: the log in this folder is %q", l.cfg.Origin, signer.Name())
	}
	return signer, nil
}

// found makes a new log in a folder that holds none.
func (l *Log) found(dirs *folders) (note.Signer, error) {
	if holdsEntries(l.root) {
		return nil, damaged(secretName, -1, "the log's key is missing")
	}
	secret, public, err := newKeys(l.cfg.Rand, l.cfg.Origin)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, fmt.Errorf("store: new key: %w", err)
	}
	empty, err := (&edge{}).root()
	if err != nil {
		return nil, err
	}
	cp, err := signCheckpoint(signer, 0, empty)
	if err != nil {
		return nil, err
	}
	files := [...]struct {
		name string
		data []byte
	}{{checkpointName, cp.Note}, {verifierName, []byte(public + "\n")}, {secretName, []byte(secret + "\n")}}
	for _, f := range files {
		if err := dirs.place(f.name, f.data); err != nil {
			return nil, fmt.Errorf("store: new log: %w", err)
		}
		if err := dirs.sync(); err != nil {
			return nil, fmt.Errorf("store: new log: %w", err)
		}
	}
	return signer, nil
}

// replay moves what the journal holds into the tree, segment by segment as the writer would have.
func (l *Log) replay(v *view, segs []*segment) (*view, error) {
	for _, s := range segs {
		l.recovered.TornBytes += int64(s.torn)
		size := v.cp.Size
		if s.last() <= size {
			if err := l.sameAsTree(v, s); err != nil {
				return nil, err
			}
			if err := l.tiler.sweep(min(s.head.first, size)); err != nil {
				return nil, err
			}
			continue
		}
		items := s.items[size-s.head.first:]
		if err := checkItems(s.name, size, items); err != nil {
			return nil, err
		}
		next, err := l.tiler.integrate(items)
		if err != nil {
			return nil, err
		}
		v, l.recovered.Entries = next, l.recovered.Entries+uint64(len(items))
	}
	if r := l.recovered; r != (Recovery{}) {
		l.cfg.Logger.Warn("log recovered from journal", "entries", r.Entries, "torn_bytes", r.TornBytes)
	}
	return v, nil
}

// sameAsTree checks that a segment which a crash kept says what the tree says.
func (l *Log) sameAsTree(v *view, s *segment) error {
	for i := range s.items {
		seq := s.head.first + uint64(i)
		_, leaf, err := v.leaf(seq)
		if err != nil {
			return err
		}
		if !bytes.Equal(leaf, s.items[i].leaf) {
			return damaged(s.name, int64(seq), "the journal's entry is not the tree's")
		}
	}
	return nil
}

// checkItems checks that records from a journal are what the writer wrote.
func checkItems(name string, first uint64, items []item) error {
	for i := range items {
		it, seq := &items[i], first+uint64(i)
		leaf, err := witness.DecodeLeaf(it.leaf)
		switch {
		case err != nil:
			return damaged(name, int64(seq), "%v", err)
		case leaf.Sequence != seq:
			return damaged(name, int64(seq), "the leaf's sequence number is %d", leaf.Sequence)
		case witness.Seal(&it.salt, it.payload) != leaf.MAC:
			return damaged(name, int64(seq), "the payload does not match its leaf")
		}
	}
	return nil
}

// lastTime returns the time of a view's newest entry, the least int64 where there is none.
func lastTime(v *view) (int64, error) {
	if v.cp.Size == 0 {
		return math.MinInt64, nil
	}
	leaf, _, err := v.leaf(v.cp.Size - 1)
	return leaf.At, err
}

// readRandom fills b from the log's source of randomness.
func (l *Log) readRandom(b []byte) error {
	if _, err := io.ReadFull(l.cfg.Rand, b); err != nil {
		return fmt.Errorf("store: random bytes: %w", err)
	}
	return nil
}
