package witness

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func sample() Leaf {
	l := Leaf{Type: Cycle, Level: Micro, Sequence: 7, At: 1_700_000_000_000_000_000, Tail: []byte("tail")}
	for i := range l.MAC {
		l.MAC[i] = byte(i)
	}
	return l
}

func TestLeafBytes(t *testing.T) {
	l := sample()
	b, err := l.AppendBinary(nil)
	require.NoError(t, err)
	require.Equal(t, "626f776c"+"01"+"0004"+"01"+"0000000000000007"+"17979cfe362a0000"+
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"+"0004"+"7461696c",
		hex.EncodeToString(b))
	got, err := DecodeLeaf(b)
	require.NoError(t, err)
	require.Equal(t, l, got)
}

func TestLeafRefused(t *testing.T) {
	l := sample()
	good, err := l.AppendBinary(nil)
	require.NoError(t, err)
	change := func(i int, v byte) []byte {
		b := bytes.Clone(good)
		b[i] = v
		return b
	}
	cases := map[string]struct {
		b    []byte
		want string
	}{
		"empty":       {nil, "0 bytes: want at least 58"},
		"short":       {good[:57], "57 bytes"},
		"magic":       {change(0, 0), "magic"},
		"version":     {change(4, 2), "version 2: want 1"},
		"level zero":  {change(7, 0), "level 0"},
		"level five":  {change(7, 5), "level 5"},
		"tail longer": {append(bytes.Clone(good), 0), "tail length 4: 5 bytes follow"},
		"tail short":  {good[:len(good)-1], "tail length 4: 3 bytes follow"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeLeaf(c.b)
			require.ErrorIs(t, err, ErrLeaf)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestLeafTooLong(t *testing.T) {
	l := sample()
	l.Tail = make([]byte, MaxTail)
	b, err := l.AppendBinary(nil)
	require.NoError(t, err)
	require.Len(t, b, 65535)
	l.Tail = make([]byte, MaxTail+1)
	b, err = l.AppendBinary([]byte("kept"))
	require.ErrorContains(t, err, "want at most 65477")
	require.Equal(t, "kept", string(b))
	require.Error(t, (&Record{Level: Macro, Tail: l.Tail}).Validate())
	require.Error(t, (&Record{}).Validate())
	require.NoError(t, (&Record{Level: Meta}).Validate())
}

func TestUnknownTypeIsKept(t *testing.T) {
	l := sample()
	l.Type = 40_000
	b, err := l.AppendBinary(nil)
	require.NoError(t, err)
	got, err := DecodeLeaf(b)
	require.NoError(t, err)
	require.Equal(t, "type-40000", got.Type.String())
}

func TestNames(t *testing.T) {
	for n := range 65536 {
		text, err := Type(n).MarshalText()
		require.NoError(t, err)
		var back Type
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, Type(n), back)
	}
	for _, bad := range []string{"", "type-", "type-65536", "type-1", "type-007", "Start"} {
		require.Error(t, new(Type).UnmarshalText([]byte(bad)), bad)
	}
	for l := Micro; l <= Meta; l++ {
		text, err := l.MarshalText()
		require.NoError(t, err)
		var back Level
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, l, back)
	}
	require.Error(t, new(Level).UnmarshalText([]byte("nano")))
	_, err := Level(9).MarshalText()
	require.Error(t, err)
}

func TestSealIsHMAC(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var salt [SaltSize]byte
	for _, n := range []int{0, 1, 55, 56, 64, 200, 959, 960, 961, 4096} {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		for i := range salt {
			salt[i] = byte(r.Uint32())
		}
		mac := hmac.New(sha256.New, salt[:])
		mac.Write(payload)
		want := [32]byte(mac.Sum(nil))
		require.Equal(t, want, Seal(&salt, payload), n)
	}
}

// The vectors are those that certificate transparency implementations share.
func TestTreeKnownRoots(t *testing.T) {
	leaves := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
		"606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var tree Tree
	for i, want := range roots {
		root := tree.Root()
		require.Equal(t, want, hex.EncodeToString(root[:]), i)
		if i < len(leaves) {
			b, err := hex.DecodeString(leaves[i])
			require.NoError(t, err)
			tree.Add(b)
		}
	}
	require.EqualValues(t, 8, tree.Count())
	tree.Reset()
	empty := tree.Root()
	require.Equal(t, roots[0], hex.EncodeToString(empty[:]))
}

// mth is the definition in RFC 6962, 2.1, written down as it stands there.
func mth(d [][]byte) [32]byte {
	switch len(d) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, d[0]...))
	}
	k := 1
	for 2*k < len(d) {
		k *= 2
	}
	l, r := mth(d[:k]), mth(d[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func TestTreeAgainstDefinition(t *testing.T) {
	var tree Tree
	var ops [][]byte
	for i := range 200 {
		op := fmt.Appendf(nil, "op %d", i*i)
		ops = append(ops, op)
		tree.Add(op)
		require.Equal(t, mth(ops), tree.Root(), i)
	}
}

func TestTails(t *testing.T) {
	c := CycleTail{Operations: 3, Root: [32]byte{1, 2}}
	got, err := ParseCycleTail(c.Append(nil))
	require.NoError(t, err)
	require.Equal(t, c, got)
	_, err = ParseCycleTail(make([]byte, 35))
	require.Error(t, err)
	e, err := ParseErasedTail(ErasedTail{Sequence: 9}.Append(nil))
	require.NoError(t, err)
	require.EqualValues(t, 9, e.Sequence)
	_, err = ParseErasedTail(nil)
	require.Error(t, err)
}

func TestNoAllocation(t *testing.T) {
	var tree Tree
	op := make([]byte, 100)
	var salt [SaltSize]byte
	l := sample()
	buf := make([]byte, 0, 256)
	tree.Add(op)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		tree.Add(op)
		l.MAC = Seal(&salt, op)
		buf, _ = l.AppendBinary(buf[:0])
	}))
}

func FuzzDecodeLeaf(f *testing.F) {
	l := sample()
	b, _ := l.AppendBinary(nil)
	f.Add(b)
	f.Add(b[:HeadSize])
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := DecodeLeaf(b)
		if err != nil {
			return
		}
		back, err := l.AppendBinary(nil)
		require.NoError(t, err)
		require.Equal(t, b, back)
	})
}

func BenchmarkTreeAdd(b *testing.B) {
	var tree Tree
	op := make([]byte, 64)
	for b.Loop() {
		tree.Add(op)
	}
}

func BenchmarkSeal(b *testing.B) {
	var salt [SaltSize]byte
	payload := make([]byte, 200)
	for b.Loop() {
		salt[0] = Seal(&salt, payload)[0]
	}
}

func ExampleLeaf_AppendBinary() {
	var salt [SaltSize]byte
	l := Leaf{Type: Text, Level: Macro, Sequence: 1, At: 5, MAC: Seal(&salt, []byte("hello"))}
	b, err := l.AppendBinary(nil)
	fmt.Println(len(b), err)
	back, err := DecodeLeaf(b)
	fmt.Println(back.Level, back.Type, back.Sequence, back.At, err)
	// Output:
	// 58 <nil>
	// macro text 1 5 <nil>
}

func ExampleTree() {
	var t Tree
	t.Add([]byte("sample co2"))
	t.Add([]byte("gate co2"))
	tail := t.Tail()
	fmt.Printf("%d operations, root %x\n", tail.Operations, tail.Root[:4])
	// Output: 2 operations, root 07b90ffa
}
