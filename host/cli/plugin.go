package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/supply"
	"github.com/becomingone/becomingone/plugins/wasm"
	"github.com/becomingone/becomingone/sdk/abi"
)

func (a *app) pluginCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "plugin", Short: "Make, look at and install plugins"}
	cmd.AddCommand(a.pluginNewCmd(), a.pluginBuildCmd(), a.pluginTestCmd(), a.pluginSignCmd(), a.pluginVerifyCmd(),
		a.pluginInspectCmd(), a.pluginInstallCmd(), a.pluginListCmd(), a.pluginSwitchCmd(true), a.pluginSwitchCmd(false),
		a.pluginRemoveCmd(), a.pluginChildCmd())
	return cmd
}

// store is the data folder's store of plugins.
func (a *app) store() (*supply.Store, error) {
	dir, err := a.data()
	if err != nil {
		return nil, err
	}
	return supply.NewStore(filepath.Join(dir, "plugins")), nil
}

// key is the data folder's signing key; with create it is made if it is missing.
func (a *app) key(create bool) (supply.Key, error) {
	dir, err := a.data()
	if err != nil {
		return supply.Key{}, err
	}
	return supply.OpenKey(filepath.Join(dir, "keys", "plugin.key"), create)
}

// ownSigner is whom the owner's key signs as, "" where there is none yet.
func (a *app) ownSigner() (string, error) {
	k, err := a.key(false)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return k.Signer(), nil
}

// supplied gives errors of package supply their exit codes.
func supplied(err error) error {
	var bad *supply.VerifyError
	if errors.As(err, &bad) {
		return &failure{code: exitDamaged, err: err}
	}
	return err
}

// bundle opens what a command names: an installed plugin's name, or a path or address.
func (a *app) bundle(ctx context.Context, ref string) (*supply.Bundle, *supply.Installed, error) {
	store, err := a.store()
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(ref); errors.Is(err, fs.ErrNotExist) && abi.ValidName(ref) {
		p, err := store.Get(ref)
		if err != nil {
			return nil, nil, err
		}
		b, err := store.Verify(p)
		return b, &p, supplied(err)
	}
	b, err := supply.Open(ctx, ref)
	return b, nil, supplied(err)
}

func (a *app) pluginSignCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "sign [FOLDER|MANIFEST]", Short: "Sign a plugin with your key", Args: cobra.MaximumNArgs(1),
		Long: "Writes the signature of the manifest and its module beside the manifest. The key is in the data\n" +
			"folder, keys/plugin.key, and is made when it is first needed. Its public half, which is printed, is\n" +
			"who you are to those who install what you sign.",
		Example: "  becomingone plugin sign .",
		RunE: func(_ *cobra.Command, args []string) error {
			k, err := a.key(true)
			if err != nil {
				return err
			}
			b, err := supply.SignPath(first(args, "."), k)
			if err != nil {
				return supplied(err)
			}
			if a.asJSON {
				return a.printJSON(map[string]string{"name": b.Manifest.Name, "bundle": b.Digest(), "signer": b.Signer})
			}
			_, err = fmt.Fprintf(a.out, "signed  %s %s, %s\nsigner  %s\n", b.Manifest.Name, b.Manifest.Version, b.Digest(), b.Signer)
			return err
		},
	})
}

func first(args []string, otherwise string) string {
	if len(args) > 0 {
		return args[0]
	}
	return otherwise
}

func (a *app) pluginVerifyCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "verify [NAME|PATH|ADDRESS]", Short: "Verify a plugin's signature and digests", Args: cobra.MaximumNArgs(1),
		Long: "Verifies the signature of a plugin, and of an installed one that it is what was installed. Exit\n" +
			"code 4 where anything differs or nobody has signed it.",
		Example: "  becomingone plugin verify voice\n  becomingone plugin verify ./voice.zip",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, _, err := a.bundle(cmd.Context(), first(args, "."))
			if err != nil {
				return err
			}
			if b.Signer == "" {
				return &failure{code: exitDamaged, err: fmt.Errorf("plugin verify: %s (%s): nobody has signed it", b.Manifest.Name, b.Digest())}
			}
			if a.asJSON {
				return a.printJSON(map[string]string{"name": b.Manifest.Name, "bundle": b.Digest(), "signer": b.Signer})
			}
			_, err = fmt.Fprintf(a.out, "%s %s, %s\nsigned by %s\n", b.Manifest.Name, b.Manifest.Version, b.Digest(), b.Signer)
			return err
		},
	})
}

