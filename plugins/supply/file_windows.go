package supply

import (
	"os"

	"golang.org/x/sys/windows"
)

// privateModes says whether a file's mode tells who may read it.
const privateModes = false

// hold locks f for this process alone and waits for it; the lock ends with f or the process.
func hold(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, new(windows.Overlapped))
}

// syncFolder has nothing to do: NTFS journals its names, and Windows syncs no folder handle.
func syncFolder(string) error { return nil }
