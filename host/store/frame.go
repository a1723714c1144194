package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/becomingone/becomingone/kernel/witness"
)

// A journal segment is a header and then, for each commit, a frame and a mark. The frame is synced
// before anybody is told that its records are durable; the mark is written right after that sync and
// before the answer. So a mark, wherever it stands, proves that all before it was durable, and what
// is broken before a mark is damage, not a write that a crash cut off.
const (
	segmentMagic = "bojrnl01"
	segmentHead  = 96 // magic 8, nonce 16, first u64, previous sum 32, SHA-256 of these 32
	frameHead    = 48 // nonce 16, "FRAM", count u32, first u64, body length u64, check u64
	sumSize      = 32 // SHA-256(previous sum, frame header, body)
	markSize     = 32 // nonce 16, "DONE", first 12 bytes of the frame's sum
	frameAlign   = 16
	sector       = 512 // what a disk writes whole or not at all
	maxFrame     = 1 << 30
)

var (
	frameWord = []byte("FRAM")
	doneWord  = []byte("DONE")
)

// item is one record on its way from the queue into the tree.
type item struct {
	leaf    []byte // binary form
	salt    [witness.SaltSize]byte
	payload []byte
}

func (it *item) size() int { return 4 + len(it.leaf) + witness.SaltSize + 4 + len(it.payload) }

// header is a segment's first bytes.
type header struct {
	nonce [16]byte
	first uint64 // index of the first record that the segment holds or will hold
	prev  [sumSize]byte
}

func (h *header) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = append(dst, h.nonce[:]...)
	dst = binary.BigEndian.AppendUint64(dst, h.first)
	dst = append(dst, h.prev[:]...)
	sum := sha256.Sum256(dst[start:])
	return append(dst, sum[:]...)
}

func parseHeader(b []byte) (h header, sum [sumSize]byte, err error) {
	if len(b) < segmentHead {
		return h, sum, fmt.Errorf("segment header of %d bytes: want %d", len(b), segmentHead)
	}
	if string(b[:8]) != segmentMagic {
		return h, sum, fmt.Errorf("segment magic %q: want %q", b[:8], segmentMagic)
	}
	sum = sha256.Sum256(b[:64])
	if !bytes.Equal(sum[:], b[64:segmentHead]) {
		return h, sum, errors.New("segment header does not match its checksum")
	}
	copy(h.nonce[:], b[8:])
	h.first = binary.BigEndian.Uint64(b[24:])
	copy(h.prev[:], b[32:])
	return h, sum, nil
}

// appendFrame appends the frame of one commit and returns its sum, the next frame's prev.
func appendFrame(dst []byte, nonce *[16]byte, prev *[sumSize]byte, first uint64, items []item) ([]byte, [sumSize]byte) {
	start := len(dst)
	size := 0
	for i := range items {
		size += items[i].size()
	}
	size = (size + frameAlign - 1) / frameAlign * frameAlign
	dst = append(dst, nonce[:]...)
	dst = append(dst, frameWord...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(items)))
	dst = binary.BigEndian.AppendUint64(dst, first)
	dst = binary.BigEndian.AppendUint64(dst, uint64(size))
	check := sha256.Sum256(dst[start:])
	dst = append(dst, check[:8]...)
	for i := range items {
		it := &items[i]
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(it.leaf)))
		dst = append(dst, it.leaf...)
		dst = append(dst, it.salt[:]...)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(it.payload)))
		dst = append(dst, it.payload...)
	}
	for len(dst)-start < frameHead+size {
		dst = append(dst, 0)
	}
	sum := frameSum(prev, dst[start:])
	return append(dst, sum[:]...), sum
}

func frameSum(prev *[sumSize]byte, frame []byte) (sum [sumSize]byte) {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(frame)
	h.Sum(sum[:0])
	return sum
}

func appendMark(dst []byte, nonce *[16]byte, sum *[sumSize]byte) []byte {
	dst = append(dst, nonce[:]...)
	dst = append(dst, doneWord...)
	return append(dst, sum[:12]...)
}

