package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/becomingone/becomingone/kernel/witness"
)

// maxTicket bounds the journal bytes of records that are accepted together.
const maxTicket = 256 << 20

// Enqueue accepts records, in order and all or none, and returns at once; the ticket tells when they
// are durable. The log copies what it keeps. No room is ErrQueueFull, a time below the newest
// record's is ErrOrder; after a failed write every call gets that failure.
func (l *Log) Enqueue(recs []witness.Record) (*Ticket, error) {
	for i := range recs {
		if recs[i].Type == witness.Erased {
			return nil, fmt.Errorf("store: record %d of type erased: only Erase logs one", i)
		}
	}
	return l.enqueue(recs, false)
}

// Append enqueues records, waiting for room where there is none, and returns the index of the first
// when all are durable. Callers that append at the same time share one commit. Before Run, and when
// ctx ends first, it is as with Ticket.Wait.
func (l *Log) Append(ctx context.Context, recs []witness.Record) (first uint64, err error) {
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		t, err := l.Enqueue(recs)
		if err == nil {
			return t.Wait(ctx)
		}
		if !errors.Is(err, ErrQueueFull) {
			return 0, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, fmt.Errorf("store: append: %w: %w", err, ctx.Err())
		}
	}
}

// enqueue does the hashing outside the lock. late lifts records to the newest record's time.
func (l *Log) enqueue(recs []witness.Record, late bool) (*Ticket, error) {
	t := &Ticket{items: make([]item, len(recs)), done: make(chan struct{})}
	leaves := make([]witness.Leaf, len(recs))
	if err := l.prepare(recs, t, leaves); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	full := l.waiting+len(recs) > l.cfg.QueueEntries || l.bytes+t.bytes > l.cfg.QueueBytes
	if full && l.waiting > 0 {
		return nil, fmt.Errorf("store: append %d records: %d records, %d bytes wait: %w", len(recs), l.waiting, l.bytes, ErrQueueFull)
	}
	at := l.lastAt
	for i := range leaves {
		leaf := &leaves[i]
		if leaf.At < at && !late {
			return nil, fmt.Errorf("store: record %d at %d, the one before at %d: %w", i, leaf.At, at, ErrOrder)
		}
		at = max(at, leaf.At)
		leaf.At, leaf.Sequence = at, l.next+uint64(i)
		var err error
		if t.items[i].leaf, err = leaf.AppendBinary(t.items[i].leaf); err != nil {
			return nil, fmt.Errorf("store: record %d: %w", i, err)
		}
	}
	t.first = l.next
	l.next, l.lastAt = l.next+uint64(len(recs)), at
	l.waiting, l.bytes = l.waiting+len(recs), l.bytes+t.bytes
	l.queue = append(l.queue, t)
	l.poke()
	return t, nil
}

// prepare copies payloads, draws salts and computes what does not depend on the place in the log.
func (l *Log) prepare(recs []witness.Record, t *Ticket, leaves []witness.Leaf) error {
	if len(recs) == 0 || len(recs) > l.cfg.QueueEntries {
		return fmt.Errorf("store: append %d records: want 1 to %d", len(recs), l.cfg.QueueEntries)
	}
	salts := make([]byte, witness.SaltSize*len(recs))
	if err := l.readRandom(salts); err != nil {
		return err
	}
	for i := range recs {
		r, it := &recs[i], &t.items[i]
		if err := r.Validate(); err != nil {
			return fmt.Errorf("store: record %d: %w", i, err)
		}
		if len(r.Payload) > MaxPayload {
			return fmt.Errorf("store: record %d: payload of %d bytes: want at most %d", i, len(r.Payload), MaxPayload)
		}
		head := witness.HeadSize + len(r.Tail)
		own := make([]byte, head+len(r.Payload))
		it.leaf, it.payload = own[:0:head], own[head:]
		copy(it.payload, r.Payload)
		copy(it.salt[:], salts[i*witness.SaltSize:])
		leaves[i] = witness.Leaf{Type: r.Type, Level: r.Level, At: r.At, Tail: r.Tail, MAC: witness.Seal(&it.salt, it.payload)}
		t.bytes += 8 + head + witness.SaltSize + len(r.Payload)
	}
	if t.bytes > maxTicket {
		return fmt.Errorf("store: append %d bytes: want at most %d", t.bytes, maxTicket)
	}
	return nil
}

// poke makes the writer look.
func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// refuse keeps further records out; the first reason stays. l.mu is held.
func (l *Log) refuse(err error) {
	if l.err == nil {
		l.err = err
	}
	l.broadcast()
}

// broadcast wakes everybody who waits for a change. l.mu is held.
func (l *Log) broadcast() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// drop fails tickets that will never be durable. l.mu is held.
func (l *Log) drop(tickets []*Ticket) {
	for _, t := range tickets {
		t.err = l.err
		close(t.done)
	}
	l.queue = nil
}
