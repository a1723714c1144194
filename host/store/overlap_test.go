package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

// overlap records a log in which the tiler, with a segment in its hands, is held before it writes the
// first payload until the journal's next segment has erased entries of that segment: one that it
// holds whole, and one that it erases itself. From then on the payload files say less than the
// journal does.
func overlap(t testing.TB) ([]op, *acks) {
	t.Helper()
	var armed atomic.Bool
	held, release := make(chan struct{}), make(chan struct{})
	r := &recorder{fail: func(_ int, o op) error {
		if o.kind == opOpen && o.path == payloadName(0, ".dat") && armed.CompareAndSwap(true, false) {
			close(held)
			<-release
		}
		return nil
	}}
	l, err := Open(t.TempDir(), Config{wrap: r.wrap, SealEvery: time.Hour, SegmentEntries: 12})
	require.NoError(t, err)
	ran := make(chan error, 1)
	go func() { ran <- l.Run(t.Context()) }()
	a, n := &acks{}, 0
	ack := func(k int) {
		n += k
		a.at, a.n = append(a.at, r.count()), append(a.n, n)
	}
	add := func(k int) {
		_, err := l.Append(t.Context(), recs(n, k))
		require.NoError(t, err)
		ack(k)
	}
	erase := func(seq uint64) { // as Erase does before it waits for the checkpoint
		rec := witness.Record{Level: witness.Meta, Type: witness.Erased, Tail: witness.ErasedTail{Sequence: seq}.Append(nil)}
		ticket, err := l.enqueue([]witness.Record{rec}, true)
		require.NoError(t, err)
		_, err = ticket.Wait(t.Context())
		require.NoError(t, err)
		ack(1)
	}
	add(5)
	_, err = l.Seal(t.Context())
	require.NoError(t, err)
	add(5)
	erase(8)
	armed.Store(true)
	add(6) // fills the segment: the tiler takes it, and stops
	<-held
	erase(7)
	erase(8)
	erase(2)
	erase(uint64(n) - 1)
	close(release)
	require.NoError(t, l.Close())
	require.NoError(t, <-ran)
	return r.ops, a
}

// An erasure that the journal's newer segment logs while the tiler writes the older one reaches the
// payload files only later: a kill in between leaves the erased payload, and no damage.
func TestKillBetweenPayloadAndErasure(t *testing.T) {
	ops, a := overlap(t)
	m := newModel()
	for i, o := range ops {
		m.apply(o)
		if o.kind == opSync || o.kind == opSyncDir || o.kind == opClose {
			continue
		}
		dir := t.TempDir()
		m.keep(t, dir)
		require.NoError(t, mustHold(t, dir, a.before(i), true), "kill after change %d of %d: %s %s", i, len(ops), opNames[o.kind], o.path)
		require.NoError(t, os.RemoveAll(dir))
	}
}

// The same with a power cut, without and with sectors that arrive at random.
func TestPowerCutBetweenPayloadAndErasure(t *testing.T) {
	ops, a := overlap(t)
	r := rand.New(rand.NewPCG(17, 19))
	m := newModel()
	for i, o := range ops {
		m.apply(o)
		for _, torn := range []*rand.Rand{nil, r} {
			dir := t.TempDir()
			m.lose(t, dir, torn)
			require.NoError(t, mustHold(t, dir, a.before(i), true), "power cut after change %d of %d: %s %s", i, len(ops), opNames[o.kind], o.path)
			require.NoError(t, os.RemoveAll(dir))
		}
	}
}

// In that state too every bit of the unsealed payloads counts, and none may stand there that the tiler
// cannot have written yet.
func TestBitFlipsBetweenPayloadAndErasure(t *testing.T) {
	ops, _ := overlap(t)
	m := newModel()
	published := 0
	for _, o := range ops {
		if o.kind == opRename && o.to == checkpointName {
			if published++; published == 3 { // the empty log's, the first five entries', and now
				break
			}
		}
		m.apply(o)
	}
	dir := t.TempDir()
	m.keep(t, dir)
	_, err := Verify(t.Context(), dir)
	require.NoError(t, err)
	var damage *DamageError
	for _, ext := range []string{".dat", ".idx"} {
		name := filepath.Join(dir, payloadName(0, ext))
		info, err := os.Stat(name)
		require.NoError(t, err)
		start, sealed, err := payloadRange(dir, 2) // erased by the journal: nobody knows how far
		require.NoError(t, err)
		for bit := range info.Size() * 8 {
			if at := bit / 8; ext == ".dat" && at >= start && at < sealed {
				continue
			}
			flip(t, name, bit)
			_, err := Verify(t.Context(), dir)
			require.ErrorAs(t, err, &damage, "bit %d of %s", bit, name)
			flip(t, name, bit)
		}
		whole, err := os.ReadFile(name)
		require.NoError(t, err)
		grow(t, name)
		_, err = Verify(t.Context(), dir)
		require.ErrorAs(t, err, &damage)
		require.NoError(t, os.WriteFile(name, whole, 0o600))
	}
}
