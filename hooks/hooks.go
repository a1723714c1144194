// Package hooks runs a person's own scripts when something happens in a node: gate events, which a
// script may veto and which fail closed, and observer events, which it may only watch.
//
// # The contract with a script
//
// A script gets one JSON object (an Event) on stdin, a minimal environment (PATH, HOME and
// BECOMINGONE_EVENT, _NODE, _SESSION, _ACTION, _FIELD, _WITNESS_INDEX) and the folder of the config
// file as working directory. It answers with its exit code and its output:
//
//	exit 0      go on; stdout is empty or exactly one JSON object (an answer, below)
//	exit 2      block; stderr is the reason
//	otherwise   the hook failed: any other code, a signal, a time limit, a script that is not
//	            there, stdout that is no answer
//
//	{"block": true, "reason": "…"}    blocks, as exit 2 does
//	{"signal": {…}}                   feeds a sample back; an array of objects feeds several
//
// Text for people belongs on stderr. An answer with a key that is not named here, or with one twice,
// is no answer: a misspelt "block" must not open the gate.
//
// On a gate event a failed hook blocks, unless its on_failure is "ignore"; a veto always blocks. On
// an observer event both are logged and counted, and nothing else comes of them.
//
// # Bounds
//
// At most MaxParallel scripts run at once; half of these places serve gate events only, so that slow
// observers never delay a decision. Observer events wait in a queue of Queue events; what finds it
// full is dropped and counted. MaxOutput bytes of each output stream are kept, the rest is read,
// discarded and counted. When a script has ended or its time is over, its whole process group (on
// Windows: its job) is killed, so nothing that it started stays behind, except what left the group
// on purpose (setsid).
package hooks

import (
	"fmt"
	"time"
)

// MaxOutput is how many bytes of a script's stdout, and as many of its stderr, are kept.
const MaxOutput = 64 << 10

// Limits and defaults of a Config.
const (
	DefaultTimeout     = 10 * time.Second
	MaxTimeout         = 10 * time.Minute
	DefaultMaxParallel = 8
	DefaultQueue       = 256
	DefaultGrace       = 5 * time.Second
)

// Config says which scripts run when, and how many at once. The zero value runs none.
type Config struct {
	Events      map[string][]Group // by the name of the event
	Dir         string             // folder with EVENT/executable below it, relative to Base; "" for none
	Base        string             // folder that relative paths start from and that scripts run in; "" is the current one
	Node        string             // the node's name, in every event
	MaxParallel int                // scripts at once, 2…256; 0 is DefaultMaxParallel
	Queue       int                // observer events that may wait, 1…65536; 0 is DefaultQueue
	Grace       time.Duration      // how long Run goes on after its context ended, to empty the queue; 0 is DefaultGrace
}

// Group is a set of hooks behind one matcher.
type Group struct {
	// Matcher is a regular expression for the whole name of the action (for Collapse and Dissipate:
	// of the field). Empty and "*" match all. Events that concern neither take no other matcher.
	Matcher string
	Hooks   []Hook
}

// Hook is one script.
type Hook struct {
	Type      string        // "command"; empty is "command"
	Command   string        // a shell's command line, or the program where Args is not nil
	Args      []string      // nil: Command goes to the shell; not nil, even if empty: no shell is involved
	Timeout   time.Duration // 1ms…MaxTimeout; 0 is DefaultTimeout
	OnFailure string        // "block" or "ignore"; empty is "block" on a gate event, "ignore" on an observer event
}

// The values of Hook.OnFailure.
const (
	Block  = "block"
	Ignore = "ignore"
)

// Validate reports the first value that is out of its range, by name.
func (c Config) Validate() error {
	if c.MaxParallel != 0 && (c.MaxParallel < 2 || c.MaxParallel > 256) {
		return fmt.Errorf("hooks: max_parallel %d: not in 2…256", c.MaxParallel)
	}
	if c.Queue < 0 || c.Queue > 65536 {
		return fmt.Errorf("hooks: queue %d: not in 1…65536", c.Queue)
	}
	if c.Grace < 0 || c.Grace > MaxTimeout {
		return fmt.Errorf("hooks: grace %v: not in 0s…%v", c.Grace, MaxTimeout)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.MaxParallel == 0 {
		c.MaxParallel = DefaultMaxParallel
	}
	if c.Queue == 0 {
		c.Queue = DefaultQueue
	}
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	return c
}
