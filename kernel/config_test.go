package kernel_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/phase"
)

func TestConfigNamesFieldPathValueAndRange(t *testing.T) {
	lockIn := func(f *kernel.FieldConfig) {
		f.Input = kernel.InputConfig{Form: phase.Real, Period: time.Second, Filter: time.Second, Correlation: 9}
	}
	for want, spoil := range map[string]func(*kernel.FieldConfig){
		`kernel: fields.: name ""`:                                          func(f *kernel.FieldConfig) { f.Name = "" },
		"channels: 0 of them, not in 1…64":                                  func(f *kernel.FieldConfig) { f.Channels = nil },
		"input.dims 4097: not in 1…4096":                                    func(f *kernel.FieldConfig) { f.Input.Dims = 4097 },
		"input.correlation 0.5: not in [1":                                  func(f *kernel.FieldConfig) { f.Input.Correlation = .5 },
		"input.correlation 0: not in [1, 1e9]":                              func(f *kernel.FieldConfig) { lockIn(f); f.Input.Correlation = 0 },
		"input.form real: needs input.period":                               func(f *kernel.FieldConfig) { f.Input.Form = phase.Real },
		"input.frequency_hz 2: input.period 1s":                             func(f *kernel.FieldConfig) { lockIn(f); f.Input.FrequencyHz = 2 },
		"input.frequency_hz NaN":                                            func(f *kernel.FieldConfig) { lockIn(f); f.Input.FrequencyHz = math.NaN() },
		"input: phase: lock-in tau 0s":                                      func(f *kernel.FieldConfig) { lockIn(f); f.Input.Filter = 0 },
		"input.form form(0): a lock-in":                                     func(f *kernel.FieldConfig) { f.Input.Velocity = true },
		"input.form event: needs an omega":                                  func(f *kernel.FieldConfig) { f.Input.Form = phase.Event },
		"input: phase: motion_floor 3":                                      func(f *kernel.FieldConfig) { f.MotionFloor = 3 },
		"emissary.tau 0s: not above 0s":                                     func(f *kernel.FieldConfig) { f.Emissary.Tau = 0 },
		"master.tau 100ms: below emissary.tau":                              func(f *kernel.FieldConfig) { f.Master.Tau = 100 * time.Millisecond },
		"master.levels 65: not in 0…64":                                     func(f *kernel.FieldConfig) { f.Master.Levels = 65 },
		"omega 2 rad/s with a window of 200ms: omega·tau 0.4 is in (0, 10)": func(f *kernel.FieldConfig) { f.OmegaRadS = 2 },
		"omega NaN rad/s":                                                   func(f *kernel.FieldConfig) { f.OmegaRadS = math.NaN() },
		"lag -1ns: below 0s":                                                func(f *kernel.FieldConfig) { f.Lag = -1 },
		"gate.shrink -1: not in [0, 1e6]":                                   func(f *kernel.FieldConfig) { f.Gate.Shrink = -1 },
		"gate: gate.threshold 0.3: not [0.5, 1)":                            func(f *kernel.FieldConfig) { f.Gate.Threshold = .3 },
		"align.delta 0":                                                     func(f *kernel.FieldConfig) { f.Align.Delta = 0 },
		"gate.alpha_per_hour -1":                                            func(f *kernel.FieldConfig) { f.Gate.AlphaPerHour = -1 },
	} {
		cfg := kernel.DefaultConfig()
		spoil(&cfg.Fields[0])
		_, err := kernel.New(cfg)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "kernel: fields."+cfg.Fields[0].Name)
	}
	cfg := kernel.DefaultConfig()
	cfg.Fields = append(cfg.Fields, cfg.Fields[0])
	require.EqualError(t, cfg.Validate(), "kernel: fields.default: named twice")
	cfg = kernel.DefaultConfig()
	cfg.Agent.MaxSessions = 0
	require.ErrorContains(t, cfg.Validate(), "kernel: agent: intent: agent.max_sessions 0")
}

// Every setting is in the hash, and a default is the value that it stands for.
func TestHashCoversTheConfig(t *testing.T) {
	hash := func(edit func(*kernel.FieldConfig)) [32]byte {
		cfg := kernel.DefaultConfig()
		edit(&cfg.Fields[0])
		return newKernel(t, cfg).ConfigHash()
	}
	base := hash(func(*kernel.FieldConfig) {})
	require.Equal(t, base, hash(func(f *kernel.FieldConfig) { f.Gate.StaleAfter = 600 * time.Millisecond }))
	require.Equal(t, base, hash(func(f *kernel.FieldConfig) { f.Input.Dims = 0 }))
	seen := map[[32]byte]bool{base: true}
	for _, edit := range []func(*kernel.FieldConfig){
		func(f *kernel.FieldConfig) { f.Name = "x" },
		func(f *kernel.FieldConfig) { f.Channels = []string{"x"} },
		func(f *kernel.FieldConfig) { f.Input.Form = phase.Angle },
		func(f *kernel.FieldConfig) { f.Input.Dims = 2 },
		func(f *kernel.FieldConfig) { f.Input.Correlation = 2 },
		func(f *kernel.FieldConfig) { f.Reading = phase.ByEnergy },
		func(f *kernel.FieldConfig) { f.OmegaRadS = 100 },
		func(f *kernel.FieldConfig) { f.Lag = 1 },
		func(f *kernel.FieldConfig) { f.MotionFloor = .02 },
		func(f *kernel.FieldConfig) { f.Emissary.Tau++ },
		func(f *kernel.FieldConfig) { f.Master.Tau++ },
		func(f *kernel.FieldConfig) { f.Master.Levels = 3 },
		func(f *kernel.FieldConfig) { f.Align.Delta = .2 },
		func(f *kernel.FieldConfig) { f.Gate.Threshold = .96 },
		func(f *kernel.FieldConfig) { f.Gate.Release = .8 },
		func(f *kernel.FieldConfig) { f.Gate.AlphaPerHour = 2e-3 },
		func(f *kernel.FieldConfig) { f.Gate.EvalHz = 999 },
		func(f *kernel.FieldConfig) { f.Gate.Shrink = 1 },
		func(f *kernel.FieldConfig) { f.Gate.MinMass = 4 },
		func(f *kernel.FieldConfig) { f.Gate.StaleAfter = time.Second },
	} {
		h := hash(edit)
		require.False(t, seen[h])
		seen[h] = true
	}
}
