package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

// mustHold checks that a folder holds the records 0..acked-1 of recs (and perhaps more of them),
// that Verify agrees before and after recovery, and that the log goes on from there.
func mustHold(t testing.TB, dir string, acked int, strict bool) error {
	t.Helper()
	ctx := t.Context()
	fresh := false
	if _, err := os.Stat(filepath.Join(dir, secretName)); err != nil {
		fresh = true
	}
	if !fresh && strict {
		if r, err := Verify(ctx, dir); err != nil {
			return fmt.Errorf("before recovery: %w", err)
		} else if int(r.Entries) < acked {
			return fmt.Errorf("before recovery: %d entries of %d acknowledged", r.Entries, acked)
		}
	}
	l, err := Open(dir, Config{wrap: hasty})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	defer func() {
		require.NoError(t, l.Close())
		require.NoError(t, <-ran)
	}()
	if n := int(l.Size()); n < acked {
		return fmt.Errorf("%d entries of %d acknowledged", n, acked)
	}
	i := 0
	erased, named := map[uint64]bool{}, map[uint64]bool{}
	for e, err := range l.Entries(ctx, 0) {
		if err != nil {
			return err
		}
		erased[e.Leaf.Sequence] = e.Erased
		if e.Leaf.Type == witness.Erased {
			tail, err := witness.ParseErasedTail(e.Leaf.Tail)
			if err != nil || !erased[tail.Sequence] {
				return fmt.Errorf("entry %d erases %d, which has its payload (%v)", i, tail.Sequence, err)
			}
			named[tail.Sequence] = true
		} else if want := fmt.Sprintf("payload %d", i); string(e.Payload) != want && !e.Erased {
			return fmt.Errorf("entry %d: payload %q", i, e.Payload)
		}
		i++
	}
	for seq, gone := range erased {
		if gone && !named[seq] {
			return fmt.Errorf("entry %d is erased and no leaf says so", seq)
		}
	}
	if i != int(l.Size()) {
		return fmt.Errorf("%d entries read of %d", i, l.Size())
	}
	if _, err := l.Append(ctx, recs(i, 3)); err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	r, err := Verify(ctx, dir)
	if err == nil && int(r.Entries) != i+3 {
		err = fmt.Errorf("%d entries verified of %d", r.Entries, i+3)
	}
	return err
}

// acks remembers, for each recorded change, how many entries had been acknowledged before it.
type acks struct {
	at []int // change number
	n  []int // entries
}

func (a *acks) before(op int) int {
	n := 0
	for i, at := range a.at {
		if at <= op {
			n = a.n[i]
		}
	}
	return n
}

// history runs a small log through several checkpoints and records all of it.
func history(t testing.TB, mute func(op) bool) ([]op, *acks) {
	t.Helper()
	r := &recorder{mute: mute}
	l, err := Open(t.TempDir(), Config{wrap: r.wrap, SealEvery: time.Hour, SegmentEntries: 700})
	require.NoError(t, err)
	ran := make(chan error, 1)
	go func() { ran <- l.Run(t.Context()) }()
	a := &acks{}
	n := 0
	for i, k := range []int{1, 3, 250, 5, 1, 520, 2, 2} {
		_, err := l.Append(t.Context(), recs(n, k))
		require.NoError(t, err)
		n += k
		a.at, a.n = append(a.at, r.count()), append(a.n, n)
		if i%3 == 1 {
			_, err := l.Seal(t.Context())
			require.NoError(t, err)
		}
		if i == 3 || i == 6 {
			require.NoError(t, l.Erase(t.Context(), uint64(n-i)))
			n++
			a.at, a.n = append(a.at, r.count()), append(a.n, n)
		}
	}
	require.NoError(t, l.Close())
	require.NoError(t, <-ran)
	return r.ops, a
}

// A power cut after any change, with every unsynced byte and name gone, loses nothing acknowledged.
func TestPowerCutAfterEveryChange(t *testing.T) {
	ops, a := history(t, nil)
	m := newModel()
	for i, o := range ops {
		m.apply(o)
		if i+1 < len(ops) && ops[i+1].kind != opSync && ops[i+1].kind != opSyncDir {
			continue // what is durable stays the same until the next sync
		}
		dir := t.TempDir()
		m.lose(t, dir, nil)
		require.NoError(t, mustHold(t, dir, a.before(i), true), "power cut after change %d of %d: %s %s", i, len(ops), opNames[o.kind], o.path)
		require.NoError(t, os.RemoveAll(dir))
	}
}

// The same where sectors that were not synced arrive at random.
func TestPowerCutWithTornSectors(t *testing.T) {
	ops, a := history(t, nil)
	r := rand.New(rand.NewPCG(3, 5))
	m := newModel()
	for i, o := range ops {
		m.apply(o)
		if o.kind != opWrite && o.kind != opRename {
			continue // the moments at which something can arrive in part
		}
		dir := t.TempDir()
		m.lose(t, dir, r)
		require.NoError(t, mustHold(t, dir, a.before(i), true), "power cut after change %d of %d: %s %s", i, len(ops), opNames[o.kind], o.path)
		require.NoError(t, os.RemoveAll(dir))
	}
}

