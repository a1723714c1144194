package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// runFolder holds the sockets of one loader's processes. Its name is taken only after it has been
// locked, and the lock ends with the host, so that whoever can lock such a folder may remove it.
type runFolder struct {
	path string
	lock *os.File
}

const runPattern = "bo1-run-"

func openRunFolder(dir string) (*runFolder, error) {
	sweep(dir)
	path, err := os.MkdirTemp(dir, ".bo1-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	// Others may pass through, as a plugin's user must, but not look.
	err = os.Chmod(path, 0o711)
	var lock *os.File
	if err == nil {
		lock, err = os.Open(path)
	}
	if err == nil {
		err = tryLock(lock)
	}
	final := filepath.Join(dir, runPattern+filepath.Base(path)[len(".bo1-"):])
	if err == nil {
		err = os.Rename(path, final)
	}
	if err != nil {
		if lock != nil {
			err = errors.Join(err, lock.Close())
		}
		return nil, errors.Join(fmt.Errorf("make folder: %w", err), os.Remove(path))
	}
	return &runFolder{final, lock}, nil
}

// sweep removes the folders of hosts that are gone. One that cannot be removed is another user's,
// or is left for the next time.
func sweep(dir string) {
	old, err := filepath.Glob(filepath.Join(dir, runPattern+"*"))
	if err != nil {
		return
	}
	for _, path := range old {
		if f, err := os.Open(path); err == nil {
			if tryLock(f) == nil {
				_ = os.RemoveAll(path)
			}
			_ = f.Close()
		}
	}
}

func (r *runFolder) close() error {
	if r.lock == nil {
		return nil
	}
	err := errors.Join(os.RemoveAll(r.path), r.lock.Close())
	r.lock = nil
	return err
}
