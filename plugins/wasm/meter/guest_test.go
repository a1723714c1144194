package meter

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
)

// goSource is a guest with everything that Go's runtime brings along: goroutines, maps, panics.
const goSource = `package main

import (
	"encoding/json"
	"sort"
)

//go:wasmexport json
func parse(n uint32) uint32 {
	in := map[string]any{}
	for i := range n {
		in[string(rune('a'+i%26))+"key"] = []any{i, "some text", map[string]any{"nested": true, "x": 1.5}}
	}
	b, err := json.Marshal(in)
	if err != nil {
		return 0
	}
	var out map[string]any
	if json.Unmarshal(b, &out) != nil {
		return 0
	}
	return uint32(len(b) + len(out))
}

//go:wasmexport hash
func hash(n uint32) uint64 {
	h := uint64(14695981039346656037)
	for i := range n {
		for c := range uint32(64) {
			h = (h ^ uint64(i^c)) * 1099511628211
		}
	}
	return h
}

//go:wasmexport run
func run(n uint32) (sum uint32) {
	defer func() {
		if recover() != nil {
			sum += 7
		}
	}()
	c := make(chan uint32)
	go func() {
		defer close(c)
		for i := range n {
			c <- i * i
		}
	}()
	var got []int
	for v := range c {
		got = append(got, -int(v))
	}
	sort.Ints(got)
	for _, v := range got {
		sum = sum*31 + uint32(v)
	}
	return sum + uint32(got[n]) // panics
}

//go:wasmexport spin
func spin(uint32) uint32 {
	for i := uint32(0); ; i++ {
		if i == 1<<31 {
			i = 0
		}
	}
}

func main() {}
`

// goGuest builds goSource as a library guest.
func goGuest(t testing.TB) []byte {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(goSource), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module guest\n\ngo 1.26\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-o", "guest.wasm", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("go build of a wasip1 guest: %v: %s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "guest.wasm"))
	require.NoError(t, err)
	return b
}

func TestGoGuest(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a Go guest")
	}
	original := goGuest(t)
	cfg := DefaultConfig()
	metered, info, err := Rewrite(original, cfg)
	require.NoError(t, err)
	t.Logf("%d bytes, rewritten %d, %d functions, %d charges", len(original), len(metered), info.Functions, info.Charges)
	require.Less(t, len(metered), len(original)*5/4)

	used := map[string][]int64{}
	eachEngine(t, func(t *testing.T, rc wazero.RuntimeConfig) {
		a, b := instantiate(t, rc, original), instantiate(t, rc, metered)
		start := cfg.StartFuel - int64(b.ExportedGlobal(FuelGlobal).Get())
		used["start"] = append(used["start"], start)
		for _, c := range []struct {
			name string
			arg  uint64
		}{{"hash", 100}, {"run", 50}} {
			want, _, err := a.run(t, plenty, c.name, c.arg)
			require.NoError(t, err)
			got, cost, err := b.run(t, plenty, c.name, c.arg)
			require.NoError(t, err)
			require.Equal(t, want, got, c.name)
			used[c.name] = append(used[c.name], cost)
		}
		want, _, err := a.run(t, plenty, "json", 5)
		require.NoError(t, err)
		got, _, err := b.run(t, plenty, "json", 5)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, cost, err := b.run(t, 10_000_000, "spin", 0)
		require.Error(t, err)
		require.Greater(t, cost, int64(10_000_000))
	})
	for name, costs := range used {
		require.Len(t, costs, 2, name)
		require.Equal(t, costs[0], costs[1], "fuel of %s on both engines", name)
	}
}
