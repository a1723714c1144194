package kernel_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

var update = flag.Bool("update", false, "write the golden files anew, to be reviewed by reading the diff")

// chapter is a stretch of the golden stream: prose, and angles at 1 kHz.
type chapter struct {
	prose   string
	samples int
	sigma   float64       // rad; negative is uniform
	silence time.Duration // before it
}

var chapters = []chapter{
	{"A second of chance. Warmup until there is evidence enough, then nothing to agree on.", 1000, -1, 0},
	{"A signal of jitter 0.1 begins. The alarm makes its onset the window; the field collapses\n" +
		"within a fifth of tau, Master speaking with its fastest voice.", 3000, .1, 0},
	{"The signal wavers to jitter 0.28, |T|² = 0.925: between the two thresholds. What holds goes on.", 2000, .28, 0},
	{"It wavers further, to jitter 0.5, and the collapse ends. The evidence begins anew.", 2000, .5, 0},
	{"Then nothing for ten seconds: stale at 600 ms, and nothing opens.", 0, 0, 10 * time.Second},
	{"The signal is back. The windows are empty, so this is an opening from empty.", 500, .1, 0},
	{"An angle that stands still has no motion, hence no mass: the field lets go of it.", 3000, 0, 0},
}

// The golden stream is the default field's life in prose and numbers, the same on every machine. Each line
// is a change of state or the last sample of a chapter.
func TestGoldenStream(t *testing.T) {
	k := newKernel(t, kernel.DefaultConfig())
	var got bytes.Buffer
	var out kernel.Output
	at := int64(0)
	r := signal.Rand(2026)
	angle := [1]float64{}
	in := kernel.Input{Kind: kernel.KindSample, Sample: phase.Sample{Form: phase.Angle, R: angle[:]}}
	for _, c := range chapters {
		fmt.Fprintf(&got, "# %s\n", bytes.ReplaceAll([]byte(c.prose), []byte("\n"), []byte("\n# ")))
		if c.silence > 0 {
			end := at + int64(c.silence)
			for next, ok := k.Deadline(); ok && next < end; next, ok = k.Deadline() {
				require.NoError(t, k.Apply(&kernel.Input{Kind: kernel.KindTick, At: next}, &out))
				require.NotEmpty(t, out.Fields)
				write(&got, &out, true)
			}
			at = end
		}
		for i := range c.samples {
			at += ms
			if angle[0] = r.Phase(); c.sigma >= 0 {
				angle[0] = c.sigma * r.Gauss()
			}
			in.At, in.Sample.T = at, at
			require.NoError(t, k.Apply(&in, &out))
			write(&got, &out, i == c.samples-1)
		}
	}
	path := filepath.Join("testdata", "golden.txt")
	if *update {
		require.NoError(t, os.WriteFile(path, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

func write(dst *bytes.Buffer, out *kernel.Output, last bool) {
	for i := range out.Fields {
		if f := &out.Fields[i]; f.Changed || last {
			dst.Write(f.AppendJSON(nil))
			dst.WriteByte('\n')
		}
	}
}

// The field line is JSON of the documented shape, and holds what the output holds.
func TestFieldLine(t *testing.T) {
	f := warm(t, .1)
	o := f.out.Fields[0]
	o.Field = "a \"q\"\\\n ü 𝄞"
	b, err := json.Marshal(o)
	require.NoError(t, err)
	require.Equal(t, string(b), string(o.AppendJSON(nil)))
	var line struct {
		T                int64
		Field            string
		Master, Emissary struct {
			T                  [2]float64
			T2, Nu, Mass, TauS float64
			Tau                float64 `json:"tau_s"`
		}
		Sync struct {
			T                         [2]float64
			T2, Chord, Gap, Angle, Nu float64
		}
		Evidence struct {
			LnP  float64 `json:"lnP_bound"`
			LnE  float64 `json:"lnE"`
			LnSR float64 `json:"lnSR"`
		}
		State, Decision, Reason string
	}
	d := json.NewDecoder(bytes.NewReader(b))
	require.NoError(t, d.Decode(&line))
	require.Equal(t, o.T, line.T)
	require.Equal(t, o.Field, line.Field)
	require.Equal(t, real(o.Master.T), line.Master.T[0])
	require.Equal(t, o.Master.Tau.Seconds(), line.Master.Tau)
	require.Equal(t, o.Emissary.Nu, line.Emissary.Nu)
	require.Equal(t, o.Sync.Chord, line.Sync.Chord)
	require.Equal(t, o.Sync.Nu, line.Sync.Nu)
	require.Equal(t, []float64{o.LnP, o.LnE, o.LnSR}, []float64{line.Evidence.LnP, line.Evidence.LnE, line.Evidence.LnSR})
	require.Equal(t, "collapsed collapse", line.State+" "+line.Decision)
	require.Equal(t, string(o.AppendReason(nil)), line.Reason)
}

// A signal of little jitter, at 1 kHz: what a field says of it.
func ExampleFieldOutput() {
	k, _ := kernel.New(kernel.DefaultConfig())
	var out kernel.Output
	angle := []float64{0}
	for i := range int64(100) {
		angle[0] = .05 * float64(i%3)
		in := kernel.Input{
			Kind: kernel.KindSample, At: i * ms, Sample: phase.Sample{T: i * ms, Form: phase.Angle, R: angle},
		}
		if err := k.Apply(&in, &out); err != nil {
			fmt.Println(err)
		}
		if o := &out.Fields[0]; o.Changed {
			fmt.Printf("%d ms: %s, nu %.0f, |T|² %.3f\n", o.T/ms, o.State, o.Sync.Nu, o.Sync.T2)
		}
	}
	// Output: 12 ms: collapsed, nu 12, |T|² 0.957
}
