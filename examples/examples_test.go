package examples_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/examples"
)

// The demo finds all that its config names.
func TestDemoIsComplete(t *testing.T) {
	demo, err := examples.Demo()
	if errors.Is(err, examples.ErrNotBuilt) {
		t.Skip("no guests: run `make guests`")
	}
	require.NoError(t, err)
	for _, path := range []string{examples.DemoConfig, "signals/co2.ndjson", "signals/co2-shuffled.ndjson", "guests/voice.wasm", "guests/voice.yaml"} {
		info, err := fs.Stat(demo, path)
		require.NoError(t, err, path)
		require.NotZero(t, info.Size(), path)
	}
}

// Every embedded guest is the one that its manifest pins.
func TestGuestsMatchTheirManifests(t *testing.T) {
	guests, err := examples.Guests()
	if errors.Is(err, examples.ErrNotBuilt) {
		require.Empty(t, examples.Names())
		t.Skip("no guests: run `make guests`")
	}
	require.NoError(t, err)
	require.Subset(t, examples.Names(), []string{"tally", "voice"})
	for _, name := range examples.Names() {
		code, err := fs.ReadFile(guests, name+".wasm")
		require.NoError(t, err)
		manifest, err := fs.ReadFile(guests, name+".yaml")
		require.NoError(t, err)
		sum := sha256.Sum256(code)
		require.Contains(t, string(manifest), "sha256: "+hex.EncodeToString(sum[:]), name)
	}
}
