package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/plugintest"
	"github.com/becomingone/becomingone/plugins/process"
	"github.com/becomingone/becomingone/plugins/supply"
)

// tool is a program of a toolchain.
type tool struct {
	name string
	env  string // variable that names another one, as the build scripts know it
	get  string // how to get it
}

// toolchain builds plugins of one language.
type toolchain struct {
	marker string // a file that tells the language, as a pattern
	tools  []tool
	before func(ctx context.Context, b *build) error // what else must be there; nil: nothing
	run    func(ctx context.Context, b *build) *exec.Cmd
}

func toolchains() []toolchain {
	return []toolchain{
		{"Cargo.toml", []tool{{"rustc", "RUSTC", "https://rustup.rs, or on Debian: apt-get install rustc libstd-rust-dev-wasm32 lld"}}, rustTarget, script},
		{"package.json", []tool{{"node", "", "https://nodejs.org, or on Debian: apt-get install nodejs npm"}}, installASC, script},
		{"go.mod", []tool{{"go", "", "https://go.dev/dl, 1.24 or newer"}}, nil, goBuild},
		{"*.c", []tool{
			{"clang", "CLANG", "https://releases.llvm.org, or on Debian: apt-get install clang lld"},
			{"wasm-ld", "", "it comes with LLVM's lld, on Debian: apt-get install lld"},
		}, nil, script},
	}
}

// build is one run of a toolchain.
type build struct {
	app *app
	dir string
	out string   // the module, relative to dir
	env []string // beyond this process's

	native bool // a program that runs as a process, not a module
}

func (b *build) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = b.dir, append(slices.Clone(b.app.env), b.env...)
	cmd.Stdout, cmd.Stderr = b.app.errs, b.app.errs
	return cmd
}

func (a *app) pluginBuildCmd() *cobra.Command {
	return &cobra.Command{
		Use: "build [FOLDER]", Short: "Compile a plugin, write down its digest and sign it", Args: cobra.MaximumNArgs(1),
		Long: "Compiles the plugin in FOLDER with its language's own tools, which it tells by Cargo.toml,\n" +
			"package.json, go.mod or a C file, writes the module's digest into plugin.yaml, and signs both with\n" +
			"your key (see plugin sign).",
		Example: "  becomingone plugin build\n  becomingone plugin build ./hello",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.build(cmd.Context(), first(args, "."))
		},
	}
}

func (a *app) build(ctx context.Context, dir string) error {
	manifest := filepath.Join(dir, supply.ManifestFile)
	text, err := os.ReadFile(manifest)
	if err != nil {
		return &failure{code: exitFailed, err: fmt.Errorf("plugin build: %w", err), hint: "run it in a plugin's folder; `becomingone plugin new NAME` makes one"}
	}
	m, err := plugins.ParseManifest(text)
	if err != nil {
		return err
	}
	chain, err := chainOf(dir)
	if err != nil {
		return err
	}
	b := &build{app: a, dir: dir, out: m.File, native: !plugins.Sandboxed(m.ABI)}
	if err := chain.check(ctx, b); err != nil {
		return err
	}
	cmd := chain.run(ctx, b)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("plugin build: %s: %w", filepath.Base(cmd.Path), err)
	}
	return a.finish(dir, text, m)
}

// finish writes down the digest of what was built and signs it.
func (a *app) finish(dir string, text []byte, m plugins.Manifest) error {
	manifest := filepath.Join(dir, supply.ManifestFile)
	module, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(m.File)))
	if err != nil {
		return fmt.Errorf("plugin build: %w", err)
	}
	if text, err = pin(text, module); err != nil {
		return fmt.Errorf("plugin build: %s: %w", manifest, err)
	}
	if err := os.WriteFile(manifest, text, 0o644); err != nil {
		return fmt.Errorf("plugin build: %w", err)
	}
	k, err := a.key(true)
	if err != nil {
		return err
	}
	signed, err := supply.SignPath(dir, k)
	if err != nil {
		return supplied(err)
	}
	_, err = fmt.Fprintf(a.out, "built   %s, %d bytes\nsigned  %s\nby      %s\n", filepath.Join(dir, m.File), len(module), signed.Digest(), signed.Signer)
	return err
}

func chainOf(dir string) (toolchain, error) {
	var markers []string
	for _, c := range toolchains() {
		found, err := filepath.Glob(filepath.Join(dir, c.marker))
		if err != nil {
			return c, err
		}
		if len(found) > 0 {
			return c, nil
		}
		markers = append(markers, c.marker)
	}
	return toolchain{}, &failure{code: exitFailed, err: fmt.Errorf("plugin build: %s: want one of %s, which tells the language", dir, strings.Join(markers, ", ")),
		hint: "a plugin in another language is built by its own tools; then: becomingone plugin sign"}
}

