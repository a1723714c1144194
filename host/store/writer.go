package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
)

const (
	commitBytes = 16 << 20 // a commit takes more only for a single ticket
	underLoad   = 32       // tickets that wait at once
	backlog     = 4        // segments' worth of journal that may wait for the tiler
)

// writer owns the journal. Only Run's goroutine touches it, once Open is done.
type writer struct {
	log  *Log
	dirs *folders
	buf  []byte

	name  string // of the current segment
	nonce [16]byte
	sum   [sumSize]byte
	off   int64

	entries int  // durable and not handed to the tiler
	bytes   int  // of the journal that holds them
	aged    bool // the oldest of them has waited for SealEvery
	tiling  bool
}

// Run commits what is enqueued until ctx ends or Close is called; then it commits what was accepted,
// signs for it, and returns nil. A write that fails ends it at once with that error, and from then
// on the log accepts nothing: what was acknowledged is safe, and Open recovers it. Run can be called
// once.
func (l *Log) Run(ctx context.Context) error {
	l.mu.Lock()
	was := l.state
	if was == idle {
		l.state = running
	}
	l.mu.Unlock()
	switch was {
	case idle:
	case closed:
		return nil // stopped before it began
	default:
		return errors.New("store: run: it runs, or ran, already")
	}

	err := l.writer.run(ctx)

	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.err = err
	}
	l.drop(l.queue)
	l.state = ended
	l.broadcast()
	close(l.done)
	return err
}

func (w *writer) run(ctx context.Context) (err error) {
	tiled := make(chan error, 1)
	defer func() {
		if w.tiling {
			err = errors.Join(err, <-tiled)
		}
	}()
	age := time.NewTimer(0)
	defer age.Stop()
	stop := ctx.Done()
	for {
		stopping := w.stopping(ctx)
		if w.room() {
			fresh := w.entries == 0
			if err := w.commitQueue(ctx); err != nil {
				return err
			}
			if fresh && w.entries > 0 {
				w.aged = false
				age.Reset(w.log.cfg.SealEvery)
			}
		}
		if !w.tiling && w.entries > 0 && (stopping || w.due()) {
			if err := w.rotate(tiled); err != nil {
				return err
			}
		}
		if stopping && !w.tiling && w.entries == 0 && w.log.drained() {
			return w.dispose()
		}
		select {
		case <-w.log.wake:
		case err := <-tiled:
			w.tiling = false
			if err != nil {
				return err
			}
		case <-age.C:
			w.aged = true
		case <-stop:
			stop = nil
		}
	}
}

// stopping reports whether the log is to end, and if so keeps new records out.
func (w *writer) stopping(ctx context.Context) bool {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		l.refuse(fmt.Errorf("store: %w", ErrClosed))
	}
	return l.err != nil
}

// room reports whether more may be committed before the tiler has caught up.
func (w *writer) room() bool {
	c := &w.log.cfg
	return !w.tiling || w.entries < backlog*c.SegmentEntries && w.bytes < backlog*c.SegmentBytes
}

// due reports whether the segment should go to the tiler.
func (w *writer) due() bool {
	l := w.log
	if w.aged || w.entries >= l.cfg.SegmentEntries || w.bytes >= l.cfg.SegmentBytes {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sealTo > l.view.cp.Size
}

// commitQueue makes what waits durable, in one commit. Where records come faster than commits it
// first waits for company.
func (w *writer) commitQueue(ctx context.Context) error {
	l := w.log
	l.mu.Lock()
	crowd := len(l.queue) >= underLoad && l.waiting < l.cfg.QueueEntries/2 && l.bytes < l.cfg.QueueBytes/2
	l.mu.Unlock()
	if crowd && l.cfg.Window > 0 {
		window := time.NewTimer(l.cfg.Window)
		defer window.Stop()
		select {
		case <-window.C:
		case <-ctx.Done():
		}
	}
	l.mu.Lock()
	n, bytes := 0, 0
	for n < len(l.queue) && (n == 0 || bytes+l.queue[n].bytes <= commitBytes) {
		bytes += l.queue[n].bytes
		n++
	}
	tickets := l.queue[:n:n]
	if l.queue = l.queue[n:]; len(l.queue) > 0 {
		l.poke()
	}
	l.mu.Unlock()
	if n == 0 {
		return nil
	}
	return w.commit(tickets)
}

// commit writes one frame, syncs it, marks it and tells the callers.
func (w *writer) commit(tickets []*Ticket) error {
	var items []item
	for _, t := range tickets {
		items = append(items, t.items...)
	}
	first := tickets[0].first
	var sum [sumSize]byte
	w.buf, sum = appendFrame(w.buf[:0], &w.nonce, &w.sum, first, items)
	err := w.log.disk.do(op{kind: opWrite, path: w.name, off: w.off, data: w.buf})
	if err == nil {
		err = w.log.disk.do(op{kind: opSync, path: w.name})
	}
	if err != nil {
		err = fmt.Errorf("store: commit %d records from entry %d: %w", len(items), first, err)
		w.settle(tickets, nil, err)
		return err
	}
	w.off, w.sum = w.off+int64(len(w.buf)), sum
	w.entries, w.bytes = w.entries+len(items), w.bytes+len(w.buf)
	mark := appendMark(nil, &w.nonce, &sum)
	err = w.log.disk.do(op{kind: opWrite, path: w.name, off: w.off, data: mark})
	w.off += markSize
	w.settle(tickets, items, nil)
	if err != nil {
		return fmt.Errorf("store: mark entry %d: %w", first, err)
	}
	if cap(w.buf) > commitBytes {
		w.buf = nil
	}
	return nil
}

// settle tells the callers of a commit what became of it.
func (w *writer) settle(tickets []*Ticket, items []item, err error) {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.refuse(err)
	}
	l.recent = append(l.recent, items...)
	l.durable += uint64(len(items))
	for i := range items {
		if leaf, lerr := witness.DecodeLeaf(items[i].leaf); lerr == nil && leaf.Type == witness.Erased {
			if tail, terr := witness.ParseErasedTail(leaf.Tail); terr == nil {
				l.erasing[tail.Sequence] = leaf.Sequence
				l.erasures++
			}
		}
	}
	for _, t := range tickets {
		l.waiting, l.bytes = l.waiting-len(t.items), l.bytes-t.bytes
		t.items, t.err = nil, err
		close(t.done)
	}
	l.broadcast()
}

