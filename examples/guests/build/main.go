// Command build compiles every Go guest below examples/plugins to examples/guests/NAME.wasm and
// copies its manifest beside it, with the digest filled in, and those of examples/agent likewise. Run
// it in the module's root; it is what `make guests` does.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

func main() {
	for _, dir := range [][2]string{{"examples/plugins", "examples/guests"}, {"examples/agent/plugins", "examples/agent/guests"}} {
		if err := build(dir[0], dir[1]); err != nil {
			fmt.Fprintln(os.Stderr, "guests:", err)
			os.Exit(1)
		}
	}
}

// build makes out/NAME.wasm and out/NAME.yaml of every folder NAME in from.
func build(from, out string) error {
	manifests, err := filepath.Glob(filepath.Join(from, "*", "plugin.yaml"))
	if err != nil {
		return err
	}
	if len(manifests) == 0 {
		return fmt.Errorf("%s: no folder with a plugin.yaml; run this in the module's root", from)
	}
	for _, m := range manifests {
		if _, err := os.Stat(filepath.Join(filepath.Dir(m), "main.go")); errors.Is(err, os.ErrNotExist) {
			continue // of another language
		}
		if err := guest(m, out); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
	}
	return nil
}

func guest(manifest, out string) error {
	folder := filepath.Dir(manifest)
	name := filepath.Base(folder)
	module := filepath.Join(out, name+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", module, "./"+filepath.ToSlash(folder))
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	code, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		return err
	}
	text, err = pin(text, code)
	if err != nil {
		return err
	}
	fmt.Printf("%s %d bytes\n", module, len(code))
	return os.WriteFile(filepath.Join(out, name+".yaml"), text, 0o644)
}

var digestLine = regexp.MustCompile(`(?m)^sha256:.*$`)

// pin writes the digest of code into a manifest, which says once where it stands.
func pin(manifest, code []byte) ([]byte, error) {
	if n := len(digestLine.FindAll(manifest, -1)); n != 1 {
		return nil, fmt.Errorf("%d lines that begin with sha256:, want 1", n)
	}
	sum := sha256.Sum256(code)
	line := []byte("sha256: " + hex.EncodeToString(sum[:]))
	return bytes.Replace(manifest, digestLine.Find(manifest), line, 1), nil
}
