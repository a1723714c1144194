package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
	as "github.com/becomingone/becomingone/sdk/as"
	c "github.com/becomingone/becomingone/sdk/c"
	"github.com/becomingone/becomingone/sdk/rust"
)

// placeholder is the plugin's name in templates.
const placeholder = "plugin-name"

// kit is what a plugin in one language begins with.
type kit struct {
	name     string
	template func() (fs.FS, error)
	library  func() (fs.FS, error)
	into     string            // folder of the library
	extra    map[string]string // further files, by path
}

// The library is copied into the plugin: it builds without a network, for as long as it is kept.
func kits() []kit {
	const module = "github.com/becomingone/becomingone"
	return []kit{
		{"go", sdk.Template, sdk.Library, "bo1/sdk", map[string]string{
			"go.mod":     "module " + placeholder + "\n\ngo 1.26\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => ./bo1\n",
			"bo1/go.mod": "module " + module + "\n\ngo 1.26\n",
		}},
		{"assemblyscript", as.Template, as.Library, "bo1", nil},
		{"c", c.Template, c.Library, "bo1", nil},
		{"rust", rust.Template, rust.Library, "bo1", nil},
	}
}

func kitNames() string {
	var names []string
	for _, k := range kits() {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

func (a *app) pluginNewCmd() *cobra.Command {
	var lang string
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Begin a plugin", Args: cobra.ExactArgs(1),
		Long: "Makes the folder NAME with a working plugin that has one action, hello, and with the library that\n" +
			"it is built with. Languages: " + kitNames() + ".",
		Example: "  becomingone plugin new hello --lang go && cd hello && becomingone plugin build",
		RunE: func(_ *cobra.Command, args []string) error {
			if !abi.ValidName(args[0]) {
				return usage("plugin new: name %q: want 1 to 64 of a-z 0-9 - _ . beginning with a letter", args[0])
			}
			for _, k := range kits() {
				if k.name == lang {
					return a.begin(args[0], k)
				}
			}
			return usage("plugin new: lang %q: want one of %s", lang, kitNames())
		},
	}
	cmd.Flags().StringVar(&lang, "lang", "go", kitNames())
	return cmd
}

// begin writes the plugin's folder, which must not exist.
func (a *app) begin(name string, k kit) error {
	if err := os.Mkdir(name, 0o755); err != nil {
		return fmt.Errorf("plugin new: %w", err)
	}
	template, err := k.template()
	if err == nil {
		err = copyAll(name, template, name)
	}
	if err == nil {
		var library fs.FS
		if library, err = k.library(); err == nil {
			err = copyAll(filepath.Join(name, filepath.FromSlash(k.into)), library, placeholder)
		}
	}
	for _, file := range sorted(k.extra) {
		if err == nil {
			err = put(filepath.Join(name, filepath.FromSlash(file)), []byte(strings.ReplaceAll(k.extra[file], placeholder, name)))
		}
	}
	if err != nil {
		return fmt.Errorf("plugin new: %w", err)
	}
	_, err = fmt.Fprintf(a.out, "made    %s, a plugin in %s with the action hello\nnext    cd %s && becomingone plugin build && becomingone plugin test && becomingone plugin install .\n", name, k.name, name)
	return err
}

// copyAll writes the files of fsys below dir, with name in the place of the placeholder.
func copyAll(dir string, fsys fs.FS, name string) error {
	return fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p == "template" { // a library's own
				return fs.SkipDir
			}
			return nil
		}
		base := path.Base(p)
		inLibrary := name == placeholder
		if inLibrary && (strings.HasSuffix(base, "_test.go") || base == "library.go") {
			return nil
		}
		b, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		return put(filepath.Join(dir, filepath.FromSlash(p)), bytes.ReplaceAll(b, []byte(placeholder), []byte(name)))
	})
}

func put(file string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}
