package hooks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/hooks"
)

// script writes an executable shell script into dir and returns "./name".
func script(t *testing.T, dir, name, body string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the scripts of this test are for a POSIX shell")
	}
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	return "./" + name
}

// one is a config with one hook on one event.
func one(dir string, kind hooks.Kind, h hooks.Hook) hooks.Config {
	return hooks.Config{Base: dir, Node: "n1", Events: map[string][]hooks.Group{
		string(kind): {{Hooks: []hooks.Hook{h}}},
	}}
}

func gateOf(t *testing.T, cfg hooks.Config, e hooks.Event) hooks.Outcome {
	t.Helper()
	r, err := hooks.New(cfg, nil)
	require.NoError(t, err)
	return r.Gate(t.Context(), e)
}

func TestGateAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		block  bool
		reason string
	}{
		"silence goes on":      {"exit 0", false, ""},
		"white space goes on":  {`printf ' \n'`, false, ""},
		"empty answer goes on": {`echo '{}'`, false, ""},
		"block false goes on":  {`echo '{"block":false,"reason":"fine"}'`, false, ""},
		"stderr alone goes on": {`echo looking >&2`, false, ""},
		"exit 2": {`echo "not on
Sundays" >&2; exit 2`, true, "not on Sundays"},
		"exit 2 without a reason":     {"exit 2", true, "no reason given"},
		"exit 2 beats a yes":          {`echo '{"block":false}'; exit 2`, true, "no reason given"},
		"block true":                  {`echo '{"block":true,"reason":"too late"}'`, true, "too late"},
		"control characters":          {`printf '\033[31mred\007 \342\200\256' >&2; exit 2`, true, "[31mred"},
		"exit 1":                      {"echo broken >&2; exit 1", true, "exit status 1: broken"},
		"exit 3":                      {"exit 3", true, "exit status 3"},
		"exit 126":                    {"exit 126", true, "exit status 126"},
		"killed":                      {"kill -9 $$", true, "illed"},
		"text":                        {"echo ok", true, "not one JSON object"},
		"text before the answer":      {`echo warning; echo '{"block":false}'`, true, "not one JSON object"},
		"text after the answer":       {`echo '{"block":false} warning'`, true, "goes on after"},
		"two answers":                 {`echo '{}{}'`, true, "goes on after"},
		"cut off":                     {`printf '{"block":'`, true, "not JSON"},
		"not closed":                  {`printf '{"block":false'`, true, "not JSON"},
		"array":                       {`echo '[]'`, true, "not one JSON object"},
		"null":                        {`echo null`, true, "not one JSON object"},
		"not UTF-8":                   {`printf '{"reason":"\377"}'`, true, "not UTF-8"},
		"misspelt":                    {`echo '{"blok":true}'`, true, `answer key "blok"`},
		"other case":                  {`echo '{"Block":true}'`, true, `answer key "Block"`},
		"twice":                       {`echo '{"block":true,"block":false}'`, true, "occurs twice"},
		"block is a text":             {`echo '{"block":"no"}'`, true, "not true or false"},
		"block is null":               {`echo '{"block":null}'`, true, "not true or false"},
		"reason is a number":          {`echo '{"reason":1}'`, true, `answer key "reason"`},
		"signal is a number":          {`echo '{"signal":1}'`, true, "not an object"},
		"signal is a list of numbers": {`echo '{"signal":[1]}'`, true, "not an object"},
		"signal is null":              {`echo '{"signal":null}'`, true, "not an object"},
		"interpreter is missing":      {"", true, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			command := script(t, dir, "x.sh", c.body)
			if name == "interpreter is missing" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "x.sh"), []byte("#!/no/such/shell\n"), 0o755))
			}
			for _, args := range [][]string{nil, {}} {
				if name == "interpreter is missing" && args == nil {
					continue // the shell reports that as exit 127
				}
				out := gateOf(t, one(dir, hooks.PreAction, hooks.Hook{Command: command, Args: args}),
					hooks.Event{Kind: hooks.PreAction, Action: "say"})
				require.Equal(t, c.block, out.Block, out.Reason)
				require.Contains(t, out.Reason, c.reason)
				require.Len(t, out.Runs, 1)
			}
		})
	}
}

