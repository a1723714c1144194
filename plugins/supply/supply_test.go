package supply_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins/supply"
)

// plugin writes a bundle's folder: a manifest with those lines and a module of those bytes.
func plugin(t testing.TB, name, lines, module string) string {
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Mkdir(dir, 0o700))
	text := fmt.Sprintf("name: %s\nversion: '1'\nkind: action\nabi: bo1\nfile: m.wasm\nsha256: %x\n%s\n", name, sha256.Sum256([]byte(module)), lines)
	require.NoError(t, os.WriteFile(filepath.Join(dir, supply.ManifestFile), []byte(text), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.wasm"), []byte(module), 0o600))
	return dir
}

const say = "actions: {say: {effect: write}}"

func key(t testing.TB) supply.Key {
	k, err := supply.OpenKey(filepath.Join(t.TempDir(), "keys", "plugin.key"), true)
	require.NoError(t, err)
	return k
}

// signed is plugin with the signature of k.
func signed(t testing.TB, k supply.Key, name, lines, module string) string {
	dir := plugin(t, name, lines, module)
	_, err := supply.SignPath(dir, k)
	require.NoError(t, err)
	return dir
}

func open(t testing.TB, path string) *supply.Bundle {
	b, err := supply.OpenPath(path)
	require.NoError(t, err)
	return b
}

// install does what an owner who says yes to everything does.
func install(t testing.TB, s *supply.Store, path string) supply.Installed {
	c, err := s.Plan(open(t, path), "")
	require.NoError(t, err)
	c.Agree()
	p, err := s.Install(c)
	require.NoError(t, err)
	return p
}

func flipBit(t testing.TB, file string) {
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	b[len(b)/2] ^= 1
	require.NoError(t, os.WriteFile(file, b, 0o600))
}
