package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/becomingone/becomingone/kernel/witness"
)

// place is where an entry can be read: in the journal's part that is still in memory, or in a view.
type place struct {
	view   *view
	item   *item // nil: the view covers the entry
	erased bool  // an Erased leaf that the view does not cover names the entry

	// What was read of payloads before is only good while erasures stays the same; foreign says that
	// another process may erase and that nobody counts.
	erasures uint64
	foreign  bool
}

// source knows where entries are. Log and Reader are the two.
type source interface {
	lookup(i uint64) (place, error) // ErrRange behind the end
	refresh() error                 // looks again, after a read that failed
	size() uint64
}

// readTries is how often a read that failed is tried with a fresh lookup: a writer beside it may
// have moved the entry, or be erasing it, at that moment.
const readTries = 3

// readEntry reads one entry, verified.
func readEntry(ctx context.Context, s source, i uint64) (Entry, error) {
	var err error
	for range readTries {
		if err := ctx.Err(); err != nil {
			return Entry{}, fmt.Errorf("store: read entry %d: %w", i, err)
		}
		var p place
		if p, err = s.lookup(i); err != nil {
			return Entry{}, err
		}
		var e Entry
		if e, err = p.read(i); err == nil {
			return e, nil
		}
		if rerr := s.refresh(); rerr != nil {
			return Entry{}, errors.Join(err, rerr)
		}
	}
	return Entry{}, err
}

// read reads the entry at its place.
func (p place) read(i uint64) (Entry, error) {
	if p.item != nil {
		return p.item.entry(i, p.erased)
	}
	leaf, _, err := p.view.leaf(i)
	if err != nil {
		return Entry{}, err
	}
	if p.erased {
		return Entry{Leaf: leaf, Erased: true}, nil
	}
	files, err := openPayloads(p.view.root, i)
	if err != nil {
		return Entry{}, err
	}
	salt, payload, err := files.read(i)
	if err = errors.Join(err, files.close()); err != nil {
		return Entry{}, err
	}
	return p.view.open(leaf, &salt, payload)
}

// entry reads an entry that is not in the tree yet; the caller owns the result.
func (it *item) entry(i uint64, erased bool) (Entry, error) {
	leaf, _, err := decodeEntry(i, append([]byte(nil), it.leaf...))
	if err != nil {
		return Entry{}, err
	}
	if erased {
		return Entry{Leaf: leaf, Erased: true}, nil
	}
	if witness.Seal(&it.salt, it.payload) != leaf.MAC {
		return Entry{}, damaged(journalDir, int64(i), "the payload does not match its leaf")
	}
	return Entry{Leaf: leaf, Payload: append([]byte(nil), it.payload...)}, nil
}

// readEntries yields the entries from an index to the end as it stands when it is reached; an error
// is the last thing yielded.
func readEntries(ctx context.Context, s source, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var c cursor
		defer c.close()
		for i := from; ; i++ {
			e, err := c.next(ctx, s, i)
			if errors.Is(err, ErrRange) && (i > from || i == s.size()) {
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
