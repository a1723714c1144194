package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/becomingone/becomingone/hooks"
	"github.com/becomingone/becomingone/host/breaker"
	"github.com/becomingone/becomingone/host/config"
	"github.com/becomingone/becomingone/host/folder"
	"github.com/becomingone/becomingone/host/source"
	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/mcp"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/process"
	"github.com/becomingone/becomingone/plugins/supply"
	"github.com/becomingone/becomingone/plugins/wasm"
	"github.com/becomingone/becomingone/sdk/abi"
)

// secondsOfYear is the length of the year that source.seconds_per_year speaks of.
const secondsOfYear = 365.25 * 24 * 3600

// Options are what a Node is made of.
type Options struct {
	Dir     string // data folder; made if missing
	Version string // of the program
	Mode    string // "demo" where a recorded signal is played, for the page
	Config  *config.Config
	Feed    Feed         // hears what the page hears; nil for none
	Logger  *slog.Logger // nil discards
}

// Node is a whole node: the pipeline and everything around it.
type Node struct {
	opt    Options
	log    *slog.Logger
	tokens folder.Tokens

	store     *store.Log
	sandbox   *wasm.Loader
	processes *process.Loader
	plugins   *plugins.Set
	hooks     *hooks.Runner
	runtime   *Runtime
	face      *Face
	mcp       *mcp.Server
	web       *web.Server
	playback  *source.Playback
	listener  net.Listener
}

