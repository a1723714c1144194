package plugins_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

// running starts a set, waits until it is ready, and stops it with the test.
func running(t *testing.T, cfg plugins.Config, fsys fs.FS, loader plugins.Loader) *plugins.Set {
	cfg.Embedded = map[string]fs.FS{"here": fsys}
	s, err := plugins.NewSet(cfg, map[string]plugins.Loader{"bo1": loader})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	<-s.Ready()
	t.Cleanup(func() {
		cancel()
		run.Wait()
		require.NoError(t, s.Close(context.WithoutCancel(ctx)))
		require.NoError(t, s.Close(context.WithoutCancel(ctx)))
	})
	return s
}

func codeOf(err error) string {
	var e *abi.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

const sayYAML = "kind: action\nactions: {say: {effect: write, requires: {signal: [f]}, description: granted}}\n"

func TestActionsMergeManifestAndDescription(t *testing.T) {
	changes := 0
	s := running(t, plugins.Config{OnChange: func() { changes++ }}, folder(map[string]string{"voice": sayYAML}), fake{"voice": speaker("voice", "say")})
	require.Equal(t, 1, changes)
	all := s.Actions()
	require.Len(t, all, 1)
	a := all[0]
	require.Equal(t, []string{"say", "voice", "1", "granted"}, []string{a.Name, a.Plugin, a.Version, a.Description})
	require.Len(t, a.Digest, 64)
	require.Equal(t, gate.Write, a.Effect)
	require.Equal(t, []string{"f"}, a.Requires.Signal)
	require.Contains(t, string(a.InputSchema), `"maximum":10`)
}

func TestActValidatesArguments(t *testing.T) {
	s := running(t, plugins.Config{}, folder(map[string]string{"voice": sayYAML}), fake{"voice": speaker("voice", "say")})
	out, err := s.Act(t.Context(), abi.ActInput{Action: "say", Arguments: abi.Raw(`{"volume":3}`)})
	require.NoError(t, err)
	require.Equal(t, sdk.Text("done", abi.Raw(`{"volume":3}`)), out)
	for args, want := range map[string]string{
		``:                          "missing property 'volume'",
		`null`:                      "missing property 'volume'",
		`{"volume":11}`:             "volume 11: maximum: got 11, want 10",
		`{"volume":"loud"}`:         `volume "loud": got string, want integer`,
		`{"volume":1,"to":["a",5]}`: "to.1 5: got number, want string",
		`{"volume":1,"x":2}`:        "additional properties 'x' not allowed",
		`[]`:                        "[]: want a JSON object",
		`{"volume":`:                "EOF",
	} {
		_, err := s.Act(t.Context(), abi.ActInput{Action: "say", Arguments: abi.Raw(args)})
		require.ErrorContains(t, err, want, "%s", args)
		require.Equal(t, plugins.CodeArguments, codeOf(err))
		_, err = s.Check(t.Context(), "say", []byte(args))
		require.ErrorContains(t, err, want, "%s", args)
	}
	_, err = s.Act(t.Context(), abi.ActInput{Action: "fly"})
	require.Equal(t, plugins.CodeUnknown, codeOf(err))
	a, err := s.Check(t.Context(), "say", []byte(`{"volume":3}`))
	require.NoError(t, err)
	require.Equal(t, "voice", a.Plugin)
	require.EqualValues(t, 1, s.Status()[0].Calls)
	require.Zero(t, s.Status()[0].Failures)
}

func TestActRefusesBadAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"\x00{":                                plugins.CodeProtocol,
		"\x07":                                 plugins.CodeProtocol,
		"\x00{}":                               plugins.CodeProtocol, // output_schema promises structured
		"\x01{}":                               plugins.CodeProtocol,
		"\x00" + `{"structured":{"volume":6}}`: plugins.CodeProtocol,
		"\x00" + `{"structured":{"volume":5},"content":[{"type":"html"}]}`: plugins.CodeProtocol,
		"\x01" + `{"code":"hoarse","message":"no voice"}`:                  "hoarse",
	} {
		p := speaker("voice", "say")
		p.answer = []byte(answer)
		s := running(t, plugins.Config{}, folder(map[string]string{"voice": sayYAML}), fake{"voice": p})
		_, err := s.Act(t.Context(), abi.ActInput{Action: "say", Arguments: abi.Raw(`{"volume":3}`)})
		require.Equal(t, want, codeOf(err), "%q: %v", answer, err)
		st := s.Status()[0]
		require.EqualValues(t, 1, st.Failures)
		require.NotEmpty(t, st.Error)
	}
}

