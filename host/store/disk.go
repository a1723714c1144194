package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
)

// opKind is one of the ways in which the log changes its folder.
type opKind uint8

const (
	opMkdir   opKind = 1 + iota // path is a folder from now on; its parent exists
	opOpen                      // path is open for writing, created empty where missing
	opWrite                     // data stands at off of the open file path
	opCut                       // the open file path ends at off
	opSync                      // the content of the open file path is durable
	opClose                     // path is no longer open
	opRename                    // what was path is called to, replacing it
	opRemove                    // path, a file or an empty folder, is gone
	opSyncDir                   // the names in the folder path are durable
)

var opNames = [...]string{opMkdir: "mkdir", opOpen: "open", opWrite: "write", opCut: "truncate",
	opSync: "sync", opClose: "close", opRename: "rename", opRemove: "remove", opSyncDir: "sync folder"}

// op is one change. Paths are below the data folder, with forward slashes.
type op struct {
	kind     opKind
	path, to string
	off      int64
	data     []byte // only read, and only until do returns
}

// disk is everything that the log ever does to its folder, so that a test can fail or lose any of it.
type disk interface{ do(op) error }

// osDisk is the folder itself. Safe for concurrent use on different paths.
type osDisk struct {
	root string
	mu   sync.Mutex
	open map[string]*os.File
}

func newOSDisk(root string) *osDisk { return &osDisk{root: root, open: map[string]*os.File{}} }

func (d *osDisk) do(o op) error {
	if err := d.apply(o); err != nil {
		return fmt.Errorf("%s %s: %w", opNames[o.kind], o.path, cause(err))
	}
	return nil
}

func (d *osDisk) apply(o op) error {
	name := filepath.Join(d.root, filepath.FromSlash(o.path))
	switch o.kind {
	case opMkdir:
		return os.Mkdir(name, 0o700)
	case opRename:
		return whenFree(func() error { return os.Rename(name, filepath.Join(d.root, filepath.FromSlash(o.to))) })
	case opRemove:
		return whenFree(func() error { return os.Remove(name) })
	case opSyncDir:
		return syncFolder(name)
	case opOpen:
		return d.openFile(o.path, name)
	}
	d.mu.Lock()
	f := d.open[o.path]
	if o.kind == opClose {
		delete(d.open, o.path)
	}
	d.mu.Unlock()
	if f == nil {
		return fs.ErrClosed
	}
	switch o.kind {
	case opWrite:
		_, err := f.WriteAt(o.data, o.off)
		return err
	case opCut:
		return f.Truncate(o.off)
	case opSync:
		return syncFile(f)
	default:
		return f.Close()
	}
}

func (d *osDisk) openFile(path, name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[path] != nil {
		return errors.Join(errors.New("already open"), f.Close())
	}
	d.open[path] = f
	return nil
}

// close closes whatever is still open.
func (d *osDisk) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, f := range d.open {
		errs = append(errs, f.Close())
	}
	clear(d.open)
	return errors.Join(errs...)
}

// cause strips the absolute path that os errors carry: the op already names the file.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}

// folders makes folders as they are needed and remembers which have new names in them.
type folders struct {
	disk  disk
	root  string
	known map[string]bool
	dirty map[string]bool
}

func newFolders(d disk, root string) *folders {
	return &folders{disk: d, root: root, known: map[string]bool{".": true}, dirty: map[string]bool{}}
}

// make makes dir and its parents where they are missing.
func (f *folders) make(dir string) error {
	if f.known[dir] {
		return nil
	}
	parent := path.Dir(dir)
	if err := f.make(parent); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join(f.root, filepath.FromSlash(dir)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := f.disk.do(op{kind: opMkdir, path: dir}); err != nil {
			return err
		}
		f.dirty[parent] = true
	case err != nil:
		return fmt.Errorf("stat %s: %w", dir, cause(err))
	}
	if len(f.known) > 4096 { // tiles move on: what is behind them is not asked for again
		clear(f.known)
		f.known["."] = true
	}
	f.known[dir] = true
	return nil
}

// sync makes every name that was added since the last call durable.
func (f *folders) sync() error {
	for dir := range f.dirty {
		if err := f.disk.do(op{kind: opSyncDir, path: dir}); err != nil {
			return err
		}
		delete(f.dirty, dir)
	}
	return nil
}

// place writes data durably under a temporary name and then gives it its own; the name is durable
// after the next sync.
func (f *folders) place(name string, data []byte) error {
	if err := f.make(path.Dir(name)); err != nil {
		return err
	}
	tmp := tmpDir + "/" + path.Base(name)
	steps := [...]op{
		{kind: opOpen, path: tmp},
		{kind: opWrite, path: tmp, data: data},
		{kind: opSync, path: tmp},
		{kind: opClose, path: tmp},
		{kind: opRename, path: tmp, to: name},
	}
	for _, o := range steps {
		if err := f.disk.do(o); err != nil {
			return err
		}
	}
	f.dirty[path.Dir(name)] = true
	return nil
}

// read returns the content of a file below root. A missing file is fs.ErrNotExist.
func read(root, name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, cause(err))
	}
	return b, nil
}
