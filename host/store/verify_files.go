package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/becomingone/becomingone/kernel/witness"
)

// compareAhead checks a tile that journal entries fill: a crash may have kept it from being written.
func (a *audit) compareAhead(id tileID, want []byte) error {
	a.built[id] = bytes.Clone(want)
	have, err := read(a.root, id.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return sameTile(id, have, want)
}

// payloadTail checks what a crash left of payloads that the checkpoint does not cover yet: any of
// the bytes that belong there, and nothing else. The tiler takes one segment at a time and knows only
// the erasures that this segment holds: newer ones reach the files with their own segment.
func (a *audit) payloadTail(context.Context) error {
	if a.live {
		return nil
	}
	first, items, end := a.snap.view.cp.Size, a.snap.items, a.pay.end
	tiling := items[:a.snap.tiling]
	erased, err := erasures(first, tiling)
	if err != nil {
		return err
	}
	for len(items) > 0 {
		n := min(uint64(len(items)), payloadSpan-first%payloadSpan)
		begun := tiling[:min(n, uint64(len(tiling)))]
		if err := a.payloadFilesTail(first, begun, erased, end); err != nil {
			return err
		}
		first, items, tiling, end = first+n, items[n:], tiling[len(begun):], payloadHead
	}
	return nil
}

// payloadFilesTail checks one pair of files from entry first on, whose payload begins at byte end,
// against the items that may stand there.
func (a *audit) payloadFilesTail(first uint64, items []item, erased map[uint64]uint64, end int64) error {
	var data, index []byte
	if len(items) > 0 {
		data, index = encodePayloads(first, items, erased, end)
	}
	at := indexAt(first)
	if first%payloadSpan == 0 {
		end, at = 0, 0
	}
	for _, f := range [...]struct {
		name string
		off  int64
		want []byte
	}{{payloadName(first, ".dat"), end, data}, {payloadName(first, ".idx"), at, index}} {
		have, err := readFrom(a.root, f.name, f.off)
		if err != nil {
			return err
		}
		if !tornLike(have, f.want, f.off) {
			return damaged(f.name, int64(first), "bytes behind the last sealed payload that belong to no entry")
		}
	}
	return nil
}

// readFrom returns a file from an offset on; a missing file is empty.
func readFrom(root, name string, off int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(root, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", name, cause(err))
	}
	b, err := io.ReadAll(io.NewSectionReader(f, off, math.MaxInt64-off))
	return b, errors.Join(err, f.Close())
}

// files looks at every name below the three folders.
func (a *audit) files(ctx context.Context) error {
	for _, dir := range []string{logDir, journalDir, payloadDir} {
		err := filepath.WalkDir(filepath.Join(a.root, dir), func(name string, d fs.DirEntry, err error) error {
			if a.live && errors.Is(err, fs.ErrNotExist) {
				return nil // swept, or dropped, since the folder was listed
			}
			if err != nil {
				return fmt.Errorf("store: verify: %w", err)
			}
			if d.IsDir() {
				return ctx.Err()
			}
			rel, err := filepath.Rel(a.root, name)
			if err != nil {
				return fmt.Errorf("store: verify: %w", err)
			}
			return a.file(filepath.ToSlash(rel), d)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// file checks that a file belongs to the log, and what nothing else has read.
func (a *audit) file(name string, d fs.DirEntry) error {
	info, err := d.Info()
	if a.live && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: verify: %w", err)
	}
	a.r.Files++
	a.r.Bytes += info.Size()
	ours := d.Type().IsRegular()
	switch {
	case !ours || name == checkpointName:
	case strings.HasPrefix(name, logDir+"/"):
		id, ok := parseTile(name)
		if ok {
			return a.tileFile(id)
		}
		ours = false
	case strings.HasPrefix(name, payloadDir+"/"):
		ours = a.payloadFile(name)
	default:
		_, ours = parseSegmentName(strings.TrimPrefix(name, journalDir+"/"))
	}
	if !ours {
		return damaged(name, -1, "no file of this log has such a name")
	}
	return nil
}

func (a *audit) payloadFile(name string) bool {
	base, ext := strings.CutSuffix(name, ".dat")
	if !ext {
		base, ext = strings.CutSuffix(name, ".idx")
	}
	n, ok := parseNumber(strings.TrimPrefix(base, payloadDir+"/"))
	return ok && ext && (a.live || n < math.MaxUint64/payloadSpan && n*payloadSpan < a.tiles.size)
}

// tileFile checks a tile's place in the tree, and the content of a partial one: full tiles were
// compared as the entries filled them.
func (a *audit) tileFile(id tileID) error {
	count := inTree(id.level, a.tiles.size)
	if id.n > count/tileWidth || id.n*tileWidth+uint64(id.width) > count {
		if a.live {
			return nil
		}
		return damaged(id.path(), -1, "a tile that lies outside the tree of %d entries", a.tiles.size)
	}
	if id.width == tileWidth {
		return nil
	}
	whole, err := a.truth(id, count)
	if err != nil {
		return err
	}
	have, err := read(a.root, id.path())
	if a.live && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return sameTile(id, have, prefix(id, whole))
}

// truth returns the widest known content of a tile's place.
func (a *audit) truth(id tileID, count uint64) ([]byte, error) {
	full := tileID{id.level, id.n, tileWidth}
	if b, ok := a.built[full]; ok {
		return b, nil
	}
	if id.n < count/tileWidth {
		return readTile(a.root, full)
	}
	if id.level == entryLevel {
		return a.tiles.bundle, nil
	}
	return a.tiles.tiles[id.level], nil
}

// prefix returns what a partial tile holds of the content of its place.
func prefix(id tileID, whole []byte) []byte {
	if id.level != entryLevel {
		return whole[:id.width*32]
	}
	n := 0
	for range id.width {
		n += 2 + int(binary.BigEndian.Uint16(whole[n:]))
	}
	return whole[:n]
}

// payloadScan reads payload files from their first byte to their last.
type payloadScan struct {
	root        string
	index, data *bufio.Reader
	files       *payloadFiles
	seq         uint64 // of the next entry
	end         int64  // of the last one in the data file
	buf         []byte
}

// next returns salt and payload of the next entry; payload is valid until the call after.
func (p *payloadScan) next(seq uint64) (salt [witness.SaltSize]byte, payload []byte, err error) {
	if seq%payloadSpan == 0 {
		if err := p.begin(seq); err != nil {
			return salt, nil, err
		}
	}
	var b [indexWidth]byte
	if _, err := io.ReadFull(p.index, b[:]); err != nil {
		return salt, nil, scanError(payloadName(seq, ".idx"), seq, err)
	}
	end := binary.BigEndian.Uint64(b[:])
	if end < uint64(p.end)+witness.SaltSize || end-uint64(p.end) > payloadBytes {
		return salt, nil, damaged(payloadName(seq, ".idx"), int64(seq), "payload from byte %d to %d: want %d to %d bytes",
			p.end, end, witness.SaltSize, payloadBytes)
	}
	n := int(end-uint64(p.end)) - witness.SaltSize
	if cap(p.buf) < n {
		p.buf = make([]byte, n)
	}
	payload = p.buf[:n]
	_, err = io.ReadFull(p.data, salt[:])
	if err == nil {
		_, err = io.ReadFull(p.data, payload)
	}
	if err != nil {
		return salt, nil, scanError(payloadName(seq, ".dat"), seq, err)
	}
	p.end, p.seq = int64(end), seq+1
	return salt, payload, nil
}

// begin opens the pair of files that an entry is the first of.
func (p *payloadScan) begin(seq uint64) error {
	if err := p.finish(false); err != nil {
		return err
	}
	files, err := openPayloads(p.root, seq)
	if err != nil {
		return err
	}
	p.files = files
	p.index, p.data = bufio.NewReaderSize(files.index, 1<<16), bufio.NewReaderSize(files.data, 1<<18)
	for _, f := range [...]struct {
		r          io.Reader
		ext, magic string
	}{{p.index, ".idx", indexMagic}, {p.data, ".dat", dataMagic}} {
		var b [payloadHead]byte
		if _, err := io.ReadFull(f.r, b[:]); err != nil {
			return scanError(payloadName(seq, f.ext), seq, err)
		}
		if !bytes.Equal(b[:], payloadHeader(f.magic, seq)) {
			return damaged(payloadName(seq, f.ext), int64(seq), "the file's header is not that of its place")
		}
	}
	p.seq, p.end = seq, payloadHead
	return nil
}

// finish closes the open pair; unless a tail is allowed, both files must end here.
func (p *payloadScan) finish(tail bool) error {
	if p.files == nil {
		return nil
	}
	for _, f := range [...]struct {
		r   *bufio.Reader
		ext string
	}{{p.index, ".idx"}, {p.data, ".dat"}} {
		_, err := f.r.Peek(1)
		if err == nil && !tail {
			return damaged(payloadName(p.seq-1, f.ext), int64(p.seq), "bytes behind the last entry")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("store: read %s: %w", payloadName(p.seq-1, f.ext), cause(err))
		}
	}
	return p.close()
}

func (p *payloadScan) close() error {
	if p.files == nil {
		return nil
	}
	err := p.files.close()
	p.files = nil
	return err
}

func scanError(name string, seq uint64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged(name, int64(seq), "the file is cut off")
	}
	return fmt.Errorf("store: read %s: %w", name, cause(err))
}
