package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host"
)

func (a *app) replayCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "replay", Short: "Run recorded input again"}
	cmd.AddCommand(a.replayLogCmd(), a.replaySignalCmd(), a.replayResonanceCmd(), a.replayAgentCmd())
	return cmd
}

func (a *app) replayLogCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "log", Short: "Reproduce every recorded output from the recorded intake", Args: cobra.NoArgs,
		Long: "Runs the recorded intake of the data folder through a fresh kernel and compares every output and\n" +
			"every recorded state with the record, bit for bit. Exit code 4 if any differs.",
		Example: "  becomingone replay log --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.reader()
			if err != nil {
				return err
			}
			done, err := host.Replay(cmd.Context(), r)
			if errors.Is(err, host.ErrDiffers) {
				return &failure{code: exitDamaged, err: err}
			}
			if err != nil {
				return damage(err)
			}
			if a.asJSON {
				return a.printJSON(done)
			}
			_, err = fmt.Fprintf(a.out, "reproduced %d inputs in %d cycles and %d states, over %d starts; %d erased cycles\n",
				done.Inputs, done.Cycles, done.Snapshots, done.Starts, done.Gaps)
			return err
		},
	})
}

// readable is a payload as JSON shows it: itself where it is JSON, else its bytes in base64.
func readable(b []byte) any {
	if json.Valid(b) {
		return json.RawMessage(b)
	}
	return b
}
