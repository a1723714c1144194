package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/becomingone/becomingone/examples"
	"github.com/becomingone/becomingone/host"
	"github.com/becomingone/becomingone/host/client"
	"github.com/becomingone/becomingone/host/config"
	"github.com/becomingone/becomingone/host/folder"
	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/mcp"
)

func (a *app) runCmd() *cobra.Command {
	var addr string
	var demo bool
	cmd := &cobra.Command{
		Use: "run", Short: "Run the node", Args: cobra.NoArgs,
		Long: "Runs the node until it is interrupted: the kernel, plugins, hooks, MCP over HTTP and the page.\n" +
			"--demo plays a recorded signal and loads the example plugins; its files are laid out in the\n" +
			"data folder below demo/, where they can be read.",
		Example: "  becomingone run --demo\n  becomingone run --config becomingone.yaml --http 127.0.0.1:4917",
		RunE: func(cmd *cobra.Command, _ []string) error {
			overrides := map[string]string{}
			if cmd.Flags().Changed("http") {
				overrides["http.addr"] = addr
			}
			opt, err := a.options(demo, overrides)
			if err != nil {
				return err
			}
			return a.runNode(cmd.Context(), opt)
		},
	}
	cmd.Flags().StringVar(&addr, "http", "127.0.0.1:4917", "address of the page, the API and MCP over HTTP")
	cmd.Flags().BoolVar(&demo, "demo", false, "play a recorded signal with the example plugins")
	return cmd
}

// options gathers what a node is made of. The demo's files are laid out first: its config is a file
// like any other.
func (a *app) options(demo bool, overrides map[string]string) (host.Options, error) {
	dir, err := a.data()
	if err != nil {
		return host.Options{}, err
	}
	opt := host.Options{Dir: dir, Version: a.version}
	if demo {
		if a.configFile != "" {
			return opt, usage("run: --demo brings its own config: leave out --config")
		}
		if a.configFile, err = layOut(filepath.Join(dir, "demo")); err != nil {
			return opt, err
		}
		opt.Mode = "demo"
	}
	if opt.Config, err = a.load(overrides); err != nil {
		return opt, err
	}
	opt.Logger = a.logger(opt.Config.Log)
	return opt, nil
}

// layOut writes the demo's files below dir and returns the path of its config.
func layOut(dir string) (string, error) {
	demo, err := examples.Demo()
	if err != nil {
		return "", &failure{code: exitFailed, err: err, hint: "build the binary with `make build`"}
	}
	err = fs.WalkDir(demo, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(path))
		if d.IsDir() {
			if d.Name() == "build" {
				return fs.SkipDir // how the guests are made is not part of the demo
			}
			return os.MkdirAll(to, 0o700)
		}
		if filepath.Ext(path) == ".md" {
			return nil
		}
		b, err := fs.ReadFile(demo, path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
	if err != nil {
		return "", fmt.Errorf("lay out the demo in %s: %w", dir, err)
	}
	return filepath.Join(dir, examples.DemoConfig), nil
}

func (a *app) logger(cfg config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo // the config has been validated; its names are slog's
	}
	options := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(a.errs, options))
	}
	return slog.New(slog.NewTextHandler(a.errs, options))
}

func (a *app) runNode(ctx context.Context, opt host.Options) error {
	opt.Feed = &ticker{out: a.out}
	n, err := host.Open(ctx, opt)
	if err != nil {
		return openFailure(err)
	}
	fmt.Fprintf(a.out, "data    %s\n", opt.Dir)
	if a.configFile != "" {
		fmt.Fprintf(a.out, "config  %s\n", a.configFile)
	}
	if url := n.URL(); url != "" {
		fmt.Fprintf(a.out, "page    %s/\nMCP     %s/mcp\n", url, url)
		fmt.Fprintf(a.out, "owner   %s (once, within ten minutes, for one browser)\n", n.PairURL())
	}
	return errors.Join(n.Run(ctx), n.Close())
}

