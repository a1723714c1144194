// Package config reads what a node is told to be: YAML or TOML files, variables and flags, strictly.
//
// No file is needed: Default is a working node. A later source wins over an earlier one: defaults,
// files in their order, variables, flags. Sections merge key by key; a list replaces a list.
//
// A variable is BECOMINGONE_ and the path of its key in capitals, with __ between the parts:
// BECOMINGONE_HTTP__ADDR is http.addr, BECOMINGONE_KERNEL__FIELDS__CO2__GATE__THRESHOLD is
// kernel.fields.co2.gate.threshold. A name that the files already use is found whatever its case and
// with _ for -. Lists and sections are written as YAML ("[a, b]"); a list of texts also as "a,b".
//
// An unknown key, a wrong type and a value out of range are errors; each names the place, the key, the
// value and what is accepted, and Load reports all of them at once.
//
// MANIFEST.md says where each key of the manifest's example configuration lives.
package config

import (
	"path/filepath"
	"time"

	"github.com/becomingone/becomingone/hooks"
	"github.com/becomingone/becomingone/kernel/gate"
)

// Config is all that a node can be told. The zero value is not valid; begin with Default.
type Config struct {
	Node    Node    `koanf:"node" doc:"this node"`
	Kernel  Kernel  `koanf:"kernel" doc:"what the node perceives"`
	Agent   Agent   `koanf:"agent" doc:"how the calls of agents are judged"`
	Plugins Plugins `koanf:"plugins" doc:"which plugins are loaded, and what they may use"`
	Hooks   Hooks   `koanf:"hooks" doc:"scripts on events"`
	MCP     MCP     `koanf:"mcp" doc:"the node as a server of the Model Context Protocol"`
	Witness Witness `koanf:"witness" doc:"the log of everything that happened"`
	HTTP    HTTP    `koanf:"http" doc:"the page and the API"`
	Log     Log     `koanf:"log" doc:"what the node says on stderr"`
	Source  Source  `koanf:"source" doc:"recorded signals that are played as if they happened now"`

	// Dir is the folder that relative paths start from: that of the last file, or "" for the current one.
	Dir string
}

// Node is who this node is.
type Node struct {
	Name string `koanf:"name" doc:"what the node is called in events and on the page"`
}

// Kernel holds the signal fields.
type Kernel struct {
	Fields map[string]Field `koanf:"fields" keys:"name" doc:"signal fields by name"`
}

// The policies of Agent.
const (
	Reversible = "reversible"
	Strict     = "strict"
	Shadow     = "shadow"
	Off        = "off"
)

// Agent says how proposed calls of agents are judged.
type Agent struct {
	Policy  string                 `koanf:"policy" oneof:"default,reversible,strict,shadow,off" doc:"default: the action's tier decides; reversible: as default, but held later, for actions that can be undone; off: the session key lets every call pass; strict: every action that does more than read is treated as critical; shadow: as default, but what the session key or a breaker would hold is recorded and passes"`
	Classes map[string]gate.Effect `koanf:"classes" oneof:"read,open,write,critical" doc:"tier (read, open, write, critical) of tools by name, where it is higher than the tool's own"`
	Trusted []string               `koanf:"trusted" doc:"what every session has heard from its user at the start"`

	Approvals Approvals `koanf:"approvals" doc:"questions about held calls"`
	Breakers  Breakers  `koanf:"breakers" doc:"what stops an agent that runs in circles, for each tool in each session; 0: off"`
}

// Approvals says how questions about held calls are put and how long they wait.
type Approvals struct {
	Expires time.Duration `koanf:"expires" range:"[1s,23h]" doc:"how long a question waits for its answer, and a yes for its call; no answer is no"`
	Files   bool          `koanf:"files" doc:"put each question into DATA/questions/ID.json too and take its answer, the word yes or no, from DATA/answers/ID: for a node that nobody watches"`
}

