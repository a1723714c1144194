package config

import (
	"strings"
	"time"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/intent"
	"github.com/becomingone/becomingone/kernel/phase"
)

// Field is one signal field: a Master, an Emissary, their alignment and their gate.
type Field struct {
	Channels    []string      `koanf:"channels" doc:"names of the channels that it hears, \"*\" for every one; none: the channel of its own name"`
	Trust       string        `koanf:"trust" oneof:"any,trusted" doc:"whose samples it takes: any also those of agents; trusted only the owner's and those of source and hooks. A field that gates an action should be trusted"`
	Input       Input         `koanf:"input" doc:"how samples become phases"`
	Reading     phase.Reading `koanf:"reading" oneof:"phasor,energy" doc:"phasor: phase alone counts; energy: amplitude too"`
	OmegaRadS   float64       `koanf:"omega_rad_s" doc:"detuning at which both pathways listen, rad/s; 0 is plain coherence, else at least 10/tau of the fastest window"`
	Lag         time.Duration `koanf:"lag" range:"[0s,]" doc:"how much later the signal is compared with itself, where a sample brings no reference; 0s: with the clock"`
	MotionFloor float64       `koanf:"motion_floor_rad" range:"[0,2]" doc:"less change than this between two samples has no weight, rad"`
	Track       time.Duration `koanf:"track" range:"[0s,]" doc:"a loop follows a slow drift of the phase, with a correction each so often (a fraction of emissary.tau); 0s: none"`
	Emissary    Emissary      `koanf:"emissary" doc:"the fast pathway"`
	Master      Master        `koanf:"master" doc:"the slow pathway"`
	Align       Align         `koanf:"align" doc:"how closely the pathways must agree"`
	Gate        Gate          `koanf:"gate" doc:"what a collapse takes, and when it ends"`
}

// Input says how samples become phases. Real samples are locked in to one line; that needs period or
// frequency_hz, filter and correlation.
type Input struct {
	Form        string        `koanf:"form" oneof:"phasor,real,angle,event" doc:"the one form of sample that is accepted; none: phasor, angle and, with an omega, event"`
	Dims        int           `koanf:"dims" range:"[1,4096]" doc:"values of a sample"`
	Period      time.Duration `koanf:"period" range:"(0s,]" doc:"form real: the line to lock in to, as its period"`
	FrequencyHz float64       `koanf:"frequency_hz" range:"(0,5e8)" doc:"form real: the line to lock in to, as its frequency, Hz"`
	Filter      time.Duration `koanf:"filter" range:"(0s,]" doc:"form real: time constant of the lock-in's low-pass"`
	Velocity    bool          `koanf:"velocity" doc:"form real: lock in to the velocity, which is blind to the level"`
	MaxGap      time.Duration `koanf:"max_gap" range:"[0s,]" doc:"form real: samples farther apart give no velocity; 0s: no limit"`
	Settle      time.Duration `koanf:"settle" range:"(0s,]" doc:"form real: what the lock-in says so long after the first sample is not used; none: 2 filter"`
	Correlation float64       `koanf:"correlation" range:"[1,1e9]" doc:"samples that one independent sample is worth; none: 1, but form real must say it"`
}

// Emissary is the fast pathway.
type Emissary struct {
	Tau time.Duration `koanf:"tau" range:"(0s,]" doc:"time constant of its window"`
}

// Master is the slow pathway.
type Master struct {
	Tau    time.Duration `koanf:"tau" range:"(0s,]" doc:"time constant of its slowest window"`
	Levels int           `koanf:"levels" range:"[0,64]" doc:"1: tau alone; more: from the Emissary's tau to tau; 0: a level at each factor of 4"`
}

// Align says how closely the pathways must agree.
type Align struct {
	Delta float64 `koanf:"delta" range:"(0,2]" doc:"greatest chord between the pathways at a collapse"`
}

// Gate says what a collapse takes.
type Gate struct {
	Threshold    float64       `koanf:"threshold" range:"[0.5,1)" doc:"least joint |T|² of a collapse"`
	Release      float64       `koanf:"release" range:"(0,1)" doc:"joint |T|² below which a collapse ends; less than threshold"`
	AlphaPerHour float64       `koanf:"alpha_per_hour" range:"(0,1000]" doc:"false collapses that are expected in an hour of event time"`
	EvalHz       float64       `koanf:"eval_hz" range:"[1e-9,1e9]" doc:"most looks in a second of event time"`
	Shrink       float64       `koanf:"shrink" range:"[0,1e6]" doc:"mass of every window that speaks for no coherence and does not decay, samples"`
	MinMass      float64       `koanf:"min_mass" range:"[1,1e12]" doc:"least mass of either pathway at a collapse, samples"`
	StaleAfter   time.Duration `koanf:"stale_after" range:"(0s,]" doc:"longest silence that is still fresh; none: the longer of 3 emissary.tau and 3/eval_hz"`
}

