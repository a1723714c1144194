// Package plugins keeps the node's plugins: which ones, by digest, with which rights, and how each
// of them fares. How a plugin is run is its loader's business.
package plugins

import (
	"context"
	"encoding/json"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/sdk/abi"
)

// Loader makes a running plugin of a manifest and the bytes that it names. It enforces the
// manifest's limits and capabilities. The digest has been checked.
type Loader interface {
	Load(ctx context.Context, m Manifest, code []byte) (Plugin, error)
}

// Plugin is a loaded plugin. Its methods are safe for concurrent use.
type Plugin interface {
	Description() abi.Description

	// Call appends the plugin's answer, status byte first, to dst. An error is the plugin's or the
	// caller's, holds an *abi.Error with one of this package's codes, and leaves dst's bytes as
	// they were. Call may outlast ctx: what runs in a sandbox ends by fuel.
	Call(ctx context.Context, c Call, dst []byte) ([]byte, error)

	// Close waits until no call runs, or ctx ends, and frees what Load took.
	Close(ctx context.Context) error
}

// Call is one operation and all that the plugin may know of the world while it runs.
type Call struct {
	Op      abi.Op
	Session string // whose call; a sandbox keeps what different sessions leave behind apart
	TimeNS  int64  // the plugin's clock, Unix nanoseconds
	Seed    uint64 // the plugin's entropy
	In      []byte // the operation's message; the caller's again after the call

	// Accept, if set, judges a whole answer, status byte first, before the loader keeps the instance
	// that gave it. An error is the plugin's fault: the instance is thrown away, and Call returns it.
	Accept func(answer []byte) error
}

// Action is one action of an active plugin: what the plugin says of it and what the owner grants.
type Action struct {
	Name         string
	Plugin       string
	Version      string
	Digest       string // of the plugin's file, sha256, hexadecimal
	Title        string
	Description  string
	InputSchema  json.RawMessage // an object schema
	OutputSchema json.RawMessage // empty: no promise
	Annotations  abi.Annotations
	Effect       gate.Effect
	Requires     gate.Requires
	Trigger      gate.Trigger
}

// State is where a plugin stands.
type State string

// The states of a plugin.
const (
	Loading State = "loading"
	Active  State = "active"
	Failed  State = "failed" // Error says why; its actions are gone
)

// Status is how one plugin fares. Counts are since the start.
type Status struct {
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"`
	Kind     string   `json:"kind,omitempty"`
	Digest   string   `json:"digest,omitempty"`
	Path     string   `json:"path"` // of the manifest
	State    State    `json:"state"`
	Error    string   `json:"error,omitempty"`   // why it failed, or the latest call's failure
	Refused  []string `json:"refused,omitempty"` // actions that it offers and the manifest does not grant
	Calls    uint64   `json:"calls"`
	Failures uint64   `json:"failures"` // calls that ended in an error, invalid arguments not counted
	Records  uint64   `json:"records"`  // that an observer has seen
	Dropped  uint64   `json:"dropped"`  // records that an observer never saw: its queue was full or its call failed
	Waiting  int      `json:"waiting"`  // records in its queue now
}
