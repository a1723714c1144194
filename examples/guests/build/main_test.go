package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPin(t *testing.T) {
	got, err := pin([]byte("name: x\nsha256: \"\"\nkind: action\n"), []byte("code"))
	require.NoError(t, err)
	require.Equal(t, "name: x\nsha256: 5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b\nkind: action\n", string(got))
	for _, bad := range []string{"name: x\n", "sha256: a\nsha256: b\n"} {
		_, err := pin([]byte(bad), nil)
		require.ErrorContains(t, err, "want 1")
	}
}

func TestBuildNeedsTheRoot(t *testing.T) {
	require.ErrorContains(t, build(t.TempDir(), t.TempDir()), "module's root")
}
