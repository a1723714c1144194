package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/becomingone/becomingone/kernel/witness"
)

// Payloads stand in pairs of files, one pair for each 65536 entries. The data file holds salt and
// payload of one entry after the other; the index file holds, at a fixed place for each entry, where
// its payload ends. An erased payload is zero bytes behind a salt of 24 zero bytes and the index of
// the Erased leaf: 24 zeros cannot be a salt, and the leaf proves that the erasure was logged.
const (
	payloadSpan  = 1 << 16
	payloadHead  = 16 // magic 8, index of the file's first entry u64
	dataMagic    = "bopldat1"
	indexMagic   = "bopldix1"
	eraseZeros   = 24
	indexWidth   = 8
	eraseChunk   = 1 << 20
	payloadBytes = witness.SaltSize + MaxPayload
)

func payloadName(seq uint64, ext string) string {
	return payloadDir + "/" + number(seq/payloadSpan) + ext
}

func payloadHeader(magic string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(magic), seq/payloadSpan*payloadSpan)
}

// indexAt returns where the index says at which byte entry seq ends.
func indexAt(seq uint64) int64 { return payloadHead + int64(seq%payloadSpan)*indexWidth }

// eraseMark returns what stands in place of an erased entry's salt.
func eraseMark(by uint64) (salt [witness.SaltSize]byte) {
	binary.BigEndian.PutUint64(salt[eraseZeros:], by)
	return salt
}

// parseEraseMark returns the Erased leaf that a mark names.
func parseEraseMark(salt *[witness.SaltSize]byte) (by uint64, ok bool) {
	return binary.BigEndian.Uint64(salt[eraseZeros:]), allZero(salt[:eraseZeros])
}

// payloads appends to the payload files. Not safe for concurrent use.
type payloads struct {
	disk disk
	dirs *folders
	root string
	end  int64 // of the data file that the next entry goes to
}

// open finds the end of the entries that the checkpoint covers; what a crash left behind it is
// written again, byte for byte, from the journal.
func (p *payloads) open(size uint64) error {
	p.end = payloadHead
	if size%payloadSpan == 0 {
		return nil
	}
	_, end, err := payloadRange(p.root, size-1)
	p.end = end
	return err
}

// append stores the payloads of entries first, first+1, … durably; names are durable after the next
// dirs.sync. erased maps entries to the Erased leaf that takes their payload away at once.
func (p *payloads) append(first uint64, items []item, erased map[uint64]uint64) error {
	for len(items) > 0 {
		n := min(uint64(len(items)), payloadSpan-first%payloadSpan)
		if first%payloadSpan == 0 {
			p.end = payloadHead
		}
		if err := p.appendFile(first, items[:n], erased); err != nil {
			return err
		}
		first, items = first+n, items[n:]
	}
	return nil
}

// appendFile appends entries that share one pair of files.
func (p *payloads) appendFile(first uint64, items []item, erased map[uint64]uint64) error {
	start, at := p.end, indexAt(first)
	data, index := encodePayloads(first, items, erased, start)
	if first%payloadSpan == 0 {
		start, at = 0, 0
	}
	if err := p.write(payloadName(first, ".dat"), start, data); err != nil {
		return err
	}
	if err := p.write(payloadName(first, ".idx"), at, index); err != nil {
		return err
	}
	p.end = start + int64(len(data))
	return nil
}

// encodePayloads returns what the entries first, first+1, … of one pair of files add to it; end is
// where the data of the entry before ends. The first entry of a pair brings the files' headers.
func encodePayloads(first uint64, items []item, erased map[uint64]uint64, end int64) (data, index []byte) {
	if first%payloadSpan == 0 {
		data, index = payloadHeader(dataMagic, first), payloadHeader(indexMagic, first)
		end = 0
	}
	for i := range items {
		it := &items[i]
		if by, ok := erased[first+uint64(i)]; ok {
			mark := eraseMark(by)
			data = append(append(data, mark[:]...), make([]byte, len(it.payload))...)
		} else {
			data = append(append(data, it.salt[:]...), it.payload...)
		}
		index = binary.BigEndian.AppendUint64(index, uint64(end)+uint64(len(data)))
	}
	return data, index
}

func (p *payloads) write(name string, off int64, data []byte) error {
	dir, _ := filepath.Split(name)
	dir = dir[:len(dir)-1]
	if err := p.dirs.make(dir); err != nil {
		return err
	}
	if off == 0 {
		p.dirs.dirty[dir] = true
	}
	for _, o := range [...]op{
		{kind: opOpen, path: name},
		{kind: opWrite, path: name, off: off, data: data},
		{kind: opSync, path: name},
		{kind: opClose, path: name},
	} {
		if err := p.disk.do(o); err != nil {
			return err
		}
	}
	return nil
}