// Open takes the data folder, recovers the log and binds the address. It starts nothing; Close frees
// what it took. Nothing is left behind when it fails.
func Open(ctx context.Context, opt Options) (_ *Node, err error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{opt: opt, log: opt.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("host: make data folder: %w", err)
	}
	for _, step := range []func(context.Context) error{
		n.openStore, n.openPlugins, n.openHooks, n.openRuntime, n.openFaces, n.openSource, n.listen,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (n *Node) openStore(context.Context) (err error) {
	n.store, err = store.Open(n.opt.Dir, store.Config{Window: n.opt.Config.Witness.CommitWindow, Logger: n.log})
	if err != nil {
		return err
	}
	n.tokens, err = folder.OpenTokens(n.opt.Dir)
	return err
}

func (n *Node) openPlugins(context.Context) (err error) {
	cfg := n.opt.Config.Plugins
	cache := n.opt.Config.Path(cfg.Cache)
	if cache == "" {
		cache = filepath.Join(n.opt.Dir, "plugins", "cache")
	}
	n.sandbox, err = wasm.NewLoader(wasm.Config{CacheDir: cache, MemoryBytes: int64(cfg.MemoryBudgetMB) << 20})
	if err != nil {
		return err
	}
	n.processes, err = process.NewLoader(process.Config{Log: n.log})
	if err != nil {
		return err
	}
	dirs := make([]string, len(cfg.Dirs))
	for i, d := range cfg.Dirs {
		dirs[i] = n.opt.Config.Path(d)
	}
	installed := supply.NewStore(filepath.Join(n.opt.Dir, "plugins"))
	n.plugins, err = plugins.NewSet(plugins.Config{Dirs: dirs, More: installed.Found, OnChange: n.actionsChanged,
		OnObservation: n.observed, Log: n.log}, map[string]plugins.Loader{
		abi.Version: n.sandbox, process.ABI: n.processes, process.ABIPlain: n.processes})
	return err
}

func (n *Node) openHooks(context.Context) (err error) {
	n.hooks, err = hooks.New(n.opt.Config.HooksConfig(), n.log)
	return err
}

func (n *Node) openRuntime(ctx context.Context) error {
	k, err := n.opt.Config.KernelConfig()
	if err != nil {
		return err
	}
	n.runtime, err = New(ctx, Config{Name: n.opt.Config.Node.Name, Version: n.opt.Version, Kernel: k,
		SnapshotEvery: n.opt.Config.Witness.SnapshotEvery, Guarded: n.opt.Config.Guarded(),
		Shadow: n.opt.Config.Agent.Policy == config.Shadow, Breakers: breaker.Config(n.opt.Config.Agent.Breakers),
		QuestionLife: n.opt.Config.Agent.Approvals.Expires}, Parts{
		Log: n.store, Actions: tightened{n.plugins, n.opt.Config}, Hooks: n.hooks, Observer: n.plugins,
		Feed: feeds{n}, Logger: n.log,
	})
	return err
}

func (n *Node) openFaces(context.Context) (err error) {
	started := time.Now().UnixNano()
	n.face = &Face{Runtime: n.runtime, Log: n.store, Dir: n.opt.Dir, Plugins: n.plugins, Hooks: n.hookStatus, Agent: n.opt.Config.Agent,
		About: web.Status{Name: n.opt.Config.Node.Name, Version: n.opt.Version, Mode: n.opt.Mode, StartedAt: started}}
	n.mcp, err = mcp.New(mcp.Config{Name: "becomingone", Version: n.opt.Version, Hosts: n.opt.Config.HTTP.Hosts}, n.face.MCP(), n.log)
	if err != nil {
		return err
	}
	c := n.opt.Config.HTTP
	if c.Addr == "" {
		return nil
	}
	cfg := web.DefaultConfig()
	cfg.Addr, cfg.CertFile, cfg.KeyFile = c.Addr, n.opt.Config.Path(c.CertFile), n.opt.Config.Path(c.KeyFile)
	cfg.AgentToken, cfg.OwnerToken = n.tokens.Agent, n.tokens.Owner
	cfg.Hosts, cfg.Origins, cfg.RequireToken = c.Hosts, c.Origins, c.RequireToken
	cfg.BodyLimit, cfg.CallTimeout = int64(c.BodyLimit), c.CallTimeout
	cfg.Approvals, cfg.Judge = n.face, n.face
	cfg.Witness, cfg.Catalogue, cfg.Metrics, cfg.Ready = n.face, n.face, n.face.Metrics, n.ready
	cfg.Reload = n.reloadPlugins
	if n.opt.Config.MCP.HTTP.Enabled {
		cfg.MCP, cfg.OpenMCP = n.mcp.Handler(), n.opt.Config.MCP.HTTP.Open && cfg.Loopback()
	}
	n.web, err = web.New(cfg, n.face, n.log)
	return err
}

// ready says why the node does not take work yet.
func (n *Node) ready() error {
	select {
	case <-n.plugins.Ready():
		return nil
	default:
		return errors.New("host: plugins are loading")
	}
}

// reloadPlugins makes what is installed take effect. What one plugin does wrong is its status.
func (n *Node) reloadPlugins(ctx context.Context) error {
	err := n.plugins.Reload(ctx)
	var e *abi.Error
	if ctx.Err() != nil || errors.As(err, &e) && e.Code == plugins.CodeClosed {
		return err
	}
	return nil
}

func (n *Node) openSource(context.Context) (err error) {
	s := n.opt.Config.Source
	if len(s.Files) == 0 {
		return nil
	}
	n.playback, err = source.NewPlayback(os.DirFS(n.opt.Config.Dir), source.PlaybackConfig{
		Files: s.Files, Rate: secondsOfYear / s.SecondsPerYear, Cycle: s.Cycle, Passes: s.Passes})
	return err
}

func (n *Node) listen(ctx context.Context) (err error) {
	if n.web == nil {
		return nil
	}
	var lc net.ListenConfig
	if n.listener, err = lc.Listen(ctx, "tcp", n.opt.Config.HTTP.Addr); err != nil {
		return fmt.Errorf("host: listen on http.addr: %w", err)
	}
	return nil
}

// URL is where the node answers, "" without an HTTP interface.
func (n *Node) URL() string {
	if n.listener == nil {
		return ""
	}
	scheme := "http"
	if n.opt.Config.HTTP.CertFile != "" {
		scheme = "https"
	}
	return scheme + "://" + n.listener.Addr().String()
}

// PairURL is a link that makes one browser the owner's, once, within ten minutes.
func (n *Node) PairURL() string {
	if n.web == nil {
		return ""
	}
	return n.web.PairURL(n.listener.Addr())
}

// Ready is closed once every plugin is loaded or has failed.
func (n *Node) Ready() <-chan struct{} { return n.plugins.Ready() }

// MCP is the node's MCP server, for stdio.
func (n *Node) MCP() *mcp.Server { return n.mcp }

// Run runs everything until ctx ends or a part that the node cannot do without fails, and joins it.
// It stops from the front to the back: no new requests, then the pipeline answers what it accepted,
// then hooks and plugins end, and the log last.
func (n *Node) Run(ctx context.Context) (err error) {
	if n.listener != nil {
		note := folder.Node{PID: os.Getpid(), URL: n.URL(), Version: n.opt.Version, Started: time.Now().UTC()}
		if err := folder.WriteNode(n.opt.Dir, note); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, folder.RemoveNode(n.opt.Dir, os.Getpid())) }()
	}
	back, stopBack := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBack()
	logCtx, stopLog := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLog()

	front, frontCtx := errgroup.WithContext(ctx)
	var rear, last errgroup.Group
	last.Go(func() error { return n.store.Run(logCtx) })
	rear.Go(func() error { return n.hooks.Run(back) })
	rear.Go(func() error { return n.plugins.Run(back) })
	front.Go(func() error { return n.runtime.Run(frontCtx) })
	front.Go(func() error { return n.feedSignals(frontCtx) })
	if n.opt.Config.Agent.Approvals.Files {
		f := &answerFiles{runtime: n.runtime, questions: filepath.Join(n.opt.Dir, "questions"),
			answers: filepath.Join(n.opt.Dir, "answers"), warn: n.log.Warn}
		front.Go(func() error { return f.run(frontCtx) })
	}
	if n.web != nil {
		front.Go(func() error { return n.web.Serve(frontCtx, n.listener) })
	}
	if n.playback != nil {
		front.Go(func() error { return n.play(frontCtx) })
	}
	front.Go(func() error { return n.settle(frontCtx) })
	n.hooks.Notify(hooks.Event{Kind: hooks.NodeStart, Time: time.Now().UTC()})
	err = front.Wait()
	n.hooks.Notify(hooks.Event{Kind: hooks.NodeStop, Time: time.Now().UTC()})
	stopBack()
	err = errors.Join(err, rear.Wait())
	stopLog()
	return errors.Join(err, last.Wait())
}

