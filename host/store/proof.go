package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/becomingone/becomingone/kernel/witness"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const proofMagic = "c2sp.org/tlog-proof@v1"

// Proof shows, without the log, that a leaf is the entry Index of the tree that a signed checkpoint
// states. It marshals to JSON, and as text to C2SP tlog-proof with the leaf as its extra data.
type Proof struct {
	Index      uint64      `json:"index"`
	Leaf       []byte      `json:"leaf"`       // binary form, base64
	Hashes     []tlog.Hash `json:"hashes"`     // from the leaf's sibling up to the root's child, base64
	Checkpoint string      `json:"checkpoint"` // signed note
}

// MarshalText returns the proof in the C2SP tlog-proof format.
func (p Proof) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofMagic, base64.StdEncoding.EncodeToString(p.Leaf), p.Index)
	for _, h := range p.Hashes {
		fmt.Fprintf(&b, "%s\n", h)
	}
	fmt.Fprintf(&b, "\n%s", p.Checkpoint)
	return b.Bytes(), nil
}

// UnmarshalText reads what MarshalText writes. It checks the form only: see VerifyProof.
func (p *Proof) UnmarshalText(text []byte) error {
	head, checkpoint, ok := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || lines[0] != proofMagic {
		return fmt.Errorf("store: proof: want the line %q, extra, index, hashes, an empty line and a checkpoint", proofMagic)
	}
	extra, ok1 := strings.CutPrefix(lines[1], "extra ")
	index, ok2 := strings.CutPrefix(lines[2], "index ")
	leaf, err := base64.StdEncoding.Strict().DecodeString(extra)
	if !ok1 || err != nil {
		return fmt.Errorf("store: proof: line %q: want extra and the leaf in base64", lines[1])
	}
	n, err := strconv.ParseUint(index, 10, 63)
	if !ok2 || err != nil || strconv.FormatUint(n, 10) != index {
		return fmt.Errorf("store: proof: line %q: want index and a decimal number", lines[2])
	}
	q := Proof{Index: n, Leaf: leaf, Checkpoint: checkpoint}
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return fmt.Errorf("store: proof: line %q: want 32 bytes in base64", line)
		}
		q.Hashes = append(q.Hashes, h)
	}
	*p = q
	return nil
}

// proofJSON is Proof without its MarshalText, which encoding/json would prefer.
type proofJSON Proof

// MarshalJSON returns the proof as an object.
func (p Proof) MarshalJSON() ([]byte, error) { return json.Marshal(proofJSON(p)) }

// UnmarshalJSON reads what MarshalJSON writes. It checks the form only: see VerifyProof.
func (p *Proof) UnmarshalJSON(b []byte) error {
	var q proofJSON
	if err := json.Unmarshal(b, &q); err != nil {
		return fmt.Errorf("store: proof: %w", err)
	}
	*p = Proof(q)
	return nil
}

// VerifyProof checks a proof against the log's public key (a note verifier key, as VerifierKey
// returns it) and nothing else, and returns the proven leaf and the checkpoint it lies under.
func VerifyProof(verifierKey string, p Proof) (witness.Leaf, Checkpoint, error) {
	fail := func(err error) (witness.Leaf, Checkpoint, error) {
		return witness.Leaf{}, Checkpoint{}, fmt.Errorf("store: proof of entry %d: %w", p.Index, err)
	}
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return fail(err)
	}
	cp, err := parseCheckpoint([]byte(p.Checkpoint), verifier)
	if err != nil {
		return fail(fmt.Errorf("checkpoint: %w", err))
	}
	if p.Index >= cp.Size {
		return fail(fmt.Errorf("checkpoint of %d entries: %w", cp.Size, ErrRange))
	}
	err = tlog.CheckRecord(p.Hashes, int64(cp.Size), cp.Root, int64(p.Index), tlog.RecordHash(p.Leaf))
	if err != nil {
		return fail(err)
	}
	leaf, err := witness.DecodeLeaf(p.Leaf)
	if err != nil {
		return fail(err)
	}
	if leaf.Sequence != p.Index {
		return fail(fmt.Errorf("the leaf's sequence number is %d", leaf.Sequence))
	}
	return leaf, cp, nil
}
