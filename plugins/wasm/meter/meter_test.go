package meter

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
)

// samples has one function for each way in which control flows.
func samples() *asm {
	a := &asm{
		types:    []string{void, ii, iiI},
		imports:  []string{sized("env") + sized("inc") + "\x00\x01"},
		memories: []string{"\x00\x01"},
		tables:   []string{"\x70\x00\x04"},
		globals:  []string{"\x7f\x01" + i32c(7) + end},
		elements: []string{"\x00" + i32c(0) + end + "\x02\x01\x02"},
		data:     []string{"\x01" + sized("0123456789abcdef")},

		dataCount: true,
	}
	a.fn("straight", ii, "", get0, one, add)                                                               // 1
	a.fn("sum", ii, "\x01\x01"+i32, loop, get1, get0, add, set1, get0, one, sub, tee0, brIf(0), end, get1) // 2
	a.fn("choose", ii, "", get0, ifi, i32c(10), get0, add, els, i32c(20), end)                             // 3
	a.fn("early", ii, "", block, get0, brIf(0), i32c(5), "\x0f", end, get0, get0, add)                     // 4
	a.fn("table", ii, "", block, block, block, get0, "\x0e\x02\x00\x01\x02", end, i32c(100), "\x0f",
		end, i32c(200), "\x0f", end, i32c(300)) // 5
	a.fn("host", ii, "", get0, call(0), call(0))                                    // 6
	a.fn("indirect", ii, "", i32c(3), get0, "\x11\x01\x00")                         // 7: table[0] is straight, [1] is sum
	a.fn("pair", mul, "", get0, get0, one, add)                                     // 8
	a.fn("multi", ii, "", get0, call(8), "\x02\x02", add, end)                      // 9: a block with parameters
	a.fn("fill", ii, "", zero, i32c(7), get0, "\xfc\x0b\x00", zero, "\x28\x02\x00") // i32.load
	a.fn("copy", ii, "", zero, zero, get0, "\xfc\x08\x00\x00", i32c(32), zero, get0, "\xfc\x0a\x00\x00", i32c(32), "\x28\x02\x00")
	a.fn("grow", ii, "", get0, "\x40\x00", "\x3f\x00", add)
	a.fn("tgrow", ii, "", "\xd0\x70", get0, "\xfc\x0f\x00", "\xfc\x10\x00", add)
	a.fn("global", ii, "", "\x23\x00", get0, add, "\x24\x00", "\x23\x00")
	a.fn("trap", ii, "", i32c(8), get0, "\x6e")
	a.fn("fib", ii, "", get0, i32c(2), "\x49", ifi, get0, els, get0, one, sub, call(16), get0, i32c(2), sub, call(16), add, end)
	return a
}

var names = []string{"straight", "sum", "choose", "early", "table", "host", "indirect", "pair", "multi", "fill", "copy",
	"grow", "tgrow", "global", "trap", "fib"}

// Every function gives what the original gives, value or trap, and costs the same on both engines.
func TestRewriteKeepsMeaning(t *testing.T) {
	original := samples().bytes()
	metered := rewrite(t, original, DefaultConfig())
	used := map[string]map[uint64]int64{}
	eachEngine(t, func(t *testing.T, rc wazero.RuntimeConfig) {
		for _, name := range names {
			for _, arg := range []uint64{0, 1, 2, 3, 7, 16, 20, 1 << 31} {
				if (arg == 0 || arg > 20) && slices.Contains([]string{"sum", "fib", "indirect", "tgrow"}, name) {
					continue // the original counts through 2^32 rounds, or takes 16 GB
				}
				a, b := instantiate(t, rc, original), instantiate(t, rc, metered)
				want, _, wantErr := a.run(t, plenty, name, arg)
				got, cost, err := b.run(t, plenty, name, arg)
				require.Equal(t, want, got, "%s(%d)", name, arg)
				require.Equal(t, wantErr == nil, err == nil, "%s(%d): %v, %v", name, arg, wantErr, err)
				require.Positive(t, cost)
				if used[name] == nil {
					used[name] = map[uint64]int64{}
				}
				if other, ok := used[name][arg]; ok {
					require.Equal(t, other, cost, "%s(%d): fuel on the other engine", name, arg)
				}
				used[name][arg] = cost
			}
		}
	})
}

// The fuel of small functions by hand, from the cost table of METER.md.
func TestFuelByHand(t *testing.T) {
	b := instantiate(t, wazero.NewRuntimeConfigInterpreter(), rewrite(t, samples().bytes(), DefaultConfig()))
	for _, c := range []struct {
		name string
		arg  uint64
		want int64
	}{
		{"straight", 5, 4 + 3},            // entry, three instructions
		{"sum", 1, 4 + 1 + 9},             // entry, the get behind the loop, one round
		{"sum", 100, 4 + 1 + 100*9},       // a round each
		{"choose", 1, 4 + 2 + 3 + 1},      // both arms are small: paid with the entry
		{"choose", 0, 4 + 2 + 3 + 1},      //
		{"host", 1, 4 + 1 + 2*64},         // two calls of the host
		{"indirect", 0, 4 + 2 + 8 + 7},    // call_indirect, then straight
		{"trap", 2, 4 + 2 + 8},            // a division
		{"fill", 8, 4 + 5 + 16 + 1},       // eight bytes are one unit
		{"fill", 4096, 4 + 5 + 16 + 512},  //
		{"grow", 2, 4 + 3 + 256 + 2*8192}, // two pages
		{"tgrow", 3, 4 + 4 + 256 + 3},     // three elements
	} {
		_, used, err := b.run(t, plenty, c.name, c.arg)
		require.NoError(t, err)
		require.Equal(t, c.want, used, "%s(%d)", c.name, c.arg)
	}
}

