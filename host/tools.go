package host

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/mcp"
)

// MCP returns the node as the MCP server sees it.
func (f *Face) MCP() mcp.Node { return mcpNode{f} }

type mcpNode struct{ face *Face }

func (n mcpNode) Tools() []mcp.Tool { return mcpTools(n.face.Tools()) }

func (n mcpNode) Call(ctx context.Context, c mcp.Call) (mcp.Result, error) {
	out, err := n.face.Call(ctx, web.CallRequest{Action: c.Tool, Arguments: c.Arguments, Session: c.Session}, web.Agent)
	return mcpResult(out, err)
}

func (n mcpNode) Read(ctx context.Context, uri string) (json.RawMessage, error) {
	if index, ok := strings.CutPrefix(uri, mcp.WitnessPrefix); ok {
		i, err := strconv.ParseUint(index, 10, 64)
		if err != nil || i >= n.face.Log.Size() {
			return nil, fmt.Errorf("host: witness index %q: want 0 to %d: %w", index, n.face.Log.Size(), mcp.ErrNotFound)
		}
		e, err := n.face.Entry(ctx, i)
		if err != nil {
			return nil, err
		}
		e.Payload = nil // what others said and proposed is the owner's to read
		return json.Marshal(e)
	}
	if uri != mcp.CoherenceURI {
		return nil, fmt.Errorf("host: resource %q: %w", uri, mcp.ErrNotFound)
	}
	s, err := n.face.Status(ctx)
	if err != nil {
		return nil, err
	}
	return coherence(s)
}

// coherence is what an agent may know of the node's state.
func coherence(s web.Status) (json.RawMessage, error) {
	return json.Marshal(struct {
		Node   string      `json:"node"`
		At     int64       `json:"at"`
		Fields []web.Field `json:"fields"`
	}{s.Name, s.At, s.Fields})
}

// mcpTools shows actions to MCP clients. What the owner's manifest says of an action bounds what the
// plugin claims in its hints.
func mcpTools(in []web.Tool) []mcp.Tool {
	tools := make([]mcp.Tool, len(in))
	for i, t := range in {
		var hints struct {
			Title       string `json:"title"`
			ReadOnly    *bool  `json:"readOnlyHint"`
			Destructive *bool  `json:"destructiveHint"`
			Idempotent  *bool  `json:"idempotentHint"`
			OpenWorld   *bool  `json:"openWorldHint"`
		}
		if len(t.Annotations) > 0 {
			_ = json.Unmarshal(t.Annotations, &hints) // unreadable hints count as none
		}
		tools[i] = mcp.Tool{Name: t.Name, Title: hints.Title, Description: t.Description,
			InputSchema: t.InputSchema, OutputSchema: t.OutputSchema, Annotations: mcp.Annotations{
				ReadOnly:    t.Effect <= gate.Open && (hints.ReadOnly == nil || *hints.ReadOnly),
				Destructive: t.Effect == gate.Critical || hints.Destructive != nil && *hints.Destructive,
				Idempotent:  hints.Idempotent != nil && *hints.Idempotent,
				OpenWorld:   t.Effect == gate.Open || hints.OpenWorld != nil && *hints.OpenWorld,
			}}
	}
	return tools
}

func mcpResult(out web.Outcome, err error) (mcp.Result, error) {
	if err != nil {
		var refused *web.Error
		if errors.As(err, &refused) && refused.Code == web.Invalid {
			return mcp.Result{Err: &mcp.Failure{Code: string(refused.Code), Message: refused.Message}}, nil
		}
		return mcp.Result{}, err
	}
	r := mcp.Result{Verdict: out.Verdict, Structured: out.Structured, Reason: out.Reason, Keys: out.Keys,
		Realign: out.Realign, QuestionID: out.QuestionID, WitnessIndex: out.WitnessIndex}
	for _, c := range out.Content {
		part := mcp.Content{Type: c.Type, Text: c.Text, MIMEType: c.MimeType}
		if c.Data != "" {
			if part.Data, err = base64.StdEncoding.DecodeString(c.Data); err != nil {
				return r, fmt.Errorf("host: content of %s: %w", out.Action, err)
			}
		}
		r.Content = append(r.Content, part)
	}
	if out.Error != nil {
		r.Err = &mcp.Failure{Code: out.Error.Code, Message: out.Error.Message}
	}
	return r, nil
}
