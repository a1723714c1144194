//go:build !wasip1

package sdk

import (
	"embed"
	"io/fs"
)

//go:embed *.go *.s abi/*.go template
var files embed.FS

// Library returns this package and abi below it, as source: what a plugin has in its folder bo1/sdk.
// Tests and this file are not part of it.
func Library() (fs.FS, error) { return files, nil }

// Template returns the files of a working plugin. The word plugin-name in them is its name.
func Template() (fs.FS, error) { return fs.Sub(files, "template") }
