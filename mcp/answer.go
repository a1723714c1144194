package mcp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/becomingone/becomingone/kernel/gate"
)

// refusal is the structured content of an error: the outcome without the action's own content.
type refusal struct {
	Verdict      gate.Verdict `json:"verdict,omitzero"`
	Reason       string       `json:"reason"`
	Keys         []gate.Key   `json:"keys"`
	Realign      string       `json:"realign,omitempty"`
	QuestionID   string       `json:"question_id,omitempty"`
	WitnessIndex uint64       `json:"witness_index"`
	Error        *Failure     `json:"error,omitempty"`
}

// answer turns a node's result into the protocol's. out, if not nil, is the tool's output schema.
// An error means that the node broke its contract.
func answer(r Result, out *jsonschema.Schema) (*mcp.CallToolResult, error) {
	switch {
	case r.Verdict == 0 && r.Err == nil:
		return nil, errors.New("mcp: the node returned neither a verdict nor a failure")
	case r.Verdict == 0:
		return undecided(r.Err)
	case r.Verdict != gate.Collapse:
		return refuse(r, refusalText(r))
	case r.Err != nil:
		return refuse(r, r.Err.Error())
	}
	if f := check(r.Structured, out); f != nil {
		r.Err = f
		return refuse(r, f.Error())
	}
	blocks, err := contents(r.Content)
	if err != nil {
		r.Err = &Failure{Code: "bad_output", Message: "the action ran, but its answer is malformed: " + err.Error()}
		return refuse(r, r.Err.Error())
	}
	res := &mcp.CallToolResult{Content: blocks, Result: decided(r)}
	if len(r.Structured) > 0 {
		res.StructuredContent = r.Structured
		if len(blocks) == 0 {
			res.Content = []mcp.Content{mcp.NewTextContent(string(r.Structured))}
		}
	}
	return res, nil
}

// undecided answers a call that failed before the gate was asked, so that there is no verdict.
func undecided(f *Failure) (*mcp.CallToolResult, error) {
	b, err := json.Marshal(struct {
		Error *Failure `json:"error"`
	}{f})
	if err != nil {
		return nil, fmt.Errorf("mcp: failure %s: %w", f.Code, err)
	}
	res := mcp.NewToolResultError(f.Error())
	res.StructuredContent = json.RawMessage(b)
	return res, nil
}

func refuse(r Result, text string) (*mcp.CallToolResult, error) {
	keys := r.Keys
	if keys == nil {
		keys = []gate.Key{} // a required array, never null
	}
	b, err := json.Marshal(refusal{r.Verdict, r.Reason, keys, r.Realign, r.QuestionID, r.WitnessIndex, r.Err})
	if err != nil {
		return nil, fmt.Errorf("mcp: result of witness record %d: %w", r.WitnessIndex, err)
	}
	res := mcp.NewToolResultError(text)
	res.StructuredContent = json.RawMessage(b)
	res.Result = decided(r)
	return res, nil
}

// refusalText says to a model what is missing, one line a key.
func refusalText(r Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Not executed (%s): %s", r.Verdict, r.Reason)
	for _, k := range r.Keys {
		if !k.Pass {
			fmt.Fprintf(&b, "\nMissing %s (margin %.4g): %s", k.Name, k.Margin, k.Need)
		}
	}
	if r.Realign != "" {
		fmt.Fprintf(&b, "\nTo realign: %s", r.Realign)
	}
	if r.QuestionID != "" {
		fmt.Fprintf(&b, "\nThe user has been asked (question %s); call again after the answer.", r.QuestionID)
	}
	fmt.Fprintf(&b, "\nWitness record %d.", r.WitnessIndex)
	return b.String()
}

// decided carries the verdict and the record beside every answer of the gate.
func decided(r Result) mcp.Result {
	return mcp.Result{Meta: &mcp.Meta{AdditionalFields: map[string]any{
		"becomingone/verdict":       r.Verdict.String(),
		"becomingone/witness_index": r.WitnessIndex,
	}}}
}

// check returns why an executed action's structured result may not be sent, or nil.
func check(structured json.RawMessage, out *jsonschema.Schema) *Failure {
	if len(structured) == 0 {
		if out == nil {
			return nil
		}
		return &Failure{Code: "bad_output", Message: "the action ran, but returned no structured result; its output schema promises one"}
	}
	v, err := decode(structured)
	if err == nil {
		if _, ok := v.(map[string]any); !ok {
			err = fmt.Errorf("structured: %s is not a JSON object", excerpt(v))
		}
	}
	if err == nil {
		err = conforms(out, v, "structured")
	}
	if err != nil {
		return &Failure{Code: "bad_output", Message: "the action ran, but its result breaks its schema: " + err.Error()}
	}
	return nil
}

// contents translates blocks, naming the first one that is not what its type says.
func contents(blocks []Content) ([]mcp.Content, error) {
	out := make([]mcp.Content, 0, len(blocks))
	for i, c := range blocks {
		block, err := c.block()
		if err != nil {
			return nil, fmt.Errorf("content %d: %w", i, err)
		}
		out = append(out, block)
	}
	return out, nil
}

func (c Content) block() (mcp.Content, error) {
	data := base64.StdEncoding.EncodeToString(c.Data)
	switch c.Type {
	case "text":
		return mcp.NewTextContent(c.Text), nil
	case "image", "audio":
		if c.MIMEType == "" {
			return nil, fmt.Errorf("%s without mimeType", c.Type)
		}
		if c.Type == "image" {
			return mcp.NewImageContent(data, c.MIMEType), nil
		}
		return mcp.NewAudioContent(data, c.MIMEType), nil
	case "resource", "resource_link":
		if c.URI == "" {
			return nil, fmt.Errorf("%s without uri", c.Type)
		}
		if c.Type == "resource_link" {
			return mcp.NewResourceLink(c.URI, c.Name, c.Text, c.MIMEType), nil
		}
		if len(c.Data) > 0 {
			return mcp.NewEmbeddedResource(mcp.BlobResourceContents{URI: c.URI, MIMEType: c.MIMEType, Blob: data}), nil
		}
		return mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: c.URI, MIMEType: c.MIMEType, Text: c.Text}), nil
	}
	return nil, fmt.Errorf("type %.40q is not one of text, image, audio, resource, resource_link", c.Type)
}
