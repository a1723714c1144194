// Package layers holds the rules of the house to the code: who may import whom, and what the
// kernel may not touch. It has tests only.
package layers

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/becomingone/becomingone"

// pkg is what `go list -json` says of one package.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// room is the package's path below the module, or "" for a package that is not ours.
func room(path string) string {
	r, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	return r
}

// within says whether room r is folder f or below it.
func within(r, f string) bool { return r == f || strings.HasPrefix(r, f+"/") }

// reach lists, for each room, the rooms of ours that it may import directly. A package may always
// import its own parents and children's parents below the same entry; the most specific entry rules.
var reach = []struct {
	from string
	to   []string
}{
	{"kernel", []string{"kernel"}},
	{"sdk", []string{"sdk"}},
	{"plugins/wasm/meter", nil},
	{"plugins", []string{"plugins", "kernel", "sdk/abi"}},
	{"hooks", []string{"hooks", "kernel"}},
	{"mcp", []string{"mcp", "kernel"}},
	{"mesh", []string{"mesh", "kernel"}},
	{"host", []string{"host", "plugins", "hooks", "mcp", "mesh", "kernel", "sdk", "examples"}},
	{"examples/plugins", []string{"sdk", "plugins/process/serve"}},
	{"examples/guests/build", nil},
	{"examples/agent/plugins", []string{"sdk"}},
	{"examples/agent", []string{"examples/agent"}},
	{"examples", []string{"kernel/signal"}},
}

// owners names the one room that may import a heavy dependency.
var owners = []struct{ dependency, owner string }{
	{"github.com/tetratelabs/wazero", "plugins/wasm"},
	{"github.com/hashicorp/go-plugin", "plugins/process"},
	{"github.com/mark3labs/mcp-go", "mcp"},
	{"github.com/quic-go/quic-go", "mesh/quic"},
	{"github.com/knadh/koanf", "host/config"},
	{"github.com/spf13/cobra", "host/cli"},
	{"golang.org/x/mod/sumdb", "host/store"},
	{"oras.land/oras-go", "plugins/supply"},
}

// impure lists what no kernel package imports directly: the world, the clock of others, and chance.
var impure = []string{"os", "net", "log", "sync", "context", "math/rand", "crypto/rand", "syscall", "runtime", "unsafe"}

// testRoom is below kernel for the sake of its tests, and is not part of it: only tests import it.
const testRoom = "kernel/cases"

// violations returns one line for each broken import rule, naming the package and the rule.
func violations(pkgs []pkg) []string {
	var out []string
	for _, p := range pkgs {
		r := room(p.ImportPath)
		for _, imp := range p.Imports {
			if why := broken(r, imp); why != "" {
				out = append(out, fmt.Sprintf("%s imports %s: %s", r, imp, why))
			}
		}
	}
	return out
}

func broken(r, imp string) string {
	if room(imp) == testRoom {
		return testRoom + " is for tests only"
	}
	if within(r, "kernel") && r != testRoom {
		for _, bad := range impure {
			if within(imp, bad) && imp != "math/rand/v2" {
				return "the kernel is pure: no " + bad
			}
		}
	}
	for _, o := range owners {
		if within(imp, o.dependency) && !within(r, o.owner) {
			return o.dependency + " belongs to " + o.owner
		}
	}
	to := room(imp)
	if to == "" {
		return ""
	}
	for _, rule := range reach {
		if !within(r, rule.from) {
			continue
		}
		for _, allowed := range rule.to {
			if within(to, allowed) {
				return ""
			}
		}
		return fmt.Sprintf("%s may import only %v", rule.from, rule.to)
	}
	return "no rule names this folder; the rooms are fixed"
}

// list runs `go list` over the whole module; overlay may name a JSON overlay file or be empty.
func list(t *testing.T, overlay string) []pkg {
	t.Helper()
	args := []string{"list", "-e", "-json=ImportPath,Dir,GoFiles,Imports"}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, module+"/...")...)
	cmd.Dir = root(t)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		pkgs = append(pkgs, p)
	}
	require.NotEmpty(t, pkgs)
	return pkgs
}

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		require.NotEqual(t, dir, filepath.Dir(dir), "no go.mod above the test")
		dir = filepath.Dir(dir)
	}
}

func TestImportsGoDownOnly(t *testing.T) {
	require.Empty(t, violations(list(t, "")))
}

// A rule that cannot fail is no rule: a file with forbidden imports, laid over the real tree, must
// be reported by name.
func TestPlantedViolationIsSeen(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.go")
	src := "package gate\n\nimport (\n\t_ \"os\"\n\n\t_ \"" + module + "/host\"\n)\n"
	require.NoError(t, os.WriteFile(bad, []byte(src), 0o600))
	overlay := filepath.Join(dir, "overlay.json")
	spec, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(root(t), "kernel", "gate", "zz_planted.go"): bad},
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, spec, 0o600))
	got := strings.Join(violations(list(t, overlay)), "\n")
	require.Contains(t, got, "kernel/gate imports os: the kernel is pure: no os")
	require.Contains(t, got, "kernel/gate imports "+module+"/host: kernel may import only [kernel]")
}

func TestSiblingsAndOwners(t *testing.T) {
	for _, c := range []struct{ from, imp, want string }{
		{"mcp", module + "/plugins", "mcp may import only"},
		{"hooks", module + "/mcp", "hooks may import only"},
		{"sdk", module + "/kernel", "sdk may import only"},
		{"plugins/wasm/meter", module + "/plugins", "plugins/wasm/meter may import only"},
		{"host", "github.com/tetratelabs/wazero/api", "belongs to plugins/wasm"},
		{"kernel/evidence", "math/rand", "the kernel is pure"},
		{"util", module + "/kernel", "the rooms are fixed"},
		{"kernel/kairos", module + "/kernel/cases", "is for tests only"},
		{"plugins/wasm", module + "/sdk/abi", ""},
		{"host/cli", module + "/host/config", ""},
	} {
		require.Contains(t, broken(c.from, c.imp), c.want, "%s -> %s", c.from, c.imp)
		if c.want == "" {
			require.Empty(t, broken(c.from, c.imp))
		}
	}
}

// Kernel time is data: no package below kernel asks the clock.
func TestKernelNeverAsksTheClock(t *testing.T) {
	for _, p := range list(t, "") {
		if !within(room(p.ImportPath), "kernel") {
			continue
		}
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					switch sel.Sel.Name {
					case "Now", "Since", "Until", "After", "Tick", "NewTimer", "NewTicker", "Sleep":
						t.Errorf("%s/%s calls time.%s", p.ImportPath, f, sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
}
