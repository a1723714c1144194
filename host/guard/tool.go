package guard

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/becomingone/becomingone/kernel/gate"
)

// classes are what Claude Code's own tools can do. `agent.classes` in the node's config overrides them and
// is the place for tools of other servers.
var classes = map[string]gate.Effect{
	"Read": gate.Read, "Glob": gate.Read, "Grep": gate.Read, "LS": gate.Read, "NotebookRead": gate.Read,
	"TodoRead": gate.Read, "TodoWrite": gate.Read, "TaskOutput": gate.Read, "BashOutput": gate.Read,
	"ListMcpResourcesTool": gate.Read, "EnterPlanMode": gate.Read, "ExitPlanMode": gate.Read,
	"AskUserQuestion": gate.Read, "ToolSearch": gate.Read,
	"WebFetch": gate.Open, "WebSearch": gate.Open, "ReadMcpResourceTool": gate.Open,
	"Edit": gate.Write, "MultiEdit": gate.Write, "Write": gate.Write, "NotebookEdit": gate.Write,
	"Bash": gate.Write, "KillShell": gate.Write, "KillBash": gate.Write, "Task": gate.Write, "Agent": gate.Write,
}

// ClassOf returns what a tool can do; one that is not known here can write.
func ClassOf(tool string) gate.Effect {
	if e, ok := classes[tool]; ok {
		return e
	}
	return gate.Write
}

// own are the tools whose results are the model's words or the user's, which are no text of the world.
var own = map[string]bool{
	"Edit": true, "MultiEdit": true, "Write": true, "NotebookEdit": true, "TodoRead": true, "TodoWrite": true,
	"EnterPlanMode": true, "ExitPlanMode": true, "AskUserQuestion": true,
}

// source names where a result came from: the tool and what it looked at.
func (e *event) source() string {
	const most = 200
	for _, key := range []string{"file_path", "path", "url", "query", "command", "pattern", "uri"} {
		for k, v := range leaves(e.Input) {
			if k == key && v != "" {
				if len(v) > most {
					v = strings.ToValidUTF8(v[:most], "") + "…"
				}
				return e.name() + ": " + v
			}
		}
	}
	return e.name()
}

// name is the tool's, short enough for a source.
func (e *event) name() string {
	if len(e.Tool) > 40 {
		return strings.ToValidUTF8(e.Tool[:40], "")
	}
	return e.Tool
}

// leaves yields every scalar of a JSON value with the key that it stands under, in order. What cannot be
// read ends it.
func leaves(raw json.RawMessage) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		walk(d, "", yield)
	}
}

// walk reads one value and reports whether to go on.
func walk(d *json.Decoder, key string, yield func(key, value string) bool) bool {
	t, err := d.Token()
	if err != nil {
		return false
	}
	switch v := t.(type) {
	case json.Delim:
		for d.More() {
			under := key
			if v == '{' {
				name, err := d.Token()
				if err != nil {
					return false
				}
				under, _ = name.(string) // names are strings
			}
			if !walk(d, under, yield) {
				return false
			}
		}
		_, err := d.Token()
		return err == nil
	case string:
		return yield(key, v)
	case json.Number:
		return yield(key, v.String())
	}
	return true
}

// flat is a result as text: every value on a line of its own.
func flat(raw json.RawMessage) string {
	var b strings.Builder
	for _, v := range leaves(raw) {
		b.WriteString(v)
		b.WriteByte('\n')
	}
	return b.String()
}

// pieces cuts a text into parts that the node takes, at a line's end where there is one.
func pieces(text string) iter.Seq[string] {
	const most = 512 << 10
	return func(yield func(string) bool) {
		text = strings.ToValidUTF8(text, "\ufffd")
		for len(text) > 0 {
			n := len(text)
			if n > most {
				if n = strings.LastIndexByte(text[:most], '\n') + 1; n == 0 {
					for n = most; !utf8.RuneStart(text[n]); n-- {
					}
				}
			}
			if strings.TrimSpace(text[:n]) != "" && !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}
