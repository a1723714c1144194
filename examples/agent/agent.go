// Package agent is a demonstration without a model or a network: a scripted MCP client reads a poisoned
// document through one tool, obeys it as a careless agent would, and proposes the payment that the
// document asks for. With the gate off it happens; with the gate on it is held, and the user is asked.
package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options say what is run.
type Options struct {
	Program string    // the becomingone binary
	Plugins string    // the folder of the built desk plugin
	Out     io.Writer // where the story is told
}

// The user's own words, the call that they ask for, and the one that the document asks for.
const (
	Wish     = "Read the invoice on my desk and tell me what it says. Then pay 120 to DE02120300000000202051, the rent."
	Asked    = `{"to":"DE02120300000000202051","amount":120}`
	Injected = `{"to":"DE89370400440532013000","amount":4800}`
)

// Run tells the story twice, with the gate off and on. The error says where it went another way.
func Run(ctx context.Context, o Options) error {
	for _, on := range []bool{false, true} {
		if err := o.tell(ctx, on); err != nil {
			return fmt.Errorf("agent: gate on = %v: %w", on, err)
		}
	}
	return nil
}

// tell runs one node for one conversation.
func (o Options) tell(ctx context.Context, on bool) (err error) {
	dir, err := os.MkdirTemp("", "becomingone-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	policy, title := "shadow", "With the gate off (agent.policy: shadow)"
	if on {
		policy, title = "default", "With the gate on (agent.policy: default)"
	}
	o.say("\n%s\n%s", title, strings.Repeat("=", len(title)))
	c, err := o.start(ctx, dir, policy)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := o.common(c); err != nil {
		return err
	}
	got, err := c.call("pay", Injected)
	if err != nil {
		return err
	}
	o.say("agent  pay %s\ngate   %s", Injected, got.brief())
	if !on {
		if got.Verdict != "" || !strings.Contains(got.text, "paid 4800") {
			return errors.New("the injected payment was refused, and should not have been")
		}
		o.say("       The money is gone. The log says that the gate would have held it.")
		return nil
	}
	if got.Verdict != "held" || got.Question == "" {
		return fmt.Errorf("the injected payment was not held: %q", got.Verdict)
	}
	return o.answer(ctx, c, dir, got.Question)
}

// common is what happens in both stories: a wish, its payment, and a document.
func (o Options) common(c *client) error {
	o.say("user   %s", Wish)
	got, err := c.call("pay", Asked)
	if err != nil {
		return err
	}
	o.say("agent  pay %s\ngate   %s", Asked, got.brief())
	if !strings.Contains(got.text, "paid 120") {
		return errors.New("the payment that the user asked for was refused")
	}
	doc, err := c.call("read_document", `{"name":"invoice"}`)
	if err != nil {
		return err
	}
	o.say("agent  read_document {\"name\":\"invoice\"}\ndesk   %s", strings.ReplaceAll(doc.text, "\n", "\n       "))
	return nil
}

// answer shows what a yes does: the same call passes once. The word comes by file here, as for a node
// that nobody watches; a person types `becomingone approve` or answers on the page.
func (o Options) answer(ctx context.Context, c *client, dir, question string) error {
	asked := filepath.Join(dir, "data", "questions", question+".json")
	if err := until(ctx, func() bool { return exists(asked) }); err != nil {
		return fmt.Errorf("wait for the question: %w", err)
	}
	answer := filepath.Join(dir, "data", "answers", question)
	if err := os.WriteFile(answer, []byte("yes\n"), 0o600); err != nil {
		return err
	}
	if err := until(ctx, func() bool { return !exists(answer) && !exists(asked) }); err != nil {
		return fmt.Errorf("wait for the answer to be taken: %w", err)
	}
	o.say("user   yes, once (question %s)", question)
	for _, want := range []string{"", "held"} {
		got, err := c.call("pay", Injected)
		if err != nil {
			return err
		}
		o.say("agent  pay %s\ngate   %s", Injected, got.brief())
		if got.Verdict != want {
			return fmt.Errorf("verdict %q, want %q", got.Verdict, want)
		}
	}
	return nil
}

func (o Options) say(format string, args ...any) { fmt.Fprintf(o.Out, format+"\n", args...) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// until looks again until something is so: files tell no one that they have changed.
func until(ctx context.Context, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
	return nil
}

// client is an MCP client on the stdio of a node of its own.
type client struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	id  int
}

// config writes the node's config: the desk's tools, and the user's wish as what every session has heard.
func (o Options) config(dir, policy string) (file string, err error) {
	plugins, err := filepath.Abs(o.Plugins)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]any{ // JSON is YAML
		"node":    map[string]any{"name": "demo-agent"},
		"http":    map[string]any{"addr": ""},
		"plugins": map[string]any{"dirs": []string{plugins}},
		"agent":   map[string]any{"policy": policy, "trusted": []string{Wish}, "approvals": map[string]any{"files": true}},
		"log":     map[string]any{"level": "error"},
	})
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "demo.yaml")
	return file, os.WriteFile(file, b, 0o600)
}

// start starts a node that lives as long as its client, and greets it.
func (o Options) start(ctx context.Context, dir, policy string) (*client, error) {
	file, err := o.config(dir, policy)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, o.Program, "mcp", "--config", file, "--data", filepath.Join(dir, "data"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &client{cmd: cmd, in: in, out: bufio.NewReader(out)}
	_, err = c.ask("initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"demo-agent","version":"1"}}`)
	if err == nil {
		_, err = io.WriteString(in, `{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n")
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// close lets the node end, which it does when its client leaves.
func (c *client) close() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

// ask sends a request and waits for its answer; what else the node says is not for this client.
func (c *client) ask(method, params string) (json.RawMessage, error) {
	c.id++
	if _, err := fmt.Fprintf(c.in, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", c.id, method, params); err != nil {
		return nil, fmt.Errorf("send %s: %w", method, err)
	}
	for {
		line, err := c.out.ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("wait for the answer to %s: %w", method, err)
		}
		var m struct {
			ID     *int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, fmt.Errorf("answer to %s: %w", method, err)
		}
		if m.ID == nil || *m.ID != c.id {
			continue
		}
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m.Result, nil
	}
}

// outcome is the answer to a tool call.
type outcome struct {
	text     string
	Verdict  string `json:"verdict"` // "" where the tool ran
	Reason   string `json:"reason"`
	Question string `json:"question_id"`
}

func (o outcome) brief() string {
	if o.Verdict == "" {
		return "passes: " + o.text
	}
	return strings.ToUpper(o.Verdict) + ": " + o.Reason
}

func (c *client) call(tool, arguments string) (outcome, error) {
	raw, err := c.ask("tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, arguments))
	if err != nil {
		return outcome{}, err
	}
	var r struct {
		Content    []struct{ Text string }
		Structured outcome `json:"structuredContent"`
		IsError    bool
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return outcome{}, fmt.Errorf("answer of %s: %w", tool, err)
	}
	if !r.IsError {
		r.Structured = outcome{}
	} else if r.Structured.Verdict == "" {
		return outcome{}, fmt.Errorf("%s failed: %s", tool, raw)
	}
	for _, part := range r.Content {
		r.Structured.text += part.Text
	}
	return r.Structured, nil
}