// drained reports whether nothing waits any more.
func (l *Log) drained() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) == 0
}

// rotate begins a new segment and hands the full one to the tiler, which answers on tiled.
func (w *writer) rotate(tiled chan<- error) error {
	l := w.log
	l.mu.Lock()
	size := l.view.cp.Size
	items := l.recent[:w.entries:w.entries]
	l.mu.Unlock()
	old := w.name
	if err := w.begin(size+uint64(w.entries), w.sum); err != nil {
		return err
	}
	if err := l.disk.do(op{kind: opClose, path: old}); err != nil {
		return fmt.Errorf("store: journal: %w", err)
	}
	w.tiling, w.aged, w.entries, w.bytes = true, false, 0, 0
	go func() { tiled <- l.tile(items, old) }()
	return nil
}

// tile moves a segment into the tree, shows the new tree to readers and drops the segment.
func (l *Log) tile(items []item, segment string) error {
	v, err := l.tiler.integrate(items)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.refuse(err)
		return err
	}
	l.mu.Lock()
	l.recent = append([]item(nil), l.recent[v.cp.Size-l.view.cp.Size:]...)
	l.view = v
	for seq, by := range l.erasing {
		if by < v.cp.Size {
			delete(l.erasing, seq)
		}
	}
	l.broadcast()
	l.mu.Unlock()
	if err := l.disk.do(op{kind: opRemove, path: segment}); err != nil {
		return fmt.Errorf("store: journal: %w", err)
	}
	return nil
}

// begin makes the segment of the entries from first on the current one, durably.
func (w *writer) begin(first uint64, prev [sumSize]byte) error {
	h := header{first: first, prev: prev}
	if err := w.log.readRandom(h.nonce[:]); err != nil {
		return err
	}
	b := h.append(nil)
	name := segmentName(first)
	err := w.dirs.place(name, b)
	if err == nil {
		err = w.dirs.sync()
	}
	if err == nil {
		err = w.log.disk.do(op{kind: opOpen, path: name})
	}
	if err != nil {
		return fmt.Errorf("store: journal: %w", err)
	}
	_, w.sum, err = parseHeader(b)
	w.name, w.nonce, w.off = name, h.nonce, segmentHead
	return err
}

// resume begins a segment behind the recovered ones and drops those.
func (w *writer) resume(segs []*segment) error {
	size := w.log.view.cp.Size
	var prev [sumSize]byte
	if n := len(segs); n > 0 {
		if s := segs[n-1]; s.head.first < size {
			prev = s.sum
		} else {
			prev = s.head.prev
		}
	}
	if err := w.begin(size, prev); err != nil {
		return err
	}
	for _, s := range segs {
		if s.name == w.name {
			continue
		}
		if err := w.log.disk.do(op{kind: opRemove, path: s.name}); err != nil {
			return fmt.Errorf("store: journal: %w", err)
		}
	}
	return nil
}

// dispose closes the journal of a log whose every entry is in the tree.
func (w *writer) dispose() error {
	if err := w.log.disk.do(op{kind: opClose, path: w.name}); err != nil {
		return fmt.Errorf("store: journal: %w", err)
	}
	_, err := os.Stat(filepath.Join(w.log.root, filepath.FromSlash(w.name)))
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(w.name, -1, "somebody removed the journal under the log")
	}
	return nil
}
