package folder

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDefaultFollowsXDG(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", "/data")
	dir, err := Default()
	require.NoError(t, err)
	require.Equal(t, filepath.FromSlash("/data/becomingone"), dir)

	t.Setenv("XDG_DATA_HOME", "relative")
	t.Setenv("HOME", "/home/u")
	dir, err = Default()
	require.NoError(t, err)
	require.Equal(t, filepath.FromSlash("/home/u/.local/share/becomingone"), dir)
}

func TestTokensAreMadeOnceAndPrivate(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	got := make([]Tokens, 8)
	for i := range got {
		wg.Go(func() {
			tokens, err := OpenTokens(dir)
			if err == nil {
				got[i] = tokens
			}
		})
	}
	wg.Wait()
	for _, g := range got {
		require.Equal(t, got[0], g)
	}
	require.NotEqual(t, got[0].Agent, got[0].Owner)
	agent, err := AgentToken(dir)
	require.NoError(t, err)
	require.Equal(t, got[0].Agent, agent)
	owner, err := OwnerToken(dir)
	require.NoError(t, err)
	require.Equal(t, got[0].Owner, owner)

	info, err := os.Stat(filepath.Join(dir, "keys", "owner.token"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := filepath.Glob(filepath.Join(dir, "keys", ".token-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestBrokenTokenIsNamed(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenTokens(dir)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "keys", "agent.token"), []byte("short"), 0o600))
	_, err = OpenTokens(dir)
	require.ErrorContains(t, err, "agent.token: not 32 bytes")
}

func TestTokenThatOthersMayReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenTokens(dir)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(filepath.Join(dir, "keys", "owner.token"), 0o644))
	_, err = OpenTokens(dir)
	require.ErrorContains(t, err, "mode 0644 lets others read it")
}

func TestNoteOfANode(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadNode(dir)
	require.ErrorIs(t, err, ErrNotRunning)

	n := Node{PID: 7, URL: "http://127.0.0.1:4917", Version: "v1", Started: time.Unix(5, 0).UTC()}
	require.NoError(t, WriteNode(dir, n))
	got, err := ReadNode(dir)
	require.NoError(t, err)
	require.Equal(t, n, got)
	info, err := os.Stat(filepath.Join(dir, "run", "node.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, RemoveNode(dir, 8), "another node's note stays")
	_, err = ReadNode(dir)
	require.NoError(t, err)
	require.NoError(t, RemoveNode(dir, 7))
	require.NoError(t, RemoveNode(dir, 7))
	_, err = ReadNode(dir)
	require.ErrorIs(t, err, ErrNotRunning)
}