// Breakers stop an agent that runs in circles.
type Breakers struct {
	CallsPerMinute int `koanf:"calls_per_minute" range:"[0,1000000]" doc:"calls of a tool that may come at once, and in each minute after"`
	Identical      int `koanf:"identical" range:"[0,1000000]" doc:"calls of a tool in a row with the same arguments, less than a minute apart"`
}

// Plugins says which plugins there are.
type Plugins struct {
	Dirs           []string                  `koanf:"dirs" doc:"folders with a plugin.yaml in them or one level below, relative to the file"`
	MemoryBudgetMB int                       `koanf:"memory_budget_mb" range:"[16,65536]" doc:"memory of all instances of all plugins together, MiB"`
	Cache          string                    `koanf:"cache" doc:"folder of compiled plugins; empty: in the data folder"`
	Actions        map[string]ActionOverride `koanf:"actions" doc:"what an action needs beyond its manifest, by name"`
}

// ActionOverride tightens what a manifest says about an action. It never loosens it.
type ActionOverride struct {
	Effect   gate.Effect `koanf:"effect" oneof:"read,open,write,critical" doc:"tier, at least the manifest's: read, open, write, critical"`
	Requires Requires    `koanf:"requires" doc:"keys that are needed beside the manifest's"`
}

// Requires names keys that a call needs.
type Requires struct {
	Signal []string `koanf:"signal" doc:"fields that must be collapsed and fresh"`
}

// Hooks says which scripts run when: one list of groups for each event, as hooks.Config has it.
type Hooks struct {
	Dir         string        `koanf:"dir" doc:"folder with EVENT/executable below it, relative to the file; empty for none"`
	MaxParallel int           `koanf:"max_parallel" range:"[2,256]" doc:"scripts that run at once; half of them serve gate events only"`
	Queue       int           `koanf:"queue" range:"[1,65536]" doc:"observer events that may wait; more are dropped and counted"`
	Grace       time.Duration `koanf:"grace" range:"(0s,10m]" doc:"how long scripts may go on when the node stops"`

	PreAction   []HookGroup `koanf:"PreAction" doc:"gate: every key held, the action is about to be executed"`
	PreRealign  []HookGroup `koanf:"PreRealign" doc:"gate: a question is about to be put to the user"`
	Collapse    []HookGroup `koanf:"Collapse" doc:"a field collapsed, or a call was executed"`
	Dissipate   []HookGroup `koanf:"Dissipate" doc:"a field or a call dissipated"`
	Realign     []HookGroup `koanf:"Realign" doc:"a question was answered"`
	PostAction  []HookGroup `koanf:"PostAction" doc:"an action returned"`
	ActionError []HookGroup `koanf:"ActionError" doc:"an action failed"`
	PeerJoin    []HookGroup `koanf:"PeerJoin" doc:"a peer joined the mesh"`
	PeerLeave   []HookGroup `koanf:"PeerLeave" doc:"a peer left the mesh"`
	Checkpoint  []HookGroup `koanf:"Checkpoint" doc:"the log signed its state"`
	Alarm       []HookGroup `koanf:"Alarm" doc:"something is wrong with the node"`
	NodeStart   []HookGroup `koanf:"NodeStart" doc:"the node has started"`
	NodeStop    []HookGroup `koanf:"NodeStop" doc:"the node is stopping"`
}

// HookGroup is a set of hooks behind one matcher.
type HookGroup struct {
	Matcher string `koanf:"matcher" doc:"regular expression for the whole name of the action (Collapse, Dissipate: of the field); empty or * for all"`
	Hooks   []Hook `koanf:"hooks" doc:"what runs"`
}

// Hook is one script.
type Hook struct {
	Type      string        `koanf:"type" oneof:"command" doc:"how it runs; command is the only way"`
	Command   string        `koanf:"command" doc:"a shell's command line, or the program where args is given; relative to the file"`
	Args      []string      `koanf:"args" doc:"arguments; given, even if empty, no shell is involved"`
	Timeout   time.Duration `koanf:"timeout" range:"[1ms,10m]" doc:"until the script and all that it started is killed"`
	OnFailure string        `koanf:"on_failure" oneof:"block,ignore" doc:"what a failure means on a gate event: block (default) or ignore"`
}