func TestScriptReadsTheEvent(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("BECOMINGONE_TOKEN", "secret")
	t.Setenv("SOME_KEY", "secret")
	command := script(t, dir, "x.sh", `cat > stdin.json; env > env.txt; pwd > pwd.txt; echo "$@" > args.txt`)
	e := hooks.Sample(hooks.PreAction, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))
	e.Field = "nul\x00byte"
	cfg := one(dir, hooks.PreAction, hooks.Hook{Command: command, Args: []string{"a b", "$HOME"}})
	require.False(t, gateOf(t, cfg, e).Block)

	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(b)
	}
	require.JSONEq(t, `{"event":"PreAction","time":"2026-01-02T03:04:05.000000006Z","node":"n1","session":"sample",
		"field":"nul\u0000byte","action":"say","arguments":{"text":"hello"},"witness_index":42,
		"decision":{"verdict":"collapse","keys":[{"name":"session","pass":true,"margin":0,
		"need":"nothing: the call is coherent"}],"reason":"every key held"}}`, read("stdin.json"))
	require.Equal(t, "a b $HOME\n", read("args.txt"))
	require.Equal(t, dir, strings.TrimSpace(read("pwd.txt")))
	for line := range strings.Lines(read("env.txt")) {
		name, _, _ := strings.Cut(line, "=")
		require.Contains(t, []string{"PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_", "BECOMINGONE_EVENT", "BECOMINGONE_NODE",
			"BECOMINGONE_SESSION", "BECOMINGONE_ACTION", "BECOMINGONE_WITNESS_INDEX"}, name)
	}
	require.Contains(t, read("env.txt"), "BECOMINGONE_EVENT=PreAction\n")
	require.NotContains(t, read("env.txt"), "secret")
}

func TestMatcherIsAnchored(t *testing.T) {
	for _, c := range []struct {
		matcher, action string
		runs            bool
	}{
		{"", "say", true}, {"*", "say", true}, {"say", "say", true}, {"say", "say2", false}, {"say", "unsay", false},
		{"say|announce", "announce", true}, {"say|announce", "sayannounce", false}, {"s.*", "say", true},
		{"(?i)SAY", "say", true}, {"say", "", false}, {"say$", "say\nx", false}, {"(?m)say$", "say\nx", false},
		{".*", "", true},
	} {
		dir := t.TempDir()
		cfg := one(dir, hooks.PreAction, hooks.Hook{Command: script(t, dir, "x.sh", "exit 2")})
		cfg.Events["PreAction"][0].Matcher = c.matcher
		require.Equal(t, c.runs, gateOf(t, cfg, hooks.Event{Kind: hooks.PreAction, Action: c.action}).Block, c)
	}
}

func TestFieldEventsMatchTheField(t *testing.T) {
	dir := t.TempDir()
	cfg := one(dir, hooks.Collapse, hooks.Hook{Command: script(t, dir, "x.sh", `echo '{"signal":{"event":true}}'`)})
	cfg.Events["Collapse"][0].Matcher = "co2"
	r, err := hooks.New(cfg, nil)
	require.NoError(t, err)
	require.Len(t, r.Test(t.Context(), hooks.Event{Kind: hooks.Collapse, Field: "co2", Action: "x"}).Runs, 1)
	require.Empty(t, r.Test(t.Context(), hooks.Event{Kind: hooks.Collapse, Field: "co2-shuffled"}).Runs)
	require.Len(t, r.Test(t.Context(), hooks.Event{Kind: hooks.Collapse, Action: "co2"}).Runs, 1)
}

func TestAllMustPass(t *testing.T) {
	dir := t.TempDir()
	pass := hooks.Hook{Command: script(t, dir, "pass.sh", `echo '{"signal":{"n":1}}'`)}
	many := hooks.Hook{Command: script(t, dir, "many.sh", `echo '{"signal":[{"n":2},{"n":3}]}'`)}
	slow := hooks.Hook{Command: script(t, dir, "slow.sh", `sleep 0.2; echo slow >&2; exit 2`)}
	veto := hooks.Hook{Command: script(t, dir, "veto.sh", `echo quick >&2; exit 2`)}
	run := func(hs ...hooks.Hook) hooks.Outcome {
		return gateOf(t, hooks.Config{Base: dir, Events: map[string][]hooks.Group{"PreAction": {{Hooks: hs}}}},
			hooks.Event{Kind: hooks.PreAction})
	}
	out := run(pass, many)
	require.False(t, out.Block)
	require.Equal(t, []json.RawMessage{[]byte(`{"n":1}`), []byte(`{"n":2}`), []byte(`{"n":3}`)}, out.Signals)

	out = run(pass, slow, veto)
	require.True(t, out.Block)
	require.Equal(t, "hook ./slow.sh: slow", out.Reason, "the order of definition decides, not the speed")
	require.Empty(t, out.Signals)
	require.Len(t, out.Runs, 3)
}

