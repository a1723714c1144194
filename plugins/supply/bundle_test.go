package supply_test

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins/supply"
)

func TestOpenPathForms(t *testing.T) {
	k := key(t)
	dir := signed(t, k, "voice", say, "code")
	want := open(t, dir)
	require.Equal(t, k.Signer(), want.Signer)
	require.Equal(t, "code", string(want.Module()))
	for _, path := range []string{filepath.Join(dir, "plugin.yaml"), filepath.Join(dir, "m.wasm"), zipped(t, dir)} {
		b := open(t, path)
		require.Equal(t, want.Digest(), b.Digest(), path)
		require.Equal(t, want.Signer, b.Signer, path)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "nosuch"):     "no such file",
		filepath.Join(dir, "plugin.sig"): "want a folder, a .yaml, a .wasm or a .zip file",
		t.TempDir():                      "plugin.yaml: ",
	} {
		_, err := supply.OpenPath(path)
		require.ErrorContains(t, err, want)
	}
	_, err := supply.SignPath(filepath.Join(dir, "m.wasm"), k)
	require.ErrorContains(t, err, "want a folder or a manifest")
}

func zipped(t testing.TB, dir string) string {
	name := filepath.Join(t.TempDir(), "b.zip")
	f, err := os.Create(name)
	require.NoError(t, err)
	z := zip.NewWriter(f)
	require.NoError(t, z.AddFS(os.DirFS(dir)))
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	return name
}

// Whichever file of a signed bundle changes, it is refused by its signature and not by a parser.
func TestChangedFilesAreRefused(t *testing.T) {
	for file, want := range map[string]string{
		"plugin.yaml": "plugin.yaml is not the one that was signed",
		"m.wasm":      "m.wasm is not the one that was signed",
		"plugin.sig":  "line ",
	} {
		dir := signed(t, key(t), "voice", say, "code")
		flipBit(t, filepath.Join(dir, file))
		_, err := supply.OpenPath(dir)
		var v *supply.VerifyError
		require.ErrorAs(t, err, &v, file)
		require.ErrorContains(t, err, want)
	}
	dir := signed(t, key(t), "voice", say, "code")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plugin.yaml"), []byte("no: [manifest"), 0o600))
	_, err := supply.OpenPath(dir)
	require.ErrorContains(t, err, "is not the one that was signed")

	dir = plugin(t, "voice", say, "code")
	flipBit(t, filepath.Join(dir, "m.wasm"))
	_, err = supply.OpenPath(dir)
	require.ErrorContains(t, err, "m.wasm has the digest")
}

// A bundle cannot name files outside itself, nor the store's own.
func TestBundlesStayInTheirFolder(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("code"), 0o600))
	dir := plugin(t, "voice", say, "code")
	require.NoError(t, os.Remove(filepath.Join(dir, "m.wasm")))
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "m.wasm")))
	_, err := supply.OpenPath(dir)
	require.ErrorContains(t, err, "escapes")

	for _, file := range []string{"../m.wasm", "/etc/passwd", "plugin.sig", "plugin.yaml"} {
		dir := plugin(t, "voice", say, "code")
		text := fmt.Sprintf("name: voice\nversion: '1'\nkind: action\nabi: bo1\nfile: %s\n%s\n", file, say)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "plugin.yaml"), []byte(text), 0o600))
		_, err := supply.OpenPath(dir)
		require.ErrorContains(t, err, `file "`+file+`"`)
	}
}