// Whatever is wrong with one plugin, the good one works and the bad one's status says why.
func TestOneFailingPluginCostsNoOther(t *testing.T) {
	other := "kind: action\nactions: {other: {effect: read}}\n"
	for name, c := range map[string]struct {
		manifest string
		plugin   *native
		edit     func(fsys fstest.MapFS)
		want     string
	}{
		"digest":         {other, speaker("bad", "other"), func(f fstest.MapFS) { f["bad/bad.wasm"].Data = []byte("evil") }, "sha256"},
		"no digest":      {other, speaker("bad", "other"), func(f fstest.MapFS) { cut(f, "sha256: ") }, `sha256 "": want the digest of bad.wasm`},
		"no file":        {other, speaker("bad", "other"), func(f fstest.MapFS) { delete(f, "bad/bad.wasm") }, "file does not exist"},
		"unknown abi":    {other, speaker("bad", "other"), func(f fstest.MapFS) { cut(f, "abi: ", "abi: bo9") }, `abi "bo9": want bo1`},
		"loader fails":   {other, nil, nil, `no such plugin`},
		"loader panics":  {other, &native{}, nil, "panic: a loader that panics"},
		"other name":     {other, speaker("good", "other"), nil, `name "bad": want good, as the plugin describes itself`},
		"action missing": {other, speaker("bad", "another"), nil, `actions "other": want an action that the plugin offers`},
		"same action":    {sayYAML, speaker("bad", "say"), nil, ""},
		"capability":     {other, needy(), nil, `capabilities "": want also net, which the plugin needs`},
		"trigger":        {"kind: action\nactions: {other: {effect: read, trigger: {collapse: [f], arguments: {volume: 11}}}}\n", speaker("bad", "other"), nil, "trigger.arguments: volume 11: maximum: got 11, want 10"},
		"schema":         {other, schema(`{"type":"object","properties":{"a":{"$ref":"file:///etc/passwd"}}}`), nil, "input_schema"},
		"schema type":    {other, schema(`{"type":"string"}`), nil, `want an object with "type": "object"`},
		"manifest":       {"kind: actor\n", speaker("bad", "other"), nil, `kind "actor"`},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := folder(map[string]string{"bad": c.manifest, "good": sayYAML})
			if c.edit != nil {
				c.edit(fsys)
			}
			loader := fake{"bad": c.plugin, "good": speaker("good", "say")}
			if c.plugin == nil {
				delete(loader, "bad")
			}
			s := running(t, plugins.Config{}, fsys, loader)
			bad, good := s.Status()[0], s.Status()[1]
			if name == "same action" {
				bad, good = good, bad // the first in the order of paths has it
				c.want = `action "say": here/bad/plugin.yaml has it`
			}
			require.Equal(t, plugins.Failed, bad.State)
			require.Contains(t, bad.Error, c.want)
			require.Equal(t, plugins.Active, good.State)
			require.Len(t, s.Actions(), 1)
			_, err := s.Act(t.Context(), abi.ActInput{Action: "say", Arguments: abi.Raw(`{"volume":3}`)})
			require.NoError(t, err)
		})
	}
}

func needy() *native {
	p := speaker("bad", "other")
	p.Capabilities = []string{"net"}
	return p
}

func schema(text string) *native {
	p := speaker("bad", "other")
	p.Actions[0].InputSchema = abi.Raw(text)
	return p
}

// cut replaces the line of bad's manifest that begins with prefix.
func cut(f fstest.MapFS, prefix string, by ...string) {
	lines := strings.Split(string(f["bad/plugin.yaml"].Data), "\n")
	for i := range lines {
		if strings.HasPrefix(lines[i], prefix) {
			lines[i] = strings.Join(by, "")
		}
	}
	f["bad/plugin.yaml"].Data = []byte(strings.Join(lines, "\n"))
}

