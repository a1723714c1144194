package gate

import (
	"fmt"
	"math"
	"time"

	"github.com/becomingone/becomingone/kernel/align"
	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Config says what a joint state must show before it collapses.
type Config struct {
	Threshold    float64       // I_c, in [0.5, 1): least |T~_sync|² of a collapse
	Release      float64       // I_r, in (0, Threshold): below it a collapse ends
	Delta        float64       // in (0, 2]: greatest chord |T~_m - T~_e| of a collapse
	AlphaPerHour float64       // > 0: expected false collapses allowed per hour of event time
	EvalHz       float64       // > 0: most looks per second of event time
	MinMass      float64       // W_min >= 1: least mass of either pathway, in samples
	StaleAfter   time.Duration // > 0: longest silence that is still fresh
	Levels       int           // >= 1: levels that Master's voice is chosen from
}

// Validate names the first value that is out of its range, as config keys below the field's.
func (c Config) Validate() error {
	for _, v := range []struct {
		name   string
		value  float64
		ok     bool
		accept string
	}{
		{"gate.threshold", c.Threshold, c.Threshold >= .5 && c.Threshold < 1, "[0.5, 1)"},
		{"gate.release", c.Release, c.Release > 0 && c.Release < c.Threshold, "(0, gate.threshold)"},
		{"align.delta", c.Delta, c.Delta > 0 && c.Delta <= 2, "(0, 2]"},
		{"gate.alpha_per_hour", c.AlphaPerHour, c.AlphaPerHour > 0 && c.AlphaPerHour <= 1e3, "(0, 1000]"},
		{"gate.eval_hz", c.EvalHz, c.EvalHz >= 1e-9 && c.EvalHz <= 1e9, "[1e-9, 1e9]"},
		{"gate.min_mass", c.MinMass, c.MinMass >= 1 && c.MinMass <= 1e12, "[1, 1e12]"},
		{"gate.stale_after", c.StaleAfter.Seconds(), c.StaleAfter > 0, "above 0s"},
		{"master.levels", float64(c.Levels), c.Levels >= 1, "1 or more"},
	} {
		if !v.ok {
			return fmt.Errorf("gate: %s %v: not %s", v.name, v.value, v.accept)
		}
	}
	if a := c.alphaLook(); a >= .5 {
		return fmt.Errorf("gate: gate.alpha_per_hour %v at gate.eval_hz %v: %v false collapses a look, not below 0.5",
			c.AlphaPerHour, c.EvalHz, a)
	}
	return nil
}

// alphaLook returns the budget of one look.
func (c Config) alphaLook() float64 { return c.AlphaPerHour / (3600 * c.EvalHz) }

// limits are the thresholds that a Config amounts to, solved once.
type limits struct {
	lnAlpha float64 // ln of half a look's budget: what the bound must not exceed
	lnA     float64 // what the e-SR detector must reach
	lnFirst float64 // ln(2/alpha): what the e-process must reach before the first collapse
	least   float64 // least |T|² that each pathway has at the threshold
	lnJ     float64 // price of choosing among Master's levels
	period  int64   // ns of event time that hold one look
}

func (c Config) limits() (limits, error) {
	if err := c.Validate(); err != nil {
		return limits{}, err
	}
	look := c.alphaLook()
	return limits{
		lnAlpha: exact.Log(look / 2),
		lnA:     exact.Log(2 / look),
		lnFirst: exact.Log(2 / math.Min(1, c.AlphaPerHour)),
		least:   align.Least(c.Threshold),
		lnJ:     exact.Log(float64(c.Levels)),
		period:  int64(math.Ceil(1e9 / c.EvalHz)),
	}, nil
}
