package store

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// recorder is a disk that notes every change on its way to the folder, and can refuse one.
type recorder struct {
	next disk
	mu   sync.Mutex
	ops  []op
	fail func(n int, o op) error // n counts from 0; nil never fails
	half bool                    // a refused write leaves the first half of its bytes
	mute func(o op) bool         // changes that are swallowed: the negative control
}

func (r *recorder) wrap(d disk) disk { r.next = fast{d}; return r }

func (r *recorder) do(o op) error {
	r.mu.Lock()
	n := len(r.ops)
	kept := o
	kept.data = append([]byte(nil), o.data...)
	r.ops = append(r.ops, kept)
	fail := r.fail
	r.mu.Unlock()
	if fail != nil {
		if err := fail(n, o); err != nil {
			if r.half && o.kind == opWrite {
				part := o
				part.data = o.data[:len(o.data)/2]
				err = errors.Join(err, r.next.do(part))
			}
			return err
		}
	}
	if r.mute != nil && r.mute(o) {
		return nil
	}
	return r.next.do(o)
}

// fast is a disk that syncs nothing, for logs that no power cut hits.
type fast struct{ disk }

func (f fast) do(o op) error {
	if o.kind == opSync || o.kind == opSyncDir {
		return nil
	}
	return f.disk.do(o)
}

func hasty(d disk) disk { return fast{d} }

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ops)
}

// inode is a file in the model: what it holds now, and what a power cut leaves of it.
type inode struct {
	data, safe []byte
	unsynced   []op
}

// model is a file system that knows which bytes and which names are durable: content by sync, names
// by sync of their folder, both nothing otherwise.
type model struct {
	files, safeFiles map[string]*inode
	dirs, safeDirs   map[string]bool
}

func newModel() *model {
	return &model{files: map[string]*inode{}, safeFiles: map[string]*inode{}, dirs: map[string]bool{}, safeDirs: map[string]bool{}}
}

// apply follows one recorded change.
func (m *model) apply(o op) {
	switch o.kind {
	case opMkdir:
		m.dirs[o.path] = true
	case opOpen:
		if m.files[o.path] == nil {
			m.files[o.path] = &inode{}
		}
	case opWrite:
		f := m.files[o.path]
		f.data = writeAt(f.data, o)
		f.unsynced = append(f.unsynced, o)
	case opCut:
		f := m.files[o.path]
		f.data = f.data[:o.off]
	case opSync:
		f := m.files[o.path]
		f.safe, f.unsynced = append([]byte(nil), f.data...), nil
	case opRename:
		m.files[o.to] = m.files[o.path]
		delete(m.files, o.path)
	case opRemove:
		delete(m.files, o.path)
		delete(m.dirs, o.path)
	case opSyncDir:
		m.syncDir(o.path)
	}
}

func (m *model) syncDir(dir string) {
	for name := range m.safeFiles {
		if path.Dir(name) == dir && m.files[name] == nil {
			delete(m.safeFiles, name)
		}
	}
	for name, f := range m.files {
		if path.Dir(name) == dir {
			m.safeFiles[name] = f
		}
	}
	for name := range m.dirs {
		if path.Dir(name) == dir {
			m.safeDirs[name] = true
		}
	}
}

func writeAt(b []byte, o op) []byte {
	if end := int(o.off) + len(o.data); end > len(b) {
		b = append(b, make([]byte, end-len(b))...)
	}
	copy(b[o.off:], o.data)
	return b
}

// lose writes to dir what a power cut leaves. With r nil all that was not synced is gone; otherwise
// each unsynced sector arrives or not, as r will.
func (m *model) lose(t testing.TB, dir string, r *rand.Rand) {
	t.Helper()
	for name := range m.safeDirs {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o700))
	}
	for name, f := range m.safeFiles {
		data := append([]byte(nil), f.safe...)
		if r != nil {
			for _, o := range f.unsynced {
				for i := 0; i < len(o.data); {
					n := min(len(o.data)-i, int(sector-(o.off+int64(i))%sector))
					if r.IntN(2) == 0 {
						data = writeAt(data, op{off: o.off + int64(i), data: o.data[i : i+n]})
					}
					i += n
				}
			}
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
}

// keep writes to dir what a killed process leaves: everything.
func (m *model) keep(t testing.TB, dir string) {
	t.Helper()
	for name := range m.dirs {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o700))
	}
	for name, f := range m.files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), f.data, 0o600))
	}
}

// copyTree copies a folder; CopyFS alone would let others read the key.
func copyTree(t testing.TB, to, from string) {
	t.Helper()
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	require.NoError(t, os.Chmod(filepath.Join(to, secretName), 0o600))
}

// listFiles returns the files below the three verified folders, with forward slashes.
func listFiles(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	for _, top := range []string{logDir, journalDir, payloadDir} {
		require.NoError(t, filepath.WalkDir(filepath.Join(dir, top), func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				rel, rerr := filepath.Rel(dir, name)
				require.NoError(t, rerr)
				names = append(names, filepath.ToSlash(rel))
			}
			return err
		}))
	}
	return names
}
