package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/becomingone/becomingone/examples/agent"
	"github.com/becomingone/becomingone/host/cli"
	"github.com/becomingone/becomingone/host/folder"
)

// childEnv makes the test binary be the program, for tests that start and kill real processes.
const childEnv = "BECOMINGONE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(cli.Main("test", os.Args[1:]))
	}
	testscript.Main(m, map[string]func(){
		"becomingone": func() { os.Exit(cli.Main("test", os.Args[1:])) },
		"demo-agent":  demoAgent,
	})
}

// The scripts run the program as a person would, each in a folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "xdg"))
			e.Setenv("HOME", e.WorkDir)
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			e.Setenv("EXAMPLES", examples)
			cache, err := goCache()
			if err != nil {
				return err
			}
			e.Setenv("GOCACHE", cache)
			e.Setenv("BECOMINGONE_SOURCE__SECONDS_PER_YEAR", "1.5")
			e.Setenv("BECOMINGONE_HTTP__ADDR", "127.0.0.1:0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "edit": edit, "exits": exits, "flip": flip, "question": question,
		},
	})
}

// demoAgent is `make demo-agent` with the program of this test.
func demoAgent() {
	guests := filepath.Join(os.Getenv("EXAMPLES"), "agent", "guests")
	if err := agent.Run(context.Background(), agent.Options{Program: "becomingone", Plugins: guests, Out: os.Stdout}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// patience is how long await waits; it ends a broken test and is never reached by a good one.
const patience = 2 * time.Minute

// await ready DATA            waits until the node on DATA takes work
// await FIELD STATE DATA      waits until the field is in that state
// await gone DATA             waits until the node has left
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await ready|gone DATA, await FIELD STATE DATA")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dir := ts.MkAbs(args[len(args)-1])
	var err error
	switch {
	case args[0] == "gone":
		err = poll(ctx, func() error {
			if _, err := folder.ReadNode(dir); !errors.Is(err, folder.ErrNotRunning) {
				return fmt.Errorf("still there: %v", err)
			}
			return nil
		})
	case args[0] == "ready":
		err = poll(ctx, func() error { return get(ctx, dir, "/readyz") })
	case len(args) == 3:
		err = awaitState(ctx, dir, args[0], args[1])
	}
	ts.Check(err)
}

// poll tries again until f succeeds: another process writes no event that could be waited for.
func poll(ctx context.Context, f func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

func get(ctx context.Context, dir, path string) error {
	n, err := folder.ReadNode(dir)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return nil
}

// awaitState follows the event stream until the field is in the state.
func awaitState(ctx context.Context, dir, field, state string) error {
	n, err := folder.ReadNode(dir)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+"/events", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue
		}
		var f struct{ Field, State string }
		if json.Unmarshal([]byte(data), &f) == nil && f.Field == field && f.State == state {
			return nil
		}
	}
	return fmt.Errorf("the stream ended before %s was %s", field, state)
}

// exits CODE COMMAND…  runs the program and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// question VAR  sets a variable to the question that the last command named on stderr.
func question(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: question VAR")
	}
	id := regexp.MustCompile(`q-[0-9a-f]+`).FindString(ts.ReadFile("stderr"))
	if id == "" {
		ts.Fatalf("no question in stderr")
	}
	ts.Setenv(args[0], id)
}

// flip GLOB  changes one bit in the middle of the first file that matches.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip GLOB")
	}
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, f := range files {
		info, err := os.Stat(f)
		ts.Check(err)
		if !info.Mode().IsRegular() || info.Size() == 0 {
			continue
		}
		b, err := os.ReadFile(f)
		ts.Check(err)
		b[len(b)/2] ^= 1
		ts.Check(os.Chmod(f, 0o600))
		ts.Check(os.WriteFile(f, b, fs.FileMode(0o600)))
		return
	}
	ts.Fatalf("no file matches %s", args[0])
}

// edit FILE OLD NEW  replaces a text that the file has.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	file := ts.MkAbs(args[0])
	b, err := os.ReadFile(file)
	ts.Check(err)
	if !strings.Contains(string(b), args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(file, []byte(strings.Replace(string(b), args[1], args[2], 1)), 0o600))
}

// goCache is where compiled packages are, so that a script need not compile Go's own.
func goCache() (string, error) {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	return strings.TrimSpace(string(out)), err
}
