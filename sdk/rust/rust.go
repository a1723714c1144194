// Package rust holds what a plugin in Rust is made of: the crate and the files to begin with.
package rust

import (
	"embed"
	"io/fs"
)

//go:embed Cargo.toml src
var library embed.FS

//go:embed template
var template embed.FS

// Library returns what a plugin has in its folder bo1.
func Library() (fs.FS, error) { return library, nil }

// Template returns the files of a working plugin. The word plugin-name in them is its name.
func Template() (fs.FS, error) { return fs.Sub(template, "template") }
