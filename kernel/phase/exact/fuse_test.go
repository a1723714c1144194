package exact_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNothingFuses compiles the packages of the numerical kernel for a machine that fuses x*y+z and looks
// for such an instruction in what the compiler wrote. A missing float64() shows here with its line.
func TestNothingFuses(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for arm64")
	}
	fused := regexp.MustCompile(`(?m)^.*\tFN?M(ADD|SUB)D\t.*$`)
	list := exec.Command("go", "list", "github.com/becomingone/becomingone/kernel/...")
	pkgs, err := list.Output()
	require.NoError(t, err)
	for _, pkg := range strings.Fields(string(pkgs)) {
		if path := filepath.Base(pkg); path == "cases" || path == "claims" {
			continue // tests only
		}
		cmd := exec.Command("go", "build", "-gcflags=-S", pkg)
		cmd.Env = append(cmd.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "TEXT", "%s: the compiler printed no code", pkg)
		require.Empty(t, fused.FindAllString(string(out), 20), pkg)
	}
}
