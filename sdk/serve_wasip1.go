//go:build wasip1

package sdk

import (
	"unsafe"

	"github.com/becomingone/becomingone/sdk/abi"
)

// The guest is single-threaded, and a message is the guest's until the host's next call: one
// buffer in and one out are enough, and neither moves while it is in use.
var (
	served *Plugin
	inbox  []byte
	outbox []byte
)

// Serve makes p the plugin of this program; main calls it once.
func Serve(p *Plugin) { served = p }

// A c-shared program's main is linked and never called. Calling it when the host first asks lets
// a plugin be written as any other Go program is.
//
//go:linkname mainMain main.main
func mainMain()

//go:wasmexport bo1_alloc
func alloc(n uint32) uint32 {
	if uint32(cap(inbox)) < n || cap(inbox) == 0 {
		inbox = make([]byte, max(n, 1024))
	}
	inbox = inbox[:cap(inbox)]
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(inbox))))
}

//go:wasmexport bo1_call
func call(op, ptr, n uint32) uint64 {
	if served == nil {
		mainMain()
	}
	var in []byte
	if n > 0 {
		if ptr != uint32(uintptr(unsafe.Pointer(unsafe.SliceData(inbox)))) || uint64(n) > uint64(len(inbox)) {
			return pack(abi.AppendError(outbox[:0], &abi.Error{Code: abi.CodeInvalid, Message: "message: not where bo1_alloc put it"}))
		}
		in = inbox[:n]
	}
	if served == nil {
		return pack(abi.AppendError(outbox[:0], &abi.Error{Code: abi.CodeInternal, Message: "main: did not call sdk.Serve"}))
	}
	return pack(served.Call(abi.Op(op), in, outbox[:0]))
}

func pack(out []byte) uint64 {
	outbox = out
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(out))))<<32 | uint64(len(out))
}
