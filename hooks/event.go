package hooks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/becomingone/becomingone/kernel/gate"
)

// Kind names an event.
type Kind string

// The events. A hook on a gate event may veto; the others only watch.
const (
	PreAction  Kind = "PreAction"  // gate: every key held, the action is about to be executed
	PreRealign Kind = "PreRealign" // gate: a question is about to be put to the user

	Collapse    Kind = "Collapse"    // a field collapsed, or a call did and was executed
	Dissipate   Kind = "Dissipate"   // a field dissipated, or a call did
	Realign     Kind = "Realign"     // a question was answered
	PostAction  Kind = "PostAction"  // an action returned
	ActionError Kind = "ActionError" // an action failed
	PeerJoin    Kind = "PeerJoin"
	PeerLeave   Kind = "PeerLeave"
	Checkpoint  Kind = "Checkpoint" // the log signed its state
	Alarm       Kind = "Alarm"      // something is wrong with the node
	NodeStart   Kind = "NodeStart"
	NodeStop    Kind = "NodeStop"
)

var kinds = [...]Kind{PreAction, PreRealign, Collapse, Dissipate, Realign, PostAction, ActionError,
	PeerJoin, PeerLeave, Checkpoint, Alarm, NodeStart, NodeStop}

// Kinds returns every event, gate events first. The caller owns the slice.
func Kinds() []Kind { return slices.Clone(kinds[:]) }

// ParseKind returns the event of that exact name; the error names the nearest one.
func ParseKind(name string) (Kind, error) {
	if slices.Contains(kinds[:], Kind(name)) {
		return Kind(name), nil
	}
	if near := nearest(name); near != "" {
		return "", fmt.Errorf("hooks: unknown event %q: did you mean %q?", name, near)
	}
	all := make([]string, len(kinds))
	for i, k := range kinds {
		all[i] = string(k)
	}
	return "", fmt.Errorf("hooks: unknown event %q: not one of %s", name, strings.Join(all, ", "))
}

// Gate reports whether a hook on k can veto.
func (k Kind) Gate() bool { return k == PreAction || k == PreRealign }

// matchable reports whether k concerns an action or a field, so that a matcher can choose among them.
func (k Kind) matchable() bool {
	switch k {
	case PreAction, PreRealign, Realign, PostAction, ActionError, Collapse, Dissipate:
		return true
	}
	return false
}

// Event is what a script reads on stdin. Fields that do not apply are left out.
type Event struct {
	Kind         Kind            `json:"event"`
	Time         time.Time       `json:"time"` // of the node's clock
	Node         string          `json:"node"` // the Runner's own, where empty
	Session      string          `json:"session,omitempty"`
	Field        string          `json:"field,omitempty"`
	Action       string          `json:"action,omitempty"`
	Arguments    json.RawMessage `json:"arguments,omitempty"` // the call's, a JSON object
	Decision     *gate.Decision  `json:"decision,omitempty"`
	Result       json.RawMessage `json:"result,omitempty"`        // the outcome of the call
	Coherence    json.RawMessage `json:"coherence,omitempty"`     // a field line
	WitnessIndex *uint64         `json:"witness_index,omitempty"` // of the record of what happened
	Detail       json.RawMessage `json:"detail,omitempty"`        // what else there is to say: the peer, the checkpoint, the alarm
}

// Sample returns an event of kind k with every field that such an event has, for a dry run.
func Sample(k Kind, at time.Time) Event {
	index := uint64(42)
	e := Event{Kind: k, Time: at, WitnessIndex: &index}
	switch k {
	case Collapse, Dissipate:
		e.Field = "sample"
		e.Coherence = json.RawMessage(`{"field":"sample","sync":{"T":[0.98,0],"T2":0.96},"state":"collapsed"}`)
	case PreAction, PreRealign, Realign, PostAction, ActionError:
		e.Session, e.Action = "sample", "say"
		e.Arguments = json.RawMessage(`{"text":"hello"}`)
		key := gate.Key{Name: "session", Pass: true, Need: "nothing: the call is coherent"}
		e.Decision = &gate.Decision{Verdict: gate.Collapse, Keys: []gate.Key{key}, Reason: "every key held"}
	default:
		e.Detail = json.RawMessage(`{"sample":true}`)
	}
	if k == PostAction || k == ActionError {
		e.Result = json.RawMessage(`{"verdict":"collapse","content":[{"type":"text","text":"hello"}]}`)
	}
	return e
}

// subject is what matchers are held against: the field for Collapse and Dissipate, else the action.
// A call that dissipated has no field and is known by its action.
func (e *Event) subject() string {
	if (e.Kind == Collapse || e.Kind == Dissipate) && e.Field != "" {
		return e.Field
	}
	return e.Action
}

// environ returns the variables that tell a script about e. A value with a NUL byte cannot be passed
// and is left out; the script still finds it on stdin.
func (e *Event) environ() []string {
	vars := [...][2]string{{"EVENT", string(e.Kind)}, {"NODE", e.Node}, {"SESSION", e.Session},
		{"ACTION", e.Action}, {"FIELD", e.Field}, {"WITNESS_INDEX", ""}}
	if e.WitnessIndex != nil {
		vars[len(vars)-1][1] = strconv.FormatUint(*e.WitnessIndex, 10)
	}
	var env []string
	for _, v := range vars {
		if v[1] != "" && strings.IndexByte(v[1], 0) < 0 {
			env = append(env, "BECOMINGONE_"+v[0]+"="+v[1])
		}
	}
	return env
}

// nearest returns the event whose name takes the fewest edits from name, ignoring case, or "" where
// even that one is too far off to be meant.
func nearest(name string) Kind {
	best, least := Kind(""), len(name)/2+1
	for _, k := range kinds {
		if d := distance(strings.ToLower(name), strings.ToLower(string(k))); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions and substitutions of bytes that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, substitute)
		}
	}
	return row[len(b)]
}
