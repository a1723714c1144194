// Package mcp serves a node's gated actions to MCP clients, over stdio and over streamable HTTP.
//
// A tool call is a proposal: the node's gate decides whether it is executed. What comes back:
//
//	executed            isError false; the action's content, its structured result if it has one
//	held, dissipated    isError true; the text names what is missing, structuredContent is
//	                    {verdict, reason, keys[{name, pass, margin, need}], realign?, question_id?, witness_index}
//	executed, failed    isError true; the text is "code: message", structuredContent as above with
//	                    error {code, message} and the verdict collapse
//	refused arguments   isError true; structuredContent {error {code, message}}; the gate was not asked
//	unknown tool, node  a JSON-RPC error
//
// Every decided result carries becomingone/verdict and becomingone/witness_index in its _meta.
//
// A tool that declares an output schema is listed with anyOf(its schema, the refusal above): some
// clients check structuredContent of errors against the listed schema, and would otherwise throw
// away the very answer that says what is missing.
//
// The protocol revisions are those of mark3labs/mcp-go, 2024-11-05 to 2026-07-28, on one endpoint;
// none of its types appear in this package's API.
package mcp

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/becomingone/becomingone/kernel/gate"
)

// The resources that every node has. WitnessPrefix is followed by a decimal index.
const (
	CoherenceURI  = "becomingone://coherence"
	WitnessPrefix = "becomingone://witness/"
)

// ErrNotFound is what a Node's Read wraps when it has no such resource.
var ErrNotFound = errors.New("not found")

// ErrClosed is returned by a server that was closed.
var ErrClosed = errors.New("mcp: server closed")

// Node is what a server stands in front of. Its methods are called concurrently.
type Node interface {
	// Tools returns the actions that are offered now, in any order; the caller owns the slice.
	Tools() []Tool
	// Call proposes c to the gate and, if it collapses, executes it. It returns when ctx ends. An
	// error means that nothing was decided; every decided call is a Result.
	Call(ctx context.Context, c Call) (Result, error)
	// Read returns the JSON of CoherenceURI or of a witness URI; an error that wraps ErrNotFound
	// says that there is none.
	Read(ctx context.Context, uri string) (json.RawMessage, error)
}

// Tool is one gated action as a client sees it.
type Tool struct {
	Name         string          // 1 to 128 of A-Z a-z 0-9 _ . / -
	Title        string          // for people; may be empty
	Description  string          // for the model
	InputSchema  json.RawMessage // JSON Schema of an object; empty accepts every object
	OutputSchema json.RawMessage // JSON Schema of an object; empty declares none
	Annotations  Annotations
}

// Annotations are the action's hints to a client. All four are always sent: left out, the protocol
// reads them as destructive and open to the world.
type Annotations struct {
	ReadOnly    bool // changes nothing
	Destructive bool // may undo or overwrite
	Idempotent  bool // the same call twice is as once
	OpenWorld   bool // reaches beyond this machine
}

// Call is one proposed action.
type Call struct {
	Session   string          // who asks: one stdio process, one MCP session, or one HTTP credential
	Tool      string          // a name that Tools returned
	Arguments json.RawMessage // an object: keys sorted and unique, numbers with the digits that were sent
}

// Result is what became of a call. Its JSON is the outcome that the CLI and the HTTP API share.
type Result struct {
	Verdict      gate.Verdict    `json:"verdict,omitzero"` // zero only beside Err: it failed before a decision
	Content      []Content       `json:"content,omitempty"`
	Structured   json.RawMessage `json:"structured,omitempty"` // an object; only when executed
	Reason       string          `json:"reason"`               // one line for a person
	Keys         []gate.Key      `json:"keys"`                 // in the gate's order
	Realign      string          `json:"realign,omitempty"`    // what would make the same call collapse
	QuestionID   string          `json:"question_id,omitempty"`
	WitnessIndex uint64          `json:"witness_index"`   // the decision's record
	Err          *Failure        `json:"error,omitempty"` // the action's own failure
}

// Content is one block of an answer. Which fields count depends on Type:
//
//	text           Text
//	image, audio   Data, MIMEType
//	resource       URI, MIMEType and either Text or Data
//	resource_link  URI, Name, MIMEType
type Content struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	Data     []byte `json:"data,omitempty"` // base64 in JSON
	MIMEType string `json:"mimeType,omitempty"`
	URI      string `json:"uri,omitempty"`
	Name     string `json:"name,omitempty"`
}

// Failure is an action's own error, as opposed to a refusal of the gate.
type Failure struct {
	Code    string `json:"code"`    // short and stable, for programs
	Message string `json:"message"` // for people and models
}

// Error returns "code: message".
func (f *Failure) Error() string { return f.Code + ": " + f.Message }
