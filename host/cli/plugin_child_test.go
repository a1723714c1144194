package cli

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins/supply"
)

// hogEnv makes the test binary be a process that binds itself and then takes memory without end.
const hogEnv = "BECOMINGONE_TEST_HOG"

// TestMain lets the test binary be the program, which starts itself to compile.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(hogEnv) != "":
		hog()
	case len(os.Args) > 1 && os.Args[1] == "plugin":
		os.Exit(Main("test", os.Args[1:]))
	}
	os.Exit(m.Run())
}

func hog() {
	if err := bound(childAddressBytes, childCPUSeconds); err != nil {
		os.Exit(1)
	}
	var all [][]byte
	for range 4 * childAddressBytes >> 20 {
		all = append(all, make([]byte, 1<<20))
	}
	fmt.Println("took", len(all), "MiB")
}

func program(t testing.TB) *app {
	return &app{version: "test", in: strings.NewReader(""), out: &bytes.Buffer{}, errs: &bytes.Buffer{}, env: os.Environ(), dataDir: t.TempDir()}
}

// bundleOf signs a folder with that module and the lines of a manifest.
func bundleOf(t testing.TB, module []byte, lines string) *supply.Bundle {
	dir := t.TempDir()
	text := fmt.Sprintf("file: m.wasm\nsha256: %x\nabi: bo1\n%s\n", sha256.Sum256(module), lines)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plugin.yaml"), []byte(text), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m.wasm"), module, 0o600))
	b, err := supply.Open(t.Context(), dir)
	require.NoError(t, err)
	return b
}

const helloLines = "name: hello-c\nversion: 1.0.0\nkind: action\nactions: {hello: {effect: write}}"

func helloC(t testing.TB) []byte {
	b, err := os.ReadFile("../../examples/plugins/hello-c/testdata/hello-c.wasm")
	require.NoError(t, err)
	return b
}

func TestTryOutCompilesIntoTheCache(t *testing.T) {
	a := program(t)
	require.NoError(t, a.tryOut(t.Context(), bundleOf(t, helloC(t), helloLines)))
	cache, err := a.cacheDir()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(a.dataDir, "plugins", "cache"), cache)
	found, err := filepath.Glob(filepath.Join(cache, "*", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
}

func TestTryOutSaysWhatIsWrong(t *testing.T) {
	a := program(t)
	for want, b := range map[string]*supply.Bundle{
		"header":                          bundleOf(t, []byte("no module"), helloLines),
		`actions "fly": want an action`:   bundleOf(t, helloC(t), strings.Replace(helloLines, "hello:", "fly:", 1)),
		`version "2": want 1.0.0, as the`: bundleOf(t, helloC(t), strings.Replace(helloLines, "1.0.0", "'2'", 1)),
	} {
		require.ErrorContains(t, a.tryOut(t.Context(), b), want)
	}
}

// The bounds are the kernel's: whoever compiles cannot take more than they say.
func TestChildIsBounded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux bounds the address space of a Go program")
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), hogEnv+"=1")
	start := time.Now()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), "%s", out)
	require.Contains(t, string(out), "out of memory")
	t.Logf("ended after %v", time.Since(start))
}

func TestPartsAreReadBack(t *testing.T) {
	manifest, module, err := readParts(bytes.NewReader(parts([]byte("manifest"), []byte("module"))))
	require.NoError(t, err)
	require.Equal(t, "manifest", string(manifest))
	require.Equal(t, "module", string(module))
	for _, bad := range []string{"", "\x01", "\xff\xff\xff\xff", "\x05\x00\x00\x00abc"} {
		_, _, err := readParts(strings.NewReader(bad))
		require.ErrorContains(t, err, "read the plugin", "%q", bad)
	}
}
