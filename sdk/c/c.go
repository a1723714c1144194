// Package c holds what a plugin in C is made of: the library and the files to begin with.
package c

import (
	"embed"
	"io/fs"
)

//go:embed src template
var files embed.FS

// Library returns what a plugin has in its folder bo1.
func Library() (fs.FS, error) { return fs.Sub(files, "src") }

// Template returns the files of a working plugin. The word plugin-name in them is its name.
func Template() (fs.FS, error) { return fs.Sub(files, "template") }
