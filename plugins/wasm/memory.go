package wasm

import (
	"sync/atomic"

	"github.com/tetratelabs/wazero/experimental"
)

const pageBytes = 64 << 10

// memory is the linear memory of one instance, taken from the node's budget.
type memory struct {
	budget *atomic.Int64
	most   uint64 // bytes, by the manifest
	buf    []byte
	held   int64 // bytes taken from the budget
	denied bool  // whether a request was refused
}

var _ experimental.LinearMemory = (*memory)(nil)

// Allocate is called once, when the instance begins; nothing is taken ahead of need.
func (m *memory) Allocate(uint64, uint64) experimental.LinearMemory { return m }

// Reallocate returns size zeroed or kept bytes, or nil when the manifest's bound or the node's
// budget is reached: memory.grow then answers -1.
func (m *memory) Reallocate(size uint64) []byte {
	if size <= uint64(cap(m.buf)) {
		m.buf = m.buf[:size]
		return m.buf
	}
	if size > m.most {
		m.denied = true
		return nil
	}
	// Half as much again spares a guest that grows page by page a copy each time.
	roomy := min(size+uint64(len(m.buf))/2, m.most)
	for _, room := range []uint64{roomy, size} {
		if more := int64(room) - m.held; m.take(more) {
			buf := make([]byte, size, room)
			copy(buf, m.buf)
			m.buf, m.held = buf, int64(room)
			return buf
		}
	}
	m.denied = true
	return nil
}

// take reports whether the budget had n bytes left.
func (m *memory) take(n int64) bool {
	if m.budget.Add(-n) >= 0 {
		return true
	}
	m.budget.Add(n)
	return false
}

// Free gives everything back; the instance is gone.
func (m *memory) Free() {
	m.budget.Add(m.held)
	m.buf, m.held = nil, 0
}