// A killed process leaves all that it wrote.
func TestKillAfterEveryChange(t *testing.T) {
	ops, a := history(t, nil)
	m := newModel()
	for i, o := range ops {
		m.apply(o)
		if o.kind == opSync || o.kind == opSyncDir || o.kind == opClose {
			continue // nothing that another process could see
		}
		dir := t.TempDir()
		m.keep(t, dir)
		require.NoError(t, mustHold(t, dir, a.before(i), true), "kill after change %d of %d: %s %s", i, len(ops), opNames[o.kind], o.path)
		require.NoError(t, os.RemoveAll(dir))
	}
}

// The negative control: a log whose journal is not synced loses acknowledged records, and the test
// above would see it.
func TestPowerCutWithoutSyncIsSeen(t *testing.T) {
	skip := func(o op) bool { return o.kind == opSync && strings.HasPrefix(o.path, journalDir+"/") }
	ops, a := history(t, nil)
	m := newModel()
	lost := 0
	for i, o := range ops {
		if !skip(o) {
			m.apply(o)
		}
		if o.kind != opSync || !skip(o) {
			continue
		}
		dir := t.TempDir()
		m.lose(t, dir, nil)
		if err := mustHold(t, dir, a.before(i+2), false); err != nil {
			lost++
		}
		require.NoError(t, os.RemoveAll(dir))
	}
	require.Positive(t, lost)
}

// The journal cut at every byte of its last batch: the batches before it stay whole.
func TestJournalCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	r := &recorder{}
	l, err := Open(dir, Config{wrap: r.wrap, SealEvery: time.Hour})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	_, err = l.Append(ctx, recs(0, 4))
	require.NoError(t, err)
	_, err = l.Append(ctx, recs(4, 2))
	require.NoError(t, err)
	seg := l.writer.name
	whole, err := read(dir, seg)
	require.NoError(t, err)
	saved := t.TempDir()
	copyTree(t, saved, dir)
	require.NoError(t, l.Close())
	require.NoError(t, <-ran)

	s, err := parseSegment(seg, 0, whole)
	require.NoError(t, err)
	require.Len(t, s.items, 6)
	second := len(whole)
	for n := len(whole) - 1; n > segmentHead; n-- { // where the second frame begins
		if p, err := parseSegment(seg, 0, whole[:n]); err == nil && len(p.items) == 4 && p.torn == 0 {
			second = n
			break
		}
	}
	require.Less(t, second, len(whole))
	for n := second; n <= len(whole); n++ {
		dir := t.TempDir()
		copyTree(t, dir, saved)
		require.NoError(t, os.Truncate(filepath.Join(dir, seg), int64(n)))
		acked := 4
		if n >= len(whole)-markSize {
			acked = 6
		}
		require.NoError(t, mustHold(t, dir, acked, true), "cut at byte %d of %d", n, len(whole))
		require.NoError(t, os.RemoveAll(dir))
	}
}

// A refused change anywhere ends the log with that error; nothing acknowledged is lost and no half
// record appears.
func TestFailureAtEveryChange(t *testing.T) {
	for n := 0; failAt(t, n, syscall.EIO, false); n++ {
	}
	for n := 0; failAt(t, n, syscall.ENOSPC, true); n++ { // a full disk takes half a write
	}
}

func failAt(t *testing.T, n int, fault error, half bool) bool {
	t.Helper()
	dir := t.TempDir()
	var failed atomic.Bool
	r := &recorder{half: half, fail: func(i int, o op) error {
		if i >= n && o.kind != opClose {
			failed.Store(true)
			return fault
		}
		return nil
	}}
	acked := 0
	l, err := Open(dir, Config{wrap: r.wrap, SealEvery: time.Hour})
	if err != nil {
		require.ErrorIs(t, err, fault, n)
	} else {
		ran := make(chan error, 1)
		go func() { ran <- l.Run(t.Context()) }()
		for _, k := range []int{2, 300} {
			if _, err = l.Append(t.Context(), recs(acked, k)); err != nil {
				break
			}
			acked += k
			if _, err = l.Seal(t.Context()); err != nil {
				break
			}
		}
		if err != nil {
			require.ErrorIs(t, err, fault, n)
			_, err = l.Append(t.Context(), recs(acked, 1))
			require.ErrorIs(t, err, fault, n)
		}
		cerr := l.Close()
		if err := errors.Join(cerr, <-ran); failed.Load() {
			require.ErrorIs(t, err, fault, n)
		} else {
			require.NoError(t, err)
		}
	}
	require.NoError(t, mustHold(t, dir, acked, false), "failure at change %d", n)
	return failed.Load()
}
