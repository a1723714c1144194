package cli

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host/client"
	"github.com/becomingone/becomingone/host/web"
)

func (a *app) approveCmd() *cobra.Command {
	var no bool
	cmd := &cobra.Command{
		Use: "approve [ID]", Short: "List and answer the questions of held calls",
		Long: "Without ID, lists the questions that wait for you. With it, says yes to that one, or no with\n" +
			"--no. Nothing is executed by it: a yes lets the same call, made again by the same agent, pass\n" +
			"once within the time that it is good. A question that nobody answers in time is a no.\n" +
			"It is asked at a terminal only, because the answer is the owner's.",
		Example: "  becomingone approve\n  becomingone approve q-1a2b3c4d5e6f\n  becomingone approve q-1a2b3c4d5e6f --no",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if no && len(args) == 0 {
				return usage("approve: --no without a question: want its ID")
			}
			if !a.person {
				return &failure{code: exitFailed, err: errors.New("approve: the answer is the owner's, and there is no terminal to ask at"),
					hint: "run it in a terminal, answer on the paired page, or see agent.approvals.files for a node that nobody watches"}
			}
			node, err := a.node(cmd.Context(), true)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.listQuestions(cmd, node)
			}
			return a.answerQuestion(cmd, node, args[0], !no)
		},
	}
	cmd.Flags().BoolVar(&no, "no", false, "say no")
	return a.jsonFlag(cmd)
}

func (a *app) listQuestions(cmd *cobra.Command, node *client.Client) error {
	list, open, err := node.Questions(cmd.Context())
	if err != nil {
		return err
	}
	if a.asJSON {
		return a.printJSON(list)
	}
	if open == 0 {
		_, err := fmt.Fprintln(a.out, "no question waits for you")
		return err
	}
	for _, q := range list {
		if err := a.printQuestion(q); err != nil {
			return err
		}
	}
	if open > len(list) {
		fmt.Fprintf(a.out, "and %d older ones\n", open-len(list))
	}
	fmt.Fprintln(a.out, "yes: becomingone approve ID    no: becomingone approve ID --no")
	return nil
}

// printQuestion shows a question whole. What an agent or a document wrote is shown without characters
// that a terminal would obey.
func (a *app) printQuestion(q web.Question) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	args := string(q.Arguments)
	if len(q.Arguments) == 0 {
		args = fmt.Sprintf("%d bytes: becomingone witness show %d", q.ArgumentsBytes, q.WitnessIndex)
	}
	fmt.Fprintf(w, "%s\t%s\t(%s)\n", q.ID, oneLine(q.Action), q.Effect)
	fmt.Fprintf(w, "  session\t%s\n  arguments\t%s\n  held because\t%s\n", oneLine(q.Session), oneLine(args), oneLine(q.Text))
	fmt.Fprintf(w, "  asked\t%s, waits until %s\n", clock(q.At), clock(q.ExpiresAt))
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func (a *app) answerQuestion(cmd *cobra.Command, node *client.Client, id string, yes bool) error {
	done, err := node.Answer(cmd.Context(), id, yes)
	if err != nil {
		var e *client.Error
		if errors.As(err, &e) {
			return &failure{code: exitFailed, err: err, hint: "`becomingone approve` lists the questions that wait"}
		}
		return err
	}
	if a.asJSON {
		return a.printJSON(done)
	}
	if !yes {
		_, err = fmt.Fprintf(a.out, "no: %s stays held (entry %d)\n", oneLine(done.Question.Action), done.WitnessIndex)
		return err
	}
	_, err = fmt.Fprintf(a.out, "yes: %s passes once, if the same call is made again before %s (entry %d)\n",
		oneLine(done.Question.Action), clock(done.ExpiresAt), done.WitnessIndex)
	return err
}

func clock(ns int64) string { return time.Unix(0, ns).Format("15:04:05") }

// oneLine is foreign text on one line, without what would steer a terminal.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(printable(s), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}