func TestOnFailureIgnoreForgivesFailuresOnly(t *testing.T) {
	dir := t.TempDir()
	for body, block := range map[string]bool{
		"exit 1": false, "sleep 60": false, "echo no-json": false, "kill -9 $$": false,
		"exit 2": true, `echo '{"block":true}'`: true,
	} {
		h := hooks.Hook{Command: script(t, dir, "x.sh", body), OnFailure: hooks.Ignore, Timeout: 300 * time.Millisecond}
		out := gateOf(t, one(dir, hooks.PreAction, h), hooks.Event{Kind: hooks.PreAction})
		require.Equal(t, block, out.Block, body)
		require.NotEqual(t, block, out.Runs[0].Failed, body)
	}
}

func TestGateRefusesWhatItCannotAsk(t *testing.T) {
	dir := t.TempDir()
	r, err := hooks.New(one(dir, hooks.PreAction, hooks.Hook{Command: script(t, dir, "x.sh", "exit 0")}), nil)
	require.NoError(t, err)
	require.True(t, r.Gate(t.Context(), hooks.Event{Kind: hooks.Collapse}).Block)
	require.True(t, r.Gate(t.Context(), hooks.Event{}).Block)
	require.True(t, r.Test(t.Context(), hooks.Event{Kind: "Nothing"}).Block)
	out := r.Gate(t.Context(), hooks.Event{Kind: hooks.PreAction, Arguments: json.RawMessage("{")})
	require.True(t, out.Block)
	require.Contains(t, out.Reason, "write event PreAction")
}

func TestVanishedScriptFailsClosed(t *testing.T) {
	for _, args := range [][]string{nil, {}} {
		dir := t.TempDir()
		r, err := hooks.New(one(dir, hooks.PreAction, hooks.Hook{Command: script(t, dir, "x.sh", "exit 0"), Args: args}), nil)
		require.NoError(t, err)
		require.False(t, r.Gate(t.Context(), hooks.Event{Kind: hooks.PreAction}).Block)
		require.Empty(t, r.Found()[0].Problem)
		require.NoError(t, os.Chmod(filepath.Join(dir, "x.sh"), 0o644))
		require.True(t, r.Gate(t.Context(), hooks.Event{Kind: hooks.PreAction}).Block)
		require.Contains(t, r.Found()[0].Problem, "permission denied")
		require.NoError(t, os.Remove(filepath.Join(dir, "x.sh")))
		require.True(t, r.Gate(t.Context(), hooks.Event{Kind: hooks.PreAction}).Block)
		require.Contains(t, r.Found()[0].Problem, "no such file")
		s := r.Status().Hooks[0]
		require.Equal(t, uint64(3), s.Runs)
		require.Equal(t, uint64(2), s.Failures)
		require.NotEmpty(t, s.LastError)
	}
}

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	ok := script(t, dir, "ok.sh", "exit 0")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plain.txt"), []byte("x"), 0o644))
	hook := func(h hooks.Hook) hooks.Config { return one(dir, hooks.PreAction, h) }
	group := func(kind hooks.Kind, matcher string) hooks.Config {
		cfg := one(dir, kind, hooks.Hook{Command: ok})
		cfg.Events[string(kind)][0].Matcher = matcher
		return cfg
	}
	for want, cfg := range map[string]hooks.Config{
		`unknown event "PreActoin": did you mean "PreAction"?`:        one(dir, "PreActoin", hooks.Hook{Command: ok}),
		`unknown event "postaction": did you mean "PostAction"?`:      one(dir, "postaction", hooks.Hook{Command: ok}),
		`unknown event "xyz": not one of PreAction, PreRealign`:       one(dir, "xyz", hooks.Hook{Command: ok}),
		`PreAction[0].hooks: empty`:                                   {Events: map[string][]hooks.Group{"PreAction": {{}}}},
		`PreAction[0].hooks[0].type "script": not "command"`:          hook(hooks.Hook{Type: "script", Command: ok}),
		`PreAction[0].hooks[0].command "": not a command`:             hook(hooks.Hook{}),
		`command "./gone.sh": stat ` + dir + `/gone.sh: no such file`: hook(hooks.Hook{Command: "./gone.sh"}),
		`command "sub/gone.sh"`:                                       hook(hooks.Hook{Command: "sub/gone.sh"}),
		`command "/gone.sh"`:                                          hook(hooks.Hook{Command: "/gone.sh", Args: []string{}}),
		`command "./plain.txt": permission denied`:                    hook(hooks.Hook{Command: "./plain.txt"}),
		`command "./": `:                                                    hook(hooks.Hook{Command: "./"}),
		`timeout 1µs: not in 1ms…10m0s`:                                     hook(hooks.Hook{Command: ok, Timeout: time.Microsecond}),
		`timeout 1h0m0s: not in 1ms…10m0s`:                                  hook(hooks.Hook{Command: ok, Timeout: time.Hour}),
		`timeout -1s: not in`:                                               hook(hooks.Hook{Command: ok, Timeout: -time.Second}),
		`on_failure "pass": not one of block, ignore`:                       hook(hooks.Hook{Command: ok, OnFailure: "pass"}),
		`on_failure "block": Collapse only observes`:                        one(dir, hooks.Collapse, hooks.Hook{Command: ok, OnFailure: "block"}),
		"PreAction[0].matcher \"(\"":                                        group(hooks.PreAction, "("),
		"PreAction[0].matcher \"a)|(b\"":                                    group(hooks.PreAction, "a)|(b"),
		"NodeStart[0].matcher \"x\": NodeStart concerns no action or field": group(hooks.NodeStart, "x"),
		`max_parallel 1: not in 2…256`:                                      {MaxParallel: 1},
		`queue -1: not in 1…65536`:                                          {Queue: -1},
		`grace -1ns: not in`:                                                {Grace: -1},
	} {
		_, err := hooks.New(cfg, nil)
		require.ErrorContains(t, err, want)
	}
}

