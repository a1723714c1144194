package conformance

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/becomingone/becomingone/host/store"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/tlog"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// witnessServer is a litewitness process that knows one log.
type witnessServer struct {
	url      string
	verifier *torchwood.CosignatureVerifier
}

// startWitness builds litewitness, enters the log into its database as witnessctl would, and starts
// it with a key in an SSH agent, which is where it wants to find one.
func startWitness(t *testing.T, logKey string) *witnessServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "w") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	bin := filepath.Join(dir, "litewitness")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "filippo.io/torchwood/cmd/litewitness").CombinedOutput()
	require.NoError(t, err, string(out))
	enter(t, filepath.Join(dir, "db"), logKey)
	socket := filepath.Join(dir, "agent")
	fingerprint := serveKey(t, socket)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := free.Addr().String()
	require.NoError(t, free.Close())

	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, bin, "-name", "example.org/witness", "-db", filepath.Join(dir, "db"),
		"-ssh-agent", socket, "-key", fingerprint, "-listen", addr)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stderr)
	drained := make(chan struct{})
	t.Cleanup(func() {
		stop()
		<-drained
		_ = cmd.Wait() // its exit code after an interrupt is its own affair
	})
	w := &witnessServer{url: "http://" + addr + "/add-checkpoint"}
	for lines.Scan() && !strings.Contains(lines.Text(), "msg=listening") {
		if _, vkey, ok := strings.Cut(lines.Text(), "vkey="); ok {
			w.verifier, err = torchwood.NewCosignatureVerifier(strings.TrimSpace(vkey))
			require.NoError(t, err)
		}
	}
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, stderr)
	}()
	require.NotNil(t, w.verifier)
	return w
}

// enter makes the rows that `witnessctl add-log` and `add-key` make. That command needs a module of
// sigsum.org, which this one is spared.
func enter(t *testing.T, db, logKey string) {
	t.Helper()
	c, err := sqlite.OpenConn(db)
	require.NoError(t, err)
	require.NoError(t, sqlitex.ExecScript(c, `
		CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL);
		CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin));`))
	empty, err := tlog.TreeHash(0, nil)
	require.NoError(t, err)
	for sql, args := range map[string][]any{
		"INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)": {origin, empty.String()},
		"INSERT INTO key (origin, key) VALUES (?, ?)":                     {origin, logKey},
	} {
		require.NoError(t, sqlitex.Execute(c, sql, &sqlitex.ExecOptions{Args: args}))
	}
	require.NoError(t, c.Close())
}

// serveKey answers as an SSH agent with one new key and returns its fingerprint.
func serveKey(t *testing.T, socket string) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	keys := agent.NewKeyring()
	require.NoError(t, keys.Add(agent.AddedKey{PrivateKey: key}))
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = agent.ServeAgent(keys, conn) // until the witness hangs up
		}
	}()
	t.Cleanup(func() { require.NoError(t, l.Close()); <-done })
	signers, err := keys.Signers()
	require.NoError(t, err)
	return ssh.FingerprintSHA256(signers[0].PublicKey())
}

// ask sends a checkpoint that continues a tree of old entries, as C2SP tlog-witness has it.
func (w *witnessServer) ask(t *testing.T, g *grown, old uint64, cp store.Checkpoint) (status int, answer string) {
	t.Helper()
	var body bytes.Buffer
	fmt.Fprintf(&body, "old %d\n", old)
	if old > 0 && old <= cp.Size {
		hashes := tlog.TileHashReader(tlog.Tree{N: int64(cp.Size), Hash: cp.Root}, tileFiles(g.tiles()))
		proof, err := tlog.ProveTree(int64(cp.Size), int64(old), hashes)
		require.NoError(t, err)
		for _, h := range proof {
			fmt.Fprintln(&body, h)
		}
	}
	fmt.Fprintf(&body, "\n%s", cp.Note)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, &body)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, string(b)
}

// litewitness cosigns our checkpoints as the log grows, and refuses the log's own key when it goes
// back to an older state or on from another history.
func TestLitewitness(t *testing.T) {
	g := open(t)
	thief := fork(t, g)
	w := startWitness(t, g.log.VerifierKey())
	policy := torchwood.ThresholdPolicy(3, torchwood.OriginPolicy(origin),
		torchwood.SingleVerifierPolicy(g.verifier(t)), torchwood.SingleVerifierPolicy(w.verifier))
	old := uint64(0)
	var first store.Checkpoint
	for _, n := range sizes {
		cp := g.grow(t, n)
		status, cosignature := w.ask(t, g, old, cp)
		require.Equal(t, http.StatusOK, status, cosignature)
		_, _, err := torchwood.VerifyCheckpoint(append(bytes.Clone(cp.Note), cosignature...), policy)
		require.NoError(t, err)
		_, _, err = torchwood.VerifyCheckpoint(cp.Note, policy)
		require.Error(t, err, "without the witness")
		if old == 0 {
			first = cp
		}
		old = cp.Size
	}
	status, known := w.ask(t, g, 0, first)
	require.Equal(t, http.StatusConflict, status)
	require.Equal(t, fmt.Sprintln(old), known)
	status, _ = w.ask(t, g, old, first)
	require.Equal(t, http.StatusBadRequest, status)

	// The thief's records are the same; their salts are not, and so neither are its leaves.
	status, _ = w.ask(t, thief, old, thief.grow(t, int(old)+500))
	require.Equal(t, http.StatusUnprocessableEntity, status)
	status, _ = w.ask(t, g, old, g.grow(t, int(old)+500))
	require.Equal(t, http.StatusOK, status)
}

// fork returns a second log with the key of g, which is still empty.
func fork(t *testing.T, g *grown) *grown {
	t.Helper()
	f := &grown{dir: t.TempDir()}
	require.NoError(t, os.CopyFS(f.dir, os.DirFS(g.dir)))
	require.NoError(t, os.Chmod(filepath.Join(f.dir, "keys", "log.key"), 0o600))
	f.run(t)
	require.Equal(t, g.log.VerifierKey(), f.log.VerifierKey())
	return f
}
