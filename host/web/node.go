package web

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/becomingone/becomingone/kernel/gate"
)

// Role is what a caller has proven to be.
type Role uint8

// The roles. The zero value has proven nothing.
const (
	Nobody Role = iota // reads the redacted state, on loopback only
	Agent              // also proposes calls and feeds untrusted input
	Owner              // also feeds trusted input and reads reasons and payloads
)

// String returns the role's name in answers: "nobody", "agent" or "owner".
func (r Role) String() string {
	names := [...]string{"nobody", "agent", "owner"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// MarshalText returns the role's name; an invalid role is an error.
func (r Role) MarshalText() ([]byte, error) {
	if r > Owner {
		return nil, fmt.Errorf("web: role %d: not in 0…%d", r, Owner)
	}
	return []byte(r.String()), nil
}

// Node is what answers behind the page and the API. Its methods are called concurrently. An *Error
// that they return reaches the caller as it is; any other error is logged and answered as internal.
type Node interface {
	// Status returns the whole state as the owner may see it; the server redacts it for others.
	Status(ctx context.Context) (Status, error)
	// Call proposes an action to the gate. A refusal is an Outcome, not an error.
	Call(ctx context.Context, req CallRequest, role Role) (Outcome, error)
	// Sense offers a batch of lines or one text. It must refuse, as a LineError, every line that
	// itself claims "trust":"trusted" unless role is Owner: the server checks the query only.
	Sense(ctx context.Context, req SenseRequest, role Role) (SenseResult, error)
}

// Witness reads the log of what happened.
type Witness interface {
	Size() uint64                                                            // number of entries
	Entries(ctx context.Context, from uint64, n int) ([]WitnessEntry, error) // at most n, without proofs
	Entry(ctx context.Context, index uint64) (WitnessEntry, error)           // one, with its inclusion proof
}

// Catalogue lists the actions that may be called, in a stable order.
type Catalogue interface {
	Tools() []Tool
}

// Status is the state of a node: GET /api/v1/status, and the payload of the event "status".
type Status struct {
	Name      string     `json:"name"`                // the node's own name
	ID        string     `json:"id,omitempty"`        // its public identity
	Version   string     `json:"version"`             // of the binary
	Mode      string     `json:"mode,omitempty"`      // "demo" while a recorded signal is played
	At        int64      `json:"at"`                  // the node's clock, ns since 1970
	StartedAt int64      `json:"started_at"`          // ns since 1970
	Fields    []Field    `json:"fields"`              // in the order of the config
	Decisions []Decision `json:"decisions"`           // the latest, oldest first, at most 50
	Plugins   []Plugin   `json:"plugins"`             // in the order of the config
	Hooks     []Hook     `json:"hooks"`               // in the order of the config
	Log       Log        `json:"log"`                 // the witness log
	Questions []Question `json:"questions,omitempty"` // those that wait for the user, the newest 100
	Shadow    bool       `json:"shadow,omitempty"`    // the gate of agents' calls records and blocks nothing
	Peers     []Peer     `json:"peers,omitempty"`     // nodes of the mesh
}

// Complex is a complex number as [re, im].
type Complex [2]float64

// Field is one line about a field: in Status (with Gate) and the payload of the event "field" (Gate
// may be left out there). Publish every change of State; between them ten lines a second are plenty.
type Field struct {
	T        int64       `json:"t"`                  // event time of the newest sample, ns, any epoch
	At       int64       `json:"at,omitempty"`       // the node's clock, ns since 1970
	Field    string      `json:"field"`              // its name
	Master   Pathway     `json:"master"`             // the slow pathway
	Emissary Pathway     `json:"emissary"`           // the fast pathway
	Sync     Sync        `json:"sync"`               // their joint state
	Evidence Evidence    `json:"evidence"`           // against chance
	State    gate.State  `json:"state"`              // where the field stands
	Decision string      `json:"decision,omitempty"` // what this sample decided, as in replay
	Reason   string      `json:"reason,omitempty"`   // one line of numbers; shown to everyone
	Margins  *Margins    `json:"margins,omitempty"`  // how far each condition holds
	Gate     *GateLimits `json:"gate,omitempty"`     // what the state is judged by
	Spectrum []Pathway   `json:"spectrum,omitempty"` // Master's levels from fast to slow; in Status only
	Counts   *Counts     `json:"counts,omitempty"`   // what became of the field's samples; in Status only
}

// Counts is what became of a field's samples.
type Counts struct {
	Samples  uint64 `json:"samples"`  // taken
	Late     uint64 `json:"late"`     // too old to be placed
	Repeated uint64 `json:"repeated"` // of a time that the channel has had
	Refused  uint64 `json:"refused"`  // of the wrong form or shape, or of one channel too many
}

// Margins are those of gate.Margins: >= 0 where a condition of a collapse holds.
type Margins struct {
	Effect   float64 `json:"effect"`   // |T|² beyond the threshold
	Evidence float64 `json:"evidence"` // nats beyond the budget
	First    float64 `json:"first"`    // nats beyond the budget of the first collapse
	Mass     float64 `json:"mass"`     // samples beyond the least
	Chord    float64 `json:"chord"`    // closer than the greatest chord
	Fresh    float64 `json:"fresh"`    // seconds until stale
}

// Pathway is the coherence of one pathway; T2 = |T|² in [0, 1].
type Pathway struct {
	T    Complex `json:"T"`
	T2   float64 `json:"T2"`
	Nu   float64 `json:"nu"`    // effective number of samples
	Mass float64 `json:"mass"`  // weight in the window, in samples
	TauS float64 `json:"tau_s"` // window, seconds of event time
}

// Sync is the joint state of both pathways.
type Sync struct {
	T     Complex `json:"T"`
	T2    float64 `json:"T2"`
	Chord float64 `json:"chord"` // |T_master − T_emissary|, in [0, 2]
	Gap   float64 `json:"gap"`   // ||T_master| − |T_emissary||
	Angle float64 `json:"angle"` // rad
	Nu    float64 `json:"nu"`
}

// Evidence says how unlikely the coherence is under chance; natural logarithms. Null: switched off.
type Evidence struct {
	LnPBound *float64 `json:"lnP_bound"` // bound on the probability that one look collapses by chance
	LnE      *float64 `json:"lnE"`       // e-process since the last release
	LnSR     *float64 `json:"lnSR"`      // change detector
}

// GateLimits is what a field must reach to collapse, and fall below to be released.
type GateLimits struct {
	Threshold float64 `json:"threshold"`            // least |T|² to collapse
	Release   float64 `json:"release"`              // |T|² below which a collapsed field is released
	NuMin     float64 `json:"nu_min,omitempty"`     // effective number of samples at which the bound suffices
	LnBudget  float64 `json:"ln_budget"`            // greatest lnP_bound of one look
	LnSRMin   float64 `json:"lnSR_min,omitempty"`   // least lnSR of the second route; 0: route off
	MassMin   float64 `json:"mass_min"`             // least mass of either pathway
	ChordMax  float64 `json:"chord_max"`            // greatest chord
	AlphaHour float64 `json:"alpha_hour,omitempty"` // false collapses an hour that the budget allows
	StaleS    float64 `json:"stale_s,omitempty"`    // silence after which the field is stale, seconds
}

// Decision is one answer of the gate: in Status, and the payload of the event "decision".
type Decision struct {
	At           int64        `json:"at"`               // the node's clock, ns since 1970
	Action       string       `json:"action"`           // the proposed action
	Origin       string       `json:"origin,omitempty"` // "agent", "owner" or "field:NAME"
	Session      string       `json:"session,omitempty"`
	Verdict      gate.Verdict `json:"verdict"`
	Keys         []gate.Key   `json:"keys"`
	Reason       string       `json:"reason"`
	Realign      string       `json:"realign,omitempty"`
	QuestionID   string       `json:"question_id,omitempty"`
	WouldBlock   bool         `json:"would_block,omitempty"` // shadow mode: it passed, and would not have
	WitnessIndex uint64       `json:"witness_index"`
}

// Ran is an executed action: the payload of the event "action".
type Ran struct {
	At           int64      `json:"at"` // ns since 1970, when it had finished
	Action       string     `json:"action"`
	Plugin       string     `json:"plugin"`
	DurationUS   int64      `json:"duration_us"`
	Error        *CallError `json:"error,omitempty"`
	Decision     uint64     `json:"decision"`      // witness_index of the decision that released it
	WitnessIndex uint64     `json:"witness_index"` // of its own record
}

// Plugin is a plugin's counts: in Status, and the payload of the event "plugin".
type Plugin struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`    // action, observer or input
	Version   string `json:"version"` //
	Digest    string `json:"digest"`  // sha256 of its module, hexadecimal
	State     string `json:"state"`   // "ready", else what is wrong in one word
	Calls     uint64 `json:"calls"`   // calls or batches
	Failures  uint64 `json:"failures"`
	Dropped   uint64 `json:"dropped"`              // observations that found the queue full
	LastError string `json:"last_error,omitempty"` // for the owner
}

// Hook is a hook's counts: in Status, and the payload of the event "hook". Name must not hold
// arguments of a command: everybody on this machine may read it.
type Hook struct {
	Event     string `json:"event"`
	Name      string `json:"name"` // the script's file name
	Matcher   string `json:"matcher,omitempty"`
	Runs      uint64 `json:"runs"`
	Blocks    uint64 `json:"blocks"`
	Failures  uint64 `json:"failures"`
	Dropped   uint64 `json:"dropped"`
	LastError string `json:"last_error,omitempty"` // for the owner
}

// Log is the witness log: in Status, and the payload of the event "log".
type Log struct {
	Size         uint64 `json:"size"`            // entries, durable
	Bytes        uint64 `json:"bytes,omitempty"` // on disk
	CheckpointAt int64  `json:"checkpoint_at"`   // ns since 1970; 0: none yet
	Checkpoint   uint64 `json:"checkpoint"`      // entries that the last checkpoint covers
	Root         string `json:"root,omitempty"`  // its root hash, base64
}

// Peer is a node of the mesh.
type Peer struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Link      string  `json:"link"` // "direct", "relay", …
	State     string  `json:"state"`
	RTTMs     float64 `json:"rtt_ms"`
	OffsetUS  float64 `json:"offset_us"`
	Coherence float64 `json:"coherence"` // |T|² as the peer tells it
}

// CallRequest is the body of POST /api/v1/call.
type CallRequest struct {
	Action    string          `json:"action"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // a JSON object; "{}" when left out
	Session   string          `json:"session,omitempty"`
}

// Outcome is what became of a proposed call.
type Outcome struct {
	Verdict      gate.Verdict    `json:"verdict"`
	Action       string          `json:"action"`
	Session      string          `json:"session"`
	Content      []Content       `json:"content"`
	Structured   json.RawMessage `json:"structured,omitempty"`
	Reason       string          `json:"reason"`
	Keys         []gate.Key      `json:"keys"`
	Realign      string          `json:"realign,omitempty"`
	QuestionID   string          `json:"question_id,omitempty"`
	WitnessIndex uint64          `json:"witness_index"`
	WouldBlock   bool            `json:"would_block,omitempty"` // shadow mode: it passed, and would not have
	Would        gate.Verdict    `json:"would,omitzero"`        // shadow mode: what the verdict would have been
	Error        *CallError      `json:"error,omitempty"`       // the action was executed and said no
}

// Content is one piece of an action's answer, as in MCP.
type Content struct {
	Type     string `json:"type"`               // "text", "image" or "audio"
	Text     string `json:"text,omitempty"`     // of a text
	Data     string `json:"data,omitempty"`     // otherwise: base64, standard alphabet, padded
	MimeType string `json:"mimeType,omitempty"` // of Data
}

// CallError is an action's own failure.
type CallError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// SenseFormat says what the lines of a SenseRequest are.
type SenseFormat uint8

// The formats.
const (
	NDJSON SenseFormat = 1 + iota // one JSON sample a line
	Text                          // one line that is the whole text
)

// SenseRequest is a batch of what POST /api/v1/sense received, in order.
type SenseRequest struct {
	Format  SenseFormat
	Channel string // for lines that name none
	Session string // whose conversation a text belongs to
	Source  string // where it came from, for later reasons
	Trusted bool   // the trust of lines that say none; true only from an Owner
	Lines   []Line // lent for the duration of the call
}

// Line is one line of input; N counts from 1. Data is lent for the duration of the call.
type Line struct {
	N    int
	Data []byte
}

// SenseResult says how many lines of the batch were accepted and which were not.
type SenseResult struct {
	Accepted int
	Errors   []LineError
}

// LineError is a refused line.
type LineError struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// WitnessEntry is one entry of the log. Payload is for the owner; the server strips it for others.
type WitnessEntry struct {
	Index    uint64          `json:"index"`
	At       int64           `json:"at"`       // leaf time, ns since 1970
	Type     string          `json:"type"`     // the record's type by name
	Level    string          `json:"level"`    // micro, meso, macro or meta
	Sequence uint64          `json:"sequence"` //
	LeafHash string          `json:"leaf_hash"`
	Erased   bool            `json:"erased,omitempty"`
	Payload  json.RawMessage `json:"payload,omitempty"`
	Proof    *WitnessProof   `json:"proof,omitempty"`
}

// WitnessProof proves an entry's inclusion in the tree of a signed checkpoint.
type WitnessProof struct {
	Leaf       string   `json:"leaf"`       // base64 of the leaf's bytes
	Hashes     []string `json:"hashes"`     // base64, from the leaf upwards
	Size       uint64   `json:"size"`       // of the tree
	Checkpoint string   `json:"checkpoint"` // the signed note
}

// Tool is one action that may be called.
type Tool struct {
	Name         string          `json:"name"`
	Plugin       string          `json:"plugin"`
	Version      string          `json:"version"`
	Description  string          `json:"description"`
	Effect       gate.Effect     `json:"effect"`
	Requires     gate.Requires   `json:"requires"`
	Trigger      gate.Trigger    `json:"trigger"`
	InputSchema  json.RawMessage `json:"input_schema,omitempty"`
	OutputSchema json.RawMessage `json:"output_schema,omitempty"`
	Annotations  json.RawMessage `json:"annotations,omitempty"`
}
