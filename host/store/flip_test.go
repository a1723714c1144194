package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

// crashed returns a folder as a killed writer leaves it: sealed entries (one of them erased), and
// acknowledged ones in the journal. closed is the same log after a clean end.
func crashed(t testing.TB, sealed, journal int) (dead, closed string) {
	t.Helper()
	dir := t.TempDir()
	l, err := Open(dir, Config{SealEvery: time.Hour, wrap: hasty})
	require.NoError(t, err)
	ran := make(chan error, 1)
	go func() { ran <- l.Run(t.Context()) }()
	_, err = l.Append(t.Context(), recs(0, sealed))
	require.NoError(t, err)
	require.NoError(t, l.Erase(t.Context(), 1))
	for i := range journal {
		_, err = l.Append(t.Context(), recs(sealed+1+i, 1))
		require.NoError(t, err)
	}
	dead = t.TempDir()
	copyTree(t, dead, dir)
	require.NoError(t, l.Close())
	require.NoError(t, <-ran)
	return dead, dir
}

// flip inverts one bit of a file.
func flip(t testing.TB, name string, bit int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	var b [1]byte
	_, err = f.ReadAt(b[:], bit/8)
	require.NoError(t, err)
	b[0] ^= 1 << (bit % 8)
	_, err = f.WriteAt(b[:], bit/8)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// Every bit of every file counts: 2,000 flips over a closed and a crashed folder, all found.
func TestBitFlipsAreFound(t *testing.T) {
	n := 1000
	if os.Getenv("BECOMINGONE_LONG") != "" {
		n = 50_000
	}
	dead, closed := crashed(t, 600, 5)
	for _, c := range []struct{ name, dir string }{{"closed", closed}, {"crashed", dead}} {
		t.Run(c.name, func(t *testing.T) {
			names := listFiles(t, c.dir)
			var sizes []int64
			for _, name := range names {
				info, err := os.Stat(filepath.Join(c.dir, name))
				require.NoError(t, err)
				sizes = append(sizes, info.Size()*8)
			}
			_, err := Verify(t.Context(), c.dir)
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(7, uint64(n)))
			for i := range n {
				k := i % len(names) // every file alike, however short
				bit := r.Int64N(sizes[k])
				name := filepath.Join(c.dir, names[k])
				flip(t, name, bit)
				_, err := Verify(t.Context(), c.dir)
				var damage *DamageError
				require.ErrorAs(t, err, &damage, "bit %d of %s", bit, names[k])
				flip(t, name, bit)
			}
			_, err = Verify(t.Context(), c.dir)
			require.NoError(t, err)
		})
	}
}

// All bits of the short files that a crash leaves, one by one: the journal and the checkpoint.
func TestEveryBitOfJournalAndCheckpoint(t *testing.T) {
	dead, _ := crashed(t, 3, 2)
	for _, name := range listFiles(t, dead) {
		if name != checkpointName && filepath.Dir(name) != journalDir {
			continue
		}
		full := filepath.Join(dead, name)
		info, err := os.Stat(full)
		require.NoError(t, err)
		for bit := range info.Size() * 8 {
			flip(t, full, bit)
			_, err := Verify(t.Context(), dead)
			var damage *DamageError
			require.ErrorAs(t, err, &damage, "bit %d of %s", bit, name)
			flip(t, full, bit)
		}
	}
}

// A flip is also refused by the read that touches it, and by Open where it hits what Open reads.
func TestReadsRefuseDamage(t *testing.T) {
	_, dir := crashed(t, 600, 5)
	for _, name := range []string{"log/tile/entries/000", "payload/000.dat"} {
		full := filepath.Join(dir, name)
		info, err := os.Stat(full)
		require.NoError(t, err)
		r := rand.New(rand.NewPCG(1, 1))
		for range 12 {
			bit := payloadHead*8 + r.Int64N((info.Size()-payloadHead)*8)
			flip(t, full, bit)
			reader, err := OpenReader(dir)
			require.NoError(t, err)
			refused := 0
			for i := range reader.Size() {
				if _, err := reader.Entry(t.Context(), i); err != nil {
					var damage *DamageError
					require.ErrorAs(t, err, &damage)
					refused++
				}
			}
			if erased := refused == 0 && name == "payload/000.dat"; erased {
				_, err := Verify(t.Context(), dir) // zeros of an erased payload: no read returns them
				require.Error(t, err)
			} else {
				require.Positive(t, refused, "bit %d of %s", bit, name)
			}
			flip(t, full, bit)
		}
	}
}