// MCP is the node as an MCP server.
type MCP struct {
	HTTP MCPHTTP `koanf:"http" doc:"MCP over streamable HTTP at /mcp; hosts and origins are those of the section http"`
}

// MCPHTTP is MCP over streamable HTTP.
type MCPHTTP struct {
	Enabled bool `koanf:"enabled" doc:"serve /mcp"`
	Open    bool `koanf:"open" doc:"loopback clients need no token and are agents"`
}

// Witness is the log of everything that happened.
type Witness struct {
	CommitWindow  time.Duration `koanf:"commit_window" range:"[0s,1s]" doc:"how long records of a busy node may wait for one another before they are made durable; an idle node does not wait"`
	SnapshotEvery time.Duration `koanf:"snapshot_every" range:"[1s,1d]" doc:"between two records of the kernel's whole state; what came since is replayed at the next start"`
}

// HTTP is the page and the API.
type HTTP struct {
	Addr         string        `koanf:"addr" doc:"host:port; beyond loopback only with cert_file and key_file; empty for none"`
	CertFile     string        `koanf:"cert_file" doc:"PEM certificate chain, relative to the file"`
	KeyFile      string        `koanf:"key_file" doc:"PEM private key of cert_file, relative to the file"`
	Hosts        []string      `koanf:"hosts" doc:"further names, without port, that a request may be addressed to"`
	Origins      []string      `koanf:"origins" doc:"further origins (https://example.org) that a browser may call from"`
	RequireToken bool          `koanf:"require_token" doc:"also reading the state needs a token; always so beyond loopback"`
	BodyLimit    int           `koanf:"body_limit" range:"[1024,67108864]" doc:"bytes of a call's body, and of one line or text that is sensed"`
	CallTimeout  time.Duration `koanf:"call_timeout" range:"[100ms,1h]" doc:"until a call is answered with an error"`
}

// Log is what the node says on stderr.
type Log struct {
	Level  string `koanf:"level" oneof:"debug,info,warn,error" doc:"the least that is said"`
	Format string `koanf:"format" oneof:"text,json" doc:"one line for people, or one JSON object a line"`
}

// Source plays recorded signals.
type Source struct {
	Files          []string      `koanf:"files" doc:"NDJSON files of samples, relative to the file; none: nothing is played"`
	SecondsPerYear float64       `koanf:"seconds_per_year" range:"(0,31557600]" doc:"how long a recorded year takes"`
	Cycle          time.Duration `koanf:"cycle" range:"(0s,]" doc:"a whole number of cycles separates two passes, so that the phase goes on"`
	Passes         int           `koanf:"passes" range:"[0,1000000]" doc:"how often the files are played; 0: until the node stops"`
}

// Default returns the configuration of a node that was told nothing. The caller owns it.
func Default() *Config {
	return &Config{
		Node: Node{Name: "becomingone"},
		Agent: Agent{Policy: "default", Approvals: Approvals{Expires: 10 * time.Minute},
			Breakers: Breakers{CallsPerMinute: 3000, Identical: 300}},
		Plugins: Plugins{MemoryBudgetMB: 256},
		Hooks: Hooks{Dir: "hooks.d", MaxParallel: hooks.DefaultMaxParallel, Queue: hooks.DefaultQueue,
			Grace: hooks.DefaultGrace},
		MCP:     MCP{HTTP: MCPHTTP{Enabled: true, Open: true}},
		Witness: Witness{CommitWindow: 10 * time.Millisecond, SnapshotEvery: time.Minute},
		HTTP:    HTTP{Addr: "127.0.0.1:4917", BodyLimit: 1 << 20, CallTimeout: time.Minute},
		Log:     Log{Level: "info", Format: "text"},
		Source:  Source{SecondsPerYear: 10, Cycle: Year, Passes: 1},
	}
}

// Path returns p, and where it is relative, below Dir. Empty stays empty.
func (c *Config) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}
