package host

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/examples"
	"github.com/becomingone/becomingone/host/config"
	"github.com/becomingone/becomingone/host/folder"
	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/kernel/gate"
)

// guests lays the built example plugins out in a folder; without them the test is skipped.
func guests(t testing.TB) string {
	t.Helper()
	built, err := examples.Guests()
	if errors.Is(err, examples.ErrNotBuilt) {
		t.Skip("no guests: run `make guests`")
	}
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, built))
	return dir
}

// opened is a node on a folder and an address of its own, with the example plugins.
func opened(t testing.TB, dir, addr string) (*Node, error) {
	t.Helper()
	cfg := config.Default()
	cfg.HTTP.Addr = addr
	cfg.Plugins.Dirs = []string{guests(t)}
	cfg.Agent.Breakers = config.Breakers{} // a benchmark runs in circles
	cfg.Plugins.Cache = filepath.Join(os.TempDir(), "becomingone-test-cache")
	return Open(t.Context(), Options{Dir: dir, Version: "test", Config: cfg})
}

// running starts a node and returns it when its plugins are ready.
func running(t testing.TB) *Node {
	t.Helper()
	n, err := opened(t, t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, n.Close())
		require.NoError(t, n.Close(), "a second Close is harmless")
	})
	<-n.Ready()
	return n
}

// A node leaves nothing behind: no goroutine, no note, no lock.
func TestNodeLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := t.TempDir()
	for range 2 {
		n, err := opened(t, dir, "127.0.0.1:0")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		<-n.Ready()
		out, err := n.runtime.Call(t.Context(), say("hello"))
		require.NoError(t, err)
		require.Equal(t, gate.Collapse, out.Verdict)
		require.Equal(t, "hello", out.Content[0].Text)
		_, err = folder.ReadNode(dir)
		require.NoError(t, err)
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, n.Close())
		_, err = folder.ReadNode(dir)
		require.ErrorIs(t, err, folder.ErrNotRunning)
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if now := runtime.NumGoroutine(); now > before {
		stacks := make([]byte, 1<<20)
		t.Fatalf("%d goroutines, %d before:\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
	}
}

// A node that cannot open says why, and lets go of what it had taken.
func TestOpenFailsWhole(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	dir := t.TempDir()
	_, err = opened(t, dir, busy.Addr().String())
	require.ErrorContains(t, err, "listen on http.addr")

	n, err := opened(t, dir, "127.0.0.1:0")
	require.NoError(t, err, "the folder is free again")
	defer n.Close()
	_, err = opened(t, dir, "127.0.0.1:0")
	require.ErrorIs(t, err, store.ErrLocked)

	_, err = opened(t, t.TempDir(), "0.0.0.0:0")
	require.ErrorContains(t, err, "beyond loopback")
}

// The folder's secrets are for this user only.
func TestDataFolderIsPrivate(t *testing.T) {
	n := running(t)
	require.NoError(t, filepath.WalkDir(n.opt.Dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if path == n.opt.Dir {
			return nil // the test's own folder
		}
		info, err := d.Info()
		require.NoError(t, err)
		if strings.Contains(path, "keys") || strings.Contains(path, "run") || !strings.Contains(path, "cache") {
			require.Zero(t, info.Mode().Perm()&0o077, "%s %v", path, info.Mode())
		}
		return nil
	}))
}

func BenchmarkCall(b *testing.B) {
	n := running(b)
	for _, c := range []struct{ name, action, args string }{
		{"plugin", "say", `{"text":"hello"}`},
		{"dissipated", "announce", `{}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := Proposal{Session: "bench", Action: c.action, Arguments: json.RawMessage(c.args)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := n.runtime.Call(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
