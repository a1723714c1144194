package process

import (
	"bytes"
	"io"
	"os"
	"sync"
)

// tailBytes is how much of what a plugin prints is kept.
const tailBytes = 4 << 10

// tail keeps the end of what a plugin's processes print. However much comes, it is read, so that
// the process is not held up, and thrown away.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write never fails.
func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	if n > tailBytes {
		b = b[n-tailBytes:]
	}
	t.mu.Lock()
	if over := len(t.b) + len(b) - tailBytes; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	t.b = append(t.b, b...)
	t.mu.Unlock()
	return n, nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// printer is one process's way to the tail. It notices when a runtime says that it has no memory,
// which is the only sign that RLIMIT_DATA leaves.
type printer struct {
	to *tail

	mu     sync.Mutex
	carry  []byte // the end of what came, in case a sign is cut in two
	memory bool
}

// signs are what Go, C++ and Python print.
var signs = [...]string{"out of memory", "cannot allocate memory", "std::bad_alloc", "MemoryError"}

// Write never fails.
func (p *printer) Write(b []byte) (int, error) {
	const longest = 22
	p.mu.Lock()
	seam := append(p.carry, b[:min(len(b), longest)]...)
	for _, sign := range signs {
		p.memory = p.memory || bytes.Contains(seam, []byte(sign)) || bytes.Contains(b, []byte(sign))
	}
	if len(b) >= longest {
		seam = b
	}
	p.carry = append(p.carry[:0], seam[max(0, len(seam)-longest):]...)
	p.mu.Unlock()
	return p.to.Write(b)
}

func (p *printer) outOfMemory() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.memory
}

// drain reads r until it ends or is closed.
func drain(dst io.Writer, r *os.File) {
	b := make([]byte, 32<<10)
	for {
		n, err := r.Read(b)
		_, _ = dst.Write(b[:n]) // a tail
		if err != nil {
			return
		}
	}
}

// maxLine bounds the handshake: a certificate and a path.
const maxLine = 4 << 10

// head is a process's standard output as go-plugin may see it: one line, then the end. What comes
// after it is printed text as any other.
type head struct {
	from *os.File
	rest io.Writer

	line chan []byte // from pump
	left *bytes.Reader
}

func newHead(from *os.File, rest io.Writer) *head {
	return &head{from: from, rest: rest, line: make(chan []byte, 1)}
}

// pump reads until the process closes its output or we do. Call it once.
func (h *head) pump() {
	h.line <- h.first()
	drain(h.rest, h.from)
}

// Read returns the first line and its newline, then io.EOF.
func (h *head) Read(dst []byte) (int, error) {
	if h.left == nil {
		h.left = bytes.NewReader(<-h.line)
	}
	return h.left.Read(dst)
}

// first is the first line if it ends within maxLine bytes, else nothing.
func (h *head) first() []byte {
	b := make([]byte, 0, maxLine)
	for len(b) < cap(b) {
		n, err := h.from.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			_, _ = h.rest.Write(b[i+1:])
			return b[:i+1]
		}
		if err != nil {
			break
		}
	}
	_, _ = h.rest.Write(b)
	return nil
}

// Close does nothing: the child closes its pipes when it has been reaped.
func (h *head) Close() error { return nil }
