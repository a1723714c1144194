package supply_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins/supply"
)

// What a node with 1,000 installed plugins, 100 of them enabled, pays at its start.
func BenchmarkFound(b *testing.B) {
	dir := b.TempDir()
	s := supply.NewStore(dir)
	install(b, s, plugin(b, "p000", "actions: {say: {effect: write}}", "code"))
	text, err := os.ReadFile(filepath.Join(dir, supply.LockFile))
	require.NoError(b, err)
	head, entry, ok := strings.Cut(string(text), "plugins:\n")
	require.True(b, ok)
	lock := head + "plugins:\n"
	p, err := s.Get("p000")
	require.NoError(b, err)
	for i := range 1000 {
		name := fmt.Sprintf("p%03d", i)
		e := strings.ReplaceAll(entry, "p000", name)
		if i >= 100 {
			e = strings.Replace(e, "enabled: true", "enabled: false", 1)
		} else if i > 0 {
			require.NoError(b, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(dir, "p000"))))
		}
		lock += e
	}
	require.NoError(b, os.WriteFile(filepath.Join(dir, supply.LockFile), []byte(lock), 0o600))
	all, err := s.List()
	require.NoError(b, err)
	require.Len(b, all, 1000)
	require.DirExists(b, filepath.Join(dir, "p099", p.Folder))
	b.ReportAllocs()
	for b.Loop() {
		if n := len(s.Found()); n != 100 {
			b.Fatal(n)
		}
	}
}
