package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/becomingone/becomingone/kernel/gate"
)

// withheld stands where a text may quote what was said or proposed.
const withheld = "only the owner sees this: open the pairing link that the node prints"

// forAll returns the status without any text that may quote arguments, input or errors.
//
// What everybody on this machine may read: names of fields, actions, plugins, hooks and peers,
// numbers, verdicts, and the needs of signal and mesh keys, which are numbers too. Reasons and needs
// of other keys, sessions, questions and error texts are left to the owner.
func (s Status) forAll() Status {
	s.Decisions = mapped(s.Decisions, Decision.forAll)
	s.Plugins = mapped(s.Plugins, Plugin.forAll)
	s.Hooks = mapped(s.Hooks, Hook.forAll)
	s.Questions = mapped(s.Questions, Question.forAll)
	return s
}

func (d Decision) forAll() Decision {
	out := Decision{At: d.At, Action: d.Action, Origin: d.Origin, Verdict: d.Verdict,
		WouldBlock: d.WouldBlock, WitnessIndex: d.WitnessIndex}
	var why []string
	for _, k := range d.Keys {
		if !numeric(k.Name) {
			k.Need = withheld
		}
		out.Keys = append(out.Keys, k)
		if !k.Pass {
			why = append(why, k.Name+": "+k.Need)
		}
	}
	// The reason is made anew from what may be shown, so that no wording of the gate can leak.
	switch {
	case len(why) > 0:
		out.Reason = strings.Join(why, "; ")
	case d.Verdict == gate.Collapse:
		out.Reason = "every key held"
	default:
		out.Reason = withheld
	}
	return out
}

// numeric reports whether a key speaks of measured numbers only.
func numeric(key string) bool { return key == "mesh" || strings.HasPrefix(key, "signal:") }

func (p Plugin) forAll() Plugin { p.LastError = ""; return p }

func (h Hook) forAll() Hook { h.LastError = ""; return h }

func (a Ran) forAll() Ran {
	if a.Error != nil {
		a.Error = &CallError{Code: a.Error.Code, Message: withheld}
	}
	return a
}

// views returns an event's data for the owner and for everybody else, each as one line of JSON.
// Everybody's view holds only fields known here: a field that a later version adds stays private
// until this file says otherwise.
func views(event string, data json.RawMessage) (full, open []byte, err error) {
	var line bytes.Buffer
	if err := json.Compact(&line, data); err != nil {
		return nil, nil, fmt.Errorf("web: event %s: %w", event, err)
	}
	full = line.Bytes()
	switch event {
	case "field":
		open, err = view(full, func(f Field) Field { return f })
	case "log":
		open, err = view(full, func(l Log) Log { return l })
	case "decision":
		open, err = view(full, Decision.forAll)
	case "action":
		open, err = view(full, Ran.forAll)
	case "question":
		open, err = view(full, Question.forAll)
	case "plugin":
		open, err = view(full, Plugin.forAll)
	case "hook":
		open, err = view(full, Hook.forAll)
	case "status":
		open, err = view(full, Status.forAll)
	default:
		return nil, nil, fmt.Errorf("web: event %q: not one of field, decision, action, question, plugin, hook, log, status", event)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("web: event %s: %w", event, err)
	}
	return full, open, nil
}

func view[T any](data []byte, redact func(T) T) ([]byte, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	return json.Marshal(redact(v))
}

func mapped[T any](in []T, f func(T) T) []T {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}
