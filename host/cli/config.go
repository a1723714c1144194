package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host/config"
)

func (a *app) configCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "The configuration"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "print", Short: "Print the configuration that applies, with every default", Args: cobra.NoArgs,
			Example: "  becomingone config print --config becomingone.yaml",
			RunE:    func(*cobra.Command, []string) error { return a.printConfig() },
		},
		&cobra.Command{
			Use: "check", Short: "Check a config file", Args: cobra.NoArgs,
			Example: "  becomingone config check --config becomingone.yaml",
			RunE:    func(*cobra.Command, []string) error { return a.checkConfig() },
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of the config file", Args: cobra.NoArgs,
			Example: "  becomingone config schema > becomingone.schema.json",
			RunE:    func(*cobra.Command, []string) error { return a.printSchema() },
		})
	return cmd
}

func (a *app) printConfig() error {
	cfg, err := a.load(nil)
	if err != nil {
		return err
	}
	text, err := config.Print(cfg)
	if err != nil {
		return err
	}
	_, err = a.out.Write(text)
	return err
}

func (a *app) checkConfig() error {
	cfg, err := a.load(nil)
	if err != nil {
		return err
	}
	if _, err := cfg.KernelConfig(); err != nil {
		return &failure{code: exitUsage, err: err}
	}
	if _, err := a.hookRunner(); err != nil {
		return &failure{code: exitUsage, err: err}
	}
	_, err = fmt.Fprintln(a.out, "ok")
	return err
}

func (a *app) printSchema() error {
	text, err := config.Schema()
	if err != nil {
		return err
	}
	_, err = a.out.Write(text)
	return err
}
