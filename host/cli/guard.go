package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host/client"
	"github.com/becomingone/becomingone/host/guard"
)

// guardPatience is how long the guard waits for the node. A client goes on without an answer after a
// time of its own, so the guard has to be the first to give up.
const guardPatience = 5 * time.Second

func (a *app) guardCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "guard", Short: "Put the tools of an agent's program behind the gate"}
	cmd.AddCommand(a.guardClaudeCmd())
	return cmd
}

func (a *app) guardClaudeCmd() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use: "claude-code", Short: "Answer one hook event of Claude Code", Args: cobra.NoArgs,
		Long: "Reads one hook event of Claude Code on stdin and answers it on stdout. What you type is trusted\n" +
			"text, what a tool returns is untrusted text, and each tool call is judged by the running node:\n" +
			"allowed, asked about where it is held, denied where it dissipates. Where no node answers, every\n" +
			"call is asked about. examples/claude-code/settings.json switches it on for all tools.",
		Example: "  echo '{\"hook_event_name\":\"PreToolUse\",\"session_id\":\"s\",\"tool_name\":\"Read\",\"tool_input\":{}}' | becomingone guard claude-code",
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.data()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), guardPatience)
			defer cancel()
			home, err := os.UserHomeDir()
			if err != nil {
				home = "" // then no command can name the data folder by it
			}
			g := &guard.Guard{Data: dir, Home: home, Quiet: quiet, Connect: func(ctx context.Context) (guard.Node, error) { return guardedNode(ctx, dir) }}
			raw, err := io.ReadAll(io.LimitReader(a.in, guard.MaxEvent+1))
			if err != nil || len(raw) > guard.MaxEvent {
				raw = nil // answered as an event that cannot be read
			}
			_, err = a.out.Write(g.Answer(ctx, raw))
			return err
		},
	}
	cmd.Flags().BoolVar(&quiet, "no-allow", false, "say nothing where the gate passes, so that the client's own permissions decide")
	return cmd
}

// guardedNode is the running node with the owner's token: the guard tells it what the user types.
func guardedNode(ctx context.Context, dir string) (guard.Node, error) {
	c, err := client.Find(ctx, dir, true)
	if err != nil {
		return nil, err
	}
	return hearer{c}, nil
}

type hearer struct{ *client.Client }

// Hear adds a text to a session.
func (h hearer) Hear(ctx context.Context, session, source, text string, trusted bool) error {
	o := client.SenseOptions{Session: session, Source: source, Trust: "untrusted"}
	if trusted {
		o.Trust = "trusted"
	}
	s, err := h.Sense(ctx, strings.NewReader(text), o)
	if err != nil {
		return err
	}
	if s.Rejected > 0 {
		return fmt.Errorf("the node refused the text: %v", s.Errors)
	}
	return nil
}
