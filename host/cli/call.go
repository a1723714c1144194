package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host/client"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel/gate"
)

func (a *app) callCmd() *cobra.Command {
	var session string
	cmd := &cobra.Command{
		Use:   "call ACTION [JSON]",
		Short: "Propose an action to the gate",
		Long: "Proposes an action to the running node and prints its result, or why it was held or dissipated,\n" +
			"key by key, and what would realign it. At a terminal you speak as the owner; a program speaks as\n" +
			"an agent. Exit code 0: executed; 1: executed and failed, or not proposed; 3: held or dissipated.",
		Example: "  becomingone call say '{\"text\":\"hello\"}'\n  becomingone call announce --json",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := web.CallRequest{Action: args[0], Session: session, Arguments: json.RawMessage("{}")}
			if len(args) == 2 {
				var object map[string]json.RawMessage
				if err := json.Unmarshal([]byte(args[1]), &object); err != nil || object == nil {
					return usage("call: arguments = %s: want a JSON object such as '{\"text\":\"hello\"}'", args[1])
				}
				req.Arguments = json.RawMessage(args[1])
			}
			node, err := a.node(cmd.Context(), a.person)
			if err != nil {
				return err
			}
			out, err := node.Call(cmd.Context(), req)
			if err != nil {
				return err
			}
			return a.printOutcome(out)
		},
	}
	cmd.Flags().StringVar(&session, "session", "", "conversation that the call belongs to (default \"default\")")
	return a.jsonFlag(cmd)
}

func (a *app) printOutcome(out web.Outcome) error {
	if a.asJSON {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		a.describe(out)
	}
	switch {
	case out.Verdict != gate.Collapse:
		return &failure{code: exitDissipated, err: errSilent}
	case out.Error != nil:
		return &failure{code: exitFailed, err: errSilent}
	}
	return nil
}

// describe prints an outcome for a person: the result on stdout, a refusal on stderr.
func (a *app) describe(out web.Outcome) {
	if out.Verdict == gate.Collapse && out.Error == nil {
		for _, c := range out.Content {
			if c.Type == "text" {
				fmt.Fprintln(a.out, printable(c.Text))
			} else {
				fmt.Fprintf(a.out, "[%s %s, %d base64 characters]\n", c.Type, c.MimeType, len(c.Data))
			}
		}
		return
	}
	if out.Error != nil {
		fmt.Fprintf(a.errs, "%s was executed and failed: %s: %s\n", out.Action, out.Error.Code, printable(out.Error.Message))
		return
	}
	fmt.Fprintf(a.errs, "%s: %s: %s\n", out.Action, out.Verdict, printable(out.Reason))
	for _, k := range out.Keys {
		mark := "pass"
		if !k.Pass {
			mark = "FAIL"
		}
		fmt.Fprintf(a.errs, "  %-4s  %-24s margin %+.4g  %s\n", mark, k.Name, k.Margin, printable(k.Need))
	}
	if out.Realign != "" {
		fmt.Fprintf(a.errs, "to realign: %s\n", printable(out.Realign))
	}
	if out.QuestionID != "" {
		fmt.Fprintf(a.errs, "question: %s\n", out.QuestionID)
	}
	fmt.Fprintf(a.errs, "witnessed as entry %d\n", out.WitnessIndex)
}

func (a *app) senseCmd() *cobra.Command {
	o := client.SenseOptions{}
	var text bool
	cmd := &cobra.Command{
		Use:   "sense [FILE]",
		Short: "Feed samples or text to the running node",
		Long: "Feeds samples (NDJSON, one a line) or text to the running node, from FILE or stdin. Input that\n" +
			"begins with '{', a FILE that is called .ndjson or .jsonl, and whatever comes with --channel is\n" +
			"read as NDJSON, anything else as one text. Trusted input is the owner's: it is taken at a\n" +
			"terminal only.",
		Example: "  becomingone sense --channel wrist wrist.ndjson\n" +
			"  echo 'Pay the December bill' | becomingone sense --text --session s1",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Trust != "trusted" && o.Trust != "untrusted" {
				return usage("sense: trust = %q: want trusted or untrusted", o.Trust)
			}
			in := a.in
			if len(args) == 1 && args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fmt.Errorf("sense: %w", err)
				}
				defer f.Close()
				in, o.Source = f, args[0]
			}
			first, in, err := peek(in)
			if err != nil {
				return fmt.Errorf("sense: read input: %w", err)
			}
			named := strings.HasSuffix(o.Source, ".ndjson") || strings.HasSuffix(o.Source, ".jsonl") || o.Channel != ""
			o.NDJSON = !text && (first == '{' || named)
			return a.sense(cmd, in, o)
		},
	}
	cmd.Flags().StringVar(&o.Channel, "channel", "", "channel of samples that name none")
	cmd.Flags().StringVar(&o.Trust, "trust", "untrusted", "trusted or untrusted")
	cmd.Flags().StringVar(&o.Session, "session", "", "conversation that a text belongs to (default \"default\")")
	cmd.Flags().BoolVar(&text, "text", false, "read the input as one text, whatever it begins with")
	return a.jsonFlag(cmd)
}

func (a *app) sense(cmd *cobra.Command, in io.Reader, o client.SenseOptions) error {
	owner := o.Trust == "trusted"
	if owner && !a.person {
		return &failure{code: exitFailed, err: errors.New("sense: trusted input is the owner's, and there is no terminal to ask at"),
			hint: "run it in a terminal, or feed it with --trust untrusted"}
	}
	node, err := a.node(cmd.Context(), owner)
	if err != nil {
		return err
	}
	s, err := node.Sense(cmd.Context(), in, o)
	if err != nil {
		if s.Accepted > 0 {
			fmt.Fprintf(a.errs, "accepted %d before the failure\n", s.Accepted)
		}
		return err
	}
	if a.asJSON {
		if err := a.printJSON(s); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "accepted %d, refused %d\n", s.Accepted, s.Rejected)
		for _, e := range s.Errors {
			fmt.Fprintf(a.errs, "becomingone: %s\n", lineText(e))
		}
	}
	if s.Rejected > 0 {
		return &failure{code: exitFailed, err: errSilent}
	}
	return nil
}

// printable makes foreign text fit for a terminal: what would steer it is left out.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func lineText(e web.LineError) string {
	if strings.HasPrefix(e.Error, "line ") {
		return e.Error
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Error)
}
