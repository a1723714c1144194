package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// segment is a journal segment as it was read back.
type segment struct {
	name  string // below the data folder
	head  header
	items []item
	sum   [sumSize]byte // of the last whole frame, or of the header
	end   int           // bytes up to the last whole frame or mark
	torn  int           // bytes behind end: a write that was never acknowledged
}

func (s *segment) last() uint64 { return s.head.first + uint64(len(s.items)) }

func segmentName(first uint64) string { return fmt.Sprintf("%s/%020d.seg", journalDir, first) }

// parseSegmentName returns the first entry of the segment that a file name stands for.
func parseSegmentName(base string) (uint64, bool) {
	s, ok := strings.CutSuffix(base, ".seg")
	first, err := strconv.ParseUint(s, 10, 63)
	return first, ok && err == nil && len(s) == 20
}

// parseSegment reads a segment. A torn tail is not an error; damage is.
func parseSegment(name string, first uint64, b []byte) (*segment, error) {
	s := &segment{name: name}
	head, sum, err := parseHeader(b)
	if err != nil {
		return nil, damaged(name, int64(first), "%v", err)
	}
	if head.first != first {
		return nil, damaged(name, int64(first), "segment begins at entry %d", head.first)
	}
	s.head, s.sum, s.end = head, sum, segmentHead
	for s.end < len(b) {
		if done, err := s.step(b); err != nil || done {
			return s, err
		}
	}
	return s, nil
}

// step reads one frame and its mark at s.end. done says that a torn tail follows.
func (s *segment) step(b []byte) (done bool, err error) {
	items, n, sum, ferr := readFrame(b[s.end:], &s.head.nonce, &s.sum, s.last())
	if ferr != nil {
		rest := b[s.end:]
		if ferr.end > 0 {
			rest = rest[:min(len(rest), ferr.end)]
		}
		torn := ferr.short || zeroSector(rest, int64(s.end))
		return true, s.tail(b, torn, ferr.reason)
	}
	s.items, s.sum, s.end = append(s.items, items...), sum, s.end+n
	rest := b[s.end:]
	mark := appendMark(nil, &s.head.nonce, &s.sum)
	switch {
	case len(rest) == 0:
		return true, nil
	case bytes.HasPrefix(rest, mark):
		s.end += markSize
		return false, nil
	}
	torn := tornLike(rest[:min(len(rest), markSize)], mark, int64(s.end))
	return true, s.tail(b, torn, "mark does not match its frame")
}

// tail decides what broken bytes at s.end are: a write that a crash cut off, or damage.
func (s *segment) tail(b []byte, torn bool, reason string) error {
	done := append(s.head.nonce[:len(s.head.nonce):len(s.head.nonce)], doneWord...)
	if at := bytes.Index(b[s.end:], done); !torn || at > 0 {
		return damaged(s.name, int64(s.last()), "at byte %d: %s", s.end, reason)
	}
	s.torn = len(b) - s.end
	return nil
}

// readSegments reads the journal, oldest segment first, and checks that each continues the one
// before. Segments that lie below size, which a crash kept from being dropped, need not join.
func readSegments(root string, size uint64) ([]*segment, error) {
	entries, err := os.ReadDir(filepath.Join(root, journalDir))
	if err != nil {
		return nil, fmt.Errorf("store: read %s: %w", journalDir, cause(err))
	}
	var segs []*segment
	for _, e := range entries {
		first, ok := parseSegmentName(e.Name())
		if !ok {
			return nil, damaged(journalDir+"/"+e.Name(), -1, "no file of this log has such a name")
		}
		b, err := read(root, segmentName(first))
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		s, err := parseSegment(segmentName(first), first, b)
		if err != nil {
			return nil, err
		}
		segs = append(segs, s)
	}
	return segs, joined(segs, size)
}

// joined checks that segs lead from at most size to the end without a gap.
func joined(segs []*segment, size uint64) error {
	if len(segs) == 0 && size == 0 {
		return nil // a crash before the first segment
	}
	if len(segs) == 0 {
		return damaged(segmentName(size), int64(size), "the journal's newest segment is missing")
	}
	for i, s := range segs[1:] {
		p := segs[i]
		switch {
		case s.head.first == p.last() && s.head.prev == p.sum:
		case p.last() <= size && s.head.first <= size && s.head.first >= p.last():
		default:
			return damaged(p.name, int64(p.last()), "ends at entry %d and %s does not continue it", p.last(), s.name)
		}
	}
	if s := segs[0]; s.head.first > size {
		return damaged(s.name, int64(size), "begins at entry %d, the tree ends at %d", s.head.first, size)
	}
	if s := segs[len(segs)-1]; s.last() < size {
		return damaged(s.name, int64(s.last()), "ends at entry %d, the tree at %d: a newer segment is missing", s.last(), size)
	}
	return nil
}
