//go:build unix

package cli

import (
	"errors"

	"golang.org/x/sys/unix"
)

// bound keeps this process below so much address space and processor time, for good.
func bound(bytes, seconds uint64) error {
	var errs []error
	for _, l := range []struct {
		resource int
		most     uint64
	}{{unix.RLIMIT_AS, bytes}, {unix.RLIMIT_CPU, seconds}, {unix.RLIMIT_CORE, 0}} {
		errs = append(errs, unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.most, Max: l.most}))
	}
	return errors.Join(errs...)
}
