package hooks

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// hook is one script of one event, ready to run.
type hook struct {
	kind    Kind
	source  string // "config", or the file in Dir
	match   *regexp.Regexp
	matcher string
	command string
	args    []string
	name    string // how reasons and logs call it
	timeout time.Duration
	ignore  bool // on_failure is "ignore"

	runs, blocks, failures, timeouts, discarded atomic.Uint64
	last                                        atomic.Pointer[string] // the latest failure
}

func (h *hook) matches(subject string) bool { return h.match == nil || h.match.MatchString(subject) }

// load returns every hook of cfg by event, config before files, in the order of their definition.
// It reports all that is wrong, not only the first.
func load(cfg Config) (map[Kind][]*hook, error) {
	all := make(map[Kind][]*hook)
	var wrong []error
	names := make([]string, 0, len(cfg.Events))
	for name := range cfg.Events {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		kind, err := ParseKind(name)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		for i, g := range cfg.Events[name] {
			hs, err := loadGroup(cfg.Base, kind, g)
			if err != nil {
				wrong = append(wrong, fmt.Errorf("hooks: %s[%d]%w", name, i, err))
			}
			all[kind] = append(all[kind], hs...)
		}
	}
	if cfg.Dir != "" {
		wrong = append(wrong, loadDir(resolve(cfg.Base, cfg.Dir), all))
	}
	return all, errors.Join(wrong...)
}

func loadGroup(base string, kind Kind, g Group) ([]*hook, error) {
	match, err := compile(kind, g.Matcher)
	if err != nil {
		return nil, err
	}
	if len(g.Hooks) == 0 {
		return nil, errors.New(".hooks: empty: at least one hook expected")
	}
	var hs []*hook
	var wrong []error
	for i, c := range g.Hooks {
		h, err := loadHook(base, kind, c)
		if err != nil {
			wrong = append(wrong, fmt.Errorf(".hooks[%d].%w", i, err))
			continue
		}
		h.match, h.matcher = match, g.Matcher
		hs = append(hs, h)
	}
	return hs, errors.Join(wrong...)
}

func loadHook(base string, kind Kind, c Hook) (*hook, error) {
	h := &hook{kind: kind, source: "config", command: c.Command, args: slices.Clone(c.Args),
		name: clip(strings.Join(append([]string{c.Command}, c.Args...), " "), 80), timeout: c.Timeout, ignore: c.OnFailure == Ignore}
	if c.Type != "" && c.Type != "command" {
		return nil, fmt.Errorf("type %q: not \"command\"", c.Type)
	}
	if strings.TrimSpace(c.Command) == "" || strings.IndexByte(c.Command, 0) >= 0 {
		return nil, fmt.Errorf("command %q: not a command line or a program", c.Command)
	}
	if h.timeout == 0 {
		h.timeout = DefaultTimeout
	}
	if h.timeout < time.Millisecond || h.timeout > MaxTimeout {
		return nil, fmt.Errorf("timeout %v: not in 1ms…%v", c.Timeout, MaxTimeout)
	}
	switch {
	case c.OnFailure != "" && c.OnFailure != Block && c.OnFailure != Ignore:
		return nil, fmt.Errorf("on_failure %q: not one of block, ignore", c.OnFailure)
	case c.OnFailure == Block && !kind.Gate():
		return nil, fmt.Errorf("on_failure %q: %s only observes: there is nothing to block", c.OnFailure, kind)
	}
	path := scriptOf(c)
	if path == "" {
		return h, nil
	}
	path = resolve(base, path)
	if err := runnable(path); err != nil {
		return nil, fmt.Errorf("command %q: %w", c.Command, err)
	}
	if c.Args != nil {
		h.command = path
	}
	return h, nil
}

// scriptOf returns the file that c runs where it says so by a path, else "": a bare name is looked
// up in PATH when it runs, and a command line that begins with shell syntax is the shell's business.
func scriptOf(c Hook) string {
	if c.Args != nil {
		if strings.ContainsAny(c.Command, `/\`) {
			return c.Command
		}
		return ""
	}
	word := strings.Fields(c.Command)[0]
	if strings.ContainsAny(word, "$`\"'\\;&|<>*?()[]{}~=#!") {
		return ""
	}
	if strings.Contains(word, "/") {
		return word
	}
	return ""
}

// compile returns the expression that matches what m matches as a whole; nil matches all.
func compile(kind Kind, m string) (*regexp.Regexp, error) {
	if m == "" || m == "*" {
		return nil, nil
	}
	if !kind.matchable() {
		return nil, fmt.Errorf(".matcher %q: %s concerns no action or field: only \"\" and \"*\" match", m, kind)
	}
	// Alone first: wrapped, "a)|(b" would be well-formed and mean something else.
	if _, err := regexp.Compile(m); err != nil {
		return nil, fmt.Errorf(".matcher %q: %w", m, err)
	}
	re, err := regexp.Compile(`\A(?:` + m + `)\z`)
	if err != nil {
		return nil, fmt.Errorf(".matcher %q: %w", m, err)
	}
	return re, nil
}

// loadDir adds the executables of dir/EVENT/, by name. Names that begin with a dot or end in
// ".disabled" are skipped. Any other file must be executable: one that lost its permission is an
// error and not a gate that stands open. A dir that does not exist holds no hooks.
func loadDir(dir string, all map[Kind][]*hook) error {
	events, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hooks: read folder: %w", err)
	}
	var wrong []error
	for _, e := range events {
		sub := filepath.Join(dir, e.Name())
		if info, err := os.Stat(sub); strings.HasPrefix(e.Name(), ".") || err != nil || !info.IsDir() {
			continue
		}
		kind, err := ParseKind(e.Name())
		if err != nil {
			wrong = append(wrong, fmt.Errorf("folder %s: %w", sub, err))
			continue
		}
		hs, err := loadEventDir(kind, sub)
		all[kind] = append(all[kind], hs...)
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

func loadEventDir(kind Kind, dir string) ([]*hook, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("hooks: read folder: %w", err)
	}
	var hs []*hook
	var wrong []error
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") || strings.HasSuffix(f.Name(), ".disabled") {
			continue
		}
		path := filepath.Join(dir, f.Name())
		if err := runnable(path); err != nil {
			wrong = append(wrong, fmt.Errorf("hooks: script %s: %w (chmod +x it, or name it %s.disabled)", path, err, f.Name()))
			continue
		}
		hs = append(hs, &hook{kind: kind, source: path, command: path, args: []string{},
			name: string(kind) + "/" + f.Name(), timeout: DefaultTimeout, ignore: !kind.Gate()})
	}
	return hs, errors.Join(wrong...)
}

// resolve returns path as an absolute one where it is relative to base.
func resolve(base, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	path = filepath.Join(base, path)
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// runnable reports why path is no program: it does not exist, is a folder, or may not be executed.
func runnable(path string) error {
	_, err := exec.LookPath(path)
	var e *exec.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
