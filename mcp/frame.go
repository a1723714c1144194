package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// JSON-RPC error codes.
const (
	codeParse    = -32700
	codeInvalid  = -32600
	codeInternal = -32603
	codeBusy     = -32000
)

// rpcError is a JSON-RPC error that is answered before a message reaches the protocol library.
type rpcError struct {
	code int
	msg  string
}

func (e *rpcError) Error() string { return e.msg }

// frame returns the JSON-RPC message that carries the error, without a line end. A nil id is null.
func (e *rpcError) frame(id json.RawMessage) []byte {
	msg, err := json.Marshal(e.msg)
	if err != nil {
		msg = []byte(`"internal error"`)
	}
	if len(id) == 0 {
		id = json.RawMessage("null")
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%s}}`, id, e.code, msg)
}

// envelope is what a transport must know of a message before handing it on.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// open checks that b is one JSON object nested at most maxDepth levels and reads its envelope.
func open(b []byte, maxDepth int) (envelope, *rpcError) {
	var env envelope
	if d := nesting(b); d > maxDepth {
		return env, &rpcError{codeInvalid, fmt.Sprintf("message: nested %d levels deep; at most %d are accepted", d, maxDepth)}
	}
	if t := bytes.TrimLeft(b, " \t\r\n"); len(t) > 0 && t[0] == '[' {
		return env, &rpcError{codeInvalid, "message: a batch; send one message at a time"}
	}
	if err := json.Unmarshal(b, &env); err != nil {
		return env, &rpcError{codeParse, fmt.Sprintf("message: not a JSON-RPC object: %v", err)}
	}
	return env, nil
}

// request reports whether the message wants an answer; the error says why it deserves none.
func (e envelope) request() (bool, *rpcError) {
	switch {
	case len(e.ID) == 0:
		return false, nil
	case e.ID[0] != '"' && e.ID[0] != '-' && (e.ID[0] < '0' || e.ID[0] > '9'):
		return false, &rpcError{codeInvalid, fmt.Sprintf("id: %.40s is neither a string nor a number", e.ID)}
	case e.Method == "" && len(e.Result) == 0 && len(e.Error) == 0:
		return false, &rpcError{codeInvalid, "method: missing"}
	}
	return true, nil
}

// cancels returns the id that a notifications/cancelled names, or nil.
func (e envelope) cancels() json.RawMessage {
	if e.Method != "notifications/cancelled" {
		return nil
	}
	var p struct {
		RequestID json.RawMessage `json:"requestId"`
	}
	if json.Unmarshal(e.Params, &p) != nil {
		return nil
	}
	return p.RequestID
}

// nesting returns how deep arrays and objects nest in b. It looks at brackets outside strings only,
// so b need not be valid JSON. Parsers recurse per level; this does not.
func nesting(b []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}
