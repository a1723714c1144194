// Package as holds what a plugin in AssemblyScript is made of: the library and the files to begin
// with.
package as

import (
	"embed"
	"io/fs"
)

//go:embed assembly template
var files embed.FS

// Library returns what a plugin has in its folder bo1.
func Library() (fs.FS, error) { return fs.Sub(files, "assembly") }

// Template returns the files of a working plugin. The word plugin-name in them is its name.
func Template() (fs.FS, error) { return fs.Sub(files, "template") }
