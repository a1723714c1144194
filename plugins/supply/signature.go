package supply

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	signatureHead = "becomingone plugin 1"
	signerPrefix  = "ed25519:"
	maxSignature  = 512 // bytes of a signature file
)

var encoding = base64.RawURLEncoding.Strict()

// Statement is what is signed: which manifest with which module.
type Statement struct {
	Manifest [sha256.Size]byte
	Module   [sha256.Size]byte
}

// NewStatement hashes the two files.
func NewStatement(manifest, module []byte) Statement {
	return Statement{sha256.Sum256(manifest), sha256.Sum256(module)}
}

func (s Statement) text() string {
	return fmt.Sprintf("%s\nmanifest %x\nmodule %x\n", signatureHead, s.Manifest, s.Module)
}

// Digest names the bundle: "sha256:" and the digest of the statement's three lines.
func (s Statement) Digest() string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s.text())))
}

// Signature is a statement and who made it.
type Signature struct {
	Statement
	Signer string // "ed25519:" and the public key
	sig    []byte
}

// Sign makes the signature of a statement.
func (k Key) Sign(s Statement) Signature {
	out := Signature{Statement: s, Signer: k.Signer()}
	out.sig = ed25519.Sign(k.private, []byte(out.signed()))
	return out
}

func (s Signature) signed() string { return s.text() + "signer " + s.Signer + "\n" }

// Bytes returns the signature as a file.
func (s Signature) Bytes() []byte {
	return []byte(s.signed() + "signature " + encoding.EncodeToString(s.sig) + "\n")
}

// ParseSignature reads a signature file and verifies it. That its digests are those of the files is
// for the caller to compare. An error is a *VerifyError.
func ParseSignature(path string, b []byte) (Signature, error) {
	var s Signature
	bad := func(what string) (Signature, error) { return Signature{}, &VerifyError{path, what} }
	if len(b) > maxSignature {
		return bad(fmt.Sprintf("%d bytes, want at most %d", len(b), maxSignature))
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != 6 || lines[0] != signatureHead {
		return bad(fmt.Sprintf("want five lines, the first %q", signatureHead))
	}
	var fields [4]string
	for i, word := range []string{"manifest", "module", "signer", "signature"} {
		var ok bool
		if fields[i], ok = strings.CutPrefix(lines[i+1], word+" "); !ok {
			return bad(fmt.Sprintf("line %d: want it to begin with %q", i+2, word))
		}
	}
	for i, dst := range [][]byte{s.Manifest[:], s.Module[:]} {
		if n, err := hex.Decode(dst, []byte(fields[i][:min(len(fields[i]), 2*len(dst))])); err != nil || n != len(dst) {
			return bad(fmt.Sprintf("line %d: want 64 hexadecimal digits", i+2))
		}
	}
	key, err := publicKey(fields[2])
	if err != nil {
		return bad("line 4: " + err.Error())
	}
	s.Signer = fields[2]
	if s.sig, err = encoding.DecodeString(fields[3]); err != nil || len(s.sig) != ed25519.SignatureSize {
		return bad("line 5: want 64 bytes in base64url")
	}
	if !bytes.Equal(s.Bytes(), b) {
		return bad("not written in the one way that a signature is")
	}
	if !ed25519.Verify(key, []byte(s.signed()), s.sig) {
		return bad("the signature is not that of " + s.Signer)
	}
	return s, nil
}

// ValidSigner reports whether s has the form of a signer: "ed25519:" and a public key.
func ValidSigner(s string) bool {
	_, err := publicKey(s)
	return err == nil
}

func publicKey(signer string) (ed25519.PublicKey, error) {
	text, ok := strings.CutPrefix(signer, signerPrefix)
	key, err := encoding.DecodeString(text)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("signer: want %q and 32 bytes in base64url", signerPrefix)
	}
	return key, nil
}
