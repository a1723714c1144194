// Package cases finds the reference values of the design, ../shared/cases beside the module, for tests.
// No other code may import it: it reads files, which the kernel does not.
package cases

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Read decodes the case of that name into into. It returns false where the reference files are absent,
// as in a clone without them; a file that is there and cannot be read fails the test.
func Read(t testing.TB, name string, into any) bool {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("cases: %v", err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("cases: no go.mod above the test")
		}
		dir = up
	}
	b, err := os.ReadFile(filepath.Join(dir, "..", "shared", "cases", name))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatalf("cases: %s: %v", name, err)
	}
	return true
}

// Need is Read, and skips the test where the file is absent.
func Need(t testing.TB, name string, into any) {
	t.Helper()
	if !Read(t, name, into) {
		t.Skipf("reference file ../shared/cases/%s is not here; tests from the formulas cover the essentials", name)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