// check says which tool is missing and how to get it, before anything runs.
func (c toolchain) check(ctx context.Context, b *build) error {
	for _, t := range c.tools {
		name := t.name
		if t.env != "" {
			name = orWord(os.Getenv(t.env), name)
		}
		if _, err := exec.LookPath(name); err != nil {
			return &failure{code: exitFailed, err: fmt.Errorf("plugin build: %s is missing: %w", name, err), hint: "get it: " + t.get}
		}
	}
	if c.before == nil {
		return nil
	}
	return c.before(ctx, b)
}

func goBuild(ctx context.Context, b *build) *exec.Cmd {
	if b.native {
		b.env = []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"}
		return b.command(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", b.out, ".")
	}
	b.env = []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"}
	return b.command(ctx, "go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", b.out, ".")
}

func script(ctx context.Context, b *build) *exec.Cmd { return b.command(ctx, "sh", "build.sh", b.out) }

const rustTriple = "wasm32-unknown-unknown"

// rustTarget looks for a compiler that has the target: a Debian one often stands beside rustup's.
func rustTarget(ctx context.Context, b *build) error {
	candidates := []string{"rustc", "/usr/bin/rustc"}
	if own := os.Getenv("RUSTC"); own != "" {
		candidates = []string{own}
	}
	for _, c := range candidates {
		out, err := exec.CommandContext(ctx, c, "--print", "target-libdir", "--target", rustTriple).Output()
		if err != nil {
			continue
		}
		if _, err := os.Stat(strings.TrimSpace(string(out))); err == nil {
			b.env = append(b.env, "RUSTC="+c)
			return nil
		}
	}
	return &failure{code: exitFailed, err: fmt.Errorf("plugin build: rustc is here, its target %s is not", rustTriple),
		hint: "get it: rustup target add " + rustTriple + ", or on Debian: apt-get install libstd-rust-dev-wasm32 lld"}
}

// installASC gets the compiler into the plugin's folder, once.
func installASC(ctx context.Context, b *build) error {
	if os.Getenv("ASC") != "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(b.dir, "node_modules", ".bin", "asc")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return &failure{code: exitFailed, err: fmt.Errorf("plugin build: npm is missing: %w", err), hint: "get it: on Debian: apt-get install npm"}
	}
	if err := b.command(ctx, "npm", "install", "--no-audit", "--no-fund").Run(); err != nil {
		return &failure{code: exitFailed, err: fmt.Errorf("plugin build: npm install: %w", err), hint: "it fetches AssemblyScript; ASC names a compiler that is already there"}
	}
	return nil
}

var digestLine = regexp.MustCompile(`(?m)^sha256:.*$`)

// pin writes the digest of the module into a manifest, which says once where it stands.
func pin(manifest, module []byte) ([]byte, error) {
	if n := len(digestLine.FindAll(manifest, -1)); n != 1 {
		return nil, fmt.Errorf("%d lines that begin with sha256:, want 1", n)
	}
	line := fmt.Appendf(nil, "sha256: %x", sha256.Sum256(module))
	return bytes.Replace(manifest, digestLine.Find(manifest), line, 1), nil
}

func (a *app) pluginTestCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "test [FOLDER|MANIFEST|MODULE]", Short: "Try whether a plugin keeps the ABI", Args: cobra.MaximumNArgs(1),
		Long: "Loads the plugin as the node does, asks it what it should be asked and what it should not, and\n" +
			"explains each failure. Exit code 1 where one failed.",
		Example: "  becomingone plugin test\n  becomingone plugin test hello.wasm --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			file := first(args, ".")
			if info, err := os.Stat(file); err == nil && info.IsDir() {
				file = filepath.Join(file, supply.ManifestFile)
			}
			results, err := a.check(cmd.Context(), file)
			if err != nil {
				return err
			}
			if a.asJSON {
				err = a.printJSON(results)
			} else {
				err = plugintest.Write(a.out, results)
			}
			if err == nil && !plugintest.Ok(results) {
				return &failure{code: exitFailed, err: errSilent}
			}
			return err
		},
	})
}

// check tries the plugin of a manifest or module file, with the loader that its ABI needs.
func (a *app) check(ctx context.Context, file string) (_ []plugintest.Result, err error) {
	var cfg plugintest.Config
	if filepath.Ext(file) == ".yaml" {
		text, bad := os.ReadFile(file)
		if bad != nil {
			return nil, fmt.Errorf("plugin test: %w", bad)
		}
		m, bad := plugins.ParseManifest(text)
		if bad != nil {
			return nil, bad
		}
		if !plugins.Sandboxed(m.ABI) {
			l, failed := process.NewLoader(process.Config{})
			if failed != nil {
				return nil, failed
			}
			defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
			cfg.Loader = l
		}
	}
	return plugintest.CheckFile(ctx, file, cfg)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
