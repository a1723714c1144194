package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host/folder"
	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/supply"
)

func (a *app) pluginInstallCmd() *cobra.Command {
	var trust string
	cmd := &cobra.Command{
		Use: "install PATH|ADDRESS", Short: "Install a plugin, or another version of one", Args: cobra.ExactArgs(1),
		Long: "Installs a plugin from a folder, a manifest, a zip file, an https address with its digest behind it,\n" +
			"or an OCI registry by digest. Its signature is verified first; a signer that is new here, and rights\n" +
			"that were not granted before, need a yes from a person at this terminal. What your own key signed\n" +
			"needs none if it stays in the sandbox and only answers calls. It is compiled and asked what it is in a process with bounds.\n" +
			"A running node loads it at once.\n\n" +
			"A script of yours may pass what you have inspected before: --trust ed25519:… (the signer, whose\n" +
			"plugin may then do what its first version says) or --trust sha256:… (exactly this bundle).",
		Example: "  becomingone plugin install .\n" +
			"  becomingone plugin install https://example.org/voice.zip#sha256=…\n" +
			"  becomingone plugin install oci://ghcr.io/someone/voice@sha256:…",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := supply.Open(cmd.Context(), args[0])
			if err != nil {
				return supplied(err)
			}
			return a.install(cmd.Context(), b, trust)
		},
	}
	cmd.Flags().StringVar(&trust, "trust", "", "signer (ed25519:…) or bundle (sha256:…) that you have inspected")
	return a.jsonFlag(cmd)
}

func (a *app) install(ctx context.Context, b *supply.Bundle, trust string) error {
	store, err := a.store()
	if err != nil {
		return err
	}
	own, err := a.ownSigner()
	if err != nil {
		return err
	}
	c, err := store.Plan(b, own)
	if err != nil {
		return err
	}
	if err := a.consent(c, own, trust); err != nil {
		return err
	}
	if plugins.Sandboxed(b.Manifest.ABI) {
		if err := a.tryOut(ctx, b); err != nil {
			return fmt.Errorf("plugin install: %s: %w", b.Manifest.Name, err)
		}
	}
	p, err := store.Install(c)
	if err != nil {
		return err
	}
	return a.inForce(ctx, p)
}

// consent asks a person, where something is new. An agent cannot say yes: it has no terminal.
func (a *app) consent(c *supply.Change, own, trust string) error {
	if trust != "" {
		err := c.AgreeTo(trust)
		var needs *supply.ConsentError
		if errors.As(err, &needs) {
			return &failure{code: exitFailed, err: err, hint: "that trusts who signed it, not what is new: ask a person at a terminal, or name the bundle with --trust sha256:…"}
		}
		return supplied(err)
	}
	why := c.Why()
	if len(why) == 0 {
		return nil
	}
	if !a.person {
		return &failure{code: exitFailed, err: &supply.ConsentError{Name: c.Bundle.Manifest.Name, Why: why},
			hint: "run it in a terminal, where a person can say yes; a script names what its owner has inspected with --trust"}
	}
	if err := a.printInspection(a.inspect(c, own)); err != nil {
		return err
	}
	yes, err := a.ask(fmt.Sprintf("Install %s with these rights? [y/N] ", c.Bundle.Manifest.Name))
	if err != nil {
		return err
	}
	if !yes {
		return &failure{code: exitFailed, err: errors.New("plugin install: you did not say yes: nothing was installed")}
	}
	c.Agree()
	return nil
}

// ask puts a question to the person at the terminal.
func (a *app) ask(question string) (yes bool, err error) {
	if _, err := fmt.Fprint(a.errs, question); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil {
		return false, fmt.Errorf("plugin: read the answer: %w", err)
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}

// outcome is what a change of the lock led to.
type outcome struct {
	supply.Installed
	Node string `json:"node"` // what the running node says of it; "not running" without one
}

// inForce tells a running node and prints what it says.
func (a *app) inForce(ctx context.Context, p supply.Installed) error {
	state, err := a.reload(ctx, p)
	if err != nil {
		return fmt.Errorf("plugin: %s is recorded, but the running node did not take it: %w", p.Name, err)
	}
	if a.asJSON {
		return a.printJSON(outcome{p, state})
	}
	word := "disabled"
	if p.Enabled {
		word = "enabled"
	}
	_, err = fmt.Fprintf(a.out, "%s %s  %s  %s\nnode: %s\n", p.Name, p.Version, word, p.Bundle, state)
	return err
}

// reload makes a running node look again, and returns how the plugin fares there.
func (a *app) reload(ctx context.Context, p supply.Installed) (string, error) {
	node, err := a.node(ctx, a.person)
	if errors.Is(err, folder.ErrNotRunning) || errors.Is(err, fs.ErrNotExist) {
		return "not running", nil
	}
	if err != nil {
		return "", err
	}
	all, err := node.Reload(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range all {
		if s.Name == p.Name && (s.Digest == p.Module || s.Digest == "") {
			return strings.TrimSpace(s.State + " " + s.LastError), nil
		}
	}
	return "not loaded", nil
}

func (a *app) pluginSwitchCmd(on bool) *cobra.Command {
	word, short, long := "disable", "Stop loading a plugin", ""
	var trust string
	if on {
		word, short = "enable", "Load a disabled plugin again"
		long = "Loads a disabled plugin again, if its files are those that were installed (else exit code 4).\n" +
			"Like install it needs a person at a terminal, or --trust with the signer or the bundle's digest."
	}
	cmd := &cobra.Command{
		Use: word + " NAME", Short: short, Long: long, Args: cobra.ExactArgs(1), Example: "  becomingone plugin " + word + " voice",
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			p, err := store.Get(args[0])
			if err != nil {
				return err
			}
			if on && !p.Enabled && !a.person && (trust == "" || trust != p.Signer && trust != p.Bundle) {
				return &failure{code: exitFailed, err: fmt.Errorf("plugin enable: %s: its owner disabled it, and there is no terminal to ask at", p.Name),
					hint: "run it in a terminal; a script of the owner's names the signer or the bundle with --trust"}
			}
			if err := store.Enable(p.Name, on); err != nil {
				return supplied(err)
			}
			p.Enabled = on
			return a.inForce(cmd.Context(), p)
		},
	}
	if on {
		cmd.Flags().StringVar(&trust, "trust", "", "signer (ed25519:…) or bundle (sha256:…) that you have inspected")
	}
	return a.jsonFlag(cmd)
}

func (a *app) pluginRemoveCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "remove NAME", Short: "Remove an installed plugin", Args: cobra.ExactArgs(1), Example: "  becomingone plugin remove voice",
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			p, err := store.Get(args[0])
			if err != nil {
				return err
			}
			if err := store.Remove(p.Name); err != nil {
				return err
			}
			p.Enabled = false
			return a.inForce(cmd.Context(), p)
		},
	})
}
