package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host"
)

func (a *app) agentCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "agent", Short: "What the gate makes of agents' calls"}
	cmd.AddCommand(a.agentReportCmd())
	return cmd
}

func (a *app) agentReportCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "report", Short: "Say, tool by tool, what was blocked or would have been", Args: cobra.NoArgs,
		Long: "Reads the log of the data folder, with or without a running node, and says for each tool how\n" +
			"many calls of agents passed, were held, or dissipated. After a while with `agent.policy: shadow`\n" +
			"it says what the gate would have blocked, before you turn it on.",
		Example: "  becomingone agent report\n  becomingone agent report --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := a.reader()
			if err != nil {
				return err
			}
			r, err := host.ReportAgents(cmd.Context(), log)
			if err != nil {
				return damage(err)
			}
			if a.asJSON {
				return a.printJSON(r)
			}
			return a.printReport(r)
		},
	})
}

func (a *app) printReport(r host.AgentReport) error {
	if r.Decisions == 0 {
		_, err := fmt.Fprintln(a.out, "no agent has proposed a call yet")
		return err
	}
	fmt.Fprintf(a.out, "%d calls of agents, %s to %s: %d blocked, %d would have been\n", r.Decisions,
		time.Unix(0, r.From).Format(time.DateTime), time.Unix(0, r.To).Format(time.DateTime), r.Blocked, r.WouldHold)
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "tool\teffect\tcalls\tpassed\theld\tdissipated\twould block\tkeys that failed")
	for _, t := range r.Tools {
		var keys []string
		for _, k := range slices.Sorted(maps.Keys(t.Keys)) {
			keys = append(keys, fmt.Sprintf("%s %d", k, t.Keys[k]))
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", oneLine(t.Tool), t.Effect, t.Calls, t.Passed, t.Held, t.Dissipated,
			t.WouldBlock, strings.Join(keys, ", "))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	for _, t := range r.Tools {
		for _, reason := range t.Reasons {
			fmt.Fprintf(a.out, "%s: %s\n", oneLine(t.Tool), oneLine(reason))
		}
	}
	return nil
}
