// Package sdk is what the author of a plugin in Go imports.
//
// A plugin is one value and one line of main:
//
//	func main() { sdk.Serve(plugin()) }
//
// built with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared. The host runs it in a sandbox:
// the clock is the call's own time, random numbers come from the call's seed, there are no files,
// no network, no environment and no arguments, and what is printed goes to a small log of the
// plugin's. In a native build the same value answers Call, so a plugin is tested with go test.
package sdk

import (
	"errors"

	"github.com/becomingone/becomingone/sdk/abi"
)

// Plugin is what a plugin is and does. Do, Observe and Sense may keep what they are given only
// until they return; the Raw values alias the host's message.
type Plugin struct {
	Name         string // 1 to 64 of a-z 0-9 - _ . beginning with a letter
	Version      string
	Capabilities []string // beyond the Go runtime profile; the manifest grants them

	// Exactly one of these three is set and decides the plugin's kind.
	Actions []Action
	Observe func(in *abi.ObserveInput) (abi.ObserveOutput, error)
	Sense   func(in *abi.SenseInput) (abi.SenseOutput, error)
}

// Action is one thing that a plugin does: how it is described, and the function that does it. An
// *abi.Error reaches the caller as it is, any other error with the code "internal".
type Action struct {
	abi.Action
	Do func(in *abi.ActInput) (abi.ActOutput, error)
}

// Text is the output that has a sentence for people and, if structured is not empty, an object
// for programs.
func Text(text string, structured abi.Raw) abi.ActOutput {
	return abi.ActOutput{Content: []abi.Content{{Type: "text", Text: text}}, Structured: structured}
}

// Invalid is the error of an argument that is not what the action needs: say which, what it was
// and what is accepted.
func Invalid(message string) error { return &abi.Error{Code: abi.CodeInvalid, Message: message} }

// Describe returns p's description.
func (p *Plugin) Describe() abi.Description {
	d := abi.Description{Name: p.Name, Version: p.Version, ABI: abi.Version, Capabilities: p.Capabilities}
	switch {
	case p.Observe != nil:
		d.Kind = abi.KindObserver
	case p.Sense != nil:
		d.Kind = abi.KindInput
	default:
		d.Kind = abi.KindAction
	}
	for i := range p.Actions {
		d.Actions = append(d.Actions, p.Actions[i].Action)
	}
	return d
}

// Call appends the answer to one operation to dst: what bo1_call does in a guest.
func (p *Plugin) Call(op abi.Op, in, dst []byte) []byte {
	start := len(dst)
	out, err := p.perform(op, in, append(dst, abi.StatusOK))
	if err == nil {
		return out
	}
	var e *abi.Error
	if !errors.As(err, &e) {
		e = &abi.Error{Code: abi.CodeInternal, Message: err.Error()}
	}
	return abi.AppendError(dst[:start], e)
}

func (p *Plugin) perform(op abi.Op, in, dst []byte) ([]byte, error) {
	switch {
	case op == abi.OpDescribe:
		d := p.Describe()
		if err := d.Validate(); err != nil {
			return nil, err
		}
		return d.Append(dst)
	case op == abi.OpAct && len(p.Actions) > 0:
		return p.act(in, dst)
	case op == abi.OpObserve && p.Observe != nil:
		return reply(in, dst, &abi.ObserveInput{}, p.Observe, (*abi.ObserveOutput).Append)
	case op == abi.OpSense && p.Sense != nil:
		return reply(in, dst, &abi.SenseInput{}, p.Sense, (*abi.SenseOutput).Append)
	}
	return nil, &abi.Error{Code: abi.CodeUnsupported, Message: "operation " + op.String() + ": " + p.Name + " does not know it"}
}

func (p *Plugin) act(in, dst []byte) ([]byte, error) {
	do := func(m *abi.ActInput) (abi.ActOutput, error) {
		for i := range p.Actions {
			if p.Actions[i].Name == m.Action {
				return p.Actions[i].Do(m)
			}
		}
		return abi.ActOutput{}, &abi.Error{Code: abi.CodeUnsupported, Message: "action " + m.Action + ": " + p.Name + " has none of that name"}
	}
	return reply(in, dst, &abi.ActInput{}, do, (*abi.ActOutput).Append)
}

type decoder interface{ Decode(b []byte) error }

func reply[In decoder, Out any](in, dst []byte, m In, do func(In) (Out, error), encode func(*Out, []byte) ([]byte, error)) ([]byte, error) {
	if err := m.Decode(in); err != nil {
		return nil, &abi.Error{Code: abi.CodeInvalid, Message: err.Error()}
	}
	out, err := do(m)
	if err != nil {
		return nil, err
	}
	return encode(&out, dst)
}
