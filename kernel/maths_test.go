package kernel_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every test that MATHS.md names exists, so that no formula stands there on its word alone.
func TestMathsNamesRealTests(t *testing.T) {
	doc, err := os.ReadFile("MATHS.md")
	require.NoError(t, err)
	known := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	require.NoError(t, fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(src, -1) {
			known[string(m[1])] = true
		}
		return err
	}))
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(doc, -1)
	require.Greater(t, len(named), 50)
	for _, m := range named {
		require.True(t, known[string(m[1])], "MATHS.md names %s, which no package has", m[1])
	}
}
