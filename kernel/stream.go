package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
)

const (
	maxStreams = 64 // channels of one field
	remembered = 64 // newest times of a stream, by which a repetition is known
)

// stream is one channel on its way into a field: its phase and its partner.
type stream struct {
	channel    string
	first      int64   // time of the first sample, ns
	times      []int64 // the newest times, ascending, at most remembered
	estimator  *phase.Estimator
	correlator *kairos.Correlator
}

func newStream(cfg FieldConfig, channel string, first int64) (*stream, error) {
	est, err := cfg.estimator()
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	e, err := phase.NewEstimator(est)
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	omega, err := phase.NewNCO(cfg.OmegaRadS / (2 * math.Pi))
	if err != nil {
		return nil, fmt.Errorf("omega %v rad/s: %w", cfg.OmegaRadS, err)
	}
	c, err := kairos.NewCorrelator(kairos.PairConfig{
		Dims: cfg.Input.Dims, Reading: cfg.Reading, Omega: omega, Lag: cfg.Lag, Horizon: cfg.horizon(),
	})
	if err != nil {
		return nil, err
	}
	return &stream{
		channel: channel, first: first, times: make([]int64, 0, remembered+1), estimator: e, correlator: c,
	}, nil
}

// age says what the stream already knows about the instant t.
type age uint8

const (
	ageNew      age = iota // newer than the oldest remembered time, and none of them
	ageRepeated            // one of them
	ageUnknown             // older than all of them: it may be a repetition
)

// ageOf tells a repetition from a late sample. A sample that might be a repetition counts as too late: a
// sample that counts twice would be evidence that is none.
func (s *stream) ageOf(t int64) age {
	i, found := slices.BinarySearch(s.times, t)
	switch {
	case found:
		return ageRepeated
	case i == 0 && len(s.times) == remembered:
		return ageUnknown
	}
	return ageNew
}

func (s *stream) remember(t int64) {
	i, _ := slices.BinarySearch(s.times, t)
	s.times = slices.Insert(s.times, i, t)
	if len(s.times) > remembered {
		s.times = s.times[:copy(s.times, s.times[1:])]
	}
}
