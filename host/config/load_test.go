package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/hooks"
	"github.com/becomingone/becomingone/kernel/gate"
)

// write puts text into dir/name and returns the path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const full = `
node: {name: test}
kernel:
  fields:
    co2:
      channels: [co2]
      input: {form: real, period: 1y, filter: 1y, velocity: true, max_gap: 10d, correlation: 13}
      reading: phasor
      emissary: {tau: 0.5y}
      master: {tau: 3y, levels: 1}
      gate: {threshold: 0.95, alpha_per_hour: 1e-6, eval_hz: 1.65e-6, shrink: 0.1, stale_after: 30d}
    co2-shuffled:
agent:
  policy: strict
  classes: {send_money: critical, "files.read": read}
  trusted: ["be kind"]
plugins:
  dirs: [plugins, /opt/plugins]
  actions:
    announce: {effect: write, requires: {signal: [co2]}}
hooks:
  queue: 12
  PreAction:
    - matcher: "say|announce"
      hooks:
        - {type: command, command: ./x.sh, args: [], timeout: 5s, on_failure: ignore}
        - command: echo hello
http: {addr: "127.0.0.1:0", hosts: [node.local]}
log: {level: debug}
`

func TestFull(t *testing.T) {
	dir := t.TempDir()
	c, err := Load([]string{write(t, dir, "becomingone.yaml", full)}, nil, nil)
	require.NoError(t, err)
	require.Equal(t, dir, c.Dir)
	co2 := c.Kernel.Fields["co2"]
	require.Equal(t, 3*Year, co2.Master.Tau)
	require.Equal(t, Year/2, co2.Emissary.Tau)
	require.Equal(t, 10*day, co2.Input.MaxGap)
	require.Equal(t, 0.90, co2.Gate.Release, "what is not said has its default")
	require.Equal(t, DefaultField(), c.Kernel.Fields["co2-shuffled"], "an empty section is a field")
	require.Equal(t, map[string]gate.Effect{"send_money": gate.Critical, "files.read": gate.Read}, c.Agent.Classes)
	require.Equal(t, gate.Write, c.Plugins.Actions["announce"].Effect)
	require.Equal(t, filepath.Join(dir, "plugins"), c.Path(c.Plugins.Dirs[0]))
	require.Equal(t, "/opt/plugins", c.Path(c.Plugins.Dirs[1]))
	require.Equal(t, hooks.Config{Dir: "hooks.d", Base: dir, Node: "test", MaxParallel: 8, Queue: 12, Grace: 5 * time.Second,
		Events: map[string][]hooks.Group{"PreAction": {{Matcher: "say|announce", Hooks: []hooks.Hook{
			{Type: "command", Command: "./x.sh", Args: []string{}, Timeout: 5 * time.Second, OnFailure: "ignore"},
			{Command: "echo hello"}}}}}}, c.HooksConfig())
}

func TestNothingIsNeeded(t *testing.T) {
	c, err := Load(nil, []string{"PATH=/bin"}, nil)
	require.NoError(t, err)
	require.Equal(t, Default(), c)
	_, err = hooks.New(c.HooksConfig(), nil)
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string]string{"a.yaml": "", "b.yml": "# nothing\n", "c.yaml": "---\n", "d.toml": "", "e.json": "{}",
		"f.yaml": "http:\nkernel:\n  fields:\n", "g.yaml": "null"} {
		c, err := Load([]string{write(t, dir, name, text)}, nil, nil)
		require.NoError(t, err, name)
		c.Dir = ""
		require.Equal(t, Default(), c, name)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	dir := t.TempDir()
	one := write(t, dir, "one.yaml", "log: {level: debug, format: json}\nhttp: {hosts: [a, b]}\nkernel: {fields: {x: {lag: 1s}, Y-1: {}}}")
	two := write(t, dir, "two.toml", "[log]\nlevel = \"warn\"\n[http]\nhosts = [\"c\"]\n[kernel.fields.x.gate]\nshrink = 2\n")
	env := []string{"BECOMINGONE_LOG__LEVEL=error", "BECOMINGONE_KERNEL__FIELDS__Y_1__GATE__MIN_MASS=7",
		"BECOMINGONE_KERNEL__FIELDS__NEW__LAG=2s", "BECOMINGONE_MCP__HTTP__ENABLED=false",
		"BECOMINGONE_PLUGINS__DIRS=a, b", "BECOMINGONE_HTTP__ORIGINS=[https://a.example]", "BECOMINGONE_HTTP__HOSTS=",
		"BECOMINGONE_HOOKS__PRE_ACTION=[{hooks: [{command: echo}]}]",
		"BECOMINGONE_EVENT=Collapse", "BECOMINGONE_DATA=/x", "BECOMINGONE_LONG=1", "becomingone_x__y=1"}
	c, err := Load([]string{one, two}, env, map[string]string{"log.level": "info", "http.body_limit": "2048"})
	require.NoError(t, err)
	require.Equal(t, Log{Level: "info", Format: "json"}, c.Log)
	require.Empty(t, c.HTTP.Hosts)
	require.Equal(t, 2048, c.HTTP.BodyLimit)
	require.Equal(t, []string{"https://a.example"}, c.HTTP.Origins)
	require.Equal(t, []string{"a", "b"}, c.Plugins.Dirs)
	require.False(t, c.MCP.HTTP.Enabled)
	require.Len(t, c.Kernel.Fields, 3)
	require.Equal(t, time.Second, c.Kernel.Fields["x"].Lag)
	require.Equal(t, 2.0, c.Kernel.Fields["x"].Gate.Shrink)
	require.Equal(t, 7.0, c.Kernel.Fields["Y-1"].Gate.MinMass)
	require.Equal(t, 2*time.Second, c.Kernel.Fields["new"].Lag)
	require.Equal(t, "echo", c.Hooks.PreAction[0].Hooks[0].Command)

	c, err = Load([]string{one, two}, nil, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"c"}, c.HTTP.Hosts, "a list replaces a list")
}

// A field's own value is out of range in the file and mended by a flag: only what counts is judged.
func TestOnlyTheResultIsJudged(t *testing.T) {
	path := write(t, t.TempDir(), "x.yaml", "log: {level: loud}")
	_, err := Load([]string{path}, nil, nil)
	require.Error(t, err)
	_, err = Load([]string{path}, nil, map[string]string{"log.level": "info"})
	require.NoError(t, err)
}

func TestFaults(t *testing.T) {
	for yaml, want := range map[string]string{
		// unknown keys
		"htpp: {}":                         "x.yaml:1: htpp is unknown: did you mean http?",
		"log:\n  levle: info":              "x.yaml:2: log.levle is unknown: did you mean log.level?",
		"threshold: 0.9":                   "threshold is unknown: did you mean kernel.fields.NAME.gate.threshold?",
		"kernel: {fields: {a: {tau: 1s}}}": "kernel.fields.a.tau is unknown: did you mean kernel.fields.NAME.emissary.tau?",
		"kernel: {fields: {a: {gate: {theshold: 1}}}}": "did you mean kernel.fields.a.gate.threshold?",
		"log: {xyzzyxyz: 1}":                           "log.xyzzyxyz is unknown: not one of level, format",
		"becomingone: {name: x}":                       "becomingone is the manifest's example: host/config/MANIFEST.md",
		"hooks: {PreActoin: []}":                       "hooks.PreActoin is unknown: did you mean hooks.PreAction?",
		"hooks: {preaction: []}":                       "hooks.preaction is unknown: did you mean hooks.PreAction?",
		"hooks: {PreAction: [{hook: []}]}":             "hooks.PreAction[0].hook is unknown: did you mean hooks.PreAction[0].hooks?",
		"kernel: {fields: {a: {dir: x}}}":              "unknown",
		// wrong types
		"log: 5":                                        "log 5: not a section",
		"log: [a]":                                      "log as a list: not a section",
		"log: {level: 5}":                               "log.level 5: not one of debug, info, warn, error",
		"log: {level: }":                                "log.level without a value: not one of",
		"node: {name: {a: b}}":                          "node.name as a section: not a text",
		"node: {name: 2001-02-03}":                      "node.name 2001-02-03T00:00:00Z: not a text",
		"http: {hosts: a}":                              `http.hosts "a": not a list`,
		"http: {hosts: [1]}":                            "http.hosts[0] 1: not a text",
		"http: {hosts: [null]}":                         "http.hosts[0] without a value: not a text",
		"http: {require_token: \"yes\"}":                `http.require_token "yes": not true or false`,
		"http: {body_limit: 1e4.5}":                     "not a whole number",
		"http: {body_limit: 2048.5}":                    "http.body_limit 2048.5: not a whole number ([1024, 67108864])",
		"http: {body_limit: \"2048\"}":                  `http.body_limit "2048": not a whole number`,
		"http: {call_timeout: 5}":                       `http.call_timeout 5: not a duration such as "250ms" (with its unit)`,
		"http: {call_timeout: 5 min}":                   `http.call_timeout "5 min": not a duration`,
		"kernel: {fields: {a: {gate: {threshold: x}}}}": `kernel.fields.a.gate.threshold "x": not a number ([0.5, 1))`,
		"kernel: {fields: [a]}":                         "kernel.fields as a list: not a section",
		"kernel: {fields: {a: 1}}":                      "kernel.fields.a 1: not a section",
		"hooks: {PreAction: {hooks: []}}":               "hooks.PreAction as a section: not a list",
		"agent: {classes: {x: [read]}}":                 "agent.classes.x as a list: not one of read, open, write, critical",
		// ranges
		"kernel: {fields: {a: {gate: {threshold: 1.2}}}}":            "x.yaml:1: kernel.fields.a.gate.threshold 1.2: not in [0.5, 1)",
		"kernel: {fields: {a: {gate: {threshold: 1}}}}":              "gate.threshold 1: not in [0.5, 1)",
		"kernel: {fields: {a: {gate: {threshold: .nan}}}}":           "gate.threshold NaN: not a number",
		"kernel: {fields: {a: {omega_rad_s: .inf}}}":                 "omega_rad_s +Inf: not a number",
		"kernel: {fields: {a: {align: {delta: 0}}}}":                 "align.delta 0: not in (0, 2]",
		"kernel: {fields: {a: {emissary: {tau: 0s}}}}":               `emissary.tau "0s": not above 0s`,
		"kernel: {fields: {a: {emissary: {tau: -1s}}}}":              `emissary.tau "-1s": not above 0s`,
		"kernel: {fields: {a: {emissary: {tau: 400y}}}}":             `emissary.tau "400y": beyond 292y`,
		"kernel: {fields: {a: {reading: phase}}}":                    `kernel.fields.a.reading "phase": not one of phasor, energy`,
		"kernel: {fields: {\"a b\": {}}}":                            "kernel.fields.a b is no name",
		"kernel: {fields: {\"\": {}}}":                               "is no name",
		"agent: {classes: {\"\": read}}":                             "a name is missing",
		"agent: {classes: {x: write-ish}}":                           `agent.classes.x "write-ish": not one of read, open, write, critical`,
		"plugins: {memory_budget_mb: 1}":                             "plugins.memory_budget_mb 1: not in [16, 65536]",
		"hooks: {max_parallel: 1}":                                   "hooks.max_parallel 1: not in [2, 256]",
		"hooks: {PreAction: [{hooks: [{command: x, timeout: 1h}]}]}": `hooks.PreAction[0].hooks[0].timeout "1h": not in [1ms, 10m]`,
		"hooks: {PreAction: [{hooks: [{command: x, type: http}]}]}":  `type "http": not one of command`,
		// one key against another
		"kernel: {fields: {a: {gate: {release: 0.96}}}}":                                            "x.yaml:1: kernel.fields.a.gate.release 0.96: not (0, gate.threshold)",
		"kernel: {fields: {a: {input: {form: real, period: 1s, frequency_hz: 1, correlation: 2}}}}": "input.frequency_hz 1: input.period 1s says the same, one of them",
		"kernel: {fields: {a: {input: {period: 1s}}}}":                                              "input.form \"\": a lock-in (period, frequency_hz",
		"kernel: {fields: {a: {input: {form: real, correlation: 1}}}}":                              "input.form real: needs input.period or input.frequency_hz",
		"kernel: {fields: {a: {input: {form: real, period: 1s, filter: 1s}}}}":                      "input.correlation 0: not in [1, 1e9]; filtered samples must declare it",
		"kernel: {fields: {a: {input: {form: event}}}}":                                             "input.form event: needs an omega",
		"kernel: {fields: {a: {omega_rad_s: 2, emissary: {tau: 1s}}}}":                              "kernel.fields.a.omega_rad_s 2 rad/s with a window of 1s",
		"kernel: {fields: {a: {master: {tau: 1ms}}}}":                                               "kernel.fields.a.master.tau 1ms: below emissary.tau 200ms",
		"kernel: {fields: {a: {gate: {alpha_per_hour: 1000, eval_hz: 1e-6}}}}":                      "kernel.fields.a.gate.alpha_per_hour 1000",
		"node: {name: \"\"}":                  `node.name "": empty`,
		"http: {addr: localhost}":             `http.addr "localhost": not host:port`,
		"http: {cert_file: a.pem}":            `http.cert_file "a.pem" with key_file "": both or neither`,
		"hooks: {PreAction: [{}]}":            "hooks.PreAction[0].hooks without a hook",
		"hooks: {PreAction: [{hooks: [{}]}]}": `hooks.PreAction[0].hooks[0].command "": empty`,
		"{kernel: {fields: {co2: {}}}, plugins: {actions: {a: {requires: {signal: [co3]}}}}}": `plugins.actions.a.requires.signal[0] "co3": no such field: did you mean co2?`,
		// not even YAML
		"a: b: c":          "x.yaml: yaml: mapping values",
		"a: 1\na: 2":       "already defined at line 1",
		"[1]":              "x.yaml: yaml",
		"text":             "x.yaml: yaml",
		"a: {}\n---\nb: 1": "more than one document",
		"a: *b":            "unknown anchor",
	} {
		t.Run(yaml, func(t *testing.T) {
			_, err := Load([]string{write(t, t.TempDir(), "x.yaml", yaml)}, nil, nil)
			require.ErrorContains(t, err, want)
		})
	}
}

func TestEveryFaultIsReportedWithItsPlace(t *testing.T) {
	dir := t.TempDir()
	one := write(t, dir, "one.yaml", "log:\n  level: loud\nhttp:\n  hosts:\n    - ok\n    - 7\nnode:\n  name: 1\n")
	two := write(t, dir, "two.toml", "[log]\nformat = \"xml\"\n[http]\nbody_limit = 1\n")
	_, err := Load([]string{one, two}, []string{"BECOMINGONE_NODE__NAME=", "BECOMINGONE_HTTP_ADDR=x", "BECOMINGONE_LOG__LEVLE=x",
		"BECOMINGONE_HTTP__REQUIRE_TOKEN=maybe", "BECOMINGONE_PLUGINS__ACTIONS={"}, map[string]string{"http.call_timeout": "1"})
	var faults []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var f *Fault
		require.True(t, errors.As(e, &f))
		faults = append(faults, strings.ReplaceAll(f.Error(), dir+"/", ""))
	}
	require.Equal(t, []string{
		`config: BECOMINGONE_HTTP_ADDR: is no key: did you mean BECOMINGONE_HTTP__ADDR?`,
		`config: two.toml: http.body_limit 1: not in [1024, 67108864]`,
		`config: flag: http.call_timeout "1": not a duration such as "250ms", "1h30m", "2d" or "0.5y"`,
		`config: one.yaml:6: http.hosts[1] 7: not a text`,
		`config: BECOMINGONE_HTTP__REQUIRE_TOKEN: http.require_token "maybe": not true or false`,
		`config: two.toml: log.format "xml": not one of text, json`,
		`config: one.yaml:2: log.level "loud": not one of debug, info, warn, error`,
		`config: BECOMINGONE_LOG__LEVLE: log.levle is unknown: did you mean log.level?`,
		`config: BECOMINGONE_PLUGINS__ACTIONS: plugins.actions "{": not YAML: yaml: line 1: did not find expected node content`,
	}, faults)
}

func TestBadVariablesAndFlags(t *testing.T) {
	for name, want := range map[string]string{
		"LOG__LEVEL__X=1":              "log.level.x is unknown",
		"HOOKS__PREACTION__0__HOOKS=x": "hooks.PreAction.0 is unknown",
		"HTTP__BODY_LIMIT=":            "http.body_limit without a value: not a whole number",
		"HTTP__BODY_LIMIT=[1":          "not YAML",
		"__=1":                         "unknown",
		"FOO__BAR=1":                   "foo is unknown",
		"KERNEL__FIELDS__A_B=1":        "kernel.fields.a_b 1: not a section",
		"KERNEL__FIELDS__A__=1":        "unknown",
		"KERNEL_FIELDS=1":              "did you mean BECOMINGONE_KERNEL__FIELDS?",
	} {
		_, err := Load(nil, []string{EnvPrefix + name}, nil)
		require.ErrorContains(t, err, want, name)
	}
	for key, want := range map[string]string{
		"": "unknown", ".": "unknown", "log": "log \"x\": not a section", "log.levl": "did you mean log.level?", "log.level.": "unknown",
	} {
		_, err := Load(nil, nil, map[string]string{key: "x"})
		require.ErrorContains(t, err, want, key)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"gone.yaml": "no such file", "x.ini": `".ini" is not one of .yaml, .yml, .json, .toml`, "x": `"" is not one of`,
		"big.yaml": "larger than 1048576 bytes", "bad.toml": "bad.toml: toml", "dup.toml": "dup.toml: toml",
	} {
		switch name {
		case "gone.yaml":
		case "big.yaml":
			write(t, dir, name, strings.Repeat("#", maxFile+1))
		case "dup.toml":
			write(t, dir, name, "a = 1\na = 2\n")
		default:
			write(t, dir, name, "= [")
		}
		_, err := Load([]string{filepath.Join(dir, name)}, nil, nil)
		require.ErrorContains(t, err, want, name)
	}
	_, err := Load([]string{filepath.Join(dir, "gone.yaml")}, nil, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAliasesKeepTheirPlace(t *testing.T) {
	path := write(t, t.TempDir(), "x.yaml", "kernel:\n  fields:\n    a: &a\n      lag: -1s\n    b: *a\n    c:\n      <<: *a\n")
	_, err := Load([]string{path}, nil, nil)
	require.ErrorContains(t, err, "x.yaml:4: kernel.fields.a.lag")
	require.ErrorContains(t, err, "x.yaml:5: kernel.fields.b.lag")
	require.ErrorContains(t, err, "x.yaml:6: kernel.fields.c.lag")
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"250ms": 250 * time.Millisecond, "2d": 2 * day, "0.5y": Year / 2, "1w": week,
		"-1d": -day, "0": 0, "1.5h": 90 * time.Minute, "3y": 3 * Year, "1e-3d": 86400 * time.Millisecond, ".5d": day / 2} {
		d, err := parseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, d, text)
		back, err := parseDuration(formatDuration(d))
		require.NoError(t, err)
		require.Equal(t, d, back)
	}
	for _, text := range []string{"", "d", "y", "1", "1 d", "1d2h", "0x1d", "nand", "infy", "1_0d", "1e400y", "293y", "1yy", "+-1d"} {
		_, err := parseDuration(text)
		require.Error(t, err, text)
	}
	require.Equal(t, "1h", formatDuration(time.Hour))
	require.Equal(t, "10m", formatDuration(10*time.Minute))
	require.Equal(t, "1h0m1s", formatDuration(time.Hour+time.Second))
	require.Equal(t, "0s", formatDuration(0))
	require.Equal(t, "20s", formatDuration(20*time.Second))
}
