//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// tryLock locks f without waiting, for this holder alone or shared. It reports whether somebody
// else holds it; the lock ends with f or the process.
func tryLock(f *os.File, alone bool) (busy bool, err error) {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// checkPrivate refuses a file that group or others may read or write.
func checkPrivate(root, name string) error {
	full := filepath.Join(root, filepath.FromSlash(name))
	info, err := os.Stat(full)
	if err != nil {
		return fmt.Errorf("store: %s: %w", name, cause(err))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("store: %s: mode %04o lets others use the log's key: want 0600; chmod 600 %s", name, mode, full)
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// whenFree changes a name; here no reader can keep that from happening.
func whenFree(change func() error) error { return change() }
