package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/supply"
	"github.com/becomingone/becomingone/plugins/wasm"
)

// Bounds of the process that compiles a module. Measured with a Go guest of 2.1 MB: 1.8 GB of addresses,
// nearly all of them only reserved by the runtime (60 MB are resident), and 0.7 s of processor time.
const (
	childAddressBytes = 3 << 30
	childCPUSeconds   = 60
	childTime         = 2 * time.Minute
	childName         = "compile-child"
)

// pluginChildCmd is what a node's commands start to compile a module that nobody has compiled yet.
func (a *app) pluginChildCmd() *cobra.Command {
	return &cobra.Command{
		Use: childName + " CACHE", Hidden: true, Args: cobra.ExactArgs(1), Short: "Compile the plugin on stdin within bounds",
		Example: "  (started by plugin install)",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := bound(childAddressBytes, childCPUSeconds); err != nil {
				return fmt.Errorf("bound this process: %w", err)
			}
			manifest, module, err := readParts(a.in)
			if err != nil {
				return err
			}
			m, err := plugins.ParseManifest(manifest)
			if err != nil {
				return err
			}
			return compile(cmd.Context(), args[0], m, module)
		},
	}
}

// compile fills the cache and holds what the plugin says it is against its manifest.
func compile(ctx context.Context, cache string, m plugins.Manifest, module []byte) (err error) {
	l, err := wasm.NewLoader(wasm.Config{CacheDir: cache})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	return plugins.Try(ctx, l, m, module)
}

// tryOut compiles the module in a process of its own, whose memory and time are bounded, into the
// node's cache, and asks it what it is.
func (a *app) tryOut(ctx context.Context, b *supply.Bundle) error {
	cache, err := a.cacheDir()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, childTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "plugin", childName, cache)
	cmd.Args[0] = os.Args[0]
	cmd.Env = childEnv(a.env)
	cmd.Stdin = bytes.NewReader(parts(b.ManifestText(), b.Module()))
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	switch text := strings.TrimPrefix(strings.TrimSpace(said.String()), "becomingone: "); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("compile: took longer than %v", childTime)
	case cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == exitFailed && text != "":
		return errors.New(text)
	default:
		return fmt.Errorf("compile: ended by its bounds of %d MiB and %d s: %w", childAddressBytes>>20, childCPUSeconds, err)
	}
}

// childEnv is what the child needs of the environment: nothing but what a test binary goes by.
func childEnv(env []string) []string {
	keep := []string{}
	for _, kv := range env {
		if strings.HasPrefix(kv, "BECOMINGONE_TEST_") || strings.HasPrefix(kv, "SYSTEMROOT=") {
			keep = append(keep, kv)
		}
	}
	return keep
}

// cacheDir is where the node keeps compiled plugins.
func (a *app) cacheDir() (string, error) {
	cfg, err := a.load(nil)
	if err != nil {
		return "", err
	}
	cache := cfg.Path(cfg.Plugins.Cache)
	if cache == "" {
		dir, err := a.data()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(dir, "plugins", "cache")
	}
	return filepath.Abs(cache)
}

// parts is a manifest and a module on one stream: the manifest's length first.
func parts(manifest, module []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(manifest)))
	return append(append(b, manifest...), module...)
}

func readParts(r io.Reader) (manifest, module []byte, err error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, nil, fmt.Errorf("read the plugin: %w", err)
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > plugins.MaxManifest {
		return nil, nil, fmt.Errorf("read the plugin: manifest of %d bytes, want at most %d", n, plugins.MaxManifest)
	}
	all, err := io.ReadAll(io.LimitReader(r, int64(n)+plugins.MaxModule+1))
	if err == nil && (len(all) < int(n) || len(all)-int(n) > plugins.MaxModule) {
		err = fmt.Errorf("%d bytes", len(all))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the plugin: %w", err)
	}
	return all[:n], all[n:], nil
}
