package kernel

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/becomingone/becomingone/kernel/cursor"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/phase/exact"
	"github.com/becomingone/becomingone/kernel/transducer"
)

// Config of a Kernel. DefaultConfig works.
type Config struct {
	Fields []FieldConfig // at most 256, each of its own name
	Agent  AgentConfig   // what the session key remembers
}

// AgentConfig bounds what the session key remembers.
type AgentConfig = intent.Config

// FieldConfig is one field: what it hears and when it collapses. Zero values of durations and counts that
// name a default take it; DefaultField has them all.
type FieldConfig struct {
	Name        string         // 1…256 bytes
	Channels    []string       // the channels that it hears; "*" is every channel
	Input       InputConfig    // how samples become phasors
	Reading     phase.Reading  // phasor or energy
	OmegaRadS   float64        // the detuning to listen at; 0 or at least 10/tau of the fastest window
	Lag         time.Duration  // >= 0: pair with the field's own past, where a sample brings no reference; 0 is none
	MotionFloor float64        // rad, 0…2: less motion than this has no weight
	Track       time.Duration  // > 0: a type-2 loop follows a slow drift of the phase, with a correction each so often; 0 is none
	Emissary    EmissaryConfig // the fast pathway
	Master      MasterConfig   // the slow pathway
	Align       AlignConfig    // how closely they must agree
	Gate        GateConfig     // what a collapse takes
}

// InputConfig says how a field's samples become phasors.
type InputConfig struct {
	Form        phase.Form    // the one form accepted; 0 is phasor, angle and, with an omega, event
	Dims        int           // values a sample, 0…4096; 0 means 1
	Period      time.Duration // form real: the line to lock in to, as its period
	FrequencyHz float64       // the same as a frequency; one of the two
	Filter      time.Duration // form real: time constant of the lock-in's low-pass, > 0
	Velocity    bool          // form real: lock in to the velocity, which is blind to the level
	MaxGap      time.Duration // form real: samples farther apart give no velocity; 0 is no limit
	Settle      time.Duration // form real: what the lock-in says so long after the first sample is not used; 0 is 2·Filter
	Correlation float64       // samples that one independent sample is worth, >= 1; 0 means 1, and is refused for form real
}

// EmissaryConfig is the fast pathway.
type EmissaryConfig struct {
	Tau time.Duration // > 0: time constant of its window
}

// MasterConfig is the slow pathway.
type MasterConfig struct {
	Tau    time.Duration // time constant of the slowest window
	Levels int           // 1: Tau alone. 2…64: from Emissary's tau to Tau. 0: a level at each factor of 4 up to Tau
}

// AlignConfig is how closely the two must agree.
type AlignConfig struct {
	Delta float64 // (0, 2]: greatest chord |T_m - T_e|
}

// GateConfig is what a collapse takes.
type GateConfig struct {
	Threshold    float64       // I_c
	Release      float64       // I_r
	AlphaPerHour float64       // expected false collapses an hour of event time
	EvalHz       float64       // most looks a second of event time
	Shrink       float64       // n0 >= 0: pseudo-mass of every window, samples
	MinMass      float64       // W_min >= 1, samples
	StaleAfter   time.Duration // longest silence that is fresh; 0 is the longer of 3 tau_e and 3/EvalHz
}

const (
	maxFields   = 256
	maxName     = 256
	maxDims     = 4096
	masterRatio = 4
	minOmegaTau = 10 // below it a line at omega cannot be told from one at 0 (KERNEL.md 1.6)
)

// DefaultConfig has one field, "default", that hears every channel.
func DefaultConfig() Config {
	return Config{Fields: []FieldConfig{DefaultField("default", "*")}, Agent: intent.DefaultConfig()}
}

// DefaultField returns a field with the starting values of KERNEL.md 9.
//
// One of them is changed: the pseudo-mass n0 is a quarter of a sample, not one. With n0 = 1 a signal of
// jitter 0.1 needs a mass of 48 to reach |T~|² = 0.95, so a window opened from empty would wait long past
// nu_min (27), and at tau 200 ms a stream of 200 Hz could never collapse. At 0.25 the evidence decides.
// Silence still carries |T~| to 0, and W_min and staleness guard what lies before.
func DefaultField(name string, channels ...string) FieldConfig {
	return FieldConfig{
		Name: name, Channels: channels,
		Input:       InputConfig{Dims: 1, Correlation: 1},
		MotionFloor: .01,
		Emissary:    EmissaryConfig{Tau: 200 * time.Millisecond},
		Master:      MasterConfig{Tau: time.Hour},
		Align:       AlignConfig{Delta: .1},
		Gate: GateConfig{
			Threshold: .95, Release: .9, AlphaPerHour: 1e-3, EvalHz: 1000, Shrink: .25, MinMass: 3,
		},
	}
}

