package supply_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/becomingone/becomingone/plugins/supply"
)

// The signature of two files by the key whose seed is 32 zero bytes. ed25519 has no chance in it:
// whoever follows the package comment writes the same bytes.
func ExampleKey_Sign() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "plugin.key")
	seed := "becomingone plugin key 1 " + base64.RawURLEncoding.EncodeToString(make([]byte, 32)) + "\n"
	if err := os.WriteFile(file, []byte(seed), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	k, err := supply.OpenKey(file, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	st := supply.NewStatement([]byte("name: voice\n"), []byte("\x00asm"))
	fmt.Printf("%s%s\n", k.Sign(st).Bytes(), st.Digest())
	// Output:
	// becomingone plugin 1
	// manifest d10975bdeac6c825d5fed25aaaae8edba9d6826ba506af2ca5d1e473b00ae6a1
	// module cd5d4935a48c0672cb06407bb443bc0087aff947c6b864bac886982c73b3027f
	// signer ed25519:O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik
	// signature -MZF0uIKe2J7Dn7W6qdohPy24g4MRlW-akv7nSh8uVGo2ff1p-NrjtcCy1wLKqvlWDD0VPJyENWA1XHq96bTBw
	// sha256:b75c2f6fa7c344d16c94e4cd1e2c4f3ea23a96b88d149beaa37cbb33c5a6c09c
}
