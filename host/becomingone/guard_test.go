package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkGuard runs the whole process for each tool call, as a client does, beside a running node. The
// median is what the guard adds to a call; empty is what starting this program costs and no more.
func BenchmarkGuard(b *testing.B) {
	dir := b.TempDir()
	cmd, _ := node(b, dir)
	b.Cleanup(func() {
		require.NoError(b, cmd.Process.Signal(os.Interrupt))
		require.NoError(b, cmd.Wait())
	})
	const call = `{"hook_event_name":"PreToolUse","session_id":"bench","cwd":"/work","tool_name":"%s","tool_input":{"n":%d,"command":"ls"}}`
	for _, c := range []struct {
		name, tool, answer string
		args               []string
	}{
		{"empty", "", "becomingone", []string{"version"}},
		{"allow", "Bash", `"allow"`, []string{"guard", "claude-code", "--data", dir}},
		{"read", "Read", `"allow"`, []string{"guard", "claude-code", "--data", dir}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			n := 0
			for b.Loop() {
				n++
				child := exec.Command(os.Args[0], c.args...)
				child.Env = append(os.Environ(), childEnv+"=1")
				child.Stdin = bytes.NewReader(fmt.Appendf(nil, call, c.tool, n))
				start := time.Now()
				out, err := child.CombinedOutput()
				took = append(took, time.Since(start))
				require.NoError(b, err, "%s", out)
				require.Contains(b, string(out), c.answer)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/p50")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms/p95")
		})
	}
}