// Validate names the first field, path and value that cannot be, and what could.
func (c Config) Validate() error {
	if len(c.Fields) > maxFields {
		return fmt.Errorf("kernel: fields: %d of them, not in 0…%d", len(c.Fields), maxFields)
	}
	seen := map[string]bool{}
	for _, f := range c.Fields {
		if seen[f.Name] {
			return fmt.Errorf("kernel: fields.%s: named twice", f.Name)
		}
		seen[f.Name] = true
		if err := f.Validate(); err != nil {
			return fmt.Errorf("kernel: fields.%s: %w", f.Name, err)
		}
	}
	if err := c.Agent.Validate(); err != nil {
		return fmt.Errorf("kernel: agent: %w", err)
	}
	return nil
}

// Validate names the path below the field, the value and the accepted range.
func (f FieldConfig) Validate() error {
	f = f.withDefaults()
	if err := f.validateNames(); err != nil {
		return err
	}
	if err := f.validateInput(); err != nil {
		return err
	}
	if err := f.validatePathways(); err != nil {
		return err
	}
	return f.gate().Validate()
}

func (f FieldConfig) validateNames() error {
	if f.Name == "" || len(f.Name) > maxName {
		return fmt.Errorf("name %q: not of 1…%d bytes", f.Name, maxName)
	}
	if len(f.Channels) == 0 || len(f.Channels) > maxStreams {
		return fmt.Errorf("channels: %d of them, not in 1…%d", len(f.Channels), maxStreams)
	}
	for _, c := range f.Channels {
		if len(c) > maxName {
			return fmt.Errorf("channels: a name of %d bytes, not of 0…%d", len(c), maxName)
		}
	}
	return nil
}

func (f FieldConfig) validateInput() error {
	in := f.Input
	locked := in.Period != 0 || in.FrequencyHz != 0
	switch {
	case in.Dims < 1 || in.Dims > maxDims:
		return fmt.Errorf("input.dims %d: not in 1…%d", in.Dims, maxDims)
	case !(in.Correlation >= 1 && in.Correlation <= 1e9):
		return fmt.Errorf("input.correlation %v: not in [1, 1e9]; filtered samples must declare it", in.Correlation)
	case in.Period < 0 || !(math.Abs(in.FrequencyHz) < phase.MaxHz):
		return fmt.Errorf("input.period %v, input.frequency_hz %v: not above 0s and in (-5e8, 5e8)", in.Period, in.FrequencyHz)
	case in.Period != 0 && in.FrequencyHz != 0:
		return fmt.Errorf("input.frequency_hz %v: input.period %v says the same, one of them", in.FrequencyHz, in.Period)
	case in.Form == phase.Real && !locked:
		return fmt.Errorf("input.form real: needs input.period or input.frequency_hz, for a real value alone has no phase")
	case in.Form != phase.Real && (locked || in.Filter != 0 || in.Velocity || in.MaxGap != 0 || in.Settle != 0):
		return fmt.Errorf("input.form %s: a lock-in (period, frequency_hz, filter, velocity, max_gap, settle) needs real", in.Form)
	case in.Form == phase.Event && f.OmegaRadS == 0:
		return fmt.Errorf("input.form event: needs an omega, for at 0 any events are coherent")
	case in.Settle < 0:
		return fmt.Errorf("input.settle %v: below 0s", in.Settle)
	}
	cfg, err := f.estimator()
	if err != nil {
		return fmt.Errorf("input: %w", err)
	}
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	return nil
}

func (f FieldConfig) validatePathways() error {
	fastest := f.Emissary.Tau
	if f.Master.Levels == 1 {
		fastest = min(fastest, f.Master.Tau)
	}
	turns := math.Abs(f.OmegaRadS) * fastest.Seconds()
	switch {
	case f.Emissary.Tau <= 0:
		return fmt.Errorf("emissary.tau %v: not above 0s", f.Emissary.Tau)
	case f.Master.Tau <= 0 || f.Master.Levels != 1 && f.Master.Tau < f.Emissary.Tau:
		return fmt.Errorf("master.tau %v: below emissary.tau %v", f.Master.Tau, f.Emissary.Tau)
	case f.Master.Levels < 0 || f.Master.Levels > 64:
		return fmt.Errorf("master.levels %d: not in 0…64", f.Master.Levels)
	case f.Master.Levels > 1 && f.Master.Tau == f.Emissary.Tau:
		return fmt.Errorf("master.levels %d: not 1 where master.tau is emissary.tau", f.Master.Levels)
	case !(f.OmegaRadS == 0 || turns >= minOmegaTau):
		return fmt.Errorf("omega %v rad/s with a window of %v: omega·tau %.3g is in (0, %d), where a line cannot be told from one at 0",
			f.OmegaRadS, fastest, turns, minOmegaTau)
	case !(math.Abs(f.OmegaRadS) < 2*math.Pi*phase.MaxHz):
		return fmt.Errorf("omega %v rad/s: not in (-3.14e9, 3.14e9)", f.OmegaRadS)
	case f.Lag < 0:
		return fmt.Errorf("lag %v: below 0s", f.Lag)
	case f.Track < 0:
		return fmt.Errorf("track %v: below 0s", f.Track)
	case f.Track > 0 && f.Lag > 0:
		return fmt.Errorf("track %v: a field with a lag of %v pairs late samples anew, which no loop can follow; one of them", f.Track, f.Lag)
	case !(f.Gate.Shrink >= 0 && f.Gate.Shrink <= 1e6):
		return fmt.Errorf("gate.shrink %v: not in [0, 1e6]", f.Gate.Shrink)
	}
	return nil
}

