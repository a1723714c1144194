package supply

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/becomingone/becomingone/plugins"
)

// Store is a folder of installed plugins. Its methods may be called from many processes at once.
type Store struct{ dir string }

// NewStore returns the store at dir, which is made by the first Install.
func NewStore(dir string) *Store { return &Store{dir} }

// Change is a bundle that is about to be installed, and what is new about it.
type Change struct {
	Bundle *Bundle
	Before *Installed // nil: not installed yet
	Rights Rights
	Who    []string // why who signed it needs the owner's yes, a line each
	More   []string // what it may do that needs the owner's yes, a line each

	agreed bool
}

// Why is all that needs the owner's yes; empty: nothing.
func (c *Change) Why() []string { return slices.Concat(c.Who, c.More) }

// Agree records the owner's yes to everything in Why. Only a person may give it, for this bundle.
func (c *Change) Agree() { c.agreed = true }

// AgreeTo is Agree by what the owner has named beforehand: the bundle's digest agrees to all, its
// signer to who signed it and not to More.
func (c *Change) AgreeTo(trust string) error {
	name := c.Bundle.Manifest.Name
	switch {
	case trust == c.Bundle.Digest():
	case !ValidSigner(trust) && !validDigest(trust, "sha256:"):
		return fmt.Errorf("supply: install %s: trust %q: want a signer (%s…) or a bundle's digest (sha256:…)", name, trust, signerPrefix)
	case trust != c.Bundle.Signer:
		return &VerifyError{c.Bundle.Source, fmt.Sprintf("is %s, signed by %s, not %s", c.Bundle.Digest(), or(c.Bundle.Signer, "nobody"), trust)}
	case len(c.More) > 0:
		return &ConsentError{name, c.More}
	}
	c.agreed = true
	return nil
}

// Plan compares a bundle with what is installed. own is the owner's own signing key, "" for none.
// What it signed needs no yes, because whoever can use it is the owner's user anyway, as long as it
// stays in a sandbox, only answers calls that the gate judges, and asks for no more than before.
func (s *Store) Plan(b *Bundle, own string) (*Change, error) {
	if reserved(b.Manifest.Name) {
		return nil, fmt.Errorf("supply: install %s: the name %q is taken by the store itself", b.Source, b.Manifest.Name)
	}
	c := &Change{Bundle: b, Rights: RightsOf(b.Manifest)}
	before, err := s.Get(b.Manifest.Name)
	switch {
	case err == nil:
		c.Before = &before
	case !errors.Is(err, ErrNotInstalled):
		return nil, err
	}
	c.compare(own)
	return c, nil
}

// conflict reports a name that another enabled plugin has: a node gives it to one of the two only.
func conflict(all []Installed, b *Bundle) error {
	for _, p := range all {
		if p.Name == b.Manifest.Name || !p.Enabled {
			continue
		}
		for name := range b.Manifest.Actions {
			if _, has := p.Rights.Actions[name]; has {
				return fmt.Errorf("action %q: the plugin %s has it", name, p.Name)
			}
		}
		for _, ch := range b.Manifest.Channels {
			if slices.Contains(p.Rights.Channels, ch) {
				return fmt.Errorf("channel %q: the plugin %s hears it", ch, p.Name)
			}
		}
	}
	return nil
}

