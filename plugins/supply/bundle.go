package supply

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/becomingone/becomingone/plugins"
)

// MaxBundle bounds a bundle in one file, in bytes.
const MaxBundle = plugins.MaxProgram + 1<<20

// Names of a bundle's files.
const (
	ManifestFile  = "plugin.yaml"
	SignatureFile = "plugin.sig"
)

// Bundle is a plugin as it came: read, verified and parsed. Nothing of it has run.
type Bundle struct {
	Source    string // for people
	Manifest  plugins.Manifest
	Statement Statement
	Signer    string // empty: unsigned

	manifest, module, signature []byte
}

// Digest names the bundle.
func (b *Bundle) Digest() string { return b.Statement.Digest() }

// Module returns the module's bytes, which are shared and must not be changed.
func (b *Bundle) Module() []byte { return b.module }

// ManifestText returns the manifest's bytes, which are shared and must not be changed.
func (b *Bundle) ManifestText() []byte { return b.manifest }

// files reads one file of a bundle, of at most that many bytes. A missing one is fs.ErrNotExist.
type files func(name string, most int64) ([]byte, error)

// OpenPath reads a bundle from a folder with a plugin.yaml, a manifest (*.yaml, with its signature
// *.sig beside it), a module whose manifest has its name or is plugin.yaml, or a zip file of such a
// folder.
func OpenPath(name string) (*Bundle, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("supply: open: %w", err)
	}
	if name, err = filepath.Abs(name); err != nil { // the lock says it to people elsewhere
		return nil, fmt.Errorf("supply: open: %w", err)
	}
	if info.IsDir() {
		return openFolder(name, ManifestFile, name)
	}
	folder, base := filepath.Split(name)
	switch ext := filepath.Ext(base); ext {
	case ".yaml":
		return openFolder(folder, base, name)
	case ".wasm":
		manifest := strings.TrimSuffix(base, ext) + ".yaml"
		if _, err := os.Stat(filepath.Join(folder, manifest)); errors.Is(err, fs.ErrNotExist) {
			manifest = ManifestFile
		}
		return openFolder(folder, manifest, name)
	case ".zip":
		b, err := readSmall(name, MaxBundle)
		if err != nil {
			return nil, fmt.Errorf("supply: open %s: %w", name, err)
		}
		return openZip(b, name)
	}
	return nil, fmt.Errorf("supply: open %s: want a folder, a .yaml, a .wasm or a .zip file", name)
}

func readSmall(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAtMost(f, most)
}

func openFolder(folder, manifest, source string) (*Bundle, error) {
	root, err := os.OpenRoot(folder) // links that lead out of the folder are not followed
	if err != nil {
		return nil, fmt.Errorf("supply: open: %w", err)
	}
	defer root.Close()
	return read(fromFS(root.FS()), manifest, source)
}

func openZip(b []byte, source string) (*Bundle, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("supply: open %s: %w", source, err)
	}
	return read(fromFS(z), ManifestFile, source)
}

func fromFS(fsys fs.FS) files {
	return func(name string, most int64) ([]byte, error) {
		f, err := fsys.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil, errors.Join(err, fmt.Errorf("%s: not a file", name))
		}
		return readAtMost(f, most)
	}
}

func readAtMost(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return b, err
}

// read verifies and then parses: a manifest whose signature is wrong never reaches the parser.
func read(open files, manifest, source string) (*Bundle, error) {
	b := &Bundle{Source: source}
	var err error
	if b.manifest, err = open(manifest, plugins.MaxManifest); err != nil {
		return nil, fmt.Errorf("supply: open %s: %s: %w", source, manifest, err)
	}
	sigName := strings.TrimSuffix(manifest, path.Ext(manifest)) + ".sig"
	b.signature, err = open(sigName, maxSignature)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("supply: open %s: %s: %w", source, sigName, err)
	}
	var signed Signature
	if err == nil {
		if signed, err = ParseSignature(path.Join(filepath.ToSlash(source), sigName), b.signature); err != nil {
			return nil, err
		}
		if sha256.Sum256(b.manifest) != signed.Manifest {
			return nil, &VerifyError{source, manifest + " is not the one that was signed"}
		}
		b.Signer = signed.Signer
	}
	if b.Manifest, err = plugins.ParseManifest(b.manifest); err != nil {
		return nil, fmt.Errorf("supply: open %s: %w", source, err)
	}
	if f := b.Manifest.File; f == ManifestFile || f == SignatureFile {
		return nil, fmt.Errorf("supply: open %s: file %q: want a name that the bundle's own files have not", source, f)
	}
	if b.module, err = open(b.Manifest.File, b.Manifest.MaxFile()); err != nil {
		return nil, fmt.Errorf("supply: open %s: %s: %w", source, b.Manifest.File, err)
	}
	b.Statement = NewStatement(b.manifest, b.module)
	if b.Signer != "" && b.Statement != signed.Statement {
		return nil, &VerifyError{source, b.Manifest.File + " is not the one that was signed"}
	}
	if got := hex.EncodeToString(b.Statement.Module[:]); b.Manifest.SHA256 != got {
		return nil, &VerifyError{source, fmt.Sprintf("%s has the digest %s, its manifest says %q", b.Manifest.File, got, b.Manifest.SHA256)}
	}
	return b, nil
}

// SignPath signs the bundle at a folder or manifest and writes the signature beside the manifest.
func SignPath(name string, k Key) (*Bundle, error) {
	manifest := name
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		manifest = filepath.Join(name, ManifestFile)
	}
	if filepath.Ext(manifest) != ".yaml" {
		return nil, fmt.Errorf("supply: sign %s: want a folder or a manifest (*.yaml)", name)
	}
	sig := strings.TrimSuffix(manifest, ".yaml") + ".sig"
	// An old signature may be one of other bytes, which is why it is replaced.
	if err := os.Remove(sig); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("supply: sign: %w", err)
	}
	b, err := OpenPath(manifest)
	if err != nil {
		return nil, err
	}
	s := k.Sign(b.Statement)
	b.Signer, b.signature = s.Signer, s.Bytes()
	if err := replace(sig, b.signature, 0o644); err != nil {
		return nil, fmt.Errorf("supply: sign: %w", err)
	}
	return b, nil
}
