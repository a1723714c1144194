package supply_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins/supply"
)

func TestSignatureIsWrittenAndReadInOneWay(t *testing.T) {
	k := key(t)
	st := supply.NewStatement([]byte("manifest"), []byte("module"))
	b := k.Sign(st).Bytes()
	s, err := supply.ParseSignature("here", b)
	require.NoError(t, err)
	require.Equal(t, st, s.Statement)
	require.Equal(t, k.Signer(), s.Signer)
	require.Equal(t, b, s.Bytes())
	for i := range b {
		for _, bit := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(b)
			bad[i] ^= bit
			_, err := supply.ParseSignature("here", bad)
			require.Error(t, err, "byte %d", i)
		}
		_, err := supply.ParseSignature("here", b[:i])
		require.Error(t, err, "length %d", i)
	}
	for want, bad := range map[string]string{
		"at most 512":         string(b) + strings.Repeat("\n", 512),
		"want five lines":     string(b) + "\n",
		"64 hexadecimal":      strings.Replace(string(b), "manifest ", "manifest x", 1),
		"in the one way":      strings.Replace(string(b), fmt.Sprintf("%x", st.Manifest), strings.ToUpper(fmt.Sprintf("%x", st.Manifest)), 1),
		"line 4: signer":      strings.Replace(string(b), "ed25519:", "rsa:", 1),
		`to begin with "mod`:  strings.Replace(string(b), "module", "modulo", 1),
		"is not that of":      strings.Replace(string(b), k.Signer(), key(t).Signer(), 1),
		"line 5: want 64 byt": string(b[:len(b)-3]) + "\n",
	} {
		_, err := supply.ParseSignature("here", []byte(bad))
		require.ErrorContains(t, err, want)
		var v *supply.VerifyError
		require.ErrorAs(t, err, &v)
		require.Equal(t, "here", v.Path)
	}
}

func FuzzParseSignature(f *testing.F) {
	k := key(f)
	f.Add(k.Sign(supply.NewStatement([]byte("a"), []byte("b"))).Bytes())
	f.Add([]byte("becomingone plugin 1\n\n\n\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := supply.ParseSignature("here", b)
		if err == nil && !bytes.Equal(s.Bytes(), b) {
			t.Fatalf("%q is read as %q", b, s.Bytes())
		}
	})
}

func TestKeyIsMadeOnceAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "plugin.key")
	_, err := supply.OpenKey(path, false)
	require.ErrorIs(t, err, os.ErrNotExist)
	var wg sync.WaitGroup
	signers := make([]string, 8)
	for i := range signers {
		wg.Go(func() {
			if k, err := supply.OpenKey(path, true); err == nil {
				signers[i] = k.Signer()
			}
		})
	}
	wg.Wait()
	k, err := supply.OpenKey(path, false)
	require.NoError(t, err)
	for _, s := range signers {
		require.Equal(t, k.Signer(), s)
	}
	require.True(t, supply.ValidSigner(k.Signer()))
	require.False(t, supply.ValidSigner(k.Signer()+"A"))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = supply.OpenKey(path, true)
	require.ErrorContains(t, err, "nobody else may read it")
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	_, err = supply.OpenKey(path, true)
	require.ErrorContains(t, err, "32 bytes in base64url")
}
