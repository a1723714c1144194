package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain serves the fake node on stdio when a client under test starts this binary.
func TestMain(m *testing.M) {
	if os.Getenv("BECOMINGONE_MCP_STDIO") == "" {
		os.Exit(m.Run())
	}
	s, err := New(Config{}, newFakeNode(), nil)
	if err == nil {
		err = s.ServeStdio(context.Background(), os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// An independent client over both transports and in both eras. Its --strict checks the listed schemas.
func TestInspector(t *testing.T) {
	if os.Getenv("BECOMINGONE_LONG") != "1" {
		t.Skip("needs the network: set BECOMINGONE_LONG=1")
	}
	if _, err := exec.LookPath("npx"); err != nil {
		t.Skip("npx is not installed")
	}
	s, _, _ := start(t, Config{})
	w := serve(t, s)
	self, err := os.Executable()
	require.NoError(t, err)
	t.Setenv("BECOMINGONE_MCP_STDIO", "1")
	for name, target := range map[string][]string{
		"stdio":       {self, "-e", "BECOMINGONE_MCP_STDIO=1", "--transport", "stdio"},
		"http legacy": {w.url + "/mcp", "--transport", "http", "--protocol-era", "legacy"},
		"http modern": {w.url + "/mcp", "--transport", "http", "--protocol-era", "modern"},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(args ...string) (string, error) {
				return inspect(t, append(append([]string{}, target...), args...))
			}
			out, err := run("--method", "tools/list", "--strict")
			require.NoError(t, err, out)
			var list struct{ Tools []struct{ Name string } }
			require.NoError(t, json.Unmarshal([]byte(out), &list), out)
			require.Len(t, list.Tools, 12)
			out, err = run("--method", "tools/call", "--tool-name", "say", "--tool-arg", "text=hello")
			require.NoError(t, err, out)
			require.Contains(t, out, `hello`)
			for _, call := range [][]string{
				{"--tool-name", "announce"},
				{"--tool-name", "sum", "--tool-arg", "dissipate=true"}, // declares an output schema that the refusal is not
			} {
				out, _ = run(append([]string{"--method", "tools/call"}, call...)...)
				require.Contains(t, out, `"verdict": "dissipate"`, out)
				require.Contains(t, out, `"isError": true`)
			}
			out, err = run("--method", "resources/read", "--uri", CoherenceURI)
			require.NoError(t, err, out)
			require.Contains(t, out, "accumulating")
		})
	}
}

func inspect(t *testing.T, args []string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	npx := append([]string{"--yes", "-p", "node@22", "-p", "@modelcontextprotocol/inspector@2.12.0", "mcp-inspector", "--cli"}, args...)
	cmd := exec.CommandContext(ctx, "npx", npx...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("inspector %v: %w\n%s", args, err, errs.String())
	}
	return string(out), err
}
