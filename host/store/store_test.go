package store

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// start opens a log and runs it; the returned stop closes it and checks that Run ended cleanly.
func start(t testing.TB, dir string, cfg Config) (*Log, func()) {
	t.Helper()
	l, err := Open(dir, cfg)
	require.NoError(t, err)
	ran := make(chan error, 1)
	go func() { ran <- l.Run(t.Context()) }()
	return l, func() {
		t.Helper()
		require.NoError(t, l.Close())
		require.NoError(t, <-ran)
	}
}

// recs returns n records with distinct payloads, numbered from first.
func recs(first, n int) []witness.Record {
	out := make([]witness.Record, n)
	for i := range out {
		k := first + i
		out[i] = witness.Record{Level: witness.Macro, Type: witness.Text, At: int64(1000 + k),
			Payload: fmt.Appendf(nil, "payload %d", k), Tail: fmt.Appendf(nil, "tail %d", k)}
	}
	return out
}

// requireEntries checks entries 0..n-1 against recs.
func requireEntries(t testing.TB, s source, n int) {
	t.Helper()
	i := 0
	for e, err := range readEntries(t.Context(), s, 0) {
		require.NoError(t, err)
		require.EqualValues(t, i, e.Leaf.Sequence)
		require.EqualValues(t, 1000+i, e.Leaf.At)
		require.Equal(t, fmt.Sprintf("payload %d", i), string(e.Payload))
		require.Equal(t, fmt.Sprintf("tail %d", i), string(e.Leaf.Tail))
		i++
	}
	require.Equal(t, n, i)
}

// What is appended is read back from memory, from tiles, after a restart and by a reader.
func TestAppendAndReopen(t *testing.T) {
	dir := t.TempDir()
	n := 0
	for round := range 3 {
		l, stop := start(t, dir, Config{SealEvery: time.Hour, SegmentEntries: 400})
		require.EqualValues(t, n, l.Size())
		for _, k := range []int{1, 2, 300, 5, 254, 256} {
			first, err := l.Append(t.Context(), recs(n, k))
			require.NoError(t, err)
			require.EqualValues(t, n, first)
			n += k
		}
		requireEntries(t, l, n)
		r, err := OpenReader(dir)
		require.NoError(t, err)
		requireEntries(t, r, n)
		live, err := Verify(t.Context(), dir)
		require.NoError(t, err)
		require.True(t, live.Live)
		require.EqualValues(t, n, live.Entries)
		require.EqualValues(t, 1000+n-1, l.LastAt())
		stop()
		rep, err := Verify(t.Context(), dir)
		require.NoError(t, err)
		require.EqualValues(t, n, rep.Entries, round)
		require.EqualValues(t, n, rep.Checkpoint.Size)
		require.Equal(t, rep.Checkpoint.Root, rep.Root)
	}
}

// The root is that of an independent tree over the same leaves, at many sizes.
func TestRootAgainstTlog(t *testing.T) {
	dir := t.TempDir()
	l, stop := start(t, dir, Config{SealEvery: time.Hour})
	defer stop()
	var stored []tlog.Hash
	hashes := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, x := range ix {
			out[i] = stored[x]
		}
		return out, nil
	})
	n := 0
	for _, k := range []int{1, 1, 253, 1, 1, 700, 3} {
		_, err := l.Append(t.Context(), recs(n, k))
		require.NoError(t, err)
		cp, err := l.Seal(t.Context())
		require.NoError(t, err)
		for i := n; i < n+k; i++ {
			e, err := l.Entry(t.Context(), uint64(i))
			require.NoError(t, err)
			b, err := e.Leaf.AppendBinary(nil)
			require.NoError(t, err)
			hs, err := tlog.StoredHashes(int64(i), b, hashes)
			require.NoError(t, err)
			stored = append(stored, hs...)
		}
		n += k
		want, err := tlog.TreeHash(int64(n), hashes)
		require.NoError(t, err)
		require.EqualValues(t, n, cp.Size)
		require.Equal(t, [32]byte(want), cp.Root)
	}
}

