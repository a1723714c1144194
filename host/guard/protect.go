package guard

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/becomingone/becomingone/kernel/gate"
)

// prose are the keys under which a tool's input holds what will be written or said, not what is touched.
var prose = map[string]bool{
	"content": true, "old_string": true, "new_string": true, "new_source": true, "prompt": true, "description": true,
	"text": true, "body": true, "todos": true, "query": true,
}

// commands are the keys under which it holds what a shell or another program runs.
var commands = map[string]bool{"command": true, "cmd": true, "script": true, "code": true, "args": true, "arguments": true}

// protect looks for calls that would change who guards. It returns deny for the node's data folder and
// the owner's commands, ask for the client's own settings, where the guard is switched on, and for
// starting a node; else "".
func (g *Guard) protect(e *event) (decision, why string) {
	for key, value := range leaves(e.Input) {
		if prose[key] {
			continue
		}
		plain := strings.NewReplacer(`"`, "", "'", "", `\`, "").Replace(value)
		if g.touches(e.Folder, plain) {
			return "deny", "the node's data folder is the owner's, and no tool may touch it"
		}
		if commands[key] {
			if d, what := ownerCommand(plain); d != "" {
				return d, what
			}
		}
		if strings.Contains(filepath.ToSlash(plain), ".claude/settings") && ClassOf(e.Tool) > gate.Open {
			decision, why = "ask", "the client's settings say whether the gate is asked at all"
		}
	}
	return decision, why
}

// touches says whether a path or a command names something in the data folder.
func (g *Guard) touches(folder, value string) bool {
	for _, spelled := range g.spellings() {
		for rest := value; ; {
			i := strings.Index(rest, spelled)
			if i < 0 {
				break
			}
			rest = rest[i+len(spelled):]
			if rest == "" || !partOfName(rest[0]) {
				return true
			}
		}
	}
	for _, part := range []string{"owner.token", "becomingone/keys", "becomingone/answers"} {
		if strings.Contains(value, part) {
			return true
		}
	}
	return len(value) < 4096 && g.within(folder, value)
}

func partOfName(c byte) bool {
	return c == '-' || c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// spellings are the ways in which a command may name the data folder.
func (g *Guard) spellings() []string {
	data, err := filepath.Abs(g.Data)
	if err != nil {
		data = g.Data
	}
	out := []string{data, "$BECOMINGONE_DATA", "${BECOMINGONE_DATA}"}
	if real, err := filepath.EvalSymlinks(data); err == nil && real != data {
		out = append(out, real)
	}
	for name, dir := range map[string]string{"HOME": g.Home, "XDG_DATA_HOME": os.Getenv("XDG_DATA_HOME")} {
		rel, err := filepath.Rel(dir, data)
		if dir == "" || err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			continue
		}
		out = append(out, "$"+name+"/"+rel, "${"+name+"}/"+rel)
		if name == "HOME" {
			out = append(out, "~/"+rel)
		}
	}
	return out
}

// within says whether value, read as a path, lies in the data folder, also by way of links.
func (g *Guard) within(folder, value string) bool {
	path := value
	if rest, ok := strings.CutPrefix(path, "~/"); ok && g.Home != "" {
		path = filepath.Join(g.Home, rest)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	data, err := filepath.Abs(g.Data)
	if err != nil {
		return true // nobody can tell
	}
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	path = resolved(filepath.Clean(path))
	return path == data || strings.HasPrefix(path, data+string(filepath.Separator))
}

// resolved follows the links of the part of a path that exists.
func resolved(path string) string {
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest)
		}
		parent := filepath.Dir(path)
		if parent == path {
			return filepath.Join(path, rest)
		}
		rest = filepath.Join(filepath.Base(path), rest)
		path = parent
	}
}

// ownerCommand looks for a command of the owner's in a command line without its quotes.
func ownerCommand(line string) (decision, why string) {
	words := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()<>`{}[],=", r) })
	for i, w := range words {
		if base := strings.TrimSuffix(filepath.Base(filepath.ToSlash(w)), ".exe"); base != "becomingone" {
			continue
		}
		rest := words[i+1:]
		for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
			if (rest[0] == "--data" || rest[0] == "--config") && len(rest) > 1 {
				rest = rest[1:]
			}
			rest = rest[1:]
		}
		if len(rest) == 0 {
			continue
		}
		if what := owners(rest); what != "" {
			return "deny", "`becomingone " + what + "` is the owner's to type"
		}
		if rest[0] == "run" {
			decision, why = "ask", "a node that an agent starts is the agent's"
		}
	}
	return decision, why
}

// owners names the owner's command that the words begin with, or "".
func owners(words []string) string {
	second := ""
	if len(words) > 1 {
		second = words[1]
	}
	switch words[0] {
	case "approve", "guard":
		return words[0]
	case "sense":
		for _, w := range words {
			if w == "trusted" {
				return "sense --trust trusted"
			}
		}
	case "plugin":
		switch second {
		case "install", "enable", "disable", "remove", "sign":
			return "plugin " + second
		}
	case "mesh":
		switch second {
		case "invite", "join", "approve", "revoke":
			return "mesh " + second
		}
	}
	return ""
}
