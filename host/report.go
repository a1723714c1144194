package host

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/witness"
)

// AgentReport says what the gate made of agents' calls, as the log has it.
type AgentReport struct {
	From      int64        `json:"from"`      // ns since 1970, of the first decision; 0: there is none
	To        int64        `json:"to"`        // of the last
	Decisions int          `json:"decisions"` // on calls of agents
	Blocked   int          `json:"blocked"`   // held or dissipated
	WouldHold int          `json:"would_block"`
	Erased    int          `json:"erased"` // decisions that can no longer be read, of any origin
	Tools     []ToolReport `json:"tools"`  // the most blocked first
}

// ToolReport is the part of one tool.
type ToolReport struct {
	Tool       string         `json:"tool"`
	Effect     gate.Effect    `json:"effect"` // at its last call
	Calls      int            `json:"calls"`
	Passed     int            `json:"passed"` // would_block among them
	Held       int            `json:"held"`
	Dissipated int            `json:"dissipated"`
	WouldBlock int            `json:"would_block"` // passed in shadow mode, and would not have
	Keys       map[string]int `json:"keys"`        // by the key that failed
	Reasons    []string       `json:"reasons"`     // of the newest three that were or would have been blocked
}

// shownReasons is how many reasons a tool's report quotes.
const shownReasons = 3

// ReportAgents reads the whole log, also beside a running node.
func ReportAgents(ctx context.Context, log records) (AgentReport, error) {
	r := AgentReport{Tools: []ToolReport{}}
	tools := map[string]*ToolReport{}
	for e, err := range log.Entries(ctx, 0) {
		if err != nil {
			return r, fmt.Errorf("host: report: %w", err)
		}
		if e.Leaf.Type != witness.Decision {
			continue
		}
		if e.Erased {
			r.Erased++
			continue
		}
		var d decisionPayload
		if err := json.Unmarshal(e.Payload, &d); err != nil {
			return r, fmt.Errorf("host: report entry %d: %w", e.Leaf.Sequence, err)
		}
		if d.Origin == "agent" {
			r.count(tools, &d, e.Leaf.At)
		}
	}
	r.sum(tools)
	return r, nil
}

func (r *AgentReport) count(tools map[string]*ToolReport, d *decisionPayload, at int64) {
	if r.Decisions++; r.From == 0 {
		r.From = at
	}
	r.To = at
	t := tools[d.Action]
	if t == nil {
		t = &ToolReport{Tool: d.Action, Keys: map[string]int{}, Reasons: []string{}}
		tools[d.Action] = t
	}
	t.add(d)
}

func (r *AgentReport) sum(tools map[string]*ToolReport) {
	for _, name := range slices.Sorted(maps.Keys(tools)) {
		t := tools[name]
		r.Blocked += t.Held + t.Dissipated
		r.WouldHold += t.WouldBlock
		r.Tools = append(r.Tools, *t)
	}
	slices.SortStableFunc(r.Tools, func(a, b ToolReport) int {
		return cmp.Compare(b.Held+b.Dissipated+b.WouldBlock, a.Held+a.Dissipated+a.WouldBlock)
	})
}

func (t *ToolReport) add(d *decisionPayload) {
	t.Calls++
	t.Effect = d.Effect
	switch {
	case d.WouldHold:
		t.WouldBlock++
		t.Passed++
	case d.Verdict == gate.Collapse:
		t.Passed++
		return
	case d.Verdict == gate.Held:
		t.Held++
	default:
		t.Dissipated++
	}
	for _, k := range d.Keys {
		if !k.Pass {
			t.Keys[k.Name]++
		}
	}
	reason := cut(strings.ToValidUTF8(d.Reason, "\ufffd"), shownText)
	if len(t.Reasons) == shownReasons {
		t.Reasons = append(t.Reasons[:0], t.Reasons[1:]...)
	}
	t.Reasons = append(t.Reasons, reason)
}