// erase overwrites salt and payload of an entry with the mark of the Erased leaf by, durably. Where
// one entry was erased twice, the last mark stands.
func (p *payloads) erase(seq, by uint64) error {
	start, end, err := payloadRange(p.root, seq)
	if err != nil {
		return err
	}
	name := payloadName(seq, ".dat")
	if err := p.disk.do(op{kind: opOpen, path: name}); err != nil {
		return err
	}
	mark := eraseMark(by)
	chunk := append(mark[:], make([]byte, min(end-start-witness.SaltSize, eraseChunk))...)
	for start < end {
		n := min(int64(len(chunk)), end-start)
		if err := p.disk.do(op{kind: opWrite, path: name, off: start, data: chunk[:n]}); err != nil {
			return err
		}
		start += n
		clear(chunk[:witness.SaltSize])
	}
	if err := p.disk.do(op{kind: opSync, path: name}); err != nil {
		return err
	}
	return p.disk.do(op{kind: opClose, path: name})
}

// payloadRange returns where salt and payload of an entry begin and end in its data file.
func payloadRange(root string, seq uint64) (start, end int64, err error) {
	name := payloadName(seq, ".idx")
	f, err := os.Open(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return 0, 0, fmt.Errorf("open %s: %w", name, cause(err))
	}
	defer f.Close() // only read from: nothing to lose
	return rangeIn(f, seq)
}

// rangeIn reads a payload's place from an open index file.
func rangeIn(f io.ReaderAt, seq uint64) (start, end int64, err error) {
	var bounds [2]int64
	err = boundsIn(f, seq, bounds[:])
	return bounds[0], bounds[1], err
}

// boundsIn reads where entry seq begins and, in bounds[1] and on, where it and the entries behind it
// end, all of one index file.
func boundsIn(f io.ReaderAt, seq uint64, bounds []int64) error {
	b := make([]byte, len(bounds)*indexWidth)
	var err error
	if seq%payloadSpan == 0 {
		binary.BigEndian.PutUint64(b, payloadHead)
		_, err = f.ReadAt(b[indexWidth:], indexAt(seq))
	} else {
		_, err = f.ReadAt(b, indexAt(seq)-indexWidth)
	}
	name := payloadName(seq, ".idx")
	if errors.Is(err, io.EOF) {
		return damaged(name, int64(seq), "the index is cut off")
	}
	if err != nil {
		return fmt.Errorf("store: read %s: %w", name, cause(err))
	}
	from := binary.BigEndian.Uint64(b)
	for i := 1; i < len(bounds); i++ {
		to := binary.BigEndian.Uint64(b[i*indexWidth:])
		if from < payloadHead || to < from+witness.SaltSize || to-from > payloadBytes || to > 1<<62 {
			return damaged(name, int64(seq)+int64(i-1), "payload from byte %d to %d: want %d to %d bytes", from, to, witness.SaltSize, payloadBytes)
		}
		bounds[i-1], bounds[i] = int64(from), int64(to)
		from = to
	}
	return nil
}

// payloadFiles is an open pair of payload files.
type payloadFiles struct{ index, data *os.File }

func openPayloads(root string, seq uint64) (*payloadFiles, error) {
	var files [2]*os.File
	for i, ext := range [...]string{".idx", ".dat"} {
		name := payloadName(seq, ext)
		f, err := os.Open(filepath.Join(root, filepath.FromSlash(name)))
		if errors.Is(err, os.ErrNotExist) {
			err = damaged(name, int64(seq), "the file is missing")
		} else if err != nil {
			err = fmt.Errorf("store: open %s: %w", name, cause(err))
		}
		if err != nil {
			if i == 1 {
				err = errors.Join(err, files[0].Close())
			}
			return nil, err
		}
		files[i] = f
	}
	return &payloadFiles{index: files[0], data: files[1]}, nil
}

func (p *payloadFiles) close() error { return errors.Join(p.index.Close(), p.data.Close()) }

// read returns salt and payload of an entry; nothing is verified yet.
func (p *payloadFiles) read(seq uint64) (salt [witness.SaltSize]byte, payload []byte, err error) {
	start, end, err := rangeIn(p.index, seq)
	if err != nil {
		return salt, nil, err
	}
	b := make([]byte, end-start)
	if err := p.readData(seq, b, start); err != nil {
		return salt, nil, err
	}
	copy(salt[:], b)
	return salt, b[witness.SaltSize:], nil
}

// readData fills b from byte start of the data file, where entry seq begins.
func (p *payloadFiles) readData(seq uint64, b []byte, start int64) error {
	_, err := p.data.ReadAt(b, start)
	if errors.Is(err, io.EOF) {
		return damaged(payloadName(seq, ".dat"), int64(seq), "the file ends before byte %d", start+int64(len(b)))
	}
	if err != nil {
		return fmt.Errorf("store: read %s: %w", payloadName(seq, ".dat"), cause(err))
	}
	return nil
}
