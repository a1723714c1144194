package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// lockFolder takes the data folder for one writer and writes who holds it. A folder that is taken is
// ErrLocked with the holder's name.
func lockFolder(root string) (*os.File, error) {
	name := filepath.Join(root, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: lock %s: %w", root, cause(err))
	}
	busy, err := tryLock(f, true)
	if busy {
		err = fmt.Errorf("%w by %s", ErrLocked, holder(f))
	}
	if err == nil {
		me := fmt.Sprintf("process %d\n", os.Getpid())
		if err = f.Truncate(0); err == nil {
			_, err = f.WriteAt([]byte(me), 0)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: lock %s: %w", root, err), f.Close())
	}
	return f, nil
}

// holdOff keeps writers out while a folder is verified. live says that a writer is at work already
// and that nothing was locked. release is never nil.
func holdOff(root string) (live bool, release func() error, err error) {
	none := func() error { return nil }
	f, err := os.Open(filepath.Join(root, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, none, nil // never opened by a writer, or a copy
	}
	if err != nil {
		return false, none, fmt.Errorf("store: lock %s: %w", root, cause(err))
	}
	busy, err := tryLock(f, false)
	if busy || err != nil {
		return busy, none, errors.Join(err, f.Close())
	}
	return false, f.Close, nil
}

func holder(f *os.File) string {
	var b [64]byte
	n, _ := f.ReadAt(b[:], 0)
	if s := strings.TrimSpace(string(b[:n])); s != "" {
		return s
	}
	return "another process"
}
