package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

var toolName = regexp.MustCompile(`^[A-Za-z0-9_./-]{1,128}$`)

// ToolsChanged asks the node for its tools and, if any came, went or changed, tells the clients. A
// tool that cannot be offered (a bad name, a schema that does not compile, a name that is taken) is
// left out and logged.
func (s *Server) ToolsChanged() {
	s.toolsMu.Lock()
	defer s.toolsMu.Unlock()
	tools := s.node.Tools()
	slices.SortStableFunc(tools, func(a, b Tool) int { return strings.Compare(a.Name, b.Name) })
	if s.offered != nil && slices.EqualFunc(tools, s.offered, Tool.equal) {
		return
	}
	s.offered = append([]Tool{}, tools...)
	entries := s.builtins()
	taken := make(map[string]bool, len(tools)+len(entries))
	for _, e := range entries {
		taken[e.Tool.Name] = true
	}
	for _, t := range tools {
		entry, err := s.prepare(t)
		if err == nil && taken[t.Name] {
			err = fmt.Errorf("mcp: tool %s: the name is taken", t.Name)
		}
		if err != nil {
			s.log.Error("tool not offered", "tool", t.Name, "error", err)
			continue
		}
		taken[t.Name] = true
		entries = append(entries, entry)
	}
	settled := s.notifying()
	s.core.SetTools(entries...)
	settled()
}

func (t Tool) equal(u Tool) bool {
	return t.Name == u.Name && t.Title == u.Title && t.Description == u.Description && t.Annotations == u.Annotations &&
		bytes.Equal(t.InputSchema, u.InputSchema) && bytes.Equal(t.OutputSchema, u.OutputSchema)
}

// prepare checks t and binds it to the node.
func (s *Server) prepare(t Tool) (server.ServerTool, error) {
	var none server.ServerTool
	if !toolName.MatchString(t.Name) {
		return none, fmt.Errorf("mcp: tool %.140q: the name is not 1 to 128 of A-Z a-z 0-9 _ . / -", t.Name)
	}
	input := t.InputSchema
	if len(input) == 0 {
		input = json.RawMessage(`{"type":"object"}`)
	}
	in, doc, err := compile(input)
	if err != nil {
		return none, fmt.Errorf("mcp: tool %s: input schema: %w", t.Name, err)
	}
	tool := mcp.Tool{
		Name: t.Name, Title: t.Title, Description: t.Description,
		RawInputSchema: listedInput(input, doc), Annotations: t.Annotations.wire(),
	}
	// The library panics on registration where this fails.
	if err := mcp.ValidateParamHeaderAnnotations(&tool); err != nil {
		return none, fmt.Errorf("mcp: tool %s: input schema: %w", t.Name, err)
	}
	if len(t.OutputSchema) == 0 {
		return server.ServerTool{Tool: tool, Handler: s.propose(t.Name, in, nil)}, nil
	}
	out, doc, err := compile(t.OutputSchema)
	if err == nil {
		tool.RawOutputSchema, err = listedOutput(t.Name, t.OutputSchema, doc)
	}
	if err != nil {
		return none, fmt.Errorf("mcp: tool %s: output schema: %w", t.Name, err)
	}
	return server.ServerTool{Tool: tool, Handler: s.propose(t.Name, in, out)}, nil
}

func (a Annotations) wire() mcp.ToolAnnotation {
	return mcp.ToolAnnotation{
		ReadOnlyHint: &a.ReadOnly, DestructiveHint: &a.Destructive,
		IdempotentHint: &a.Idempotent, OpenWorldHint: &a.OpenWorld,
	}
}

// builtins returns the tools that answer from the node's state and propose nothing.
func (s *Server) builtins() []server.ServerTool {
	readOnly := Annotations{ReadOnly: true, Idempotent: true}.wire()
	const indexSchema = `{"type":"object","properties":{"index":{"type":"integer","minimum":0,` +
		`"description":"a witness_index from a result"}},"required":["index"],"additionalProperties":false}`
	return []server.ServerTool{{
		Tool: mcp.Tool{
			Name: "coherence", Title: "Coherence of the node",
			Description:    "The state of every field: how coherent it is, and by which margins its gate is open or closed.",
			RawInputSchema: json.RawMessage(`{"type":"object","additionalProperties":false}`), Annotations: readOnly,
		},
		Handler: s.report(`{"type":"object","additionalProperties":false}`, func(json.RawMessage) (string, error) { return CoherenceURI, nil }),
	}, {
		Tool: mcp.Tool{
			Name: "witness_proof", Title: "Proof of a witness record",
			Description:    "A recorded decision with the proof that it is part of the node's log.",
			RawInputSchema: json.RawMessage(indexSchema), Annotations: readOnly,
		},
		Handler: s.report(indexSchema, func(args json.RawMessage) (string, error) {
			var a struct {
				Index uint64 `json:"index"`
			}
			if err := json.Unmarshal(args, &a); err != nil {
				return "", fmt.Errorf("arguments/index: not an integer in 0…18446744073709551615: %w", err)
			}
			return fmt.Sprintf("%s%d", WitnessPrefix, a.Index), nil
		}),
	}}
}

// report returns the handler of a built-in tool: what the node reads at the address that uri makes
// of the arguments.
func (s *Server) report(schema string, uri func(json.RawMessage) (string, error)) server.ToolHandlerFunc {
	in, _, err := compile(json.RawMessage(schema))
	if err != nil {
		panic(err) // a constant of this file
	}
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		args, err := arguments(req.Params.RawArguments, in)
		if err != nil {
			return undecided(&Failure{Code: "bad_arguments", Message: err.Error()})
		}
		at, err := uri(args)
		if err != nil {
			return undecided(&Failure{Code: "bad_arguments", Message: err.Error()})
		}
		b, err := s.read(ctx, at)
		if err != nil {
			return undecided(&Failure{Code: "unavailable", Message: err.Error()})
		}
		res := mcp.NewToolResultText(string(b))
		if len(b) > 0 && b[0] == '{' {
			res.StructuredContent = b
		}
		return res, nil
	}
}
