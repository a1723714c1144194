package abi

// Description is a guest's answer to OpDescribe: what it is and what it offers.
type Description struct {
	Kind         string   `json:"kind"`                   // KindAction, KindObserver or KindInput
	Name         string   `json:"name"`                   // ValidName
	Version      string   `json:"version"`                // the plugin's own, for people
	ABI          string   `json:"abi"`                    // Version
	Actions      []Action `json:"actions,omitempty"`      // for KindAction, at most MaxActions
	Capabilities []string `json:"capabilities,omitempty"` // wanted; the manifest grants
}

// Action is one thing that an action plugin can do.
type Action struct {
	Name         string      `json:"name"`                    // ValidName, unique in the plugin
	Title        string      `json:"title,omitempty"`         // for a person
	Description  string      `json:"description,omitempty"`   // for a person or a model that chooses
	InputSchema  Raw         `json:"input_schema,omitempty"`  // JSON Schema of the arguments, an object; empty accepts any object
	OutputSchema Raw         `json:"output_schema,omitempty"` // JSON Schema of Structured; empty promises nothing
	Annotations  Annotations `json:"annotations,omitzero"`
}

// Annotations are MCP's hints about an action. They are the plugin's claim; what decides is the
// effect that the manifest states.
type Annotations struct {
	Title       string `json:"title,omitempty"`
	ReadOnly    *bool  `json:"readOnlyHint,omitempty"`
	Destructive *bool  `json:"destructiveHint,omitempty"`
	Idempotent  *bool  `json:"idempotentHint,omitempty"`
	OpenWorld   *bool  `json:"openWorldHint,omitempty"`
}

// ActInput is one call of an action that has collapsed.
type ActInput struct {
	Action    string `json:"action"`
	Arguments Raw    `json:"arguments,omitempty"` // an object that satisfies the action's schema
	Session   string `json:"session,omitempty"`   // empty: proposed by the kernel itself
	TimeNS    int64  `json:"time_ns"`             // the node's clock, Unix nanoseconds; the guest's only time
	Seed      uint64 `json:"seed"`                // the guest's only entropy
	State     *State `json:"state,omitempty"`     // of the field that the call belongs to, if any
	Context   Raw    `json:"context,omitempty"`   // what the host adds; see the host's documentation
}

// State is the joint state of a field at the moment of the call.
type State struct {
	Field     string     `json:"field"`
	Master    [2]float64 `json:"T_master"`   // re, im; |T| <= 1
	Emissary  [2]float64 `json:"T_emissary"` // re, im; |T| <= 1
	Sync      [2]float64 `json:"T_sync"`     // re, im; |T| <= 1
	Phase     float64    `json:"phase"`      // of T_sync, rad in (-pi, pi]
	PhaseRate float64    `json:"phase_rate"` // rad/s
	Nu        float64    `json:"nu"`         // effective number of independent samples
	Margins   []Margin   `json:"margins,omitempty"`
}

// Margin says by how much one key of the gate held: >= 0 iff it did, in the key's own unit.
type Margin struct {
	Name   string  `json:"name"`
	Margin float64 `json:"margin"`
}

// ActOutput is the result of an action.
type ActOutput struct {
	Content    []Content `json:"content,omitempty"`    // for the caller to read, at most MaxContent parts
	Structured Raw       `json:"structured,omitempty"` // an object for programs; satisfies OutputSchema if there is one
	Request    *Request  `json:"request,omitempty"`    // a further call, which the gate judges as any other
}

// Content is one part of an action's result, as in MCP.
type Content struct {
	Type     string `json:"type"`               // "text", "image" or "audio"
	Text     string `json:"text,omitempty"`     // for text
	Data     string `json:"data,omitempty"`     // otherwise: base64, standard alphabet, padded
	MimeType string `json:"mimeType,omitempty"` // of Data
}

// Request proposes a call.
type Request struct {
	Action    string `json:"action"`
	Arguments Raw    `json:"arguments,omitempty"`
}

// ObserveInput is a batch of records of the witness log, in their order.
type ObserveInput struct {
	Records []Record `json:"records"` // 1 to MaxBatch
}

// Record is one entry of the witness log.
type Record struct {
	Index uint64 `json:"index"` // its place in the log
	Level string `json:"level"` // "micro", "meso", "macro"
	Type  string `json:"type"`  // "sample", "decision", "action", …
	At    int64  `json:"at"`    // the node's clock, Unix nanoseconds
	Data  Raw    `json:"data,omitempty"`
}

// ObserveOutput is what an observer adds to the log.
type ObserveOutput struct {
	Observations []Observation `json:"observations,omitempty"` // at most MaxBatch
}

// Observation is one remark of an observer. It never changes a decision.
type Observation struct {
	Index uint64 `json:"index"` // the record that it is about
	Type  string `json:"type"`  // the observer's own word
	Data  Raw    `json:"data,omitempty"`
}

// SenseInput is raw input on a channel.
type SenseInput struct {
	Channel  string `json:"channel"`
	TimeNS   int64  `json:"time_ns"` // the input's own time
	Seed     uint64 `json:"seed"`
	MimeType string `json:"mimeType,omitempty"` // empty: text
	Text     string `json:"text,omitempty"`
	Data     string `json:"data,omitempty"` // otherwise: base64, standard alphabet, padded
}

// SenseOutput is the same input as samples.
type SenseOutput struct {
	Samples []Sample `json:"samples,omitempty"` // at most MaxBatch
}

// Sample is one line of a signal: exactly one of U, X, Phase and Event.
type Sample struct {
	T       int64        `json:"t"`               // ns, the sample's own time
	Channel string       `json:"ch,omitempty"`    // empty: the input's
	U       [][2]float64 `json:"u,omitempty"`     // complex components, re and im
	X       []float64    `json:"x,omitempty"`     // real components
	Phase   []float64    `json:"phase,omitempty"` // rad
	Event   bool         `json:"event,omitempty"`
}
