package meter

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
)

// budget is what a host might give to one call.
const budget = 20_000_000

// Guests that pass the static limits are stopped by their fuel, or made harmless by a cap.
func TestHostileIsStopped(t *testing.T) {
	chain := &asm{} // 2^60 calls without a loop: each function calls the next one twice
	for i := range 60 {
		name := ""
		if i == 0 {
			name = "run"
		}
		chain.fn(name, void, "", call(i+1), call(i+1))
	}
	chain.fn("", void, "")

	guest := func(locals string, code ...string) *asm {
		a := &asm{memories: []string{"\x00\x01"}, tables: []string{"\x70\x00\x01"}}
		a.fn("run", void, locals, code...)
		return a
	}
	wide := "\x01" + leb(1900) + i64 // locals that each frame of a recursion has to keep
	var keep strings.Builder
	for i := range 1900 {
		keep.WriteString("\x20" + leb(i) + "\x42\x01\x7c\x21" + leb(i))
	}
	bomb := loop + zero + "\x0e" + leb(10_000) + strings.Repeat("\x00", 10_001) + end
	for _, c := range []struct {
		name   string
		module *asm
	}{
		{"endless loop", guest("", loop, br(0), end)},
		{"endless loop by condition", guest("", loop, one, brIf(0), end)},
		{"endless br_table", guest("", bomb)},
		{"2^60 calls", chain},
		{"endless recursion", guest("", call(0))},
		{"endless recursion of wide frames", guest(wide, keep.String(), call(0), keep.String())},
		{"endless recursion through a table", func() *asm {
			a := guest("", zero, "\x11\x00\x00")
			a.elements = []string{"\x00" + zero + end + "\x01\x00"}
			return a
		}()},
		{"huge fills", guest("", loop, zero, zero, i32c(65536), "\xfc\x0b\x00", br(0), end)},
		{"huge copies", guest("", loop, zero, one, i32c(65535), "\xfc\x0a\x00\x00", br(0), end)},
		{"fill without a loop", guest("", zero, zero, i32c(-1), "\xfc\x0b\x00")},
		{"endless memory.grow of nothing", guest("", loop, zero, "\x40\x00", drop, br(0), end)},
		{"endless memory.grow by one", guest("", loop, one, "\x40\x00", drop, br(0), end)},
		{"endless table.grow", guest("", loop, "\xd0\x70", one, "\xfc\x0f\x00", drop, br(0), end)},
		{"endless table.fill", guest("", loop, zero, "\xd0\x70", one, "\xfc\x11\x00", br(0), end)},
	} {
		metered := rewrite(t, c.module.bytes(), DefaultConfig())
		t.Run(c.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, rc wazero.RuntimeConfig) {
				m := instantiate(t, rc, metered)
				started := time.Now()
				_, used, err := m.run(t, budget, "run")
				require.Error(t, err)
				require.True(t, used > budget || m.depth() < 0, "used %d, depth %d: %v", used, m.depth(), err)
				require.Less(t, time.Since(started), 20*time.Second)
			})
		})
	}
}

// table.grow and memory.grow beyond the cap fail as the specification has it, and take nothing.
func TestGrowBeyondCap(t *testing.T) {
	a := &asm{memories: []string{"\x00\x01"}, tables: []string{"\x6f\x00\x01"}}
	a.fn("table", ii, "", "\xd0\x6f", get0, "\xfc\x0f\x00")
	a.fn("memory", ii, "", get0, "\x40\x00")
	cfg := DefaultConfig()
	metered := rewrite(t, a.bytes(), cfg)
	eachEngine(t, func(t *testing.T, rc wazero.RuntimeConfig) {
		m := instantiate(t, rc, metered)
		for _, c := range []struct {
			name string
			arg  uint64
			want uint32
		}{
			{"table", 200_000_000, 0xffffffff},
			{"table", uint64(cfg.MaxElements), 0xffffffff},
			{"table", uint64(cfg.MaxElements) - 1, 1},
			{"memory", 65535, 0xffffffff},
			{"memory", uint64(cfg.MaxPages), 0xffffffff},
			{"memory", uint64(cfg.MaxPages) - 1, 1},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, _, err := m.run(t, plenty, c.name, c.arg)
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			require.Equal(t, c.want, uint32(got[0]), "%s.grow %d", c.name, c.arg)
			if c.want == 0xffffffff {
				require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
			}
		}
	})
}

