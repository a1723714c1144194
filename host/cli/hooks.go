package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/hooks"
)

func (a *app) hooksCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "hooks", Short: "Scripts on events"}
	cmd.AddCommand(a.hooksListCmd(), a.hooksTestCmd())
	return cmd
}

func (a *app) hookRunner() (*hooks.Runner, error) {
	cfg, err := a.load(nil)
	if err != nil {
		return nil, err
	}
	return hooks.New(cfg.HooksConfig(), a.logger(cfg.Log))
}

func (a *app) hooksListCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "list", Short: "What is found, and whether it would run", Args: cobra.NoArgs,
		Example: "  becomingone hooks list --config becomingone.yaml",
		RunE: func(*cobra.Command, []string) error {
			r, err := a.hookRunner()
			if err != nil {
				return err
			}
			found := r.Found()
			if a.asJSON {
				return a.printJSON(found)
			}
			if len(found) == 0 {
				_, err := fmt.Fprintln(a.out, "no hooks")
				return err
			}
			for _, h := range found {
				state := "ok"
				if h.Problem != "" {
					state = h.Problem
				}
				fmt.Fprintf(a.out, "%-12s %-10q %s %s  (%s, %v, on failure %s): %s\n", h.Event, h.Matcher, h.Command,
					strings.Join(h.Args, " "), h.Source, h.Timeout, h.OnFailure, state)
			}
			return nil
		},
	})
}

func (a *app) hooksTestCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "test EVENT", Short: "Run an event's hooks with a sample event", Args: cobra.ExactArgs(1),
		Example: "  becomingone hooks test PreAction --config becomingone.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := hooks.ParseKind(args[0])
			if err != nil {
				return &failure{code: exitUsage, err: err}
			}
			r, err := a.hookRunner()
			if err != nil {
				return err
			}
			out := r.Test(cmd.Context(), hooks.Sample(kind, time.Now().UTC()))
			if a.asJSON {
				if err := a.printJSON(out); err != nil {
					return err
				}
			}
			for _, run := range out.Runs {
				if !a.asJSON {
					fmt.Fprintf(a.out, "%s: exit %d %s\n", run.Hook, run.Exit, run.Reason)
				}
			}
			if len(out.Runs) == 0 && !a.asJSON {
				fmt.Fprintln(a.out, "no hook matches the sample event")
			}
			if out.Block {
				return &failure{code: exitDissipated, err: fmt.Errorf("hooks: %s would be blocked: %s", kind, out.Reason)}
			}
			return nil
		},
	})
}
