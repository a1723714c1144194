// Package cli is the command line: every command a person or a script types.
//
// Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 the gate held or dissipated the call, 4 verification
// failed. Errors go to stderr as "becomingone: …", with a "hint:" line where one is known.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/becomingone/becomingone/host/client"
	"github.com/becomingone/becomingone/host/config"
	"github.com/becomingone/becomingone/host/folder"
)

// The exit codes, part of the contract with scripts.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitDissipated = 3
	exitDamaged    = 4
)

// failure is an error with the exit code and the hint that belong to it.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// silent is a failure whose words have already been printed.
var errSilent = errors.New("")

// app is what the commands share.
type app struct {
	version string
	in      io.Reader
	out     io.Writer
	errs    io.Writer
	person  bool // whether a person sits at the terminal that in reads from
	env     []string

	configFile string
	dataDir    string
	asJSON     bool
}

// Main runs the command line args (without the program's name) and returns the exit code.
func Main(version string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends a command that waits for its input
	a := &app{version: version, in: os.Stdin, out: os.Stdout, errs: os.Stderr,
		person: term.IsTerminal(int(os.Stdin.Fd())), env: os.Environ()}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{code: exitFailed, err: err, hint: hintFor(err)}
	}
	if !errors.Is(f.err, errSilent) {
		fmt.Fprintf(a.errs, "becomingone: %v\n", f.err)
	}
	if f.hint != "" {
		fmt.Fprintf(a.errs, "hint: %s\n", f.hint)
	}
	return f.code
}

func hintFor(err error) string {
	if errors.Is(err, folder.ErrNotRunning) {
		return "start a node with `becomingone run` (or `becomingone run --demo`), or name its folder with --data"
	}
	return ""
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "becomingone",
		Short: "A gate between an agent and its actions",
		Long: "BecomingONE stands between an agent and its actions: an action is executed only when what has\n" +
			"been coherent for long and what is coherent now agree. Everything is recorded in a log that\n" +
			"anyone can verify.",
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.out)
	root.SetErr(a.errs)
	root.SetIn(a.in)
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "config file (YAML or TOML)")
	flags.StringVar(&a.dataDir, "data", "", "data folder (default $XDG_DATA_HOME/becomingone)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &failure{code: exitUsage, err: err, hint: "see `" + cmd.CommandPath() + " --help`"}
	})
	root.AddCommand(a.runCmd(), a.mcpCmd(), a.statusCmd(), a.senseCmd(), a.callCmd(), a.replayCmd(), a.approveCmd(), a.agentCmd(), a.guardCmd(),
		a.witnessCmd(), a.hooksCmd(), a.pluginCmd(), a.configCmd(), a.benchCmd(), a.versionCmd())
	usageErrors(root)
	return root
}

// usageErrors gives wrong arguments of every command the exit code of wrong usage.
func usageErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return &failure{code: exitUsage, err: err, hint: "see `" + c.CommandPath() + " --help`"}
			}
			return nil
		}
	}
	if cmd.RunE == nil && cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &failure{code: exitUsage, err: fmt.Errorf("%s: want one of its commands", c.CommandPath()), hint: "see `" + c.CommandPath() + " --help`"}
			}
			return usage("%s: unknown command %q", c.CommandPath(), args[0])
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}

// jsonFlag adds --json to a command that prints data.
func (a *app) jsonFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&a.asJSON, "json", false, "print JSON")
	return cmd
}

// data is the data folder of this invocation: --data, BECOMINGONE_DATA, or the default.
func (a *app) data() (string, error) {
	if a.dataDir != "" {
		return a.dataDir, nil
	}
	for _, kv := range a.env {
		if v, ok := strings.CutPrefix(kv, "BECOMINGONE_DATA="); ok && v != "" {
			return v, nil
		}
	}
	return folder.Default()
}

// load reads the config file, the environment and what flags override.
func (a *app) load(overrides map[string]string) (*config.Config, error) {
	var files []string
	if a.configFile != "" {
		files = []string{a.configFile}
	}
	cfg, err := config.Load(files, a.env, overrides)
	if err != nil {
		return nil, &failure{code: exitUsage, err: err, hint: "`becomingone config schema` lists every key"}
	}
	return cfg, nil
}

// node finds the running node. A person at a terminal speaks with the owner's token, a program with
// the agent's: the owner's is never taken from an environment (SURFACE.md).
func (a *app) node(ctx context.Context, owner bool) (*client.Client, error) {
	dir, err := a.data()
	if err != nil {
		return nil, err
	}
	return client.Find(ctx, dir, owner)
}

// printJSON writes v, indented, and a newline.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func (a *app) versionCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  becomingone version",
		RunE: func(*cobra.Command, []string) error {
			if a.asJSON {
				return a.printJSON(map[string]string{"version": a.version})
			}
			_, err := fmt.Fprintln(a.out, "becomingone", a.version)
			return err
		},
	})
}
