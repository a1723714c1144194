package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/becomingone/becomingone/host/source"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/evidence"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/kairos"
)

// signalLines calls f with every line of the signal file ("-" is stdin); a bad line ends the replay.
func (a *app) signalLines(ctx context.Context, path string, f func(source.Line) error) error {
	in := a.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		defer file.Close()
		in = file
	}
	for r := source.NewReader(in, ""); ; {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(line)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("replay %s: %w", path, err)
		}
	}
}

func (a *app) replaySignalCmd() *cobra.Command {
	var every time.Duration
	cmd := &cobra.Command{
		Use: "signal FILE", Short: "Run a signal file through the kernel", Args: cobra.ExactArgs(1),
		Long: "Runs a signal file (NDJSON) through the kernel that the config describes, on the signal's own\n" +
			"time, and prints a line for each change of a field's state, and one for every --every of event\n" +
			"time. The same file and config give the same bytes on every machine.",
		Example: "  becomingone replay signal co2.ndjson --config demo.yaml --every 8766h",
		RunE: func(cmd *cobra.Command, args []string) error {
			if every < 0 {
				return usage("replay signal: every = %v: want 0s or more", every)
			}
			cfg, err := a.load(nil)
			if err != nil {
				return err
			}
			kc, err := cfg.KernelConfig()
			if err != nil {
				return err
			}
			k, err := kernel.New(kc)
			if err != nil {
				return err
			}
			s := signalReplay{kernel: k, out: bufio.NewWriter(a.out), every: int64(every),
				json: a.asJSON, state: map[string]gate.State{}, next: map[string]int64{}}
			return errors.Join(a.signalLines(cmd.Context(), args[0], s.step), s.out.Flush())
		},
	}
	cmd.Flags().DurationVar(&every, "every", 0, "also print a line each so much event time; 0s: changes only")
	return a.jsonFlag(cmd)
}

// signalReplay feeds lines to a kernel whose clock is the signal's own time.
type signalReplay struct {
	kernel *kernel.Kernel
	output kernel.Output
	at     int64 // greatest event time so far
	first  int64 // event time of the first sample, where the kernel's clock begins
	begun  bool
	out    *bufio.Writer
	json   bool
	every  int64
	state  map[string]gate.State
	next   map[string]int64 // by field: event time of the next regular line
	line   []byte
}

func (s *signalReplay) step(l source.Line) error {
	in := kernel.Input{Kind: kernel.KindSample, Channel: l.Channel, Sample: l.Sample}
	if l.Text != nil {
		in = kernel.Input{Kind: kernel.KindText, Session: "default", Text: kernel.Text{Trust: l.Trust, Source: l.Channel, Body: *l.Text}}
	} else if !s.begun {
		s.at, s.first, s.begun = l.Sample.T, l.Sample.T, true
	}
	if l.Text == nil {
		s.at = max(s.at, l.Sample.T)
	}
	in.At = s.at - s.first
	if err := s.kernel.Apply(&in, &s.output); err != nil {
		return fmt.Errorf("line %d: %w", l.Number, err)
	}
	for i := range s.output.Fields {
		if err := s.print(&s.output.Fields[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *signalReplay) print(f *kernel.FieldOutput) error {
	old, known := s.state[f.Field]
	regular := s.every > 0 && (!known || f.T >= s.next[f.Field])
	if known && old == f.State && !regular {
		return nil
	}
	s.state[f.Field] = f.State
	if s.every > 0 {
		s.next[f.Field] = f.T + s.every
	}
	if s.json {
		s.line = append(f.AppendJSON(s.line[:0]), '\n')
		_, err := s.out.Write(s.line)
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s  %-14s %-12s |T|² %.4f  chord %.4f  %s\n",
		time.Unix(0, f.T).UTC().Format(time.RFC3339Nano), f.Field, f.State, f.Sync.T2, f.Sync.Chord, f.AppendReason(nil))
	return err
}

func (a *app) replayResonanceCmd() *cobra.Command {
	cfg := kairos.ReplayConfig{Capacity: 1 << 24}
	var window, reading string
	cmd := &cobra.Command{
		Use: "resonance FILE", Short: "Measure the resonance of one signal file", Args: cobra.ExactArgs(1),
		Long: "Measures the temporal resonance of a signal file (NDJSON, one channel) over one window and prints\n" +
			"the state at the last sample: without shrinkage (Ts has it), motion floor or gate.",
		Example: "  becomingone replay resonance tone.ndjson --window leaky --tau 250ms --omega-hz 12.5 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cfg.Window.UnmarshalText([]byte(window)); err != nil {
				return &failure{code: exitUsage, err: err}
			}
			if err := cfg.Reading.UnmarshalText([]byte(reading)); err != nil {
				return &failure{code: exitUsage, err: err}
			}
			r, err := kairos.NewReplay(cfg)
			if err != nil {
				return &failure{code: exitUsage, err: err}
			}
			err = a.signalLines(cmd.Context(), args[0], func(l source.Line) error {
				if l.Text != nil {
					return fmt.Errorf("line %d: a text has no phase", l.Number)
				}
				if err := r.Step(&l.Sample); err != nil {
					return fmt.Errorf("line %d: %w", l.Number, err)
				}
				return nil
			})
			if err != nil {
				return err
			}
			guard, decoys := r.Controls()
			return a.printReading(r.Read(), r.Spectrum(nil), control(guard), control(decoys))
		},
	}
	f := cmd.Flags()
	f.StringVar(&window, "window", "leaky", "rect, leaky or ladder")
	f.DurationVar(&cfg.Tau, "tau", 0, "length of the window; a rectangular one of 0s holds the whole file")
	f.Float64Var(&cfg.OmegaHz, "omega-hz", 0, "detuning to listen at, Hz")
	f.DurationVar(&cfg.Lag, "lag", 0, "pair each sample with the one so much earlier; 0s: no lag")
	f.StringVar(&reading, "reading", "phasor", "phasor or energy")
	f.BoolVar(&cfg.Conjugate, "conjugate", false, "multiply by the partner itself instead of its conjugate")
	f.DurationVar(&cfg.Horizon, "late", 0, "how late a sample may come")
	f.IntVar(&cfg.GuardBins, "guard-bins", 0, "compare with so many detunings beside --omega-hz (even, 2 to 64)")
	f.DurationSliceVar(&cfg.DecoyLags, "decoy-lag", nil, "compare with these lags, where nothing is to be expected")
	return a.jsonFlag(cmd)
}

// digits is a number with 17 significant digits; what JSON cannot say is null.
type digits float64

// MarshalJSON writes the number so that it reads back to the same bits.
func (d digits) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(d)) || math.IsInf(float64(d), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(d), 'g', 17, 64), nil
}

