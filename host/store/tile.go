package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Tiles as C2SP tlog-tiles has them: height 8, so 256 hashes or entries a tile.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	maxLevel   = 7  // a uint64 of entries fills no tile above it
	entryLevel = -1 // stands for entry bundles where a level is meant
)

// tileID names a tile or entry bundle; width tileWidth is a full one.
type tileID struct {
	level int
	n     uint64
	width int
}

// path returns the tile's name below the data folder.
func (t tileID) path() string {
	p := t.folder()
	if t.width < tileWidth {
		p += ".p/" + strconv.Itoa(t.width)
	}
	return p
}

// folder returns the full tile's name, which with ".p" is the folder of the partial ones.
func (t tileID) folder() string {
	level := "entries"
	if t.level != entryLevel {
		level = strconv.Itoa(t.level)
	}
	return logDir + "/tile/" + level + "/" + number(t.n)
}

// number writes n in groups of three digits, all but the last after an x: 1234 is x001/234.
func number(n uint64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

// parseNumber reads what number wrote.
func parseNumber(s string) (uint64, bool) {
	n := uint64(0)
	for part := range strings.SplitSeq(s, "/") {
		v, err := strconv.ParseUint(strings.TrimPrefix(part, "x"), 10, 64)
		if err != nil || v > 999 || n > math.MaxUint64/1000-1 {
			return 0, false
		}
		n = n*1000 + v
	}
	return n, number(n) == s
}

// parseTile reads what path wrote.
func parseTile(name string) (tileID, bool) {
	rest, ok := strings.CutPrefix(name, logDir+"/tile/")
	level, rest, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 {
		return tileID{}, false
	}
	t := tileID{level: entryLevel, width: tileWidth}
	if level != "entries" {
		l, err := strconv.Atoi(level)
		if err != nil || l < 0 || l > maxLevel {
			return tileID{}, false
		}
		t.level = l
	}
	if dir, w := path.Split(rest); strings.HasSuffix(dir, ".p/") {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 || n >= tileWidth {
			return tileID{}, false
		}
		t.width, rest = n, strings.TrimSuffix(dir, ".p/")
	}
	t.n, ok = parseNumber(rest)
	return t, ok && t.path() == name
}

// inTree returns how many hashes, or entries, of level a tree of size entries has.
func inTree(level int, size uint64) uint64 {
	if level == entryLevel {
		return size
	}
	return size >> (tileHeight * level)
}

// edge is the right edge of a tree: at each level the hashes that do not fill a tile yet, and the
// entries that do not fill a bundle. It is all that a writer needs to go on.
type edge struct {
	size   uint64
	tiles  [maxLevel + 1][]byte
	bundle []byte
}

// emit receives each tile and bundle as it fills; data is valid during the call.
type emit func(t tileID, data []byte) error

// add appends one leaf to the tree.
func (e *edge) add(leaf []byte, out emit) error {
	e.bundle = binary.BigEndian.AppendUint16(e.bundle, uint16(len(leaf)))
	e.bundle = append(e.bundle, leaf...)
	h := tlog.RecordHash(leaf)
	e.size++
	if e.size%tileWidth == 0 {
		if err := out(tileID{entryLevel, e.size/tileWidth - 1, tileWidth}, e.bundle); err != nil {
			return err
		}
		e.bundle = e.bundle[:0]
	}
	for level := range e.tiles {
		e.tiles[level] = append(e.tiles[level], h[:]...)
		data := e.tiles[level]
		if len(data) < tileWidth*tlog.HashSize {
			return nil
		}
		n := inTree(level, e.size)/tileWidth - 1
		if err := out(tileID{level, n, tileWidth}, data); err != nil {
			return err
		}
		h = tileRoot(data)
		e.tiles[level] = data[:0]
	}
	return nil
}

// partials returns the tiles of the edge, the bundle first, then level by level. Data aliases e.
func (e *edge) partials() (ids []tileID, data [][]byte) {
	if w := int(e.size % tileWidth); w > 0 {
		ids, data = append(ids, tileID{entryLevel, e.size / tileWidth, w}), append(data, e.bundle)
	}
	for level, b := range e.tiles {
		if len(b) > 0 {
			n := inTree(level, e.size)
			ids = append(ids, tileID{level, n / tileWidth, int(n % tileWidth)})
			data = append(data, b)
		}
	}
	return ids, data
}

// root returns the tree's hash.
func (e *edge) root() (tlog.Hash, error) {
	return tlog.TreeHash(int64(e.size), tlog.HashReaderFunc(e.hashes))
}

// hashes returns stored hashes that lie in the edge.
func (e *edge) hashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		t := tlog.TileForIndex(tileHeight, x)
		if t.L > maxLevel || uint64(t.N) != inTree(t.L, e.size)/tileWidth || len(e.tiles[t.L]) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("store: hash %d is not in the edge of a tree of %d", x, e.size)
		}
		t.W = len(e.tiles[t.L]) / tlog.HashSize
		h, err := tlog.HashFromTile(t, e.tiles[t.L], x)
		if err != nil {
			return nil, fmt.Errorf("store: hash %d: %w", x, err)
		}
		out[i] = h
	}
	return out, nil
}

// clone returns a copy that shares nothing with e.
func (e *edge) clone() *edge {
	c := &edge{size: e.size, bundle: append([]byte(nil), e.bundle...)}
	for i, b := range e.tiles {
		c.tiles[i] = append([]byte(nil), b...)
	}
	return c
}

// tileRoot returns the root over the hashes of a full tile.
func tileRoot(data []byte) tlog.Hash {
	var hs [tileWidth]tlog.Hash
	for i := range hs {
		copy(hs[i][:], data[i*tlog.HashSize:])
	}
	return fold(&hs)
}

// bundleRoot returns the root over the entries of a full bundle.
func bundleRoot(leaves [][]byte) tlog.Hash {
	var hs [tileWidth]tlog.Hash
	var buf []byte
	for i, leaf := range leaves {
		buf = append(append(buf[:0], 0), leaf...) // RFC 6962 2.1, as tlog.RecordHash without its state on the heap
		hs[i] = sha256.Sum256(buf)
	}
	return fold(&hs)
}

// fold hashes a full tile's hashes, in place, up to their root.
func fold(hs *[tileWidth]tlog.Hash) tlog.Hash {
	var node [1 + 2*tlog.HashSize]byte
	node[0] = 1
	for n := tileWidth / 2; n > 0; n /= 2 {
		for i := range n {
			copy(node[1:], hs[2*i][:])
			copy(node[1+tlog.HashSize:], hs[2*i+1][:])
			hs[i] = sha256.Sum256(node[:])
		}
	}
	return hs[0]
}

// splitBundle returns the width entries that fill b exactly. They alias b.
func splitBundle(b []byte, width int) ([][]byte, error) {
	leaves := make([][]byte, 0, width)
	for len(b) > 0 {
		if len(leaves) == width {
			return nil, fmt.Errorf("bytes behind entry %d of the bundle", width-1)
		}
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, fmt.Errorf("entry %d of the bundle is cut off", len(leaves))
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		leaves = append(leaves, b[2:n:n])
		b = b[n:]
	}
	if len(leaves) != width {
		return nil, fmt.Errorf("bundle of %d entries: want %d", len(leaves), width)
	}
	return leaves, nil
}