// Modules that would cost their compiler too much are refused before it sees them, at once.
func TestHostileIsRefused(t *testing.T) {
	one := func(locals string, code ...string) []byte {
		a := &asm{memories: []string{"\x00\x01"}}
		a.fn("run", void, locals, code...)
		return a.bytes()
	}
	many := &asm{}
	for range 20_000 {
		many.fn("", void, "\x01"+leb(50_000)+i32)
	}
	few := &asm{}
	for range 20_000 {
		few.fn("", void, "\x01"+leb(1_999)+i32)
	}
	var ifs strings.Builder
	for i := range 10_000 {
		ifs.WriteString("\x20\x00" + ifv + "\x20\x00\x21" + leb(i%1000) + end)
	}
	calls := &asm{}
	calls.fn("", "\x60\x10"+strings.Repeat(i32, 16)+"\x10"+strings.Repeat(i32, 16), "", strings.Repeat(call(0), 200_000))
	table := block + zero + "\x0e" + leb(16_000) + strings.Repeat("\x00", 16_001) + end
	for _, c := range []struct {
		name   string
		module []byte
		want   string
	}{
		{"2^31 locals in 55 bytes", one("\x01\x80\x80\x80\x80\x08" + i32), "2147483648 locals: at most 2000"},
		{"locals in many groups", one(leb(2000) + strings.Repeat("\x02"+i32, 2000)), "2002 locals: at most 2000"},
		{"20k functions with 50k locals", many.bytes(), "50000 locals: at most 2000"},
		{"20k functions with 2k locals", few.bytes(), "complexity"},
		{"49k locals and ifs", one("\x01"+leb(49_000)+i32, ifs.String()), "49000 locals: at most 2000"},
		{"1k locals and 10k ifs", one("\x01"+leb(1_000)+i32, ifs.String()), "complexity"},
		{"200k nested blocks", one("", strings.Repeat(block, 100_000)), "block 1025 deep: at most 1024"},
		{"100k blocks", one("", strings.Repeat(block+end, 100_000)), "complexity"},
		{"nested loops", one("", strings.Repeat(loop, 33)), "loop 33 deep: at most 32"},
		{"a br_table of a million", one("", block+zero+"\x0e"+leb(1_000_000)), "1000000 labels: at most 16384"},
		{"br_tables", one("", strings.Repeat(table, 5)), "complexity"},
		{"br_tables that move values", brTables(), "instructions and values moved"},
		{"wide calls", calls.bytes(), "instructions and values moved"},
		{"10k fills in one function", one("", strings.Repeat(zero+zero+zero+"\xfc\x0b\x00", 10_000)), "complexity"},
		{"a body of a megabyte", one("", strings.Repeat("\x01", 1<<20)), "at most 524288"},
		{"4 GiB of functions", []byte("\x00asm\x01\x00\x00\x00\x03\x05\xff\xff\xff\xff\x0f"), "4294967295 functions: at most 50000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			started := time.Now()
			_, _, err := Rewrite(c.module, DefaultConfig())
			took := time.Since(started)
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, c.want)
			require.Less(t, took, time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16*len(c.module)+1<<20))
		})
	}
}

// brTables has few bytes and many values that its labels move.
func brTables() []byte {
	wide := "\x60\x00\x10" + strings.Repeat(i32, 16)
	a := &asm{types: []string{void, wide}}
	table := "\x02\x01" + strings.Repeat(zero, 17) + "\x0e" + leb(16_000) + strings.Repeat("\x00", 16_001) + end +
		strings.Repeat(drop, 16)
	a.fn("", void, "", strings.Repeat(table, 5))
	return a.bytes()
}

// What the default limits let through compiles in seconds: the worst shapes that were found.
func TestWorstAcceptedCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for seconds")
	}
	var ifs bytes.Buffer
	for i := range 1_000 {
		ifs.WriteString("\x20\x00" + ifv + "\x20\x00\x21" + leb(i) + end)
	}
	for i := range 2_000 {
		ifs.WriteString("\x20" + leb(i) + drop) // keeps each local alive to the end
	}
	table := block + zero + "\x0e" + leb(16_000) + strings.Repeat("\x00", 16_001) + end
	for _, c := range []struct{ name, locals, code string }{
		{"2k locals and 1k ifs", "\x01" + leb(2_000) + i32, ifs.String()},
		{"blocks in blocks", "", strings.Repeat(strings.Repeat(block, 1000)+strings.Repeat(end, 1000), 8)},
		{"8k branches", "", loop + strings.Repeat(zero+brIf(0), 8_000) + end},
		{"br_tables", "", strings.Repeat(table, 4)},
		{"2k fills", "", strings.Repeat(zero+zero+zero+"\xfc\x0b\x00", 1_980)},
		{"2k grows", "", strings.Repeat(zero+"\x40\x00"+drop, 1_980)},
	} {
		a := &asm{memories: []string{"\x00\x01"}}
		a.fn("run", void, c.locals, c.code)
		metered := rewrite(t, a.bytes(), DefaultConfig())
		started := time.Now()
		rt := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler())
		_, err := rt.CompileModule(t.Context(), metered)
		took := time.Since(started)
		require.NoError(t, err, c.name)
		require.NoError(t, rt.Close(t.Context()))
		t.Logf("%s: %d bytes in %v", c.name, len(metered), took)
		require.Less(t, took, 60*time.Second, c.name)
	}
}
