// Package folder is the data folder as every command sees it: where it is, the two tokens that say
// who may do what, and the note by which a running node is found.
package folder

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// ErrNotRunning means that no node has left its note in the data folder.
var ErrNotRunning = errors.New("no node is running on this data folder")

// Default is the data folder where none is named: $XDG_DATA_HOME/becomingone, else
// ~/.local/share/becomingone.
func Default() (string, error) {
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" || !filepath.IsAbs(base) { // the XDG specification ignores relative values
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("folder: find home: %w", err)
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "becomingone"), nil
}

// Tokens are the two credentials of a data folder (SURFACE.md, "Who may say what").
type Tokens struct {
	Agent string // call, status, untrusted sense
	Owner string // all of that, and trusted sense, approvals, configuration
}

// OpenTokens returns the folder's tokens and makes them, readable by this user only, where they are
// missing. Two processes that start at once agree on one pair.
func OpenTokens(dir string) (Tokens, error) {
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return Tokens{}, fmt.Errorf("folder: make keys: %w", err)
	}
	var t Tokens
	for _, one := range []struct {
		name string
		dst  *string
	}{{"agent.token", &t.Agent}, {"owner.token", &t.Owner}} {
		path := filepath.Join(dir, "keys", one.name)
		if err := create(path); err != nil {
			return Tokens{}, err
		}
		token, err := readToken(path)
		if err != nil {
			return Tokens{}, err
		}
		*one.dst = token
	}
	return t, nil
}

// AgentToken reads the agent's token of an existing folder.
func AgentToken(dir string) (string, error) {
	return readToken(filepath.Join(dir, "keys", "agent.token"))
}

// OwnerToken reads the owner's token of an existing folder. Only a command that a person types at a
// terminal may ask for it.
func OwnerToken(dir string) (string, error) {
	return readToken(filepath.Join(dir, "keys", "owner.token"))
}

// create writes a fresh token unless path exists. The link makes it appear whole or not at all.
func create(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("folder: draw token: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".token-*") // 0600 by definition
	if err != nil {
		return fmt.Errorf("folder: write token: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(base64.RawURLEncoding.EncodeToString(secret) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("folder: write token: %w", err)
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("folder: place token: %w", err)
	}
	return nil
}

// Proof is what a node answers to a nonce, so that a caller knows it before sending a token: the keyed
// hash of the nonce under the agent's token, in hexadecimal.
func Proof(agentToken, nonce string) string {
	h := hmac.New(sha256.New, []byte(agentToken))
	h.Write([]byte("becomingone node " + nonce))
	return hex.EncodeToString(h.Sum(nil))
}

func readToken(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("folder: read token: %w", err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return "", fmt.Errorf("folder: token %s: mode %04o lets others read it: want 0600; chmod 600 it, or remove it for a new one", path, mode)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("folder: read token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 {
		return "", fmt.Errorf("folder: token %s: not 32 bytes in base64url; remove the file and restart the node for a new one", path)
	}
	return token, nil
}

// Node is the note of a running node, DATA/run/node.json.
type Node struct {
	PID     int       `json:"pid"`
	URL     string    `json:"url"` // where its HTTP interface answers, e.g. http://127.0.0.1:4917
	Version string    `json:"version"`
	Started time.Time `json:"started"`
}

func notePath(dir string) string { return filepath.Join(dir, "run", "node.json") }

// WriteNode leaves the note, mode 0600, whole or not at all.
func WriteNode(dir string, n Node) error {
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o700); err != nil {
		return fmt.Errorf("folder: make run: %w", err)
	}
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return fmt.Errorf("folder: encode note: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Join(dir, "run"), ".node-*")
	if err != nil {
		return fmt.Errorf("folder: write note: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(b, '\n'))
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("folder: write note: %w", err)
	}
	if err := os.Rename(tmp.Name(), notePath(dir)); err != nil {
		return fmt.Errorf("folder: place note: %w", err)
	}
	return nil
}

// ReadNode returns the note, or ErrNotRunning where there is none. A node that was killed leaves its
// note behind, so the caller still has to ask at its address.
func ReadNode(dir string) (Node, error) {
	b, err := os.ReadFile(notePath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return Node{}, fmt.Errorf("folder: %s: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return Node{}, fmt.Errorf("folder: read note: %w", err)
	}
	var n Node
	if err := json.Unmarshal(b, &n); err != nil {
		return Node{}, fmt.Errorf("folder: decode %s: %w", notePath(dir), err)
	}
	return n, nil
}

// RemoveNode takes the note away if it is still pid's.
func RemoveNode(dir string, pid int) error {
	n, err := ReadNode(dir)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil || n.PID != pid {
		return err
	}
	if err := os.Remove(notePath(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder: remove note: %w", err)
	}
	return nil
}