// settle gives back what compiling the plugins took: several times what running them takes.
func (n *Node) settle(ctx context.Context) error {
	select {
	case <-n.plugins.Ready():
		debug.FreeOSMemory()
	case <-ctx.Done():
	}
	return nil
}

// play plays the record, each channel from where it stopped, when the plugins that it may trigger are
// there.
func (n *Node) play(ctx context.Context) error {
	select {
	case <-n.plugins.Ready():
	case <-ctx.Done():
		return nil
	}
	after, err := n.runtime.Heard(ctx)
	if errors.Is(err, ErrStopped) || ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	err = n.playback.Run(ctx, after, n.runtime.Play)
	if errors.Is(err, source.ErrPlayed) {
		n.log.Warn("the record has been played to its end: its fields stay as they are; a new data folder begins it anew")
		return nil
	}
	return err
}

// feedSignals offers what hook scripts feed back, as untrusted samples.
func (n *Node) feedSignals(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-n.hooks.Signals():
			if err := n.runtime.feedBack(ctx, s.Sample); err != nil && ctx.Err() == nil {
				n.log.Warn("signal of a hook refused", "hook", s.Hook, "err", err)
			}
		}
	}
}

// Close frees what Open took; a second Close is harmless.
func (n *Node) Close() error {
	var errs []error
	// The node's own context is over when it closes; what is left to free still gets some time.
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if n.listener != nil {
		if err := n.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, c := range []io.Closer{orNil(n.web), orNil(n.mcp)} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	if n.plugins != nil {
		errs = append(errs, n.plugins.Close(closing))
	}
	if n.sandbox != nil {
		errs = append(errs, n.sandbox.Close(closing))
	}
	if n.processes != nil {
		errs = append(errs, n.processes.Close(closing))
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
}

func orNil[T interface {
	comparable
	io.Closer
}](v T) io.Closer {
	var none T
	if v == none {
		return nil
	}
	return v
}

// feeds sends events to the page and to whoever else listens.
type feeds struct{ n *Node }

func (f feeds) Publish(event string, data json.RawMessage) {
	if f.n.opt.Feed != nil {
		f.n.opt.Feed.Publish(event, data)
	}
	if f.n.web == nil {
		return
	}
	if err := f.n.web.Publish(event, data); err != nil {
		f.n.log.Warn("event not published", "event", event, "err", err)
	}
}

func (n *Node) actionsChanged() {
	for _, a := range n.plugins.Actions() {
		if o := n.opt.Config.Plugins.Actions[a.Name].Effect; o != 0 && o < a.Effect {
			n.log.Warn("config cannot loosen an action: its manifest's effect stays", "action", a.Name, "config", o, "manifest", a.Effect)
		}
	}
	if n.mcp != nil {
		n.mcp.ToolsChanged()
	}
}

// observed records what an observer plugin adds; the runtime's order keeps it behind what it is about.
func (n *Node) observed(plugin string, o []abi.Observation) {
	if err := n.runtime.Observed(plugin, o); err != nil {
		n.log.Warn("observations dropped", "plugin", plugin, "count", len(o), "err", err)
	}
}

func (n *Node) hookStatus() []web.Hook {
	out := []web.Hook{}
	for _, h := range n.hooks.Status().Hooks {
		out = append(out, web.Hook{Event: string(h.Event), Name: h.Hook, Matcher: h.Matcher, Runs: h.Runs,
			Blocks: h.Blocks, Failures: h.Failures, LastError: h.LastError})
	}
	return out
}
