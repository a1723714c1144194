package config

import (
	"math"
	"time"
)

// Field is one signal field: a Master, an Emissary, their alignment and their gate.
type Field struct {
	Channels    []string      `koanf:"channels" doc:"names of the channels that feed it; none: the channel of its own name"`
	Input       Input         `koanf:"input" doc:"how samples become phases"`
	Reading     string        `koanf:"reading" oneof:"phasor,energy" doc:"phasor: phase alone counts; energy: amplitude too"`
	OmegaRadS   float64       `koanf:"omega_rad_s" doc:"detuning at which both pathways listen, rad/s; 0 is plain coherence"`
	Lag         time.Duration `koanf:"lag" range:"[0s,]" doc:"how much later the signal is compared with itself; 0s: with the clock, or the reference that a sample brings"`
	MotionFloor float64       `koanf:"motion_floor_rad" range:"[0,2]" doc:"least change between two samples that counts as motion, rad"`
	Emissary    Emissary      `koanf:"emissary" doc:"the fast pathway"`
	Master      Master        `koanf:"master" doc:"the slow pathway"`
	Align       Align         `koanf:"align" doc:"when the pathways agree"`
	Gate        Gate          `koanf:"gate" doc:"when a joint state collapses, and when that ends"`
}

// Input says how samples become phases.
type Input struct {
	Form        string        `koanf:"form" oneof:"phasor,real,angle,event" doc:"the only form of sample that is taken; none: every form"`
	Frequency   float64       `koanf:"frequency_hz" range:"(0,1e9]" doc:"line at which real samples are locked in, Hz; or period"`
	Period      time.Duration `koanf:"period" range:"(0s,]" doc:"1/frequency_hz, for slow lines"`
	Filter      time.Duration `koanf:"filter" range:"(0s,]" doc:"time constant of the lock-in's low-pass"`
	Velocity    bool          `koanf:"velocity" doc:"lock in the change of the samples instead of the samples"`
	MaxGap      time.Duration `koanf:"max_gap" range:"[0s,]" doc:"samples farther apart give no velocity; 0s: no limit"`
	Correlation float64       `koanf:"correlation" range:"[1,1e6]" doc:"samples that the filter makes one of: divides the number of independent samples"`
}

// Emissary is the fast pathway.
type Emissary struct {
	Tau time.Duration `koanf:"tau" range:"(0s,]" doc:"time constant"`
}

// Master is the slow pathway.
type Master struct {
	Tau    time.Duration `koanf:"tau" range:"(0s,]" doc:"time constant of the first level"`
	Ratio  float64       `koanf:"ratio" range:"(1,1000]" doc:"of the time constants of successive levels"`
	Levels int           `koanf:"levels" range:"[1,64]" doc:"how many levels"`
}

// Align says when the pathways agree.
type Align struct {
	Delta float64 `koanf:"delta" range:"(0,2]" doc:"greatest chord between the pathways at a collapse"`
}

// Gate says when a joint state collapses.
type Gate struct {
	Threshold    float64       `koanf:"threshold" range:"[0.5,1)" doc:"least joint |T|² of a collapse"`
	Release      float64       `koanf:"release" range:"(0,1)" doc:"joint |T|² below which a collapse ends; less than threshold"`
	AlphaPerHour float64       `koanf:"alpha_per_hour" range:"(0,1000]" doc:"false collapses that are allowed in an hour of the signal"`
	EvalHz       float64       `koanf:"eval_hz" range:"[1e-9,1e9]" doc:"most decisions in a second of the signal"`
	Shrink       float64       `koanf:"shrink" range:"[0,1e6]" doc:"mass, in samples, that speaks for no coherence and does not decay"`
	MinMass      float64       `koanf:"min_mass" range:"[1,1e12]" doc:"least mass of either pathway at a collapse, samples"`
	StaleAfter   time.Duration `koanf:"stale_after" range:"(0s,]" doc:"longest silence that is still fresh; none: 3 emissary.tau"`
	LateHorizon  time.Duration `koanf:"late_horizon" range:"(0s,]" doc:"how late a sample may come; none: 3 emissary.tau"`
}

// DefaultField returns the field that an empty section is.
func DefaultField() Field {
	return Field{
		Input:       Input{Correlation: 1},
		Reading:     "phasor",
		MotionFloor: 0.01,
		Emissary:    Emissary{Tau: 200 * time.Millisecond},
		Master:      Master{Tau: 10 * time.Second, Ratio: 4, Levels: 5},
		Align:       Align{Delta: 0.1},
		Gate:        Gate{Threshold: 0.95, Release: 0.90, AlphaPerHour: 1e-3, EvalHz: 1000, Shrink: 1, MinMass: 3},
	}
}

func (f *Field) setDefaults() { *f = DefaultField() }

// checkField holds the values of a field against one another.
func (d *decoder) checkField(path string, f *Field) {
	if f.Gate.Release >= f.Gate.Threshold {
		d.fault(path+".gate.release", "%v: not below gate.threshold %v", f.Gate.Release, f.Gate.Threshold)
	}
	if f.Input.Frequency != 0 && f.Input.Period != 0 {
		d.fault(path+".input.period", "%v beside frequency_hz %v: one of them", f.Input.Period, f.Input.Frequency)
	}
	locked := f.Input.Frequency != 0 || f.Input.Period != 0
	if locked != (f.Input.Filter != 0) {
		d.fault(path+".input.filter", "%v: filter and one of frequency_hz, period belong together", f.Input.Filter)
	}
	if f.Master.Tau < f.Emissary.Tau {
		d.fault(path+".master.tau", "%v: shorter than emissary.tau %v", f.Master.Tau, f.Emissary.Tau)
	}
	// A window resolves a detuning only if several of its turns fit inside (KERNEL.md 1.6).
	if turn := math.Abs(f.OmegaRadS) * f.Emissary.Tau.Seconds(); turn > 0 && turn < 10 {
		d.fault(path+".omega_rad_s", "%v: within emissary.tau %v not to be told from 0; 0, or at least %.3g", f.OmegaRadS,
			f.Emissary.Tau, 10/f.Emissary.Tau.Seconds())
	}
	if last := f.Master.Tau.Seconds() * math.Pow(f.Master.Ratio, float64(f.Master.Levels-1)); last > math.MaxInt64/1e9 {
		d.fault(path+".master.levels", "%v: the last level's time constant is beyond 292y", f.Master.Levels)
	}
}