func openFailure(err error) error {
	var busy *net.OpError
	switch {
	case errors.Is(err, store.ErrLocked):
		return &failure{code: exitFailed, err: err, hint: "a node runs on this data folder already: `becomingone status`; another one needs its own --data"}
	case errors.As(err, &busy) && busy.Op == "listen":
		return &failure{code: exitFailed, err: err, hint: "choose another address with --http, for example --http 127.0.0.1:0"}
	}
	return err
}

// ticker prints what happens, a line each, as it happens.
type ticker struct {
	mu     sync.Mutex
	out    io.Writer
	states map[string]gate.State
}

// Publish prints changes of fields, decisions and actions. A line that cannot be written is lost:
// the log holds it.
func (t *ticker) Publish(event string, data json.RawMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch event {
	case "field":
		var f web.Field
		if json.Unmarshal(data, &f) != nil || t.states[f.Field] == f.State {
			return
		}
		if t.states == nil {
			t.states = map[string]gate.State{}
		}
		t.states[f.Field] = f.State
		fmt.Fprintf(t.out, "%s  %-14s %-12s |T|² %.3f  %s\n", time.Unix(0, f.T).UTC().Format("2006-01-02"), f.Field, f.State, f.Sync.T2, f.Reason)
	case "decision":
		var d web.Decision
		if json.Unmarshal(data, &d) == nil {
			fmt.Fprintf(t.out, "%s  %-14s %-12s by %s: %s\n", time.Unix(0, d.At).UTC().Format("15:04:05.0"), d.Action, d.Verdict, d.Origin, d.Reason)
		}
	}
}

func (a *app) mcpCmd() *cobra.Command {
	var demo bool
	cmd := &cobra.Command{
		Use: "mcp", Short: "Serve MCP on stdio, for a client's config file", Args: cobra.NoArgs,
		Long: "Serves the node's actions to an MCP client on stdin and stdout. Where a node already runs on the\n" +
			"data folder it is joined; else this process is the node until its client leaves.",
		Example: `  {"mcpServers": {"becomingone": {"command": "becomingone", "args": ["mcp"]}}}`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serveMCP(cmd.Context(), demo)
		},
	}
	cmd.Flags().BoolVar(&demo, "demo", false, "play a recorded signal with the example plugins, if no node runs yet")
	return cmd
}

func (a *app) serveMCP(ctx context.Context, demo bool) error {
	c, err := a.node(ctx, false)
	if err == nil {
		return a.join(ctx, c)
	}
	if !errors.Is(err, folder.ErrNotRunning) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	overrides := map[string]string{}
	if a.configFile == "" {
		overrides["http.addr"] = "127.0.0.1:0" // only for commands like status, which find it by its note
	}
	opt, err := a.options(demo, overrides)
	if err != nil {
		return err
	}
	n, err := host.Open(ctx, opt)
	if errors.Is(err, store.ErrLocked) {
		return a.joinSoon(ctx, err)
	}
	if err != nil {
		return openFailure(err)
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	var g errgroup.Group
	g.Go(func() error { defer leave(); return n.Run(ctx) })
	g.Go(func() error {
		defer leave()
		select {
		case <-n.Ready(): // a client asks for the tools at once, and once
			return n.MCP().ServeStdio(ctx, a.in, a.out)
		case <-ctx.Done():
			return nil
		}
	})
	return errors.Join(g.Wait(), n.Close())
}

// joinSoon joins a node that has the folder's lock but has not left its note yet: it is starting.
func (a *app) joinSoon(ctx context.Context, locked error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 50 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if c, err := a.node(ctx, false); err == nil {
			return a.join(ctx, c)
		}
	}
	return openFailure(locked)
}

// join serves a running node's actions on stdio.
func (a *app) join(ctx context.Context, c *client.Client) error {
	log := a.logger(config.Default().Log)
	remote, err := host.Join(ctx, c)
	if err != nil {
		return err
	}
	s, err := mcp.New(mcp.Config{Name: "becomingone", Version: a.version}, remote, log)
	if err != nil {
		return err
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	var g errgroup.Group
	g.Go(func() error { return remote.Follow(ctx, s.ToolsChanged) })
	g.Go(func() error { defer leave(); return s.ServeStdio(ctx, a.in, a.out) })
	return errors.Join(g.Wait(), s.Close())
}