// A budget that is just enough is enough, one unit less is not, and the global tells.
func TestExhaustion(t *testing.T) {
	metered := rewrite(t, samples().bytes(), DefaultConfig())
	eachEngine(t, func(t *testing.T, rc wazero.RuntimeConfig) {
		m := instantiate(t, rc, metered)
		_, used, err := m.run(t, plenty, "sum", 1000)
		require.NoError(t, err)
		_, again, err := m.run(t, used, "sum", 1000)
		require.NoError(t, err)
		require.Equal(t, used, again)
		_, over, err := m.run(t, used-1, "sum", 1000)
		require.ErrorContains(t, err, "unreachable")
		require.Greater(t, over, used-1)

		_, used, err = m.run(t, plenty, "trap", 0)
		require.ErrorContains(t, err, "divide by zero")
		require.Less(t, used, int64(plenty), "the guest's own trap leaves fuel")
	})
}

// A function without calls and loops is not checked: it returns, and the global tells afterwards.
func TestReturnWithNegativeFuel(t *testing.T) {
	m := instantiate(t, wazero.NewRuntimeConfigCompiler(), rewrite(t, samples().bytes(), DefaultConfig()))
	got, used, err := m.run(t, 3, "straight", 5)
	require.NoError(t, err)
	require.Equal(t, []uint64{6}, got)
	require.Equal(t, int64(7), used)
}

// Without a bound on depth there is one global only, and calls nest as far as the engine lets them.
func TestNoDepth(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxDepth = 0
	a := &asm{}
	a.fn("down", ii, "", get0, ifi, get0, one, sub, call(0), one, add, els, zero, end)
	m := instantiate(t, wazero.NewRuntimeConfigCompiler(), rewrite(t, a.bytes(), cfg))
	require.Nil(t, m.ExportedGlobal(DepthGlobal))
	got, _, err := m.run(t, plenty, "down", 50_000)
	require.NoError(t, err)
	require.Equal(t, []uint64{50_000}, got)
	_, _, err = m.run(t, plenty, "down", 1<<31)
	require.ErrorContains(t, err, "stack overflow")
}

func TestStartFuel(t *testing.T) {
	a := &asm{start: "\x00"}
	a.fn("", void, "", loop, br(0), end)
	a.fn("f", void, "")
	cfg := DefaultConfig()
	eachEngine(t, func(t *testing.T, rc wazero.RuntimeConfig) {
		_, err := tryInstantiate(t, rc, rewrite(t, a.bytes(), cfg))
		require.ErrorContains(t, err, "unreachable")
	})
}

// A nesting of calls that is allowed runs, one more does not, on both engines alike.
func TestDepth(t *testing.T) {
	a := &asm{}
	a.fn("down", ii, "", get0, ifi, get0, one, sub, call(0), one, add, els, zero, end)
	metered := rewrite(t, a.bytes(), DefaultConfig())
	limit := uint64(DefaultConfig().MaxDepth)
	eachEngine(t, func(t *testing.T, rc wazero.RuntimeConfig) {
		m := instantiate(t, rc, metered)
		got, _, err := m.run(t, plenty, "down", limit-1)
		require.NoError(t, err)
		require.Equal(t, []uint64{limit - 1}, got)
		_, used, err := m.run(t, plenty, "down", limit)
		require.ErrorContains(t, err, "unreachable")
		require.Equal(t, int64(-1), m.depth())
		require.Less(t, used, int64(plenty))
		_, _, err = m.run(t, plenty, "down", 3)
		require.NoError(t, err, "the host may go on with the instance")
	})
}

// Fuel that is taken for instructions which a branch skips stays within the tolerance of a charge.
func TestOverchargeIsBounded(t *testing.T) {
	a := &asm{}
	skipped := ""
	for range 200 {
		skipped += get0 + ifv + get0 + drop + end
	}
	a.fn("f", ii, "", skipped, get0)
	m := instantiate(t, wazero.NewRuntimeConfigInterpreter(), rewrite(t, a.bytes(), DefaultConfig()))
	_, none, err := m.run(t, plenty, "f", 0)
	require.NoError(t, err)
	_, all, err := m.run(t, plenty, "f", 1)
	require.NoError(t, err)
	executed := int64(costEntry + 200*2 + 1)
	require.GreaterOrEqual(t, none, executed)
	require.LessOrEqual(t, none, executed+tolerance)
	require.Equal(t, executed+200*2, all)
}

func TestRewriteReports(t *testing.T) {
	_, info, err := Rewrite(samples().bytes(), DefaultConfig())
	require.NoError(t, err)
	require.Equal(t, []Import{{"env", "inc"}}, info.Imports)
	require.Equal(t, len(names), info.Functions)
	require.Equal(t, uint32(1), info.Pages)
	require.Equal(t, DefaultConfig().MaxPages, info.MaxPages)
	require.Positive(t, info.Charges)
}

func TestRewriteLeavesInput(t *testing.T) {
	in := samples().bytes()
	out := rewrite(t, in, DefaultConfig())
	require.Equal(t, samples().bytes(), in)
	require.Equal(t, out, rewrite(t, in, DefaultConfig()), "the same module gives the same bytes")
	_, _, err := Rewrite(out, DefaultConfig())
	require.ErrorContains(t, err, "reserved", "a rewritten module is not rewritten again")
}
