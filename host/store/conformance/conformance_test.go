package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/torchwood"
	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "example.org/log"

// The sizes end a bundle, a tile of level 1, and neither.
var sizes = []int{1, 254, 255, 256, 700, 65535, 66_000}

// grown is a log in a folder of its own.
type grown struct {
	dir string
	log *store.Log
	n   int
}

func open(t testing.TB) *grown {
	t.Helper()
	g := &grown{dir: t.TempDir()}
	g.run(t)
	return g
}

// run opens the log and keeps it running until the test ends.
func (g *grown) run(t testing.TB) {
	t.Helper()
	var err error
	g.log, err = store.Open(g.dir, store.Config{Origin: origin})
	require.NoError(t, err)
	ran := make(chan error, 1)
	go func() { ran <- g.log.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() {
		require.NoError(t, g.log.Close())
		require.NoError(t, <-ran)
	})
}

// grow appends records until the log has n entries and returns
// the checkpoint over all of them.
func (g *grown) grow(t testing.TB, n int) store.Checkpoint {
	t.Helper()
	for g.n < n {
		recs := make([]witness.Record, min(n-g.n, 5000))
		for i := range recs {
			k := g.n + i
			recs[i] = witness.Record{Level: witness.Macro, Type: witness.Text, At: int64(k),
				Payload: fmt.Appendf(nil, "payload %d", k), Tail: fmt.Appendf(nil, "tail %d", k)}
		}
		_, err := g.log.Append(t.Context(), recs)
		require.NoError(t, err)
		g.n += len(recs)
	}
	cp, err := g.log.Seal(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, n, cp.Size)
	return cp
}

func (g *grown) tiles() string { return filepath.Join(g.dir, "log") }

func (g *grown) verifier(t testing.TB) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(g.log.VerifierKey())
	require.NoError(t, err)
	return v
}

// fsckOf lets Tessera recompute a folder.
func fsckOf(t testing.TB, g *grown) error {
	t.Helper()
	hash := func(bundle []byte) ([][]byte, error) {
		var b api.EntryBundle
		if err := b.UnmarshalText(bundle); err != nil {
			return nil, err
		}
		hashes := make([][]byte, len(b.Entries))
		for i, e := range b.Entries {
			hashes[i] = rfc6962.DefaultHasher.HashLeaf(e)
		}
		return hashes, nil
	}
	return fsck.New(origin, g.verifier(t), &client.FileFetcher{Root: g.tiles()}, hash, fsck.Opts{N: 2}).Check(t.Context())
}

// Tessera's fsck agrees with every tile, bundle and checkpoint, beside the running writer.
func TestTesseraFsck(t *testing.T) {
	g := open(t)
	for _, n := range sizes {
		g.grow(t, n)
		require.NoError(t, fsckOf(t, g), "%d entries", n)
	}
	require.NoError(t, g.log.Erase(t.Context(), 3))
	require.NoError(t, fsckOf(t, g), "after an erasure")
}

// The negative control: fsck sees a flipped bit in a bundle, in tiles of both levels and in the root.
func TestTesseraFsckSeesFlips(t *testing.T) {
	g := open(t)
	g.grow(t, 700)
	for _, name := range []string{"tile/entries/001", "tile/entries/002.p/188", "tile/0/000", "tile/1/000.p/2", "checkpoint"} {
		file := filepath.Join(g.tiles(), filepath.FromSlash(name))
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		bad := append([]byte(nil), b...)
		bad[len(origin)+10] ^= 1
		require.NoError(t, os.WriteFile(file, bad, 0o600))
		require.Error(t, fsckOf(t, g), name)
		require.NoError(t, os.WriteFile(file, b, 0o600))
		require.NoError(t, fsckOf(t, g))
	}
}

// torchwood verifies the checkpoint, reads each entry, makes the same proofs and verifies ours.
func TestTorchwood(t *testing.T) {
	g := open(t)
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(g.verifier(t)))
	tiles, err := torchwood.NewTileFS(os.DirFS(g.tiles()))
	require.NoError(t, err)
	c, err := torchwood.NewClient(tiles)
	require.NoError(t, err)
	for _, n := range sizes {
		g.grow(t, n)
		signed, err := tiles.ReadEndpoint(t.Context(), "checkpoint")
		require.NoError(t, err)
		cp, _, err := torchwood.VerifyCheckpoint(signed, policy)
		require.NoError(t, err)
		require.EqualValues(t, n, cp.N)
		requireEntries(t, g, c, cp.Tree)
		for _, i := range []int64{0, int64(n) / 2, int64(n) - 1} {
			requireProof(t, g, c, cp, policy, i)
		}
	}
}

