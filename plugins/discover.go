package plugins

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
)

// Bounds of a plugin's file, in bytes: a module's, and that of a program that runs as a process.
const (
	MaxModule  = 16 << 20
	MaxProgram = 64 << 20
)

// Found is a manifest that was found, or why it cannot be read.
type Found struct {
	Path     string // of the manifest, for people
	Manifest Manifest
	Err      error
	folder   fs.FS
	sum      [sha256.Size]byte // of the manifest's bytes
}

// NewFound is the manifest with that text, whose module is below folder; path is for people.
func NewFound(path string, text []byte, folder fs.FS) Found {
	f := Found{Path: path, folder: folder, sum: sha256.Sum256(text)}
	var err error
	if f.Manifest, err = ParseManifest(text); err != nil {
		f.Err = fmt.Errorf("plugins: read %s: %w", path, err)
	}
	return f
}

// Discover reads the manifests of folders: plugin.yaml and every other *.yaml in a folder, and
// plugin.yaml in the folders below it, in the order of their paths.
func Discover(dirs []string) []Found {
	var all []Found
	for _, dir := range dirs {
		all = append(all, DiscoverFS(dir, os.DirFS(dir))...)
	}
	return all
}

// DiscoverFS is Discover for one file system; name stands before its paths.
func DiscoverFS(name string, fsys fs.FS) []Found {
	if _, err := fs.Stat(fsys, "."); err != nil {
		return []Found{{Path: name, Err: fmt.Errorf("plugins: discover %s: %w", name, err)}}
	}
	var paths []string
	for _, pattern := range []string{"*.yaml", "*/plugin.yaml"} {
		found, err := fs.Glob(fsys, pattern)
		if err != nil { // only a malformed pattern, and these are not
			return []Found{{Path: name, Err: err}}
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	all := make([]Found, 0, len(paths))
	for _, p := range paths {
		all = append(all, read(name, fsys, p))
	}
	return all
}

func read(name string, fsys fs.FS, p string) Found {
	where := path.Join(name, p)
	b, err := readFile(fsys, p, MaxManifest)
	var folder fs.FS
	if err == nil {
		folder, err = fs.Sub(fsys, path.Dir(p))
	}
	if err != nil {
		return Found{Path: where, Err: fmt.Errorf("plugins: read %s: %w", where, err)}
	}
	return NewFound(where, b, folder)
}

func readFile(fsys fs.FS, p string, most int64) ([]byte, error) {
	f, err := fsys.Open(p)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s: more than %d bytes", p, most)
	}
	return b, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
