package plugintest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/plugintest"
	"github.com/becomingone/becomingone/sdk/as"
	"github.com/becomingone/becomingone/sdk/c"
	"github.com/becomingone/becomingone/sdk/rust"
)

// toolchain is what builds the guests of one SDK. Its variable says where it is, else it is looked
// for: `npm install assemblyscript@0.28` anywhere and ASC=…/node_modules/.bin/asc.
type toolchain struct {
	sdk, library, variable, command string
	version                         []string // how to ask
	pinned                          string   // what the prebuilt guests were made with
	libraryFS, templateFS           func() (fs.FS, error)
}

func toolchains() []toolchain {
	return []toolchain{
		{"c", "src", "CLANG", "clang", []string{"--version"}, "clang version 14.0.6", c.Library, c.Template},
		{"rust", ".", "RUSTC", "/usr/bin/rustc", []string{"--version"}, "rustc 1.63.0", rust.Library, rust.Template},
		{"as", "assembly", "ASC", "asc", []string{"--version"}, "Version 0.28.20", as.Library, as.Template},
	}
}

// find returns the command and whether it is the pinned version; the test is skipped without it.
func (tc toolchain) find(t *testing.T) (command string, pinned bool) {
	command = tc.command
	if v := os.Getenv(tc.variable); v != "" {
		command = v
	}
	path, err := exec.LookPath(command)
	if err != nil {
		t.Skipf("sdk/%s: no %s here, set %s: %v", tc.sdk, command, tc.variable, err)
	}
	text, err := exec.CommandContext(t.Context(), path, tc.version...).CombinedOutput()
	require.NoError(t, err, "%s", text)
	return path, strings.Contains(string(text), tc.pinned)
}

// build runs the template's script in folder, with bo1 the place of the library as seen from there.
func (tc toolchain) build(t *testing.T, command, folder, bo1, out string) {
	script, err := filepath.Abs(filepath.Join("../../sdk", tc.sdk, "template/build.sh"))
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "sh", script, out)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "BO1="+bo1, tc.variable+"="+command)
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	require.NotContains(t, strings.ToLower(string(text)), "warning")
}

func long(t *testing.T) {
	if os.Getenv("BECOMINGONE_LONG") == "" {
		t.Skip("long: set BECOMINGONE_LONG=1")
	}
}

func TestPrebuiltGuestsAreTheirSources(t *testing.T) {
	long(t)
	for _, tc := range toolchains() {
		for _, name := range []string{"hello-" + tc.sdk, "sense-" + tc.sdk} {
			folder := filepath.Join("../../examples/plugins", name)
			if _, err := os.Stat(folder); err != nil {
				continue // not every language has an input plugin
			}
			t.Run(name, func(t *testing.T) {
				command, pinned := tc.find(t)
				out := filepath.Join(t.TempDir(), "guest.wasm")
				tc.build(t, command, folder, filepath.Join("../../../sdk", tc.sdk, tc.library), out)
				code, err := os.ReadFile(out)
				require.NoError(t, err)
				if !pinned {
					t.Logf("%s is not %s: behaviour is compared, bytes are not", command, tc.pinned)
					m := manifestOf(t, name)
					results, err := plugintest.Check(t.Context(), m, code, plugintest.Config{})
					require.NoError(t, err)
					require.True(t, plugintest.Ok(results), "%v", results)
					return
				}
				require.Equal(t, digest(prebuilt(t, name)), digest(code), "rebuild %s/testdata and its plugin.yaml with sdk/%s/template/build.sh", folder, tc.sdk)
			})
		}
	}
}

// What `plugin new` lays out builds as it is and holds.
func TestTemplates(t *testing.T) {
	long(t)
	for _, tc := range toolchains() {
		t.Run(tc.sdk, func(t *testing.T) {
			command, _ := tc.find(t)
			folder := t.TempDir()
			lay(t, tc.templateFS, folder, "greeter")
			lay(t, tc.libraryFS, filepath.Join(folder, "bo1"), "")
			tc.build(t, command, folder, "bo1", "greeter.wasm")
			plugintest.Run(t, filepath.Join(folder, "plugin.yaml"), plugintest.Config{})
		})
	}
}

func lay(t *testing.T, from func() (fs.FS, error), folder, name string) {
	fsys, err := from()
	require.NoError(t, err)
	require.NoError(t, os.CopyFS(folder, fsys))
	if name == "" {
		return
	}
	require.NoError(t, fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(folder, path), []byte(strings.ReplaceAll(string(b), "plugin-name", name)), 0o600)
	}))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func manifestOf(t testing.TB, name string) plugins.Manifest {
	b, err := os.ReadFile(filepath.Join("../../examples/plugins", name, "plugin.yaml"))
	require.NoError(t, err)
	m, err := plugins.ParseManifest(b)
	require.NoError(t, err)
	return m
}