// Damage is named: the entry and the file.
func TestDamageIsNamed(t *testing.T) {
	dead, closed := crashed(t, 600, 5)
	leaf := int64(2 + witness.HeadSize + len("tail 0"))
	cases := []struct {
		name, dir, file string
		change          func(t *testing.T, file string)
		entry           int64
		want            string
	}{
		{"leaf", closed, "log/tile/entries/000", func(t *testing.T, f string) { flip(t, f, 8*(leaf*3+2+20)) }, 3, "does not match its hash"},
		{"tile", closed, "log/tile/0/001", func(t *testing.T, f string) { flip(t, f, 8*32*7) }, 256 + 7, "hash 7"},
		{"upper tile", closed, "log/tile/1/000.p/2", func(t *testing.T, f string) { flip(t, f, 8*33) }, 256, "hash 1"},
		{"edge tile", closed, "log/tile/0/002.p/94", func(t *testing.T, f string) { flip(t, f, 8*32*5) }, 512 + 5, "hash 5"},
		{"payload", closed, "payload/000.dat", func(t *testing.T, f string) { flip(t, f, 8*(16+32)) }, 0, "does not match its leaf"},
		{"payload cut", closed, "payload/000.dat", func(t *testing.T, f string) { chop(t, f, 1) }, 605, "cut off"},
		{"payload longer", closed, "payload/000.dat", func(t *testing.T, f string) { grow(t, f) }, 606, "behind the last entry"},
		{"index longer", closed, "payload/000.idx", func(t *testing.T, f string) { grow(t, f) }, 606, "behind the last entry"},
		{"checkpoint", closed, "log/checkpoint", func(t *testing.T, f string) { flip(t, f, 3) }, -1, ""},
		{"checkpoint longer", closed, "log/checkpoint", func(t *testing.T, f string) { grow(t, f) }, -1, ""},
		{"checkpoint gone", closed, "log/checkpoint", remove, -1, "missing"},
		{"bundle gone", closed, "log/tile/entries/001", remove, 256, "missing"},
		{"tile gone", closed, "log/tile/0/001", remove, 256, "missing"},
		{"payload gone", closed, "payload/000.dat", remove, 0, "missing"},
		{"journal gone", closed, "journal/00000000000000000606.seg", remove, 606, "missing"},
		{"stranger in log", closed, "log/tile/0/notes.txt", create, -1, "no file of this log"},
		{"stranger in journal", closed, "journal/x", create, -1, "no file of this log"},
		{"stranger in payload", closed, "payload/000.bak", create, -1, "no file of this log"},
		{"tile too far", closed, "log/tile/0/003", create, -1, "outside the tree"},
		{"wrong old partial", closed, "log/tile/0/000.p/9", create, 0, "hash 0"},
		{"journal frame", dead, "journal/00000000000000000601.seg", func(t *testing.T, f string) { flip(t, f, 8*300) }, 601, "frame"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			copyTree(t, dir, c.dir)
			c.change(t, filepath.Join(dir, filepath.FromSlash(c.file)))
			_, err := Verify(t.Context(), dir)
			var damage *DamageError
			require.ErrorAs(t, err, &damage)
			require.Equal(t, c.entry, damage.Entry, err)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.file, damage.File, err)
		})
	}
}

func chop(t *testing.T, name string, n int64) {
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(name, info.Size()-n))
}

func grow(t *testing.T, name string) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write([]byte{0})
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func remove(t *testing.T, name string) { require.NoError(t, os.Remove(name)) }

func create(t *testing.T, name string) {
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(t, os.WriteFile(name, make([]byte, 288), 0o600))
}

// A tail that was never acknowledged is reported, not refused.
func TestTornTailIsReported(t *testing.T) {
	dead, _ := crashed(t, 600, 5)
	seg := filepath.Join(dead, segmentName(601))
	chop(t, seg, markSize+1)
	r, err := Verify(t.Context(), dead)
	require.NoError(t, err)
	require.EqualValues(t, 605, r.Entries)
	require.Positive(t, r.TornBytes)
	l, err := Open(dead, Config{})
	require.NoError(t, err)
	require.Equal(t, Recovery{Entries: 4, TornBytes: r.TornBytes}, l.Recovery())
	require.NoError(t, l.Close())
}

// An erasure that nobody logged is damage, and so is a logged one that did not happen.
func TestErasureMustBeLogged(t *testing.T) {
	_, dir := crashed(t, 10, 1)
	data := filepath.Join(dir, "payload/000.dat")
	b, err := os.ReadFile(data)
	require.NoError(t, err)
	start, end, err := payloadRange(dir, 4)
	require.NoError(t, err)
	forged := append([]byte(nil), b...)
	clear(forged[start:end])
	mark := eraseMark(10) // the leaf that erased entry 1
	copy(forged[start:], mark[:])
	require.NoError(t, os.WriteFile(data, forged, 0o600))
	var damage *DamageError
	_, err = Verify(t.Context(), dir)
	require.ErrorAs(t, err, &damage)
	r, err := OpenReader(dir)
	require.NoError(t, err)
	_, err = r.Entry(t.Context(), 4)
	require.ErrorAs(t, err, &damage)
	require.EqualValues(t, 4, damage.Entry)
	require.NoError(t, os.WriteFile(data, b, 0o600))
	e, err := r.Entry(t.Context(), 1)
	require.NoError(t, err)
	require.True(t, e.Erased)
	require.Nil(t, e.Payload)
	require.Equal(t, "tail 1", string(e.Leaf.Tail))
}
