package store

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// Erasing takes salt and payload away and nothing else.
func TestErase(t *testing.T) {
	dir := t.TempDir()
	l, stop := start(t, dir, Config{SealEvery: time.Hour})
	secret := "the secret that must go"
	big := strings.Repeat(secret, 100_000)
	_, err := l.Append(t.Context(), []witness.Record{
		{Level: witness.Macro, Type: witness.Text, At: 1, Payload: []byte("stays")},
		{Level: witness.Macro, Type: witness.Text, At: 2, Payload: []byte(secret)},
		{Level: witness.Macro, Type: witness.Text, At: 3, Payload: []byte(big)}})
	require.NoError(t, err)
	before, err := l.Prove(t.Context(), 2)
	require.NoError(t, err)
	require.NoError(t, l.Erase(t.Context(), 2)) // from the payload file
	_, err = l.Append(t.Context(), []witness.Record{{Level: witness.Macro, Type: witness.Text, At: 4, Payload: []byte(secret)}})
	require.NoError(t, err)
	require.NoError(t, l.Erase(t.Context(), 4)) // from the journal
	require.NoError(t, l.Erase(t.Context(), 1))
	size := l.Size()
	require.NoError(t, l.Erase(t.Context(), 1)) // again: nothing to do
	require.Equal(t, size, l.Size())
	for _, i := range []uint64{1, 2, 4} {
		e, err := l.Entry(t.Context(), i)
		require.NoError(t, err)
		require.True(t, e.Erased)
		require.Nil(t, e.Payload)
	}
	after, err := l.Prove(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, before.Leaf, after.Leaf)
	for _, p := range []Proof{before, after} {
		_, _, err = VerifyProof(l.VerifierKey(), p)
		require.NoError(t, err)
	}
	stop()
	for _, name := range listFiles(t, dir) {
		b, err := read(dir, name)
		require.NoError(t, err)
		require.NotContains(t, string(b), secret, name)
	}
	rep, err := Verify(t.Context(), dir)
	require.NoError(t, err)
	require.EqualValues(t, 3, rep.Erased)
	require.EqualValues(t, 7, rep.Entries)
}

