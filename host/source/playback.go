package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"time"
)

// Playback plays recorded signals as if they happened now, faster than they did. Record time stays
// in the samples; only the waiting between them is shortened.
type Playback struct {
	lines  []Line // in order of T, then of file
	rate   float64
	passes int
	span   int64 // ns by which each further pass is shifted
}

// PlaybackConfig says what is played and how fast.
type PlaybackConfig struct {
	Files []string      // names inside FS
	Rate  float64       // record seconds per second, > 0
	Cycle time.Duration // a whole number of cycles separates two passes, so that phase goes on; > 0

	Passes int // how often the files are played; 0: until Run's context ends
}

// NewPlayback reads all files of fsys. A bad line is an error: a shipped record has none.
func NewPlayback(fsys fs.FS, cfg PlaybackConfig) (*Playback, error) {
	if !(cfg.Rate > 0) || math.IsInf(cfg.Rate, 0) {
		return nil, fmt.Errorf("source: rate = %v: want a finite number > 0", cfg.Rate)
	}
	if cfg.Cycle <= 0 {
		return nil, fmt.Errorf("source: cycle = %v: want > 0", cfg.Cycle)
	}
	if cfg.Passes < 0 {
		return nil, fmt.Errorf("source: passes = %d: want >= 0", cfg.Passes)
	}
	p := &Playback{rate: cfg.Rate, passes: cfg.Passes}
	for _, name := range cfg.Files {
		if err := p.read(fsys, name); err != nil {
			return nil, err
		}
	}
	if len(p.lines) == 0 {
		return nil, fmt.Errorf("source: files = %v: want at least one sample", cfg.Files)
	}
	slices.SortStableFunc(p.lines, func(a, b Line) int {
		return cmp.Compare(a.Sample.T, b.Sample.T)
	})
	length := p.lines[len(p.lines)-1].Sample.T - p.lines[0].Sample.T
	p.span = (length/int64(cfg.Cycle) + 1) * int64(cfg.Cycle)
	return p, nil
}

func (p *Playback) read(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return fmt.Errorf("source: open record: %w", err)
	}
	defer f.Close()
	for r := NewReader(f, ""); ; {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("source: record %s: %w", name, err)
		}
		if line.Text != nil {
			return fmt.Errorf("source: record %s line %d: text = %q: want samples only", name, line.Number, short(*line.Text))
		}
		p.lines = append(p.lines, line)
	}
}

// Run offers every sample that its channel has not had, in order and in accelerated time, pass after
// pass, each shifted by a whole number of cycles. after holds each channel's newest event time, where it
// has one. Run returns nil when ctx ends, ErrPlayed when the passes are played or int64 time is used up,
// else the first error of offer. Slices of a line are shared between passes: offer must not change them.
func (p *Playback) Run(ctx context.Context, after map[string]int64, offer func(context.Context, Line) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	last, begun := int64(0), false
	for shift := p.firstShift(after); p.passes == 0 || shift < int64(p.passes)*p.span; shift += p.span {
		for _, line := range p.lines {
			line.Sample.T += shift
			if t, had := after[line.Channel]; had && line.Sample.T <= t {
				continue
			}
			if begun && line.Sample.T > last {
				timer.Reset(time.Duration(float64(uint64(line.Sample.T)-uint64(last)) / p.rate))
				select {
				case <-ctx.Done():
					return nil
				case <-timer.C:
				}
			}
			last, begun = line.Sample.T, true
			if err := offer(ctx, line); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return fmt.Errorf("source: play %s: %w", line.Channel, err)
			}
		}
		if p.lines[len(p.lines)-1].Sample.T+shift > math.MaxInt64-p.span {
			break
		}
	}
	return ErrPlayed
}

// ErrPlayed says that a playback has come to its end.
var ErrPlayed = errors.New("source: the record has been played")

// firstShift is the pass in which the earliest of the channels' newest times lies.
func (p *Playback) firstShift(after map[string]int64) int64 {
	first := p.lines[0].Sample.T
	least := int64(math.MaxInt64)
	for _, line := range p.lines {
		t, had := after[line.Channel]
		if !had {
			return 0
		}
		least = min(least, t)
	}
	if least <= first {
		return 0
	}
	return int64(uint64(least-first)/uint64(p.span)) * p.span
}
