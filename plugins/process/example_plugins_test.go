package process_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/process"
	"github.com/becomingone/becomingone/sdk/abi"
)

// running is a Set of the manifests in dir, with both of this package's ABIs.
func running(t *testing.T, dir string) *plugins.Set {
	l := loader(t, process.Config{})
	set, err := plugins.NewSet(plugins.Config{Dirs: []string{dir}}, map[string]plugins.Loader{process.ABI: l, process.ABIPlain: l})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- set.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ran)
		require.NoError(t, set.Close(context.Background()))
	})
	<-set.Ready()
	for _, s := range set.Status() {
		require.Equal(t, plugins.Active, s.State, s.Error)
	}
	return set
}

// The Go example, built as its manifest says, as a new user would.
func TestExampleEcho(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "echo-process")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "../../examples/plugins/echo-process")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	code, err := os.ReadFile(file)
	require.NoError(t, err)
	t.Logf("%d bytes", len(code))
	sum := sha256.Sum256(code)
	text, err := os.ReadFile("../../examples/plugins/echo-process/plugin.yaml")
	require.NoError(t, err)
	pinned := strings.Replace(string(text), `sha256: ""`, "sha256: "+hex.EncodeToString(sum[:]), 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plugin.yaml"), []byte(pinned), 0o600))

	set := running(t, dir)
	for n := 1; n <= 3; n++ {
		answer, err := set.Act(t.Context(), abi.ActInput{Action: "echo", Arguments: abi.Raw(`{"text":"hello"}`)})
		require.NoError(t, err)
		require.JSONEq(t, fmt.Sprintf(`{"text":"hello","calls":%d}`, n), string(answer.Structured))
	}
	_, err = set.Act(t.Context(), abi.ActInput{Action: "echo", Arguments: abi.Raw(`{"text":5}`)})
	require.Equal(t, plugins.CodeArguments, failureCode(t, err))

	alone, err := exec.CommandContext(t.Context(), file).Output()
	require.NoError(t, err)
	require.Contains(t, string(alone), `"name":"echo-process"`)
}

// The Python example, as it is, by the digest that its manifest pins.
func TestExamplePython(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import grpc").CombinedOutput(); err != nil {
		t.Skipf("/usr/bin/python3 has no grpc (apt-get install python3-grpcio): %v %s", err, out)
	}
	set := running(t, "../../examples/plugins/python-process")
	answer, err := set.Act(t.Context(), abi.ActInput{Action: "reverse", Arguments: abi.Raw(`{"text":"héllo"}`)})
	require.NoError(t, err)
	require.JSONEq(t, `{"text":"olléh"}`, string(answer.Structured))
}