// errFrame says that a frame is not whole; short that its bytes end too early.
type frameError struct {
	reason string
	short  bool
	end    int // where the frame should end, 0 where its header does not say
}

func (e *frameError) Error() string { return e.reason }

// readFrame reads the frame at the start of b. Items alias b. n is the frame's length.
func readFrame(b []byte, nonce *[16]byte, prev *[sumSize]byte, first uint64) (items []item, n int, sum [sumSize]byte, err *frameError) {
	if len(b) < frameHead {
		return nil, 0, sum, &frameError{reason: "frame header is cut off", short: true}
	}
	check := sha256.Sum256(b[:frameHead-8])
	if !bytes.Equal(b[:16], nonce[:]) || !bytes.Equal(b[16:20], frameWord) || !bytes.Equal(check[:8], b[40:frameHead]) {
		return nil, 0, sum, &frameError{reason: "frame header does not match its checksum"}
	}
	size := binary.BigEndian.Uint64(b[32:])
	if size > maxFrame || size%frameAlign != 0 {
		return nil, 0, sum, &frameError{reason: fmt.Sprintf("frame of %d bytes: want at most %d", size, maxFrame)}
	}
	end := frameHead + int(size)
	n = end + sumSize
	if got := binary.BigEndian.Uint64(b[24:]); got != first {
		return nil, 0, sum, &frameError{reason: fmt.Sprintf("frame begins at entry %d: want %d", got, first), end: n}
	}
	if len(b) < n {
		return nil, 0, sum, &frameError{reason: "frame is cut off", short: true, end: n}
	}
	sum = frameSum(prev, b[:end])
	if !bytes.Equal(sum[:], b[end:n]) {
		return nil, 0, sum, &frameError{reason: "frame does not match its checksum", end: n}
	}
	items, perr := parseItems(b[frameHead:end], int(binary.BigEndian.Uint32(b[20:])))
	if perr != nil {
		return nil, 0, sum, &frameError{reason: perr.Error(), end: n}
	}
	return items, n, sum, nil
}

// parseItems reads count records that fill body but for less than 16 zero bytes.
func parseItems(body []byte, count int) ([]item, error) {
	const least = 4 + witness.HeadSize + witness.SaltSize + 4
	if count < 1 || count > len(body)/least {
		return nil, fmt.Errorf("frame of %d records in %d bytes: want 1 to %d", count, len(body), len(body)/least)
	}
	items := make([]item, count)
	for i := range items {
		leaf, rest, err := cutField(body)
		if err != nil || len(rest) < witness.SaltSize {
			return nil, fmt.Errorf("record %d of the frame is cut off", i)
		}
		items[i].leaf = leaf
		copy(items[i].salt[:], rest)
		if items[i].payload, body, err = cutField(rest[witness.SaltSize:]); err != nil {
			return nil, fmt.Errorf("record %d of the frame is cut off", i)
		}
	}
	if len(body) >= frameAlign || !allZero(body) {
		return nil, errors.New("bytes behind the last record of the frame")
	}
	return items, nil
}

// cutField splits a uint32 length and that many bytes off b.
func cutField(b []byte) (field, rest []byte, err error) {
	if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
		return nil, nil, errors.New("field is cut off")
	}
	n := 4 + int(binary.BigEndian.Uint32(b))
	return b[4:n:n], b[n:], nil
}

func allZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// tornLike reports whether got, which begins at file offset off, can be what a power cut left of
// want: every sector either arrived or reads as zero, and the end may be missing.
func tornLike(got, want []byte, off int64) bool {
	if len(got) > len(want) {
		return false
	}
	for len(got) > 0 {
		n := min(len(got), int(sector-off%sector))
		if !bytes.Equal(got[:n], want[:n]) && !allZero(got[:n]) {
			return false
		}
		got, want, off = got[n:], want[n:], off+int64(n)
	}
	return true
}

// zeroSector reports whether a whole sector's share of b, which begins at file offset off, is zero.
func zeroSector(b []byte, off int64) bool {
	for len(b) > 0 {
		n := min(len(b), int(sector-off%sector))
		if allZero(b[:n]) {
			return true
		}
		b, off = b[n:], off+int64(n)
	}
	return false
}
