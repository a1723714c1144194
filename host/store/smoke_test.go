package store

import (
	"context"
	"fmt"
	"testing"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

// start opens a log and runs it; the returned stop ends Run and closes the log.
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

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	l, stop := start(t, dir, Config{})
	n := 0
	for _, k := range []int{1, 2, 300, 5, 700} {
		first, err := l.Append(ctx, recs(n, k))
		require.NoError(t, err)
		require.EqualValues(t, n, first)
		n += k
		if k == 300 {
			_, err := l.Seal(ctx)
			require.NoError(t, err)
		}
	}
	check := func(e Entry, i uint64) {
		require.Equal(t, i, e.Leaf.Sequence)
		require.Equal(t, fmt.Sprintf("payload %d", i), string(e.Payload))
	}
	for i := range uint64(n) {
		e, err := l.Entry(ctx, i)
		require.NoError(t, err)
		check(e, i)
	}
	stop()
	l, stop = start(t, dir, Config{})
	require.EqualValues(t, n, l.Size())
	for i := range uint64(n) {
		e, err := l.Entry(ctx, i)
		require.NoError(t, err)
		check(e, i)
		p, err := l.Prove(ctx, i)
		require.NoError(t, err)
		_, _, err = VerifyProof(l.VerifierKey(), p)
		require.NoError(t, err)
	}
	stop()
}
