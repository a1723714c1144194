package plugins

import (
	"fmt"
	"strings"

	"github.com/becomingone/becomingone/sdk/abi"
)

// Codes of the failures that the host itself reports, as an *abi.Error in the chain. A guest may
// answer with any code of its own.
const (
	CodeUnknown   = "unknown_action"    // no active plugin offers the action
	CodeChannel   = "unknown_channel"   // no active input plugin hears the channel
	CodeArguments = "invalid_arguments" // the arguments do not satisfy the action's schema
	CodeInput     = "input"             // the message is larger than limits.input_bytes
	CodeOutput    = "output"            // the answer is larger than limits.output_bytes
	CodeFuel      = "fuel"              // limits.fuel is burnt
	CodeMemory    = "memory"            // limits.memory_pages or the node's memory budget is used up
	CodeHostCalls = "host_calls"        // limits.host_calls is used up
	CodeTrap      = "trap"              // the guest crashed or left
	CodeProtocol  = "protocol"          // the answer is none: a pointer outside, broken JSON, a wrong schema
	CodeDeadline  = "deadline"          // limits.deadline or the caller's has passed
	CodeBusy      = "busy"              // every instance was taken until the deadline
	CodeClosed    = "closed"            // the node is stopping
)

// Errorf returns a failure with a code; retry says whether the same call may succeed later.
func Errorf(code string, retry bool, format string, args ...any) *abi.Error {
	return &abi.Error{Code: code, Message: fmt.Sprintf(format, args...), Retry: retry}
}

// ManifestError names the field of a manifest that breaks its rule.
type ManifestError struct {
	Field    string // path, as "actions.say.effect"
	Value    string
	Accepted string
}

// Error says field, value and accepted range.
func (e *ManifestError) Error() string {
	return fmt.Sprintf("plugins: manifest: %s %q: want %s", e.Field, short(e.Value), e.Accepted)
}

// short keeps a foreign value readable.
func short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