func pairOf(z [2]float64) [2]digits { return [2]digits{digits(z[0]), digits(z[1])} }

// scale is one level of a ladder, as the reading's numbers are.
type scale struct {
	Tau      digits    `json:"tau_s"`
	T        [2]digits `json:"T"`
	T2       digits    `json:"T2"`
	Nu       digits    `json:"nu"`
	Mass     digits    `json:"mass"`
	LnPBound digits    `json:"lnP_bound"`
}

// cfar says how the resonance stands out from what it is compared with.
type cfar struct {
	Ratio digits `json:"ratio"`
	LnP   digits `json:"lnP"`
	Of    int    `json:"of"`
}

func control(c evidence.CFAR) *cfar {
	if c.Decoy == 0 {
		return nil
	}
	return &cfar{digits(c.Ratio), digits(c.LnP), c.Decoy}
}

// printReading prints the state and, of a ladder, its coherence at each scale.
func (a *app) printReading(r kairos.Reading, spectrum []kairos.Scale, guard, decoys *cfar) error {
	var levels []scale
	for _, l := range spectrum {
		levels = append(levels, scale{digits(l.Tau), pairOf(l.T), digits(l.T2), digits(l.Nu), digits(l.W), digits(l.LnPBound)})
	}
	if !a.asJSON {
		for _, c := range []struct {
			name string
			*cfar
		}{{"guard bins", guard}, {"decoy lags", decoys}} {
			if c.cfar != nil {
				fmt.Fprintf(a.out, "|S|² is %.3f times that of %d %s, ln P %.2f\n", float64(c.Ratio), c.Of, c.name, float64(c.LnP))
			}
		}
		for _, l := range spectrum {
			fmt.Fprintf(a.out, "tau %.6g s  |T|² %.6f  nu %.2f\n", l.Tau, l.T2, l.Nu)
		}
		_, err := fmt.Fprintf(a.out, "n %d  |T|² %.6f  psi %.4f rad  nu %.2f  lnP_bound %.2f  lnE %.2f  lnSR %.2f\n",
			r.N, r.T2, r.Psi, r.Nu, r.LnPBound, r.LnE, r.LnSR)
		return err
	}
	return a.printJSON(struct {
		N          uint64    `json:"n"`
		T0         int64     `json:"t"`
		S          [2]digits `json:"S"`
		W          digits    `json:"W"`
		Q          digits    `json:"Q"`
		Ex         digits    `json:"Ex"`
		Ey         digits    `json:"Ey"`
		T          [2]digits `json:"T"`
		T2         digits    `json:"T2"`
		Nu         digits    `json:"nu"`
		Psi        digits    `json:"psi"`
		LnPBound   digits    `json:"lnP_bound"`
		LnE        digits    `json:"lnE"`
		LnSR       digits    `json:"lnSR"`
		T2Unbiased digits    `json:"T2_unbiased"`
		Ts         [2]digits `json:"Ts"`
		Spectrum   []scale   `json:"spectrum,omitempty"`
		Guard      *cfar     `json:"guard_bins,omitempty"`
		Decoys     *cfar     `json:"decoy_lags,omitempty"`
	}{r.N, r.At, pairOf(r.S), digits(r.W), digits(r.Q), digits(r.Ex), digits(r.Ey), pairOf(r.T), digits(r.T2), digits(r.Nu),
		digits(r.Psi), digits(r.LnPBound), digits(r.LnE), digits(r.LnSR), digits(r.T2Unbiased), pairOf(r.Ts), levels, guard, decoys})
}
