package store

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

// counter is a source of randomness without any: it counts bytes.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.n
		c.n++
	}
	return len(p), nil
}

// formatExample makes the folder that FORMAT.md shows: two records, sealed, the second erased.
func formatExample(t testing.TB) (dead, closed string) {
	t.Helper()
	dir := t.TempDir()
	l, err := Open(dir, Config{Origin: "example.org/log", Rand: &counter{}, SealEvery: time.Hour})
	require.NoError(t, err)
	ran := make(chan error, 1)
	go func() { ran <- l.Run(t.Context()) }()
	_, err = l.Append(t.Context(), []witness.Record{
		{Level: witness.Meta, Type: witness.Start, At: 1_700_000_000_000_000_000, Payload: []byte("hello")},
		{Level: witness.Macro, Type: witness.Text, At: 1_700_000_000_000_000_001, Payload: []byte("secret"), Tail: []byte("tail")}})
	require.NoError(t, err)
	dead = t.TempDir()
	copyTree(t, dead, dir)
	require.NoError(t, l.Erase(t.Context(), 1))
	require.NoError(t, l.Close())
	require.NoError(t, <-ran)
	return dead, dir
}

// Every ```hex block of FORMAT.md that begins with a file name is that file, byte for byte.
func TestFormatExamples(t *testing.T) {
	dead, closed := formatExample(t)
	doc, err := os.ReadFile("FORMAT.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```(hex|text) (crashed|closed) ([^\n]+)\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	require.Len(t, blocks, 8)
	for _, b := range blocks {
		dir := closed
		if b[2] == "crashed" {
			dir = dead
		}
		want := []byte(b[4])
		if b[1] == "hex" {
			want = unhex(t, b[4])
		}
		have, err := read(dir, b[3])
		require.NoError(t, err)
		require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(have), "%s folder, %s:\n%s", b[2], b[3], dump(have))
	}
}

// unhex reads hex digits; what follows a semicolon is comment.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		code, _, _ := strings.Cut(line, ";")
		digits.WriteString(strings.Join(strings.Fields(code), ""))
	}
	b, err := hex.DecodeString(digits.String())
	require.NoError(t, err)
	return b
}

func dump(b []byte) string {
	var s strings.Builder
	for i := 0; i < len(b); i += 16 {
		s.WriteString(hex.EncodeToString(b[i:min(i+16, len(b))]) + "\n")
	}
	return s.String()
}

func FuzzParseSegment(f *testing.F) {
	h := header{first: 3}
	b := h.append(nil)
	_, sum, _ := parseHeader(b)
	leaf, _ := (&witness.Leaf{Level: witness.Macro, Sequence: 3}).AppendBinary(nil)
	b, sum = appendFrame(b, &h.nonce, &sum, 3, []item{{leaf: leaf, payload: []byte("x")}})
	b = appendMark(b, &h.nonce, &sum)
	f.Add(b)
	f.Add(b[:len(b)-markSize-1])
	f.Add(b[:segmentHead])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSegment("seg", 3, b)
		if err != nil {
			return
		}
		require.LessOrEqual(t, s.end, len(b))
		require.Equal(t, len(b), s.end+s.torn)
		again, err := parseSegment("seg", 3, b[:s.end]) // without its torn tail it is the same
		require.NoError(t, err)
		require.Equal(t, s.items, again.items)
		require.Zero(t, again.torn)
	})
}

func FuzzParseItems(f *testing.F) {
	leaf, _ := (&witness.Leaf{Level: witness.Macro}).AppendBinary(nil)
	h := header{}
	var sum [sumSize]byte
	frame, _ := appendFrame(nil, &h.nonce, &sum, 0, []item{{leaf: leaf, payload: []byte("x")}, {leaf: leaf}})
	f.Add(frame[frameHead:len(frame)-sumSize], 2)
	f.Add([]byte{}, 1)
	f.Fuzz(func(t *testing.T, b []byte, count int) {
		items, err := parseItems(b, count)
		if err != nil {
			return
		}
		back, _ := appendFrame(nil, &h.nonce, &sum, 0, items)
		back = back[frameHead : len(back)-sumSize]
		require.Equal(t, strings.TrimRight(string(b), "\x00"), strings.TrimRight(string(back), "\x00"))
	})
}

func FuzzSplitBundle(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0}, 2)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		leaves, err := splitBundle(b, min(max(width, 0), tileWidth))
		if err != nil {
			return
		}
		var back []byte
		for _, leaf := range leaves {
			back = append(binary.BigEndian.AppendUint16(back, uint16(len(leaf))), leaf...)
		}
		require.Equal(t, string(b), string(back))
	})
}

func FuzzParseTile(f *testing.F) {
	for _, s := range []string{"log/tile/0/000", "log/tile/entries/x001/234.p/7", "log/tile/7/x000/000", "log/tile/1/000.p/0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := parseTile(s); ok {
			require.Equal(t, s, id.path())
		}
	})
}

func FuzzProofText(f *testing.F) {
	b, _ := Proof{Index: 1, Leaf: []byte("leaf"), Checkpoint: "o\n1\n\n"}.MarshalText()
	f.Add(string(b))
	f.Fuzz(func(t *testing.T, s string) {
		var p Proof
		if p.UnmarshalText([]byte(s)) == nil {
			b, err := p.MarshalText()
			require.NoError(t, err)
			require.Equal(t, s, string(b))
		}
	})
}

func TestTileNames(t *testing.T) {
	for name, id := range map[string]tileID{
		"log/tile/0/000":                       {0, 0, 256},
		"log/tile/entries/x001/x234/067":       {entryLevel, 1234067, 256},
		"log/tile/2/000.p/1":                   {2, 0, 1},
		"log/tile/entries/x001/x234/067.p/255": {entryLevel, 1234067, 255},
	} {
		require.Equal(t, name, id.path())
		got, ok := parseTile(name)
		require.True(t, ok)
		require.Equal(t, id, got)
	}
	for _, bad := range []string{"log/tile/8/000", "log/tile/00/000", "log/tile/0/00", "log/tile/0/1000", "log/tile/0/x000/001",
		"log/tile/0/000.p/256", "log/tile/0/000.p/01", "log/tile/0/000.p/", "log/tile/0", "tile/0/000", "log/tile/0/001/234"} {
		_, ok := parseTile(bad)
		require.False(t, ok, bad)
	}
}