// Callers that append at the same time share commits; each gets its own place.
func TestGroupCommit(t *testing.T) {
	for _, window := range []time.Duration{0, 2 * time.Millisecond} {
		dir := t.TempDir()
		rec := &recorder{}
		l, stop := start(t, dir, Config{SealEvery: time.Hour, Window: window, wrap: func(d disk) disk { rec.next = d; return rec }})
		const callers, each = 64, 20
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[uint64]string{}
		for c := range callers {
			wg.Go(func() {
				for i := range each {
					p := fmt.Sprintf("caller %d record %d", c, i)
					first, err := l.Append(t.Context(), []witness.Record{{Level: witness.Micro, Type: witness.Cycle, Payload: []byte(p)}})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					got[first] = p
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		commits := 0
		for _, o := range rec.ops {
			if o.kind == opSync && strings.HasPrefix(o.path, journalDir) {
				commits++
			}
		}
		require.Len(t, got, callers*each)
		require.Less(t, commits, callers*each/4)
		stop()
		r, err := OpenReader(dir)
		require.NoError(t, err)
		for i, want := range got {
			e, err := r.Entry(t.Context(), i)
			require.NoError(t, err)
			require.Equal(t, want, string(e.Payload))
		}
	}
}

// With an empty queue a commit waits for nobody, whatever the window.
func TestLoneRecordDoesNotWait(t *testing.T) {
	l, stop := start(t, t.TempDir(), Config{Window: time.Second, SealEvery: time.Hour, wrap: hasty})
	defer stop()
	began := time.Now()
	for i := range 20 {
		_, err := l.Append(t.Context(), recs(i, 1))
		require.NoError(t, err)
	}
	require.Less(t, time.Since(began), time.Second)
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	l, stop := start(t, dir, Config{QueueEntries: 8, SealEvery: time.Hour})
	_, err := Open(dir, Config{})
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, fmt.Sprintf("process %d", os.Getpid()))
	_, err = l.Append(t.Context(), nil)
	require.ErrorContains(t, err, "append 0 records: want 1 to 8")
	_, err = l.Append(t.Context(), recs(0, 9))
	require.ErrorContains(t, err, "append 9 records")
	_, err = l.Append(t.Context(), []witness.Record{{Type: witness.Text}})
	require.ErrorContains(t, err, "level 0")
	_, err = l.Append(t.Context(), []witness.Record{{Level: witness.Meta, Type: witness.Erased}})
	require.ErrorContains(t, err, "only Erase")
	_, err = l.Append(t.Context(), []witness.Record{{Level: witness.Meta, Payload: make([]byte, MaxPayload+1)}})
	require.ErrorContains(t, err, "want at most 16777216")
	_, err = l.Append(t.Context(), recs(5, 1))
	require.NoError(t, err)
	_, err = l.Append(t.Context(), recs(4, 1))
	require.ErrorIs(t, err, ErrOrder)
	_, err = l.Append(t.Context(), append(recs(7, 1), recs(6, 1)...))
	require.ErrorIs(t, err, ErrOrder)
	_, err = l.Entry(t.Context(), 1)
	require.ErrorIs(t, err, ErrRange)
	_, err = l.Prove(t.Context(), 1)
	require.ErrorIs(t, err, ErrRange)
	require.ErrorIs(t, l.Erase(t.Context(), 1), ErrRange)
	require.Error(t, l.Run(t.Context()))
	stop()
	require.NoError(t, l.Close())
	_, err = l.Append(t.Context(), recs(9, 1))
	require.ErrorIs(t, err, ErrClosed)
	_, err = Open(dir, Config{Origin: "other"})
	require.ErrorContains(t, err, `config origin "other"`)
	_, err = OpenReader(t.TempDir())
	require.Error(t, err)
	_, err = Verify(t.Context(), t.TempDir())
	require.Error(t, err)
}

func TestConfigRanges(t *testing.T) {
	bad := map[string]Config{
		"origin":          {Origin: "a b"},
		"window":          {Window: 2 * time.Second},
		"seal_every":      {SealEvery: time.Microsecond},
		"segment_entries": {SegmentEntries: -1},
		"segment_bytes":   {SegmentBytes: 1},
		"queue_entries":   {QueueEntries: 1 << 21},
		"queue_bytes":     {QueueBytes: 1},
	}
	for field, cfg := range bad {
		_, err := Open(t.TempDir(), cfg)
		require.ErrorContains(t, err, "config "+field)
		require.ErrorContains(t, err, "want ")
	}
}

// A queue without room says so; Append waits for room.
func TestQueueIsBounded(t *testing.T) {
	l, err := Open(t.TempDir(), Config{QueueEntries: 4})
	require.NoError(t, err)
	ticket, err := l.Enqueue(recs(0, 4))
	require.NoError(t, err)
	_, err = l.Enqueue(recs(4, 1))
	require.ErrorIs(t, err, ErrQueueFull)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Append(ctx, recs(4, 1))
	require.ErrorIs(t, err, ErrQueueFull)
	require.ErrorIs(t, err, context.Canceled)
	ran := make(chan error, 1)
	go func() { ran <- l.Run(t.Context()) }()
	first, err := l.Append(t.Context(), recs(4, 4))
	require.NoError(t, err)
	require.EqualValues(t, 4, first)
	first, err = ticket.Wait(t.Context())
	require.NoError(t, err)
	require.Zero(t, first)
	require.NoError(t, l.Close())
	require.NoError(t, <-ran)
}

// What was accepted before the end of Run's context is committed and signed for.
func TestStopDrains(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, Config{})
	require.NoError(t, err)
	var tickets []*Ticket
	for i := range 100 {
		ticket, err := l.Enqueue(recs(i, 1))
		require.NoError(t, err)
		require.EqualValues(t, i, ticket.First())
		tickets = append(tickets, ticket)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, l.Run(ctx))
	for _, ticket := range tickets {
		_, err := ticket.Wait(t.Context())
		require.NoError(t, err)
	}
	cp, err := l.Checkpoint()
	require.NoError(t, err)
	require.EqualValues(t, 100, cp.Size)
	require.NoError(t, l.Close())
}

func TestCloseWithoutRun(t *testing.T) {
	l, err := Open(t.TempDir(), Config{})
	require.NoError(t, err)
	ticket, err := l.Enqueue(recs(0, 1))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = ticket.Wait(t.Context())
	require.ErrorIs(t, err, ErrClosed)
	require.NoError(t, l.Run(t.Context()))
	_, err = l.Seal(t.Context())
	require.NoError(t, err) // nothing was durable: the empty checkpoint covers it
}

// Checkpoints come by themselves when records wait.
func TestSealsByItself(t *testing.T) {
	l, stop := start(t, t.TempDir(), Config{SealEvery: 5 * time.Millisecond})
	defer stop()
	_, err := l.Append(t.Context(), recs(0, 3))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		cp, err := l.Checkpoint()
		return err == nil && cp.Size == 3
	}, 10*time.Second, time.Millisecond)
}
