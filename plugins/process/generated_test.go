package process

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The generated code is what protoc writes. Only the compiler's own version may differ.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	for _, tool := range []string{"protoc", "protoc-gen-go", "protoc-gen-go-grpc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%v (see proto/proto.go)", err)
		}
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "protoc", "--go_out=paths=source_relative:"+dir, "--go-grpc_out=paths=source_relative:"+dir, "bo1.proto")
	cmd.Dir = "proto"
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{"bo1.pb.go", "bo1_grpc.pb.go"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join("proto", name))
		require.NoError(t, err)
		require.Equal(t, code(want), code(have), name)
	}
}

// code is what follows the package clause.
func code(file []byte) string {
	_, after, _ := bytes.Cut(file, []byte("\npackage "))
	return string(after)
}
