// Package store keeps the witness log on disk: a C2SP tlog-tiles log with a group-commit journal
// in front of it and a store of salted payloads beside it.
//
// A record that was acknowledged is durable: its batch was written to the journal and synced. Once
// a second the tiler moves what the journal holds into entry bundles, Merkle tiles and payload
// files, signs a checkpoint over the tree and drops the journal segment, so that opening a log
// takes the same time at any age. Every read below the newest checkpoint is verified against it.
// FORMAT.md specifies every byte.
package store

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
)

// What callers branch on.
var (
	ErrClosed    = errors.New("the log is closed")
	ErrQueueFull = errors.New("the queue is full")
	ErrRange     = errors.New("no such entry")
	ErrOrder     = errors.New("time runs backwards")
	ErrLocked    = errors.New("the data folder is in use")
	ErrPending   = errors.New("not yet below a signed checkpoint")
)

// MaxPayload is the longest payload of a record, in bytes.
const MaxPayload = 16 << 20

// Folders and files below the data folder, with forward slashes.
const (
	logDir         = "log"
	journalDir     = "journal"
	payloadDir     = "payload"
	keysDir        = "keys"
	tmpDir         = "tmp"
	lockName       = "lock"
	checkpointName = logDir + "/checkpoint"
	secretName     = keysDir + "/log.key"
	verifierName   = keysDir + "/log.pub"
)

// Config is what may be chosen about a log. The zero value works: each zero field takes the default
// that its comment names.
type Config struct {
	Origin         string        // name of a new log in its checkpoints; default "becomingone/" and 16 random hex digits
	Window         time.Duration // how long a commit waits for company, only under load; 0 to 1 s; default 0
	SealEvery      time.Duration // longest age of a record without a signed checkpoint; 1 ms to 1 h; default 1 s
	SegmentEntries int           // a checkpoint is due at this many entries; 1 to 1<<20; default 16384
	SegmentBytes   int           // or at this many journal bytes; 4 KiB to 1 GiB; default 8 MiB
	QueueEntries   int           // records that may wait for the writer; 1 to 1<<20; default 65536
	QueueBytes     int           // and their bytes; 64 KiB to 1 GiB; default 64 MiB

	// Now gives the time of the leaves that Erase logs, ns since 1970. It must not run ahead of the
	// clock of other records, which would then be refused; nil takes the newest record's time.
	Now    func() int64
	Logger *slog.Logger // nil discards
	Rand   io.Reader    // salts, nonces and keys, safe for concurrent use; nil is crypto/rand

	wrap func(disk) disk // tests put faults between the log and its files
}

// Validate returns an error that names the field, its value and the accepted range.
func (c *Config) Validate() error {
	if strings.ContainsAny(c.Origin, " \t\r\n+") || len(c.Origin) > 255 {
		return fmt.Errorf("store: config origin %q: want at most 255 bytes without space and plus", c.Origin)
	}
	if c.Window < 0 || c.Window > time.Second {
		return fmt.Errorf("store: config window %v: want 0s to 1s", c.Window)
	}
	if c.SealEvery != 0 && (c.SealEvery < time.Millisecond || c.SealEvery > time.Hour) {
		return fmt.Errorf("store: config seal_every %v: want 1ms to 1h", c.SealEvery)
	}
	ints := []struct {
		name        string
		v, min, max int
	}{
		{"segment_entries", c.SegmentEntries, 1, 1 << 20},
		{"segment_bytes", c.SegmentBytes, 4 << 10, 1 << 30},
		{"queue_entries", c.QueueEntries, 1, 1 << 20},
		{"queue_bytes", c.QueueBytes, 64 << 10, 1 << 30},
	}
	for _, f := range ints {
		if f.v != 0 && (f.v < f.min || f.v > f.max) {
			return fmt.Errorf("store: config %s %d: want %d to %d", f.name, f.v, f.min, f.max)
		}
	}
	return nil
}

// Entry is one entry of the log as it is read back.
type Entry struct {
	Leaf    witness.Leaf
	Payload []byte // nil where Erased
	Erased  bool   // an Erased leaf of this log names this entry
}

// DamageError says where stored bytes are not what was written.
type DamageError struct {
	File   string // below the data folder, with forward slashes
	Entry  int64  // the first bad entry, or -1 where the damage belongs to none
	Reason string
}

// Error names the entry, where there is one, the file and the reason.
func (e *DamageError) Error() string {
	if e.Entry < 0 {
		return fmt.Sprintf("store: damage in %s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("store: damage at entry %d in %s: %s", e.Entry, e.File, e.Reason)
}

// during says what was being done when err came up; damage says all that is to be said by itself.
func during(what string, err error) error {
	if _, ok := errors.AsType[*DamageError](err); ok {
		return err
	}
	return fmt.Errorf("store: %s: %w", what, err)
}

func damaged(file string, entry int64, format string, args ...any) error {
	return &DamageError{File: file, Entry: entry, Reason: fmt.Sprintf(format, args...)}
}
