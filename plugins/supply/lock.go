package supply

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/becomingone/becomingone/sdk/abi"
)

// LockFile is the lock's name below a store's folder.
const LockFile = "lock.yaml"

const maxLock = 4 << 20 // bytes

// Installed is what the lock says of one plugin.
type Installed struct {
	Name    string `yaml:"name" json:"name"`
	Version string `yaml:"version" json:"version"`
	Bundle  string `yaml:"bundle" json:"bundle"`           // digest of manifest and module
	Module  string `yaml:"module" json:"module"`           // sha256 of the module, hexadecimal
	Signer  string `yaml:"signer,omitempty" json:"signer"` // empty: unsigned, and its owner said yes
	Source  string `yaml:"source" json:"source"`
	Folder  string `yaml:"folder" json:"folder"` // below NAME
	Enabled bool   `yaml:"enabled" json:"enabled"`
	Rights  Rights `yaml:"rights" json:"rights"` // granted
}

type lockFile struct {
	Lock    int         `yaml:"lock"` // version of this format
	Plugins []Installed `yaml:"plugins"`
}

const lockHead = "# What is installed, by digest. Written by `becomingone plugin …`; a bundle that is not here, or is\n" +
	"# another than here, is not loaded.\n"

var folderName = regexp.MustCompile(`^[0-9a-f]{16}$`)

// parseLock reads a lock strictly: one that somebody has broken installs nothing.
func parseLock(b []byte) ([]Installed, error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	var f lockFile
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", LockFile, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document", LockFile)
	}
	if f.Lock != 1 {
		return nil, fmt.Errorf("%s: lock %d: want 1", LockFile, f.Lock)
	}
	for i := range f.Plugins {
		p := &f.Plugins[i]
		if err := p.validate(); err != nil {
			return nil, fmt.Errorf("%s: plugins[%d].%w", LockFile, i, err)
		}
		if i > 0 && p.Name <= f.Plugins[i-1].Name {
			return nil, fmt.Errorf("%s: plugins[%d].name %q: want names in their order, each once", LockFile, i, p.Name)
		}
	}
	return f.Plugins, nil
}

func (p *Installed) validate() error {
	switch {
	case !abi.ValidName(p.Name) || reserved(p.Name):
		return fmt.Errorf("name %q: want the name of a plugin", p.Name)
	case p.Version == "" || len(p.Version) > abi.MaxName:
		return fmt.Errorf("version %q: want 1 to %d bytes", p.Version, abi.MaxName)
	case !validDigest(p.Bundle, "sha256:"):
		return fmt.Errorf("bundle %q: want sha256: and 64 hexadecimal digits", p.Bundle)
	case !validDigest(p.Module, ""):
		return fmt.Errorf("module %q: want 64 hexadecimal digits", p.Module)
	case p.Signer != "" && !ValidSigner(p.Signer):
		return fmt.Errorf("signer %q: want %s and a public key", p.Signer, signerPrefix)
	case !folderName.MatchString(p.Folder):
		return fmt.Errorf("folder %q: want 16 hexadecimal digits", p.Folder)
	}
	return nil
}

func validDigest(s, prefix string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	raw, err := hex.DecodeString(digits)
	return ok && err == nil && len(raw) == 32 && digits == strings.ToLower(digits)
}

// reserved are names of the store's own below its folder.
func reserved(name string) bool {
	return name == LockFile || name == "cache" || strings.HasPrefix(name, "lock.")
}

// List returns what is installed, in the order of names. A folder without a lock has nothing.
func (s *Store) List() ([]Installed, error) {
	b, err := readSmall(filepath.Join(s.dir, LockFile), maxLock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		var all []Installed
		if all, err = parseLock(b); err == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("supply: read lock of %s: %w", s.dir, err)
}

// Get returns one plugin's entry, or ErrNotInstalled.
func (s *Store) Get(name string) (Installed, error) {
	all, err := s.List()
	if err != nil {
		return Installed{}, err
	}
	if i := find(all, name); i >= 0 {
		return all[i], nil
	}
	return Installed{}, fmt.Errorf("supply: plugin %q: %w", name, ErrNotInstalled)
}

func find(all []Installed, name string) int {
	return slices.IndexFunc(all, func(p Installed) bool { return p.Name == name })
}

// edit changes the lock, alone among all processes. Replacing the file is the one step that counts.
func (s *Store) edit(change func(all []Installed) ([]Installed, error)) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	guard, err := os.OpenFile(filepath.Join(s.dir, "lock.guard"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer guard.Close()
	if err := hold(guard); err != nil {
		return err
	}
	all, err := s.List()
	if err != nil {
		return err
	}
	if all, err = change(all); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b Installed) int { return strings.Compare(a.Name, b.Name) })
	var text bytes.Buffer
	text.WriteString(lockHead)
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(lockFile{Lock: 1, Plugins: all}), enc.Close()); err != nil {
		return err
	}
	if err := replace(filepath.Join(s.dir, LockFile), text.Bytes(), 0o600); err != nil {
		return err
	}
	// The change is made. What could not be swept, because Windows had it open, the next edit sweeps.
	_ = s.sweep(all)
	return nil
}

// replace writes a file whole or not at all, durably.
func replace(name string, b []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), newPrefix+"*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(name))
}
