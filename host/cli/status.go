package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host/web"
)

func (a *app) statusCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "status", Short: "What the node is doing", Args: cobra.NoArgs,
		Example: "  becomingone status\n  becomingone status --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			node, err := a.node(cmd.Context(), a.person)
			if err != nil {
				return err
			}
			s, err := node.Status(cmd.Context())
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(s)
			}
			return a.printStatus(s)
		},
	})
}

func (a *app) printStatus(s web.Status) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "node\t%s %s, up %s\n", s.Name, s.Version, time.Duration(s.At-s.StartedAt).Round(time.Second))
	for _, f := range s.Fields {
		fmt.Fprintf(w, "field\t%s\t%s\t|T|² %.4f (master %.4f, emissary %.4f)\n", f.Field, f.State, f.Sync.T2, f.Master.T2, f.Emissary.T2)
	}
	for _, f := range s.Fields {
		if c := f.Counts; c != nil && c.Late+c.Repeated+c.Refused > 0 {
			fmt.Fprintf(w, "dropped\t%s\t\t%d late, %d repeated, %d refused of %d samples\n", f.Field, c.Late, c.Repeated,
				c.Refused, c.Samples+c.Late+c.Repeated+c.Refused)
		}
	}
	for _, p := range s.Plugins {
		fmt.Fprintf(w, "plugin\t%s\t%s\t%d calls, %d failed %s\n", p.Name, p.State, p.Calls, p.Failures, p.LastError)
	}
	for _, h := range s.Hooks {
		fmt.Fprintf(w, "hook\t%s\t%s\t%d runs, %d blocked, %d failed\n", h.Event, h.Name, h.Runs, h.Blocks, h.Failures)
	}
	if n := len(s.Questions); n > 0 {
		fmt.Fprintf(w, "asked\t%d questions wait for you\tbecomingone approve\n", n)
	}
	if s.Shadow {
		fmt.Fprint(w, "agent\tshadow\twhat would be held passes: becomingone agent report\n")
	}
	fmt.Fprintf(w, "log\t%d entries\tcheckpoint at %d\n", s.Log.Size, s.Log.Checkpoint)
	if n := len(s.Decisions); n > 0 {
		d := s.Decisions[n-1]
		fmt.Fprintf(w, "last\t%s\t%s\t%s\n", d.Action, d.Verdict, d.Reason)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// peek returns the first byte of in that is no white space, 0 for empty input, and in unread.
func peek(in io.Reader) (byte, io.Reader, error) {
	b := bufio.NewReader(in)
	for n := 1; n <= b.Size(); n++ {
		head, err := b.Peek(n)
		if errors.Is(err, io.EOF) {
			return 0, b, nil
		}
		if err != nil {
			return 0, b, err
		}
		if !unicode.IsSpace(rune(head[n-1])) {
			return head[n-1], b, nil
		}
	}
	return 0, b, nil
}
