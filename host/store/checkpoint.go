package store

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement of the log: at Size entries its tree has the hash Root.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   [32]byte
	Note   []byte // the signed note (C2SP tlog-checkpoint) that says so
}

// signCheckpoint writes the checkpoint of a tree.
func signCheckpoint(signer note.Signer, size uint64, root tlog.Hash) (Checkpoint, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, root)
	msg, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("store: sign checkpoint of %d entries: %w", size, err)
	}
	return Checkpoint{Origin: signer.Name(), Size: size, Root: root, Note: msg}, nil
}

// parseCheckpoint verifies a signed checkpoint and accepts exactly what signCheckpoint writes: any
// other byte, even one that a lax base64 reader would skip, is an error.
func parseCheckpoint(msg []byte, verifier note.Verifier) (Checkpoint, error) {
	n, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("want three lines that begin with %q", verifier.Name())
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("size %q: want a decimal number", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return Checkpoint{}, fmt.Errorf("root %q: want 32 bytes in base64", lines[2])
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("signature: %w", err)
	}
	want := fmt.Sprintf("%s\n— %s %s\n", n.Text, verifier.Name(), base64.StdEncoding.EncodeToString(sig))
	if !bytes.Equal(msg, []byte(want)) {
		return Checkpoint{}, errors.New("bytes beside the text and the log's own signature")
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root, Note: msg}, nil
}

// readCheckpoint reads and verifies the newest checkpoint of a folder.
func readCheckpoint(root string, verifier note.Verifier) (Checkpoint, error) {
	msg, err := read(root, checkpointName)
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, damaged(checkpointName, -1, "the file is missing")
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("store: %w", err)
	}
	cp, err := parseCheckpoint(msg, verifier)
	if err != nil {
		return Checkpoint{}, damaged(checkpointName, -1, "%v", err)
	}
	return cp, nil
}

// readVerifier reads the log's public key. In a folder that holds no log its absence is
// fs.ErrNotExist, in any other damage.
func readVerifier(root string) (note.Verifier, string, error) {
	b, err := read(root, verifierName)
	if errors.Is(err, fs.ErrNotExist) && holdsLog(root) {
		return nil, "", damaged(verifierName, -1, "the file is missing")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("store: %s: no log in this folder: %w", root, err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("store: %w", err)
	}
	key := strings.TrimSuffix(string(b), "\n")
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, "", damaged(verifierName, -1, "%v", err)
	}
	return v, key, nil
}

// holdsLog reports whether a log was made in a folder: its secret key is there, or any entry. What
// the making of one leaves when it is cut off is none.
func holdsLog(root string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(secretName)))
	return err == nil || holdsEntries(root)
}

// holdsEntries reports whether tiles, a journal or payloads are there.
func holdsEntries(root string) bool {
	for _, dir := range []string{logDir + "/tile", journalDir, payloadDir} {
		if entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(dir))); err == nil && len(entries) > 0 {
			return true
		}
	}
	return false
}

// readSigner reads the log's secret key, unless others may read it too: who has it can sign another
// history.
func readSigner(root string) (note.Signer, error) {
	b, err := read(root, secretName)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := checkPrivate(root, secretName); err != nil {
		return nil, err
	}
	s, err := note.NewSigner(strings.TrimSuffix(string(b), "\n"))
	if err != nil {
		return nil, damaged(secretName, -1, "%v", err)
	}
	return s, nil
}

// newKeys makes a log's key pair and name.
func newKeys(rand io.Reader, origin string) (secret, public string, err error) {
	if origin == "" {
		var b [8]byte
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return "", "", fmt.Errorf("store: new origin: %w", err)
		}
		origin = fmt.Sprintf("becomingone/%x", b)
	}
	secret, public, err = note.GenerateKey(rand, origin)
	if err != nil {
		return "", "", fmt.Errorf("store: new key: %w", err)
	}
	return secret, public, nil
}
