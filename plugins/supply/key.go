package supply

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Key signs plugins.
type Key struct{ private ed25519.PrivateKey }

const keyHead = "becomingone plugin key 1 "

// Signer is the public key as signatures name it.
func (k Key) Signer() string {
	public := k.private.Public().(ed25519.PublicKey) // by ed25519's documentation
	return signerPrefix + encoding.EncodeToString(public)
}

// OpenKey reads the key file. With create it is made, for this user only, if it is missing; two
// processes that do so at once agree on one key. A key that others may read is an error.
func OpenKey(path string, create bool) (Key, error) {
	if create {
		if err := createKey(path); err != nil {
			return Key{}, fmt.Errorf("supply: make key: %w", err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("supply: read key: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && privateModes {
		return Key{}, fmt.Errorf("supply: key %s: mode %#o: want 0600, nobody else may read it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("supply: read key: %w", err)
	}
	text, ok := strings.CutPrefix(strings.TrimSuffix(string(b), "\n"), keyHead)
	seed, err := encoding.DecodeString(text)
	if !ok || err != nil || len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("supply: key %s: want %q and 32 bytes in base64url", path, keyHead)
	}
	return Key{ed25519.NewKeyFromSeed(seed)}, nil
}

// createKey writes a new key unless there is one. The link makes it appear whole or not at all.
func createKey(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // 0600 by definition
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(keyHead + encoding.EncodeToString(seed) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
