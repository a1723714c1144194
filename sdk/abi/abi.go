// Package abi holds the messages between host and guest, version bo1.
//
// A message is one JSON object. Both sides ignore fields that they do not know, a later field of
// the same name wins, null means the zero value, and an operation that a guest does not know is
// answered with the code "unsupported": so either side may be newer. Integers are exact 64-bit
// numbers and may exceed 2^53. The codec is written out by hand because a guest pays for
// encoding/json with 1.4 MB of code and most of its time; plugins/ABI.md is the specification.
package abi

import (
	"errors"

	"strconv"
)

// Version is the name of this ABI in manifests and descriptions, and the prefix of its exports.
const Version = "bo1"

// Names of what a guest exports.
const (
	ExportMemory     = "memory"      // the linear memory
	ExportAlloc      = "bo1_alloc"   // (n i32) -> ptr i32: room for a message of n bytes
	ExportCall       = "bo1_call"    // (op i32, ptr i32, len i32) -> i64: ptr<<32 | len of the answer
	ExportInitialize = "_initialize" // () -> (): optional, once, before anything else
)

// Bounds of a message, enforced by both encoding and decoding.
const (
	MaxDepth   = 64   // of nested arrays and objects, counted from the message itself
	MaxName    = 64   // bytes of a plugin, action or capability name
	MaxActions = 256  // in a Description
	MaxContent = 256  // parts of an ActOutput
	MaxBatch   = 4096 // records, observations or samples in one message
	MaxMargins = 256  // in a State
)

// Op is what the host asks of a guest.
type Op uint32

// The operations of bo1.
const (
	OpDescribe Op = iota // nothing in, Description out
	OpAct                // ActInput in, ActOutput out
	OpObserve            // ObserveInput in, ObserveOutput out
	OpSense              // SenseInput in, SenseOutput out
)

// String returns the operation's name, or "op(n)".
func (op Op) String() string {
	switch op {
	case OpDescribe:
		return "describe"
	case OpAct:
		return "act"
	case OpObserve:
		return "observe"
	case OpSense:
		return "sense"
	}
	return "op(" + strconv.FormatUint(uint64(op), 10) + ")"
}

// Kinds of plugin.
const (
	KindAction   = "action"   // performs actions
	KindObserver = "observer" // sees batches of records and may add observations
	KindInput    = "input"    // turns raw input into samples
)

// Status is the first byte of an answer.
const (
	StatusOK    byte = 0 // the operation's output follows
	StatusError byte = 1 // an Error follows
)

// Codes of errors that every guest may answer with; an author may add others.
const (
	CodeUnsupported = "unsupported" // the guest does not know the operation
	CodeInvalid     = "invalid"     // the input is not what the operation needs
	CodeInternal    = "internal"    // the guest failed by its own fault
)

// Error is a failure, as a guest answers it and as the host reports it.
type Error struct {
	Code    string `json:"code"`            // for programs: lower case, words joined by _
	Message string `json:"message"`         // for a person: names field, value and accepted range
	Retry   bool   `json:"retry,omitempty"` // whether the same call may succeed later
}

// Error returns "code: message".
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Raw is one JSON value, kept as it came. Decoded values alias the decoded bytes.
type Raw []byte

// MarshalJSON returns r itself, and null for an empty r.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON copies b into r.
func (r *Raw) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}

// AppendAnswer appends the status byte and payload of a success to dst.
func AppendAnswer(dst, payload []byte) []byte { return append(append(dst, StatusOK), payload...) }

// AppendError appends an error answer to dst.
func AppendError(dst []byte, e *Error) []byte { return e.Append(append(dst, StatusError)) }

// Answer splits an answer: the payload of a success, aliasing b, or the guest's *Error. Any other
// error means that b is no answer at all.
func Answer(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errors.New("abi: answer: empty, want a status byte")
	}
	switch b[0] {
	case StatusOK:
		return b[1:], nil
	case StatusError:
		var e Error
		if err := e.Decode(b[1:]); err != nil {
			return nil, err
		}
		if e.Code == "" {
			return nil, errors.New("abi: answer: error without a code")
		}
		return nil, &e
	}
	return nil, errors.New("abi: answer: status " + strconv.Itoa(int(b[0])) + ", want 0 or 1")
}

// ValidName reports whether s can name a plugin or an action: 1 to MaxName bytes of a-z, 0-9, '-',
// '_' and '.', beginning with a letter.
func ValidName(s string) bool {
	if s == "" || len(s) > MaxName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}