// DefaultField returns the field that an empty section is, with the starting values of kernel.DefaultField.
func DefaultField() Field {
	k := kernel.DefaultField("")
	return Field{
		Trust:       "any",
		Input:       Input{Dims: k.Input.Dims}, // correlation stays open: real samples must say it
		Reading:     k.Reading,
		MotionFloor: k.MotionFloor,
		Emissary:    Emissary(k.Emissary),
		Master:      Master(k.Master),
		Align:       Align(k.Align),
		Gate:        Gate(k.Gate),
	}
}

func (f *Field) setDefaults() { *f = DefaultField() }

// kernel returns f as the kernel has it.
func (f *Field) kernel(name string) kernel.FieldConfig {
	in := f.Input
	k := kernel.FieldConfig{
		Name: name, Channels: f.Channels, Reading: f.Reading, OmegaRadS: f.OmegaRadS, Lag: f.Lag, MotionFloor: f.MotionFloor, Track: f.Track,
		Input: kernel.InputConfig{Form: formOf(in.Form), Dims: in.Dims, Period: in.Period, FrequencyHz: in.FrequencyHz,
			Filter: in.Filter, Velocity: in.Velocity, MaxGap: in.MaxGap, Settle: in.Settle, Correlation: in.Correlation},
		Emissary: kernel.EmissaryConfig(f.Emissary), Master: kernel.MasterConfig(f.Master),
		Align: kernel.AlignConfig(f.Align), Gate: kernel.GateConfig(f.Gate),
	}
	if len(k.Channels) == 0 {
		k.Channels = []string{name}
	}
	return k
}

// formOf returns the form of that name, 0 where none is named.
func formOf(name string) phase.Form {
	for _, f := range [...]phase.Form{phase.Phasor, phase.Real, phase.Angle, phase.Event} {
		if f.String() == name {
			return f
		}
	}
	return 0
}

// KernelConfig returns what the kernel is to be, its fields in the order of their names. Where none is
// declared there is one, "default", that hears every channel.
func (c *Config) KernelConfig() (kernel.Config, error) {
	out := kernel.DefaultConfig()
	out.Agent.Standing = c.Agent.Trusted
	switch c.Agent.Policy {
	case Reversible:
		out.Agent.Mode = intent.Reversible
	case Strict:
		out.Agent.Mode = intent.Strict
	case Off:
		out.Agent.Mode = intent.Off
	}
	if len(c.Kernel.Fields) > 0 {
		out.Fields = nil
	}
	for _, name := range sortedKeys(c.Kernel.Fields) {
		f := c.Kernel.Fields[name]
		out.Fields = append(out.Fields, f.kernel(name))
	}
	return out, out.Validate()
}

// checkField asks the kernel what the values of a field mean together, and puts its answer, "master.tau
// 1ms: …", beside the key that it names.
func (d *decoder) checkField(path, name string, f *Field) {
	k := f.kernel(name)
	err := k.Validate()
	if err == nil {
		return
	}
	what := strings.TrimPrefix(err.Error(), "gate: ")
	what = strings.Replace(what, phase.Form(0).String(), `""`, 1) // the form that was not given
	key, rest, _ := strings.Cut(what, " ")
	if key == "omega" { // the kernel's text has the unit after the value
		key = "omega_rad_s"
	}
	if s := root().find("kernel.fields.NAME." + key); s != nil {
		d.fault(path+"."+key, "%s", rest)
		return
	}
	d.fault(path, "%s", what)
}

// Guarded returns the channels of which agents' samples are refused, for a field with trust "trusted"
// hears them; "*" is every channel.
func (c *Config) Guarded() []string {
	var out []string
	for _, name := range sortedKeys(c.Kernel.Fields) {
		if f := c.Kernel.Fields[name]; f.Trust == "trusted" {
			out = append(out, f.kernel(name).Channels...)
		}
	}
	return out
}
