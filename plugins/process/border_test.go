package process

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzHead: whatever a process prints, go-plugin sees one line or nothing, and all of the rest is
// read.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{"", "\n", "1|1|unix|/s|grpc\nrest", strings.Repeat("x", maxLine+1), strings.Repeat("x", maxLine-1) + "\n", "a\nb\nc"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, printed []byte) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		go func() {
			_, _ = w.Write(printed) // the reader judges
			_ = w.Close()
		}()
		var rest bytes.Buffer
		h := newHead(r, &rest)
		h.pump()
		line, err := io.ReadAll(h)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, len(printed), len(line)+rest.Len())
		if i := bytes.IndexByte(printed, '\n'); i >= 0 && i < maxLine {
			require.Equal(t, string(printed[:i+1]), string(line))
			require.Equal(t, string(printed[i+1:]), rest.String())
		} else {
			require.Empty(t, line)
		}
	})
}

func TestPrinterSeesSignsThatAreCut(t *testing.T) {
	text := "fatal error: runtime: out of memory: cannot go on"
	for cut := range len(text) {
		p := &printer{to: new(tail)}
		for _, part := range []string{text[:cut], text[cut:]} {
			_, err := p.Write([]byte(part))
			require.NoError(t, err)
		}
		require.True(t, p.outOfMemory(), "cut at %d", cut)
		require.Equal(t, text, p.to.String())
	}
	p := &printer{to: new(tail)}
	for _, c := range text { // one byte at a time
		_, err := p.Write([]byte(string(c)))
		require.NoError(t, err)
	}
	require.True(t, p.outOfMemory())
	p = &printer{to: new(tail)}
	_, err := p.Write([]byte("out of memor"))
	require.NoError(t, err)
	require.False(t, p.outOfMemory())
}

func TestTailKeepsTheEnd(t *testing.T) {
	var tl tail
	var all string
	for n := range 300 {
		part := strings.Repeat(string(rune('a'+n%26)), n*7%101)
		all += part
		_, err := tl.Write([]byte(part))
		require.NoError(t, err)
		require.Equal(t, all[max(0, len(all)-tailBytes):], tl.String())
	}
}

func TestConfigValidate(t *testing.T) {
	require.NoError(t, Config{}.Validate())
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Dir: "/" + strings.Repeat("x", maxDir)}, "config Dir"},
		{Config{Start: -1}, "config Start -1: want 1000000…"},
		{Config{Tasks: -1}, "config Tasks"},
		{Config{Files: 1}, "config Files 1: want 8…"},
		{Config{UID: 5}, "config UID 5, GID 0: want both or neither"},
	} {
		require.ErrorContains(t, c.cfg.Validate(), c.want)
	}
}
