package wasm

import (
	"context"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

// sandbox is an instance of the specification's smallest guest, for tests of what the host does to
// a guest's memory.
func sandbox(tb testing.TB) *instance {
	text, err := os.ReadFile("../ABI.md")
	require.NoError(tb, err)
	_, rest, _ := strings.Cut(string(text), "```hex module\n")
	block, _, _ := strings.Cut(rest, "```")
	code, err := hex.DecodeString(strings.Join(strings.Fields(block), ""))
	require.NoError(tb, err)
	l, err := NewLoader(Config{})
	require.NoError(tb, err)
	m := plugins.Manifest{Name: "raw", SHA256: strings.Repeat("0", 64), Limits: plugins.DefaultLimits()}
	p, err := l.Load(tb.Context(), m, code)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context())
		require.NoError(tb, p.Close(ctx))
		require.NoError(tb, l.Close(ctx))
	})
	i, err := p.(*Plugin).instantiate(tb.Context())
	require.NoError(tb, err)
	return i
}

// host runs one host function as a guest would, and returns its result and how it ended.
func (i *instance) host(name string, args ...uint64) (result uint64, ended *abi.Error) {
	f, ok := inert[name]
	if !ok {
		f = granted[name]
	}
	stack := append(slices.Clone(args), 0)
	defer func() {
		if v := recover(); v != nil {
			ended = v.(*abi.Error) // anything else is a fault of the host's
		}
	}()
	f.invoke(i.env, i.mod, stack)
	return stack[0], nil
}

func (i *instance) fill(b []byte, at uint32) {
	if !i.mod.Memory().Write(at, b) {
		panic("outside")
	}
}

func TestClockStandsAtTheCallAndMovesBySleep(t *testing.T) {
	i := sandbox(t)
	i.world.begin(5_000_000, 1, 100)
	i.fuel.Set(1 << 30)
	look := func(clock uint64) int64 {
		r, ended := i.host("clock_time_get", clock, 0, 8)
		require.Nil(t, ended)
		require.Zero(t, r)
		v, _ := i.mod.Memory().ReadUint64Le(8)
		return int64(v)
	}
	require.EqualValues(t, 5_001_000, look(0))
	require.EqualValues(t, 2000, look(1))
	sub := make([]byte, 48)
	sub[0], sub[24] = 77, 200 // user data, 200 ns from now
	i.fill(sub, 256)
	r, ended := i.host("poll_oneoff", 256, 512, 1, 16)
	require.Nil(t, ended)
	require.Zero(t, r)
	require.EqualValues(t, 3200, look(1))
	sub[16], sub[24], sub[25], sub[40] = 1, 0, 0x20, 1 // monotonic clock, at 0x2000 = 8192
	i.fill(sub, 256)
	_, _ = i.host("poll_oneoff", 256, 512, 1, 16)
	require.EqualValues(t, 9192, look(1))
	user, _ := i.mod.Memory().ReadByte(512)
	require.EqualValues(t, 77, user)
	sub[8] = 1 // a file
	i.fill(sub, 256)
	_, _ = i.host("poll_oneoff", 256, 512, 1, 16)
	code, _ := i.mod.Memory().ReadByte(520)
	require.EqualValues(t, badf, code)
	i.world.begin(9_000_000, 1, 100) // another call: its own time, the instance's goes on
	require.EqualValues(t, 9_001_000, look(0))
	require.EqualValues(t, 11_192, look(1))
	r, _ = i.host("clock_time_get", 2, 0, 8)
	require.EqualValues(t, inval, r)
}

func TestRandomFollowsTheSeed(t *testing.T) {
	i := sandbox(t)
	draw := func(seed uint64) string {
		i.world.begin(0, seed, 10)
		i.fuel.Set(1 << 30)
		_, ended := i.host("random_get", 8, 16)
		require.Nil(t, ended)
		b, _ := i.mod.Memory().Read(8, 16)
		return string(b)
	}
	require.Equal(t, draw(1), draw(1))
	require.NotEqual(t, draw(1), draw(2))
	i.world.digest[0]++
	other := draw(1)
	i.world.digest[0]--
	require.NotEqual(t, draw(1), other)
}

func TestLogKeepsTheEnd(t *testing.T) {
	var l tail
	for n := range 3000 {
		l.write([]byte{byte('a' + n%26), '\n'})
	}
	require.Len(t, l.String(), tailBytes)
	l.write([]byte(strings.Repeat("x", 2*tailBytes) + "end"))
	require.Len(t, l.String(), tailBytes)
	require.True(t, strings.HasSuffix(l.String(), "xend"))
}

// Whatever a guest hands to a host function, it gets an error number or its call ends, and the
// host pays for no more than the fuel allows.
func FuzzHostFunctions(f *testing.F) {
	i := sandbox(f)
	names := append(sortedNames(), "log")
	f.Add(uint8(0), uint32(0), uint32(0), uint32(0), uint32(0))
	f.Add(uint8(3), uint32(1), uint32(0xffffffff), uint32(0xffffffff), uint32(0xffffffff))
	for n := range names {
		f.Add(uint8(n), uint32(1), uint32(0xfffffff0), uint32(0x1fffffff), uint32(8))
		f.Add(uint8(n), uint32(2), uint32(65520), uint32(64), uint32(131071))
	}
	f.Fuzz(func(t *testing.T, n uint8, a, b, c, d uint32) {
		i.world.begin(0, 0, 1000)
		i.fuel.Set(1 << 20)
		size := i.mod.Memory().Size()
		_, ended := i.host(names[int(n)%len(names)], uint64(a), uint64(b), uint64(c), uint64(d))
		if ended != nil {
			require.NotEmpty(t, ended.Code)
		}
		require.Less(t, int64(i.fuel.Get()), int64(1<<20))
		require.Equal(t, size, i.mod.Memory().Size())
		require.LessOrEqual(t, len(i.world.log.String()), tailBytes)
	})
}

func sortedNames() []string {
	var names []string
	for name := range inert {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
