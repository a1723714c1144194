package store

import (
	"os"
	"syscall"
)

// syncFile makes the content and length of f durable. fdatasync leaves out the times, which the log
// never reads.
func syncFile(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