// withDefaults fills in what a zero value stands for.
func (f FieldConfig) withDefaults() FieldConfig {
	if f.Input.Dims == 0 {
		f.Input.Dims = 1
	}
	if f.Input.Correlation == 0 && f.Input.Form != phase.Real {
		f.Input.Correlation = 1
	}
	if f.Input.Form == phase.Real && f.Input.Settle == 0 {
		f.Input.Settle = 2 * f.Input.Filter
	}
	if f.Gate.StaleAfter == 0 && f.Gate.EvalHz > 0 {
		looks := time.Duration(math.Min(3e9/f.Gate.EvalHz, math.MaxInt64/4))
		f.Gate.StaleAfter = max(3*f.Emissary.Tau, looks)
	}
	return f
}

// estimator returns how samples become points.
func (f FieldConfig) estimator() (phase.Config, error) {
	cfg := phase.Config{Form: f.Input.Form, Dims: f.Input.Dims, Reading: f.Reading, MotionFloor: f.MotionFloor}
	if f.Input.Form != phase.Real {
		return cfg, nil
	}
	line := new(big.Rat)
	switch {
	case f.Input.Period > 0:
		line.SetFrac64(1e9, int64(f.Input.Period))
	case line.SetFloat64(f.Input.FrequencyHz) == nil:
		return cfg, fmt.Errorf("frequency_hz %v: not finite", f.Input.FrequencyHz)
	}
	nco, err := phase.NewFineNCO(line)
	if err != nil {
		return cfg, err
	}
	cfg.LockIn = phase.LockIn{NCO: nco, Tau: f.Input.Filter, Velocity: f.Input.Velocity, MaxGap: f.Input.MaxGap}
	return cfg, nil
}

// bank returns Master's fastest window, the ratio of one to the next, and how many there are.
func (f FieldConfig) bank() (fastest time.Duration, ratio float64, levels int) {
	e, m := f.Emissary.Tau, f.Master.Tau
	switch n := f.Master.Levels; n {
	case 0:
		return e, masterRatio, transducer.Levels(e, m, masterRatio)
	case 1:
		return m, masterRatio, 1
	default:
		return e, exact.Exp(exact.Log(float64(m)/float64(e)) / float64(n-1)), n
	}
}

func (f FieldConfig) gate() gate.Config {
	_, _, levels := f.bank()
	return gate.Config{
		Threshold: f.Gate.Threshold, Release: f.Gate.Release, Delta: f.Align.Delta,
		AlphaPerHour: f.Gate.AlphaPerHour, EvalHz: f.Gate.EvalHz, MinMass: f.Gate.MinMass,
		StaleAfter: f.Gate.StaleAfter, Levels: max(levels, 1),
	}
}

// horizon returns how late a sample may come.
func (f FieldConfig) horizon() time.Duration { return 3 * f.Emissary.Tau }

// hash returns the digest of all that a kernel's outputs depend on beside its inputs.
func (c Config) hash() [32]byte {
	b := cursor.Text(nil, "becomingone kernel 1")
	b = cursor.Uint(b, uint64(len(c.Fields)))
	for _, f := range c.Fields {
		b = f.withDefaults().append(b)
	}
	return sha256.Sum256(c.Agent.Append(b))
}

func (f FieldConfig) append(b []byte) []byte {
	b = cursor.Uint(cursor.Text(b, f.Name), uint64(len(f.Channels)))
	for _, c := range f.Channels {
		b = cursor.Text(b, c)
	}
	velocity := 0
	if f.Input.Velocity {
		velocity = 1
	}
	for _, n := range []int64{
		int64(f.Input.Form), int64(f.Input.Dims), int64(f.Input.Period), int64(f.Input.Filter), int64(velocity),
		int64(f.Input.MaxGap), int64(f.Input.Settle), int64(f.Reading), int64(f.Lag), int64(f.Track), int64(f.Emissary.Tau),
		int64(f.Master.Tau), int64(f.Master.Levels), int64(f.Gate.StaleAfter),
	} {
		b = cursor.Uint(b, uint64(n))
	}
	for _, x := range []float64{
		f.Input.FrequencyHz, f.Input.Correlation, f.OmegaRadS, f.MotionFloor, f.Align.Delta, f.Gate.Threshold,
		f.Gate.Release, f.Gate.AlphaPerHour, f.Gate.EvalHz, f.Gate.Shrink, f.Gate.MinMass,
	} {
		b = cursor.Uint(b, math.Float64bits(x))
	}
	return b
}
