// Package process runs plugins as subprocesses that the host starts, watches, bounds and ends.
//
// A process is no sandbox: it runs with the rights of its user, reads what that user may read and
// has a real clock. What holds is what its caller sees: the same manifests, limits and error codes
// as in package wasm, and that nothing of it outlives the host. PROCESS.md is the specification.
package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/becomingone/becomingone/plugins"
)

// Names of this package's ABIs in a manifest.
const (
	ABI      = "process" // mutual TLS, as go-plugin's AutoMTLS has it
	ABIPlain = "grpc"    // plain gRPC, for languages that cannot make a certificate by themselves
)

// Config says how processes are started. The zero value works.
type Config struct {
	Dir      string        // for the processes' sockets, at most 48 bytes; empty: the system's temporary folder
	Start    time.Duration // until a process has said what it is; 0: 5s
	Grace    time.Duration // from SIGTERM to SIGKILL when a plugin is closed; 0: 250ms
	Cooldown time.Duration // how long a plugin that only fails is left alone; 0: 30s

	// UID and GID, if not 0, are whom the processes run as; the host must be root. As root itself
	// a process is not bound by Tasks.
	UID, GID uint32

	// Uncontained starts plugins where the kernel forbids namespaces. A process that then leaves
	// its group outlives its plugin, and Tasks is not enforced.
	Uncontained bool

	// MemoryBytes is what a runtime takes before a plugin has done anything, beside what its
	// manifest's memory_pages allow; 0: 512 MiB. It bounds private writable memory (RLIMIT_DATA).
	MemoryBytes int64
	Tasks       int   // threads and processes of one plugin; 0: 128
	Files       int   // open files of one process; 0: 256
	FileBytes   int64 // of one file that a process writes; 0: 64 MiB

	Log *slog.Logger // nil discards
}

// withDefaults replaces what is 0.
func (c Config) withDefaults() Config {
	c.Start = or(c.Start, 5*time.Second)
	c.Grace = or(c.Grace, 250*time.Millisecond)
	c.Cooldown = or(c.Cooldown, 30*time.Second)
	c.MemoryBytes = or(c.MemoryBytes, 512<<20)
	c.Tasks = or(c.Tasks, 128)
	c.Files = or(c.Files, 256)
	c.FileBytes = or(c.FileBytes, 64<<20)
	if c.Dir == "" {
		c.Dir = os.TempDir()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// maxDir leaves room for the rest of a socket's path, which the kernel bounds to 107 bytes.
const maxDir = 48

// Validate names the first field outside its range.
func (c Config) Validate() error {
	c = c.withDefaults()
	if len(c.Dir) > maxDir {
		return fmt.Errorf("process: config Dir %s: %d bytes, want at most %d", c.Dir, len(c.Dir), maxDir)
	}
	for _, f := range []struct {
		name               string
		value, least, most int64
	}{
		{"Start", int64(c.Start), int64(time.Millisecond), int64(time.Minute)},
		{"Grace", int64(c.Grace), 1, int64(time.Minute)},
		{"Cooldown", int64(c.Cooldown), int64(time.Millisecond), int64(time.Hour)},
		{"MemoryBytes", c.MemoryBytes, 1 << 20, 1 << 50},
		{"Tasks", int64(c.Tasks), 1, 1 << 20},
		{"Files", int64(c.Files), 8, 1 << 20},
		{"FileBytes", c.FileBytes, 1, 1 << 40},
	} {
		if f.value < f.least || f.value > f.most {
			return fmt.Errorf("process: config %s %d: want %d…%d", f.name, f.value, f.least, f.most)
		}
	}
	if (c.UID == 0) != (c.GID == 0) {
		return fmt.Errorf("process: config UID %d, GID %d: want both or neither", c.UID, c.GID)
	}
	return nil
}

// Loader starts plugins as processes. It is safe for concurrent use.
type Loader struct {
	cfg     Config
	log     *slog.Logger
	run     *runFolder
	starter *starter
}

// NewLoader makes the folder for sockets, and removes those of hosts that were killed. The platform
// must be Linux.
func NewLoader(cfg Config) (*Loader, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	run, err := openRunFolder(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("process: new loader: %w", err)
	}
	return &Loader{cfg: cfg, log: cfg.Log, run: run, starter: newStarter()}, nil
}

// Close frees what NewLoader took. Close the plugins first: processes that still run are killed by
// the kernel.
func (l *Loader) Close(context.Context) error {
	l.starter.close()
	if err := l.run.close(); err != nil {
		return fmt.Errorf("process: close loader: %w", err)
	}
	return nil
}

// Load starts a process of code, asks it what it is, and keeps it running until Close. The bytes
// that are executed, now and at every restart, are the ones whose digest is compared here: they are
// copied to sealed memory and no file is looked at again.
func (l *Loader) Load(ctx context.Context, m plugins.Manifest, code []byte) (plugins.Plugin, error) {
	p, err := l.load(ctx, m, code)
	if err != nil {
		return nil, fmt.Errorf("process: load %s: %w", m.Name, err)
	}
	return p, nil
}

func (l *Loader) load(ctx context.Context, m plugins.Manifest, code []byte) (*Plugin, error) {
	if m.ABI != ABI && m.ABI != ABIPlain {
		return nil, &plugins.ManifestError{Field: "abi", Value: m.ABI, Accepted: ABI + " or " + ABIPlain}
	}
	if len(m.Capabilities) > 0 {
		return nil, &plugins.ManifestError{Field: "capabilities", Value: m.Capabilities[0], Accepted: "none: a process has what its user has"}
	}
	sum := sha256.Sum256(code)
	if got := hex.EncodeToString(sum[:]); got != m.SHA256 {
		return nil, &plugins.ManifestError{Field: "sha256", Value: m.SHA256, Accepted: got + ", which the file has"}
	}
	image, err := seal(m.Name, code)
	if err != nil {
		return nil, err
	}
	p := newPlugin(l, m, image)
	first, err := p.launch(ctx)
	if err != nil {
		return nil, errors.Join(err, image.Close())
	}
	p.install(first)
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go p.keep(ctx, first)
	return p, nil
}
