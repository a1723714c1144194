package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The same file and config give the same bytes on another architecture, which could fuse products
// with sums: the arm64 program runs under qemu's user emulation. The long suite does this; in the
// short one kernel/phase/exact looks for fused operations in the compiled code.
func TestReplayIsTheSameOnARM64(t *testing.T) {
	if os.Getenv("BECOMINGONE_LONG") == "" {
		t.Skip("long suite: set BECOMINGONE_LONG=1")
	}
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Skip("no qemu-aarch64-static: install qemu-user-static")
	}
	arm := filepath.Join(t.TempDir(), "becomingone-arm64")
	build := exec.Command("go", "build", "-o", arm, ".")
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, file := range []string{"co2.ndjson", "co2-shuffled.ndjson"} {
		args := []string{"replay", "signal", filepath.Join("../../examples/signals", file),
			"--config", "../../examples/demo.yaml", "--json", "--every", "720h"}
		here := exec.Command(os.Args[0], args...)
		here.Env = append(os.Environ(), childEnv+"=1")
		want, err := here.Output()
		require.NoError(t, err)
		require.NotEmpty(t, want)
		got, err := exec.Command(qemu, append([]string{arm}, args...)...).Output()
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), file)
	}
}