func requireEntries(t *testing.T, g *grown, c *torchwood.Client, tree tlog.Tree) {
	t.Helper()
	i := int64(0)
	for k, entry := range c.AllEntries(t.Context(), tree, 0) {
		require.Equal(t, i, k)
		leaf, err := witness.DecodeLeaf(entry)
		require.NoError(t, err)
		require.EqualValues(t, i, leaf.Sequence)
		require.Equal(t, fmt.Sprintf("tail %d", i), string(leaf.Tail))
		i++
	}
	require.NoError(t, c.Err())
	require.Equal(t, tree.N, i)
}

func requireProof(t *testing.T, g *grown, c *torchwood.Client, cp torchwood.Checkpoint, policy torchwood.Policy, i int64) {
	t.Helper()
	entry, theirs, err := c.Entry(t.Context(), cp.Tree, i)
	require.NoError(t, err)
	ours, err := g.log.Prove(t.Context(), uint64(i))
	require.NoError(t, err)
	require.Equal(t, entry, ours.Leaf)
	require.Equal(t, len(theirs), len(ours.Hashes))
	for k := range theirs {
		require.Equal(t, theirs[k], ours.Hashes[k])
	}
	require.NoError(t, tlog.CheckRecord(ours.Hashes, cp.N, cp.Hash, i, tlog.RecordHash(entry)))

	text, err := ours.MarshalText()
	require.NoError(t, err)
	require.Equal(t, string(torchwood.FormatProofWithExtraData(i, entry, theirs, []byte(ours.Checkpoint))), string(text))
	require.NoError(t, torchwood.VerifyProof(policy, tlog.RecordHash(entry), text))
	extra, err := torchwood.ProofExtraData(text)
	require.NoError(t, err)
	require.Equal(t, entry, extra)
	require.Error(t, torchwood.VerifyProof(policy, tlog.RecordHash(append(entry, 0)), text))

	var back store.Proof // and ours reads theirs
	require.NoError(t, back.UnmarshalText(torchwood.FormatProofWithExtraData(i, entry, theirs, []byte(ours.Checkpoint))))
	_, _, err = store.VerifyProof(g.log.VerifierKey(), back)
	require.NoError(t, err)
}

// tlog proves from the tiles alone that each checkpoint continues every older one.
func TestCheckpointsContinueEachOther(t *testing.T) {
	g := open(t)
	var old []store.Checkpoint
	for _, n := range sizes {
		cp := g.grow(t, n)
		tree := tlog.Tree{N: int64(cp.Size), Hash: cp.Root}
		hashes := tlog.TileHashReader(tree, tileFiles(g.tiles()))
		for _, o := range old {
			proof, err := tlog.ProveTree(tree.N, int64(o.Size), hashes)
			require.NoError(t, err)
			require.NoError(t, tlog.CheckTree(proof, tree.N, tree.Hash, int64(o.Size), o.Root))
			forged := tlog.Hash(o.Root)
			forged[0] ^= 1
			require.Error(t, tlog.CheckTree(proof, tree.N, tree.Hash, int64(o.Size), forged))
		}
		root, err := tlog.TreeHash(tree.N, hashes)
		require.NoError(t, err)
		require.Equal(t, tree.Hash, root)
		old = append(old, cp)
	}
}

// tileFiles reads tiles for tlog from a folder.
type tileFiles string

func (tileFiles) Height() int                     { return torchwood.TileHeight }
func (tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (dir tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, tile := range tiles {
		b, err := os.ReadFile(filepath.Join(string(dir), filepath.FromSlash(torchwood.TilePath(tile))))
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

// A proof stays good for those who hold it while the log goes on, and after the entry is erased.
func TestProofOutlivesErasure(t *testing.T) {
	g := open(t)
	g.grow(t, 300)
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(origin), torchwood.SingleVerifierPolicy(g.verifier(t)))
	var texts [][]byte
	prove := func() {
		p, err := g.log.Prove(t.Context(), 7)
		require.NoError(t, err)
		text, err := p.MarshalText()
		require.NoError(t, err)
		texts = append(texts, text)
	}
	e, err := g.log.Entry(t.Context(), 7)
	require.NoError(t, err)
	leaf, err := e.Leaf.AppendBinary(nil)
	require.NoError(t, err)
	prove()
	require.NoError(t, g.log.Erase(t.Context(), 7))
	prove()
	require.NotEqual(t, texts[0], texts[1])
	for _, text := range texts {
		require.NoError(t, torchwood.VerifyProof(policy, tlog.RecordHash(leaf), text))
	}
}