func TestActionsAbsentFromTheManifestAreRefused(t *testing.T) {
	p := speaker("voice", "say")
	p.Actions = append(p.Actions, sdk.Action{Action: abi.Action{Name: "erase"}, Do: p.Actions[0].Do})
	s := running(t, plugins.Config{}, folder(map[string]string{"voice": sayYAML}), fake{"voice": p})
	require.Equal(t, []string{"erase"}, s.Status()[0].Refused)
	_, err := s.Act(t.Context(), abi.ActInput{Action: "erase"})
	require.Equal(t, plugins.CodeUnknown, codeOf(err))
}

// A call that does not come back costs its caller the deadline, and later callers of the same
// plugin an answer by theirs; another plugin answers at once.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := speaker("slow", "crawl")
		slow.hold = make(chan struct{})
		crawl := "kind: action\nlimits: {instances: 1, deadline: 200ms}\nactions: {crawl: {effect: read}}\n"
		s := running(t, plugins.Config{}, folder(map[string]string{"slow": crawl, "voice": sayYAML}), fake{"slow": slow, "voice": speaker("voice", "say")})
		start := time.Now()
		for _, want := range []string{plugins.CodeDeadline, plugins.CodeBusy} {
			_, err := s.Act(t.Context(), abi.ActInput{Action: "crawl", Arguments: abi.Raw(`{"volume":3}`)})
			require.Equal(t, want, codeOf(err))
		}
		require.Equal(t, 400*time.Millisecond, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.Act(ctx, abi.ActInput{Action: "crawl", Arguments: abi.Raw(`{"volume":3}`)})
		require.Equal(t, plugins.CodeBusy, codeOf(err))
		require.Equal(t, 450*time.Millisecond, time.Since(start))
		_, err = s.Act(t.Context(), abi.ActInput{Action: "say", Arguments: abi.Raw(`{"volume":3}`)})
		require.NoError(t, err)
		require.Equal(t, 450*time.Millisecond, time.Since(start))
		close(slow.hold)
		synctest.Wait()
		_, err = s.Act(t.Context(), abi.ActInput{Action: "crawl", Arguments: abi.Raw(`{"volume":3}`)})
		require.NoError(t, err)
	})
}

func TestLimitsOfMessages(t *testing.T) {
	s := running(t, plugins.Config{}, folder(map[string]string{"voice": "limits: {input_bytes: 60}\n" + sayYAML}), fake{"voice": speaker("voice", "say")})
	_, err := s.Act(t.Context(), abi.ActInput{Action: "say", Arguments: abi.Raw(`{"volume":3}`), Session: strings.Repeat("s", 60)})
	require.Equal(t, plugins.CodeInput, codeOf(err))
}

func TestClosedSetRefuses(t *testing.T) {
	p := speaker("voice", "say")
	s := running(t, plugins.Config{}, folder(map[string]string{"voice": sayYAML}), fake{"voice": p})
	require.NoError(t, s.Close(t.Context()))
	require.NoError(t, s.Close(t.Context()))
	require.EqualValues(t, 1, p.closed.Load())
	_, err := s.Act(t.Context(), abi.ActInput{Action: "say"})
	require.Equal(t, plugins.CodeClosed, codeOf(err))
	require.Equal(t, plugins.CodeClosed, codeOf(s.Observe(t.Context(), abi.ObserveInput{})))
}

func TestConfigValidate(t *testing.T) {
	for want, cfg := range map[string]plugins.Config{
		"config Parallel 65: want 0…64": {Parallel: 65}, "config Queue -1: want 0…1048576": {Queue: -1}, "config Batch 5000: want 0…4096": {Batch: 5000},
	} {
		_, err := plugins.NewSet(cfg, nil)
		require.ErrorContains(t, err, want)
	}
}

func ExampleSet() {
	loader := fake{"voice": speaker("voice", "say")}
	cfg := plugins.Config{Embedded: map[string]fs.FS{"demo": folder(map[string]string{"voice": sayYAML})}}
	s, err := plugins.NewSet(cfg, map[string]plugins.Loader{"bo1": loader})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	<-s.Ready()
	_, err = s.Act(ctx, abi.ActInput{Action: "say", Arguments: abi.Raw(`{"volume":11}`)})
	fmt.Println(err)
	cancel()
	fmt.Println(<-done, s.Close(context.Background()))
	// Output:
	// plugins: act say: invalid_arguments: arguments: volume 11: maximum: got 11, want 10
	// <nil> <nil>
}
