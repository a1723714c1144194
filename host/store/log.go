package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"

	"github.com/becomingone/becomingone/kernel/witness"
	"golang.org/x/mod/sumdb/note"
)

// Log is a witness log that is open for writing. Records wait in a bounded queue; Run's goroutine
// commits all that wait with one sync, so that callers share it. Safe for concurrent use.
type Log struct {
	root      string
	cfg       Config
	files     *osDisk
	disk      disk
	lock      *os.File
	verifier  note.Verifier
	key       string
	recovered Recovery
	writer    writer
	tiler     *tiler
	times     timeTable

	wake chan struct{} // the writer has something to look at
	done chan struct{} // closed when Run has ended

	mu       sync.Mutex
	queue    []*Ticket         // accepted, not yet taken by the writer
	waiting  int               // records accepted and not yet durable
	bytes    int               // and their journal bytes
	next     uint64            // index of the next record to accept
	lastAt   int64             // time of the newest accepted record
	durable  uint64            // entries that were acknowledged
	view     *view             // what the newest checkpoint covers
	recent   []item            // durable entries behind the view
	erasing  map[uint64]uint64 // entries with an Erased leaf behind the view
	erasures uint64            // Erased leaves that became durable since Open
	sealTo   uint64            // somebody waits for a checkpoint of this size
	err      error             // why no record is accepted any more
	state    runState
	changed  chan struct{} // closed and replaced when any of this changes
}

type runState uint8

const (
	idle runState = iota
	running
	ended
	closed
)

// Ticket stands for records that were accepted in order and are on their way to disk.
type Ticket struct {
	first uint64
	items []item
	bytes int
	done  chan struct{}
	err   error
}

// First returns the index that the first of the records has, or would have had.
func (t *Ticket) First() uint64 { return t.first }

// Wait returns when the records are durable, with the index of the first; or with the error that
// kept them from being so. When ctx ends first, they may still become durable.
func (t *Ticket) Wait(ctx context.Context) (first uint64, err error) {
	select {
	case <-t.done:
		return t.first, t.err
	case <-ctx.Done():
		return t.first, fmt.Errorf("store: wait for entry %d: %w", t.first, ctx.Err())
	}
}

// Size returns the number of durable entries.
func (l *Log) Size() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable
}

func (l *Log) size() uint64 { return l.Size() }

// LastAt returns the time of the newest accepted record, below which no record is accepted; in an
// empty log the least int64.
func (l *Log) LastAt() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastAt
}

// Checkpoint returns the newest signed checkpoint. It covers what Size says or, until the next one
// is signed, less: see Seal.
func (l *Log) Checkpoint() (Checkpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view.cp, nil
}

// VerifierKey returns the log's public key, as VerifyProof takes it.
func (l *Log) VerifierKey() string { return l.key }

// Recovery returns what Open found left over by a crash.
func (l *Log) Recovery() Recovery { return l.recovered }

// Seal returns a signed checkpoint that covers every entry durable at the time of the call.
func (l *Log) Seal(ctx context.Context) (Checkpoint, error) { return l.seal(ctx, l.Size()) }

func (l *Log) seal(ctx context.Context, size uint64) (Checkpoint, error) {
	l.mu.Lock()
	l.sealTo = max(l.sealTo, size)
	l.mu.Unlock()
	l.poke()
	for {
		l.mu.Lock()
		cp, err, changed := l.view.cp, l.err, l.changed
		over := l.state == ended || l.state == closed
		l.mu.Unlock()
		switch {
		case cp.Size >= size:
			return cp, nil
		case err != nil && (over || !errors.Is(err, ErrClosed)):
			return cp, fmt.Errorf("store: seal %d entries: %w", size, err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return cp, fmt.Errorf("store: seal %d entries: %w", size, ctx.Err())
		}
	}
}

func (l *Log) lookup(i uint64) (place, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i >= l.durable {
		return place{}, fmt.Errorf("store: entry %d of %d: %w", i, l.durable, ErrRange)
	}
	_, erased := l.erasing[i]
	p := place{view: l.view, erased: erased, erasures: l.erasures}
	if i >= l.view.cp.Size {
		p.item = &l.recent[i-l.view.cp.Size]
	}
	return p, nil
}

func (l *Log) refresh() error { return nil }

// Entry returns entry i, verified against the newest checkpoint or, behind it, as it was committed;
// the caller owns it. Behind the end it is ErrRange; damage is a *DamageError.
func (l *Log) Entry(ctx context.Context, i uint64) (Entry, error) { return readEntry(ctx, l, i) }

// Entries yields the entries from an index to the end as it stands when it is reached. An error is
// the last thing it yields.
func (l *Log) Entries(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return readEntries(ctx, l, from)
}

// Prove returns the proof of a durable entry, after sealing the log where no checkpoint covers it.
func (l *Log) Prove(ctx context.Context, i uint64) (Proof, error) {
	p, err := l.lookup(i)
	if err != nil {
		return Proof{}, err
	}
	if p.item != nil {
		if _, err := l.seal(ctx, i+1); err != nil {
			return Proof{}, err
		}
		if p, err = l.lookup(i); err != nil {
			return Proof{}, err
		}
	}
	return p.view.prove(i)
}

// Erase takes the payload of entry i and its salt away for good and logs an Erased leaf that says
// so. It returns when both are durable; the leaf of i and every proof of it stay as they were. An
// entry that is erased already is left alone.
func (l *Log) Erase(ctx context.Context, i uint64) error {
	e, err := l.Entry(ctx, i)
	if _, bad := errors.AsType[*DamageError](err); err != nil && !bad {
		return err
	}
	if err == nil && e.Erased {
		return nil
	}
	rec := witness.Record{Level: witness.Meta, Type: witness.Erased, At: l.cfg.Now(),
		Tail: witness.ErasedTail{Sequence: i}.Append(nil)}
	t, err := l.enqueue([]witness.Record{rec}, true)
	if err != nil {
		return err
	}
	first, err := t.Wait(ctx)
	if err != nil {
		return err
	}
	_, err = l.seal(ctx, first+1)
	return err
}

// Close ends Run where it still runs, as the end of its context does, and frees the folder. A second
// Close is harmless.
func (l *Log) Close() error {
	l.mu.Lock()
	was := l.state
	if was == closed {
		l.mu.Unlock()
		return nil
	}
	l.refuse(fmt.Errorf("store: %w", ErrClosed))
	if was == idle {
		l.drop(l.queue)
		l.state = closed
	}
	l.mu.Unlock()
	if was == running {
		l.poke()
		<-l.done
	}
	l.mu.Lock()
	l.state = closed
	l.broadcast()
	l.mu.Unlock()
	return errors.Join(l.files.close(), l.lock.Truncate(0), l.lock.Close())
}