// inspection is what a bundle is and may do, before a line of it has run.
type inspection struct {
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Source    string            `json:"source"`
	Bundle    string            `json:"bundle"`
	Module    string            `json:"module"` // sha256, hexadecimal
	Bytes     int               `json:"module_bytes"`
	Signer    string            `json:"signer"` // empty: unsigned
	Own       bool              `json:"own"`    // signed by this data folder's key
	Sandboxed bool              `json:"sandboxed"`
	Rights    supply.Rights     `json:"rights"`
	Imports   []string          `json:"imports"`           // what the module wants from its host
	Refused   string            `json:"refused,omitempty"` // why the sandbox would not take it
	Installed *supply.Installed `json:"installed,omitempty"`
	NeedsYes  []string          `json:"needs_yes,omitempty"` // what its installation would ask

	lines []string
}

func (a *app) inspect(c *supply.Change, own string) inspection {
	b := c.Bundle
	in := inspection{Name: b.Manifest.Name, Version: b.Manifest.Version, Source: b.Source, Bundle: b.Digest(),
		Module: b.Manifest.SHA256, Bytes: len(b.Module()), Signer: b.Signer, Own: own != "" && b.Signer == own,
		Sandboxed: plugins.Sandboxed(b.Manifest.ABI), Rights: c.Rights, Installed: c.Before, NeedsYes: c.Why(), lines: c.Rights.Lines()}
	if in.Sandboxed {
		var err error
		if in.Imports, err = wasm.Imports(b.Manifest, b.Module()); err != nil {
			in.Refused = err.Error()
		}
	}
	return in
}

func (a *app) printInspection(in inspection) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "plugin\t%s %s\n", in.Name, in.Version)
	fmt.Fprintf(w, "bundle\t%s\n", in.Bundle)
	fmt.Fprintf(w, "module\tsha256:%s, %d bytes\n", in.Module, in.Bytes)
	signer := in.Signer
	switch {
	case signer == "":
		signer = "nobody"
	case in.Own:
		signer += " (you)"
	}
	fmt.Fprintf(w, "signer\t%s\n", signer)
	for _, line := range in.lines {
		fmt.Fprintf(w, "right\t%s\n", line)
	}
	for _, name := range slices.Sorted(maps.Keys(in.Rights.Limits)) {
		fmt.Fprintf(w, "limit\t%s %d\n", name, in.Rights.Limits[name])
	}
	if in.Sandboxed {
		fmt.Fprintf(w, "imports\t%s\n", orWord(strings.Join(in.Imports, " "), "nothing"))
	}
	if in.Refused != "" {
		fmt.Fprintf(w, "refused\t%s\n", in.Refused)
	}
	if in.Installed != nil {
		fmt.Fprintf(w, "installed\t%s, %s\n", in.Installed.Version, in.Installed.Bundle)
	}
	for _, line := range in.NeedsYes {
		fmt.Fprintf(w, "needs a yes\t%s\n", line)
	}
	return w.Flush()
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (a *app) pluginInspectCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "inspect [NAME|PATH|ADDRESS]", Short: "Show what a plugin is and may do, before a line of it has run", Args: cobra.MaximumNArgs(1),
		Long: "Verifies the plugin's signature and digests, and prints its rights, limits and imports, who signed\n" +
			"it, and what installing it would ask. Nothing of it is run.",
		Example: "  becomingone plugin inspect ./voice\n" +
			"  becomingone plugin inspect https://example.org/voice.zip#sha256=…\n" +
			"  becomingone plugin inspect oci://ghcr.io/someone/voice@sha256:…",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, _, err := a.bundle(cmd.Context(), first(args, "."))
			if err != nil {
				return err
			}
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
			in := a.inspect(c, own)
			if a.asJSON {
				return a.printJSON(in)
			}
			return a.printInspection(in)
		},
	})
}

// listed is an installed plugin and whether its files are still those that were installed.
type listed struct {
	supply.Installed
	State   string `json:"state"` // enabled, disabled or changed
	Problem string `json:"problem,omitempty"`
}

func (a *app) pluginListCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "list", Short: "What is installed", Args: cobra.NoArgs, Example: "  becomingone plugin list --json",
		RunE: func(*cobra.Command, []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			installed, err := store.List()
			if err != nil {
				return err
			}
			all := []listed{}
			for _, p := range installed {
				l := listed{Installed: p, State: "disabled"}
				if p.Enabled {
					l.State = "enabled"
				}
				if _, err := store.Verify(p); err != nil {
					l.State, l.Problem = "changed", err.Error()
				}
				all = append(all, l)
			}
			if a.asJSON {
				return a.printJSON(all)
			}
			return a.printList(all)
		},
	})
}

func (a *app) printList(all []listed) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(a.out, "no plugins are installed")
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, l := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.Name, l.Version, l.State, orWord(l.Signer, "unsigned"), l.Source)
		if l.Problem != "" {
			fmt.Fprintf(w, "\t\t%s\n", l.Problem)
		}
	}
	return w.Flush()
}
