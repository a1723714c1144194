//go:build !linux

package store

import "os"

// syncFile makes the content and length of f durable: F_FULLFSYNC on macOS, FlushFileBuffers on
// Windows.
func syncFile(f *os.File) error { return f.Sync() }
