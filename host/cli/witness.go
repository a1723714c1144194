package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host/store"
)

func (a *app) witnessCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "witness", Short: "Read and verify the log of everything that happened"}
	cmd.AddCommand(a.witnessVerifyCmd(), a.witnessTailCmd(), a.witnessShowCmd(), a.witnessProveCmd())
	return cmd
}

// existing is the data folder, which must hold a log.
func (a *app) existing() (string, error) {
	dir, err := a.data()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); errors.Is(err, fs.ErrNotExist) {
		return "", &failure{code: exitFailed, err: fmt.Errorf("data folder %s: holds no log", dir),
			hint: "name the folder with --data, or start a node with `becomingone run`"}
	}
	return dir, nil
}

// reader reads the log of the data folder, also beside a running node.
func (a *app) reader() (*store.Reader, error) {
	dir, err := a.existing()
	if err != nil {
		return nil, err
	}
	r, err := store.OpenReader(dir)
	return r, damage(err)
}

func (a *app) witnessVerifyCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "verify", Short: "Verify the whole log, offline", Args: cobra.NoArgs,
		Long: "Recomputes the log of the data folder from its entries to its signed checkpoint, and every\n" +
			"payload against its leaf. Needs no running node. Exit code 4 on any damage, with the first bad\n" +
			"entry or file.",
		Example: "  becomingone witness verify --data ~/.local/share/becomingone",
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.existing()
			if err != nil {
				return err
			}
			report, err := store.Verify(cmd.Context(), dir)
			var damage *store.DamageError
			if errors.As(err, &damage) {
				if a.asJSON {
					if err := a.printJSON(map[string]any{"ok": false, "file": damage.File, "entry": damage.Entry, "reason": damage.Reason}); err != nil {
						return err
					}
				}
				return &failure{code: exitDamaged, err: err}
			}
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(report)
			}
			_, err = fmt.Fprintf(a.out, "verified %d entries, %d bytes; root %x\n", report.Entries, report.Bytes, report.Root)
			return err
		},
	})
}

func (a *app) witnessTailCmd() *cobra.Command {
	n := 20
	cmd := &cobra.Command{
		Use: "tail", Short: "Print the newest entries", Args: cobra.NoArgs, Example: "  becomingone witness tail -n 50",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 || n > 10000 {
				return usage("witness tail: n = %d: want 1 to 10000", n)
			}
			r, err := a.reader()
			if err != nil {
				return err
			}
			from := uint64(0)
			if size := r.Size(); size > uint64(n) {
				from = size - uint64(n)
			}
			for e, err := range r.Entries(cmd.Context(), from) {
				if err != nil {
					return damage(err)
				}
				if err := a.printEntry(e, false); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().IntVarP(&n, "lines", "n", n, "how many entries")
	return a.jsonFlag(cmd)
}

func (a *app) witnessShowCmd() *cobra.Command {
	return a.jsonFlag(&cobra.Command{
		Use: "show N", Short: "Print one entry with its payload", Args: cobra.ExactArgs(1), Example: "  becomingone witness show 12",
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := index(args[0])
			if err != nil {
				return err
			}
			r, err := a.reader()
			if err != nil {
				return err
			}
			e, err := r.Entry(cmd.Context(), i)
			if err != nil {
				return damage(err)
			}
			return a.printEntry(e, true)
		},
	})
}

func (a *app) witnessProveCmd() *cobra.Command {
	return &cobra.Command{
		Use: "prove N", Short: "Print the proof that an entry is in the signed log", Args: cobra.ExactArgs(1),
		Example: "  becomingone witness prove 12 > proof.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := index(args[0])
			if err != nil {
				return err
			}
			r, err := a.reader()
			if err != nil {
				return err
			}
			p, err := prove(cmd.Context(), r, i)
			if err != nil {
				return damage(err)
			}
			return a.printJSON(p)
		},
	}
}

// prove waits for the checkpoint that will cover a fresh entry; a running node signs one each second.
func prove(ctx context.Context, r *store.Reader, i uint64) (store.Proof, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for tries := 0; ; tries++ {
		p, err := r.Prove(ctx, i)
		if !errors.Is(err, store.ErrPending) || tries == 50 {
			return p, err
		}
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-tick.C:
		}
		if err := r.Refresh(); err != nil {
			return p, err
		}
	}
}

func index(s string) (uint64, error) {
	i, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, usage("entry = %q: want a number from 0", s)
	}
	return i, nil
}

// damage gives damaged data its exit code.
func damage(err error) error {
	var d *store.DamageError
	if errors.As(err, &d) {
		return &failure{code: exitDamaged, err: err}
	}
	return err
}

// entryJSON is an entry as `--json` prints it.
type entryJSON struct {
	Index   uint64    `json:"index"`
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Type    string    `json:"type"`
	Erased  bool      `json:"erased,omitempty"`
	Size    int       `json:"payload_bytes"`
	Payload any       `json:"payload,omitempty"`
}

func (a *app) printEntry(e store.Entry, whole bool) error {
	l := e.Leaf
	line := entryJSON{Index: l.Sequence, Time: time.Unix(0, l.At).UTC(), Level: l.Level.String(), Type: l.Type.String(),
		Erased: e.Erased, Size: len(e.Payload)}
	if whole {
		line.Payload = readable(e.Payload)
	}
	if a.asJSON || whole {
		return a.printJSON(line)
	}
	_, err := fmt.Fprintf(a.out, "%8d  %s  %-5s  %-12s  %d bytes\n", line.Index, line.Time.Format(time.RFC3339Nano), line.Level, line.Type, line.Size)
	return err
}
