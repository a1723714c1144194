// Package supply keeps what is installed: from where, signed by whom, with which rights.
//
// A bundle is a manifest (plugin.yaml), the module that it names, and a signature (plugin.sig) if
// its author gave one. The signature is five lines, each ended by a newline:
//
//	becomingone plugin 1
//	manifest SHA256 of the manifest's bytes, 64 hexadecimal digits
//	module SHA256 of the module's bytes, 64 hexadecimal digits
//	signer ed25519:PUBLIC KEY, base64url without padding
//	signature ED25519 of the four lines above, base64url without padding
//
// There is one way to write it and it is read strictly. It is verified, and the manifest's digest
// compared, before the manifest or the module is parsed. The first three lines are the statement;
// its digest names the bundle, signed or not.
//
// Below the folder of a Store (DATA/plugins) stand NAME/FOLDER with the files of a bundle and
// lock.yaml, which says which of them count: a bundle that the lock does not name, or whose digest is
// not the locked one, is not loaded. A folder is written and synced under another name first, and
// replacing the lock is the one step that installs it, so whatever is killed leaves the old or the
// new state.
//
// # RATIONALE
//
// Why is the signer a key and not a name? Who is behind a key is for people to find out; what the
// lock holds is that it is the same one as before. Why is the whole key shown and not a hash? It has
// 43 characters, and nothing can be confused.
package supply

import (
	"errors"
	"fmt"
)

// ErrNotInstalled means that the lock has no plugin of that name.
var ErrNotInstalled = errors.New("not installed")

// VerifyError says what of a bundle is not what was signed or locked.
type VerifyError struct {
	Path string // of the file, for people
	What string
}

// Error says path and what is wrong.
func (e *VerifyError) Error() string { return fmt.Sprintf("supply: verify %s: %s", e.Path, e.What) }

// ConsentError means that somebody who may has to say yes first.
type ConsentError struct {
	Name string   // of the plugin
	Why  []string // what is new, a line each; never empty
}

// Error says the first reason.
func (e *ConsentError) Error() string {
	more := ""
	if n := len(e.Why) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("supply: install %s: needs a yes: %s%s", e.Name, e.Why[0], more)
}
