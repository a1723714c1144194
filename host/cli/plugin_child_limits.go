//go:build linux || darwin

package cli

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"
)

// bound keeps this process below so much address space and processor time, for good. Darwin knows no
// bound of the address space that a Go program could keep.
func bound(bytes, seconds uint64) error {
	cpu := unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds})
	core := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	if runtime.GOOS != "linux" {
		return errors.Join(cpu, core)
	}
	return errors.Join(cpu, core, unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: bytes, Max: bytes}))
}
