package host

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/evidence"
)

// Fields returns what every field said last, in the order of the config.
func (r *Runtime) Fields(ctx context.Context) ([]web.Field, error) {
	var views []kernel.FieldView
	if err := r.ask(ctx, func() { views = r.kernel.Fields() }); err != nil {
		return nil, err
	}
	fields := make([]web.Field, len(views))
	for i := range views {
		if err := json.Unmarshal(views[i].AppendJSON(nil), &fields[i]); err != nil {
			return nil, fmt.Errorf("host: field %s: %w", views[i].Field, err)
		}
		fields[i].Gate = limits(r.cfg.Kernel.Fields[i])
		c := views[i].Counts
		fields[i].Counts = &web.Counts{Samples: c.Samples, Late: c.Late, Repeated: c.Repeated, Refused: c.Refused}
		for _, l := range views[i].Spectrum {
			fields[i].Spectrum = append(fields[i].Spectrum, web.Pathway{T: web.Complex{real(l.T), imag(l.T)}, T2: l.T2,
				Nu: l.Nu, Mass: l.Mass, TauS: l.Tau.Seconds()})
		}
	}
	return fields, nil
}

// Heard returns the newest event time of each channel that any field has heard.
func (r *Runtime) Heard(ctx context.Context) (map[string]int64, error) {
	newest := map[string]int64{}
	err := r.ask(ctx, func() {
		for _, f := range r.kernel.Fields() {
			for _, c := range f.Channels {
				if t, had := newest[c]; !had || f.T > t {
					newest[c] = f.T
				}
			}
		}
	})
	return newest, err
}

// limits are what a field must reach, as the page draws them beside what it has.
func limits(f kernel.FieldConfig) *web.GateLimits {
	g := f.Gate
	look := g.AlphaPerHour / (3600 * g.EvalHz)
	l := &web.GateLimits{Threshold: g.Threshold, Release: g.Release, MassMin: g.MinMass, ChordMax: f.Align.Delta,
		AlphaHour: g.AlphaPerHour, StaleS: g.StaleAfter.Seconds(), LnBudget: math.Log(look / 2)}
	if nu, err := evidence.NuMin(g.Threshold, look/2); err == nil {
		l.NuMin = nu * max(f.Input.Correlation, 1)
	}
	if f.Input.Correlation <= 1 {
		l.LnSRMin = math.Log(2 / look)
	}
	return l
}