// Readers beside a writer see a consistent log at every look, erasures included.
func TestReaderBesideWriter(t *testing.T) {
	dir := t.TempDir()
	l, stop := start(t, dir, Config{SegmentEntries: 50, SealEvery: time.Millisecond})
	_, err := l.Append(t.Context(), recs(0, 10))
	require.NoError(t, err)
	r, err := OpenReader(dir)
	require.NoError(t, err)
	wrote := make(chan error, 1)
	go func() {
		for n := 10; n < 900; n += 30 {
			if _, err := l.Append(t.Context(), recs(n, 30)); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for looks := 0; looks < 20 || r.Size() < 910; looks++ {
		require.NoError(t, r.Refresh())
		requireEntries(t, r, int(r.Size()))
		p, err := r.Prove(t.Context(), 0)
		if r.Checkpoint().Size > 0 {
			require.NoError(t, err)
			_, _, err = VerifyProof(r.VerifierKey(), p)
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, ErrPending)
		}
		rep, err := Verify(t.Context(), dir)
		require.NoError(t, err)
		require.True(t, rep.Live)
	}
	require.NoError(t, <-wrote)
	stop()
}

func TestProofForms(t *testing.T) {
	l, stop := start(t, t.TempDir(), Config{Origin: "example.org/log"})
	defer stop()
	_, err := l.Append(t.Context(), recs(0, 1000))
	require.NoError(t, err)
	other, stop2 := start(t, t.TempDir(), Config{})
	defer stop2()
	for _, i := range []uint64{0, 1, 255, 256, 511, 999} {
		p, err := l.Prove(t.Context(), i)
		require.NoError(t, err)
		text, err := p.MarshalText()
		require.NoError(t, err)
		var q Proof
		require.NoError(t, q.UnmarshalText(text))
		require.Equal(t, p, q)
		b, err := json.Marshal(p)
		require.NoError(t, err)
		var k Proof
		require.NoError(t, json.Unmarshal(b, &k))
		require.Equal(t, p, k)
		leaf, cp, err := VerifyProof(l.VerifierKey(), q)
		require.NoError(t, err)
		require.Equal(t, i, leaf.Sequence)
		require.Equal(t, "example.org/log", cp.Origin)
		require.NoError(t, tlog.CheckRecord(p.Hashes, int64(cp.Size), cp.Root, int64(i), tlog.RecordHash(p.Leaf)))
		_, _, err = VerifyProof(other.VerifierKey(), p)
		require.Error(t, err)
		q.Index ^= 1
		_, _, err = VerifyProof(l.VerifierKey(), q)
		require.Error(t, err)
		k.Leaf[20] ^= 1
		_, _, err = VerifyProof(l.VerifierKey(), k)
		require.Error(t, err)
	}
	require.Error(t, new(Proof).UnmarshalText([]byte("nonsense")))
}

// Opening takes what the journal holds, not what the log holds; memory stays bounded.
func TestOpenTimeDoesNotGrow(t *testing.T) {
	dir := t.TempDir()
	l, stop := start(t, dir, Config{})
	const n = 100_000
	for i := 0; i < n; i += 2500 {
		_, err := l.Append(t.Context(), recs(i, 2500))
		require.NoError(t, err)
	}
	stop()
	took := time.Hour
	for range 3 { // the best of three: other programs share the disk
		began := time.Now()
		l, err := Open(dir, Config{})
		took = min(took, time.Since(began))
		require.NoError(t, err)
		require.EqualValues(t, n, l.Size())
		require.NoError(t, l.Close())
	}
	t.Logf("open %d entries: %v", n, took)
	require.Less(t, took, 500*time.Millisecond)
	began := time.Now()
	rep, err := Verify(t.Context(), dir)
	require.NoError(t, err)
	t.Logf("verify %d entries, %d bytes: %v", rep.Entries, rep.Bytes, time.Since(began))
	l, stop = start(t, dir, Config{})
	defer stop()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("heap with %d entries open: %d KiB", n, m.HeapAlloc>>10)
	require.Less(t, m.HeapAlloc, uint64(32<<20))
	e, err := l.Entry(t.Context(), n/2)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("payload %d", n/2), string(e.Payload))
}

func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "data")
	l, stop := start(t, dir, Config{})
	_, err := l.Append(t.Context(), recs(0, 300))
	require.NoError(t, err)
	stop()
	require.NoError(t, filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		require.Equal(t, want, info.Mode().Perm(), name)
		return nil
	}))
}

// A key that group or others may read is refused, with what to do about it.
func TestKeyThatOthersMayReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := t.TempDir()
	_, stop := start(t, dir, Config{})
	stop()
	key := filepath.Join(dir, secretName)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
		require.NoError(t, os.Chmod(key, mode))
		_, err := Open(dir, Config{})
		require.ErrorContains(t, err, fmt.Sprintf("store: keys/log.key: mode %04o ", mode))
		require.ErrorContains(t, err, "chmod 600 "+key)
	}
	for _, mode := range []os.FileMode{0o400, 0o600} {
		require.NoError(t, os.Chmod(key, mode))
		l, err := Open(dir, Config{})
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}

// A log without its public key is damage; a folder that never held a log is just not there.
func TestMissingPublicKey(t *testing.T) {
	dir := t.TempDir()
	_, err := Verify(t.Context(), dir)
	var damage *DamageError
	require.NotErrorAs(t, err, &damage)
	require.ErrorIs(t, err, fs.ErrNotExist)
	l, stop := start(t, dir, Config{})
	_, err = l.Append(t.Context(), recs(0, 3))
	require.NoError(t, err)
	stop()
	require.NoError(t, os.Remove(filepath.Join(dir, verifierName)))
	for range 2 {
		for _, open := range []func() error{
			func() error { _, err := Verify(t.Context(), dir); return err },
			func() error { _, err := OpenReader(dir); return err },
			func() error { _, err := Open(dir, Config{}); return err },
		} {
			err := open()
			require.ErrorAs(t, err, &damage)
			require.NotErrorIs(t, err, fs.ErrNotExist)
			require.Equal(t, 1, strings.Count(err.Error(), "store:"), err)
		}
		require.NoError(t, os.RemoveAll(filepath.Join(dir, secretName))) // the other half gone as well
	}
}