func TestNewReportsAllThatIsWrong(t *testing.T) {
	_, err := hooks.New(hooks.Config{Events: map[string][]hooks.Group{
		"Nope":      {},
		"PreAction": {{Hooks: []hooks.Hook{{}, {Command: "/gone"}}}, {Matcher: "("}},
	}}, nil)
	for _, want := range []string{`"Nope"`, "PreAction[0].hooks[0].command", ".hooks[1].command", "PreAction[1].matcher"} {
		require.ErrorContains(t, err, want)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	script(t, dir, "hooks.d/PreAction/20-second", "exit 0")
	script(t, dir, "hooks.d/PreAction/10-first", "echo first >&2; exit 2")
	script(t, dir, "hooks.d/PreAction/30-off.disabled", "exit 1")
	script(t, dir, "hooks.d/PreAction/.hidden", "exit 1")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hooks.d", "README"), []byte("x"), 0o644))
	cfg := one(dir, hooks.NodeStart, hooks.Hook{Command: "true"})
	cfg.Dir = "hooks.d"
	r, err := hooks.New(cfg, nil)
	require.NoError(t, err)
	out := r.Gate(t.Context(), hooks.Event{Kind: hooks.PreAction})
	require.Equal(t, "hook PreAction/10-first: first", out.Reason)
	require.Len(t, out.Runs, 2)
	found := r.Found()
	require.Len(t, found, 3)
	require.Equal(t, filepath.Join(dir, "hooks.d/PreAction/10-first"), found[0].Source)
	require.Equal(t, hooks.Block, found[0].OnFailure)
	require.Equal(t, "config", found[2].Source)
	require.Equal(t, hooks.Ignore, found[2].OnFailure)

	require.NoError(t, os.Chmod(filepath.Join(dir, "hooks.d/PreAction/10-first"), 0o644))
	_, err = hooks.New(cfg, nil)
	require.ErrorContains(t, err, "10-first: permission denied (chmod +x it")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "hooks.d/PreActions"), 0o755))
	_, err = hooks.New(cfg, nil)
	require.ErrorContains(t, err, `did you mean "PreAction"?`)

	cfg.Dir = "nowhere"
	_, err = hooks.New(cfg, nil)
	require.NoError(t, err, "a folder that is not there holds no hooks")
}

func TestSamplesAreEvents(t *testing.T) {
	dir := t.TempDir()
	command := script(t, dir, "x.sh", "cat >> seen")
	for _, k := range hooks.Kinds() {
		r, err := hooks.New(one(dir, k, hooks.Hook{Command: command}), nil)
		require.NoError(t, err)
		out := r.Test(t.Context(), hooks.Sample(k, time.Unix(0, 0).UTC()))
		require.False(t, out.Block)
		require.Len(t, out.Runs, 1)
		require.Zero(t, r.Status().Hooks[0].Runs, "a dry run counts nothing")
	}
	seen, err := os.ReadFile(filepath.Join(dir, "seen"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(seen)), "\n")
	require.Len(t, lines, len(hooks.Kinds()))
	for i, line := range lines {
		var e hooks.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Equal(t, hooks.Kinds()[i], e.Kind)
	}
}

func ExampleRunner_Gate() {
	r, err := hooks.New(hooks.Config{Events: map[string][]hooks.Group{"PreAction": {{
		Matcher: "pay|delete_.*",
		Hooks:   []hooks.Hook{{Command: `echo "ask me first" >&2; exit 2`}},
	}}}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, action := range []string{"say", "pay"} {
		out := r.Gate(context.Background(), hooks.Event{Kind: hooks.PreAction, Action: action})
		fmt.Printf("%s: block %t, %q\n", action, out.Block, out.Reason)
	}
	// Output:
	// say: block false, ""
	// pay: block true, "hook echo \"ask me first\" >&2; exit 2: ask me first"
}
