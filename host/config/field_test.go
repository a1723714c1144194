package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/intent"
	"github.com/becomingone/becomingone/kernel/phase"
)

func TestAnEmptyFieldIsTheKernelsDefault(t *testing.T) {
	c := load(t, "kernel: {fields: {b: {}, a: }}")
	k, err := c.KernelConfig()
	require.NoError(t, err)
	want := kernel.DefaultConfig()
	want.Fields = []kernel.FieldConfig{kernel.DefaultField("a", "a"), kernel.DefaultField("b", "b")}
	for i := range want.Fields {
		want.Fields[i].Input.Correlation = 0 // the kernel takes 1 where it may
	}
	require.Equal(t, want, k)
}

func TestANodeWithoutFields(t *testing.T) {
	k, err := Default().KernelConfig()
	require.NoError(t, err)
	require.Equal(t, kernel.DefaultConfig(), k, "one field that hears every channel")

	c := Default()
	c.Agent.Trusted = []string{"Invoices go to books@firm.example."}
	k, err = c.KernelConfig()
	require.NoError(t, err)
	require.Equal(t, c.Agent.Trusted, k.Agent.Standing)

	for policy, mode := range map[string]intent.Mode{"default": intent.Default, "reversible": intent.Reversible,
		"strict": intent.Strict, "shadow": intent.Default, "off": intent.Off} {
		c.Agent.Policy = policy
		k, err = c.KernelConfig()
		require.NoError(t, err)
		require.Equal(t, mode, k.Agent.Mode, policy)
	}
}

// Every key of a field reaches the kernel: none of them is dead.
func TestEveryKeyOfAFieldCounts(t *testing.T) {
	c := load(t, `
kernel:
  fields:
    x:
      channels: [a, b]
      input: {form: real, dims: 2, frequency_hz: 0.5, filter: 1s, velocity: true, max_gap: 2s, settle: 3s, correlation: 4}
      reading: energy
      omega_rad_s: 100
      lag: 4s
      motion_floor_rad: 0.5
      emissary: {tau: 5s}
      master: {tau: 6s, levels: 3}
      align: {delta: 0.2}
      gate: {threshold: 0.8, release: 0.7, alpha_per_hour: 0.01, eval_hz: 10, shrink: 2, min_mass: 5, stale_after: 7s}
    y: {input: {form: real, period: 8s, filter: 1s, correlation: 1}}
`)
	k, err := c.KernelConfig()
	require.NoError(t, err)
	require.Equal(t, kernel.FieldConfig{
		Name: "x", Channels: []string{"a", "b"}, Reading: phase.ByEnergy, OmegaRadS: 100, Lag: 4 * time.Second, MotionFloor: 0.5,
		Input: kernel.InputConfig{Form: phase.Real, Dims: 2, FrequencyHz: 0.5, Filter: time.Second, Velocity: true,
			MaxGap: 2 * time.Second, Settle: 3 * time.Second, Correlation: 4},
		Emissary: kernel.EmissaryConfig{Tau: 5 * time.Second}, Master: kernel.MasterConfig{Tau: 6 * time.Second, Levels: 3},
		Align: kernel.AlignConfig{Delta: 0.2},
		Gate: kernel.GateConfig{Threshold: 0.8, Release: 0.7, AlphaPerHour: 0.01, EvalHz: 10, Shrink: 2, MinMass: 5,
			StaleAfter: 7 * time.Second},
	}, k.Fields[0])
	require.Equal(t, 8*time.Second, k.Fields[1].Input.Period)
}

func TestEveryFormIsTheKernels(t *testing.T) {
	for _, name := range root().find("kernel.fields.NAME.input.form").oneof {
		require.Equal(t, name, formOf(name).String())
	}
	require.Zero(t, formOf(""))
}