func (c *Change) compare(own string) {
	signer := c.Bundle.Signer
	switch before := c.Before; {
	case before == nil && signer == "":
		c.Who = []string{"nobody has signed it"}
	case before == nil && signer != own:
		c.Who = []string{"its signer is new here: " + signer}
	case before == nil:
		c.Who = c.Rights.beyondCalls()
	case before.Signer != signer:
		c.Who = []string{fmt.Sprintf("signed by %s, before by %s", or(signer, "nobody"), or(before.Signer, "nobody"))}
	case signer == "" && before.Bundle != c.Bundle.Digest():
		c.Who = []string{"nobody has signed it, and it is another than before"}
	}
	switch {
	case c.Before != nil:
		c.More = c.Rights.Beyond(c.Before.Rights)
	case !plugins.Sandboxed(c.Rights.ABI):
		c.More = []string{"runs as a process of yours, outside the sandbox"}
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Install puts the bundle into the store and locks it, all or nothing. What needs a yes and has none
// is a *ConsentError. A plugin that its owner disabled stays so.
func (s *Store) Install(c *Change) (Installed, error) {
	name := c.Bundle.Manifest.Name
	if why := c.Why(); len(why) > 0 && !c.agreed {
		return Installed{}, &ConsentError{name, why}
	}
	// A folder of its own for each time: what is in use is never written over.
	var folder [8]byte
	if _, err := rand.Read(folder[:]); err != nil {
		return Installed{}, fmt.Errorf("supply: install %s: %w", name, err)
	}
	now := Installed{
		Name: name, Version: c.Bundle.Manifest.Version, Bundle: c.Bundle.Digest(),
		Module: hex.EncodeToString(c.Bundle.Statement.Module[:]), Signer: c.Bundle.Signer,
		Source: c.Bundle.Source, Folder: hex.EncodeToString(folder[:]), Enabled: c.Before == nil || c.Before.Enabled, Rights: c.Rights,
	}
	err := s.edit(func(all []Installed) ([]Installed, error) {
		i := find(all, name)
		if unchanged := i < 0 && c.Before == nil || i >= 0 && c.Before != nil && reflect.DeepEqual(all[i], *c.Before); !unchanged {
			return nil, errors.New("it was installed or changed meanwhile: look again")
		}
		if err := conflict(all, c.Bundle); err != nil {
			return nil, err
		}
		if err := s.place(c.Bundle, now.Folder); err != nil {
			return nil, err
		}
		if i < 0 {
			return append(all, now), nil
		}
		all[i] = now
		return all, nil
	})
	if err != nil {
		return Installed{}, fmt.Errorf("supply: install %s: %w", name, err)
	}
	return now, nil
}

// What is being written has these names until it is whole.
const (
	stagePrefix = ".stage-"
	newPrefix   = ".new-"
)

// place writes the bundle's files under another name, makes them durable and renames the folder.
func (s *Store) place(b *Bundle, folder string) error {
	stage, err := os.MkdirTemp(s.dir, stagePrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	for name, content := range map[string][]byte{
		ManifestFile: b.manifest, SignatureFile: b.signature, filepath.FromSlash(b.Manifest.File): b.module,
	} {
		if content == nil {
			continue
		}
		if err := write(filepath.Join(stage, name), content); err != nil {
			return err
		}
	}
	if err := syncFolder(stage); err != nil {
		return err
	}
	parent := filepath.Join(s.dir, b.Manifest.Name)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	if err := os.Rename(stage, filepath.Join(parent, folder)); err != nil {
		return err
	}
	return errors.Join(syncFolder(parent), syncFolder(s.dir))
}

func write(name string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close(), syncFolder(filepath.Dir(name)))
}

// Enable switches a plugin on or off. On is refused if its files are not those of the lock.
func (s *Store) Enable(name string, on bool) error {
	err := s.edit(func(all []Installed) ([]Installed, error) {
		i := find(all, name)
		if i < 0 {
			return nil, ErrNotInstalled
		}
		if on {
			if _, err := s.Verify(all[i]); err != nil {
				return nil, err
			}
		}
		all[i].Enabled = on
		return all, nil
	})
	if err != nil {
		return fmt.Errorf("supply: switch plugin %s: %w", name, err)
	}
	return nil
}

// Remove takes a plugin out of the lock and then its files away.
func (s *Store) Remove(name string) error {
	err := s.edit(func(all []Installed) ([]Installed, error) {
		i := find(all, name)
		if i < 0 {
			return nil, ErrNotInstalled
		}
		return slices.Delete(all, i, i+1), nil
	})
	if err != nil {
		return fmt.Errorf("supply: remove %s: %w", name, err)
	}
	return nil
}

// sweep removes what the lock does not name: what was replaced or removed, or was being placed when
// its process was killed. The lock is held.
func (s *Store) sweep(all []Installed) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, stagePrefix) || strings.HasPrefix(name, newPrefix):
			errs = append(errs, os.RemoveAll(filepath.Join(s.dir, name)))
		case e.IsDir() && !reserved(name):
			errs = append(errs, s.sweepPlugin(name, find(all, name), all))
		}
	}
	return errors.Join(errs...)
}

// sweepPlugin removes only folders that have the form of a bundle's: others are somebody else's.
func (s *Store) sweepPlugin(name string, i int, all []Installed) error {
	parent := filepath.Join(s.dir, name)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	left := 0
	for _, e := range entries {
		if !folderName.MatchString(e.Name()) || i >= 0 && all[i].Folder == e.Name() {
			left++
			continue
		}
		if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
			return err
		}
	}
	if left > 0 {
		return nil
	}
	if err := os.Remove(parent); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Path is the folder of an installed bundle.
func (s *Store) Path(p Installed) string { return filepath.Join(s.dir, p.Name, p.Folder) }

// Verify reads an installed bundle and holds it against its lock. Anything else than what was
// locked is a *VerifyError.
func (s *Store) Verify(p Installed) (*Bundle, error) {
	b, err := OpenPath(s.Path(p))
	if err != nil {
		return nil, err
	}
	if b.Digest() != p.Bundle || b.Signer != p.Signer {
		return nil, &VerifyError{s.Path(p), "not the bundle that was installed"}
	}
	return b, nil
}

// Found returns the enabled plugins for a plugins.Set. One whose manifest is not the locked one is
// found with an error; the module's digest is compared when it is loaded.
func (s *Store) Found() []plugins.Found {
	all, err := s.List()
	if err != nil {
		return []plugins.Found{{Path: filepath.Join(s.dir, LockFile), Err: err}}
	}
	var found []plugins.Found
	for _, p := range all {
		if p.Enabled {
			found = append(found, s.found(p))
		}
	}
	return found
}

func (s *Store) found(p Installed) plugins.Found {
	dir := s.Path(p)
	f := plugins.Found{Path: filepath.Join(dir, ManifestFile), Manifest: plugins.Manifest{Name: p.Name, Version: p.Version}}
	b, err := readSmall(f.Path, plugins.MaxManifest)
	if err != nil {
		f.Err = fmt.Errorf("supply: read %s: %w", p.Name, err)
		return f
	}
	locked := Statement{Manifest: sha256.Sum256(b)}
	if _, err := hex.Decode(locked.Module[:], []byte(p.Module)); err != nil || locked.Digest() != p.Bundle {
		f.Err = &VerifyError{f.Path, "not the manifest that was installed: `becomingone plugin install` it again"}
		return f
	}
	found := plugins.NewFound(f.Path, b, os.DirFS(dir))
	if found.Err == nil && found.Manifest.SHA256 != p.Module {
		found.Err = &VerifyError{f.Path, "pins another module than the lock"}
	}
	return found
}
