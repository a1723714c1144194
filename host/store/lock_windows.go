package store

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// tryLock locks f without waiting, for this holder alone or shared. It reports whether somebody
// else holds it. The locked byte lies far behind the holder's name, which stays readable.
func tryLock(f *os.File, alone bool) (busy bool, err error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if alone {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	at := &windows.Overlapped{OffsetHigh: 1 << 20}
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return true, nil
	}
	return false, err
}

// checkPrivate has nothing to check: the folder's access list, not a mode, says who may read a file.
func checkPrivate(string, string) error { return nil }

// syncFolder has nothing to do: NTFS journals its names, and Windows syncs no folder handle.
func syncFolder(string) error { return nil }

// whenFree changes a name that a reader may hold open for a moment, which Windows refuses meanwhile.
func whenFree(change func() error) error {
	const tries, pause = 200, 5 * time.Millisecond
	err := change()
	for range tries {
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		<-time.After(pause)
		err = change()
	}
	return err
}
