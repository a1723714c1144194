//go:build unix

package supply

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// privateModes says whether a file's mode tells who may read it.
const privateModes = true

// hold locks f for this process alone and waits for it; the lock ends with f or the process.
func hold(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// syncFolder makes the names in a folder durable.
func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
