package supply

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

// Rights are all that a manifest lets a plugin do.
type Rights struct {
	ABI          string                 `yaml:"abi" json:"abi"`   // what runs it: a sandbox or a process
	Kind         string                 `yaml:"kind" json:"kind"` // action, observer, input
	Capabilities []string               `yaml:"capabilities,omitempty" json:"capabilities,omitempty"`
	Channels     []string               `yaml:"channels,omitempty" json:"channels,omitempty"` // of an input plugin
	Actions      map[string]ActionRight `yaml:"actions,omitempty" json:"actions,omitempty"`
	Limits       map[string]int64       `yaml:"limits" json:"limits"` // by the manifest's names; deadline_ms in milliseconds
}

// ActionRight is what one action may do, and when.
type ActionRight struct {
	Effect gate.Effect `yaml:"effect" json:"effect"`
	Needs  []string    `yaml:"needs,omitempty" json:"needs,omitempty"` // keys beside the session's
	When   []string    `yaml:"when,omitempty" json:"when,omitempty"`   // fields whose collapse triggers it
}

// RightsOf reads the rights off a manifest.
func RightsOf(m plugins.Manifest) Rights {
	l := m.Limits
	r := Rights{
		ABI: m.ABI, Kind: m.Kind, Capabilities: slices.Sorted(slices.Values(m.Capabilities)),
		Channels: slices.Sorted(slices.Values(m.Channels)),
		Limits: map[string]int64{
			"memory_pages": int64(l.MemoryPages), "fuel": l.Fuel, "deadline_ms": l.Deadline.Milliseconds(),
			"input_bytes": int64(l.InputBytes), "output_bytes": int64(l.OutputBytes),
			"instances": int64(l.Instances), "host_calls": int64(l.HostCalls),
		},
	}
	for name, g := range m.Actions {
		if r.Actions == nil {
			r.Actions = make(map[string]ActionRight, len(m.Actions))
		}
		a := ActionRight{Effect: g.Effect, When: slices.Sorted(slices.Values(g.Trigger.Collapse))}
		for _, f := range slices.Sorted(slices.Values(g.Requires.Signal)) {
			a.Needs = append(a.Needs, "signal "+f)
		}
		if mesh := g.Requires.Mesh; mesh != nil {
			a.Needs = append(a.Needs, fmt.Sprintf("mesh coherence %g with %d peers", mesh.Coherence, mesh.Peers))
		}
		r.Actions[name] = a
	}
	return r
}

// Lines says the rights to a person, one a line, in a fixed order.
func (r Rights) Lines() []string {
	lines := []string{r.Kind + " plugin, run by " + r.ABI}
	for _, c := range r.Capabilities {
		lines = append(lines, "capability "+c)
	}
	for _, c := range r.Channels {
		lines = append(lines, "hears channel "+c)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Actions)) {
		a := r.Actions[name]
		line := fmt.Sprintf("action %s: %s", name, a.Effect)
		if len(a.Needs) > 0 {
			line += ", needs " + strings.Join(a.Needs, " and ")
		}
		if len(a.When) > 0 {
			line += ", acts by itself when " + strings.Join(a.When, " or ") + " collapses"
		}
		lines = append(lines, line)
	}
	return lines
}

// Beyond says, one a line, what r may do that granted does not cover. Nil: nothing.
func (r Rights) Beyond(granted Rights) []string {
	var more []string
	add := func(format string, args ...any) { more = append(more, fmt.Sprintf(format, args...)) }
	if r.ABI != granted.ABI {
		add("run by %s, granted %s", r.ABI, granted.ABI)
	}
	if r.Kind != granted.Kind {
		add("kind %s, granted %s", r.Kind, granted.Kind)
	}
	for _, c := range missing(r.Capabilities, granted.Capabilities) {
		add("capability %s", c)
	}
	for _, c := range missing(r.Channels, granted.Channels) {
		add("hears channel %s", c)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Actions)) {
		old, had := granted.Actions[name]
		if !had {
			add("action %s: %s", name, r.Actions[name].Effect)
			continue
		}
		more = append(more, r.Actions[name].beyond(name, old)...)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		if r.Limits[name] > granted.Limits[name] {
			add("limits.%s %d, granted %d", name, r.Limits[name], granted.Limits[name])
		}
	}
	return more
}

// beyondCalls says, one a line, what r may do without anybody calling it through the gate.
func (r Rights) beyondCalls() (more []string) {
	switch r.Kind {
	case abi.KindObserver:
		more = append(more, "sees the records of the log")
	case abi.KindInput:
		more = append(more, "feeds channels: "+strings.Join(r.Channels, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Actions)) {
		if when := r.Actions[name].When; len(when) > 0 {
			more = append(more, "action "+name+": acts by itself when "+strings.Join(when, " or ")+" collapses")
		}
	}
	return more
}

func (a ActionRight) beyond(name string, old ActionRight) (more []string) {
	if a.Effect > old.Effect {
		more = append(more, fmt.Sprintf("action %s: %s, granted %s", name, a.Effect, old.Effect))
	}
	for _, n := range missing(old.Needs, a.Needs) {
		more = append(more, fmt.Sprintf("action %s: no longer needs %s", name, n))
	}
	for _, f := range missing(a.When, old.When) {
		more = append(more, fmt.Sprintf("action %s: acts by itself when %s collapses", name, f))
	}
	return more
}

// missing returns what of all is not in some.
func missing(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
