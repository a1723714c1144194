package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/witness"
)

// ErrDiffers means that a replay did not reproduce what was recorded.
var ErrDiffers = errors.New("host: output differs from the record")

// Replayed says what a replay has reproduced.
type Replayed struct {
	Entries   uint64 `json:"entries"`   // of the log
	Starts    uint64 `json:"starts"`    // runs of the node
	Cycles    uint64 `json:"cycles"`    // turns of the loop whose every output was reproduced
	Inputs    uint64 `json:"inputs"`    // inputs in them
	Snapshots uint64 `json:"snapshots"` // recorded states that were reproduced bit for bit
	Gaps      uint64 `json:"gaps"`      // cycles that were erased, so that nothing can be said until the next state
}

// Replay runs the recorded intake of a log through fresh kernels and compares every output and every
// recorded state with the record, bit for bit. The first difference is an error that names the entry
// and wraps ErrDiffers.
func Replay(ctx context.Context, log records) (Replayed, error) {
	var p replay
	for e, err := range log.Entries(ctx, 0) {
		if err != nil {
			return p.Replayed, fmt.Errorf("host: replay: %w", err)
		}
		p.Entries++
		if err := p.entry(e); err != nil {
			return p.Replayed, fmt.Errorf("host: replay entry %d: %w", e.Leaf.Sequence, err)
		}
	}
	return p.Replayed, nil
}

// replay is the state between two entries. blind means that the kernel's state is unknown since an
// erased cycle, until the next recorded state or fresh start.
type replay struct {
	Replayed
	k     *kernel.Kernel
	blind bool
}

func (p *replay) entry(e store.Entry) error {
	switch e.Leaf.Type {
	case witness.Start:
		p.Starts++
		return p.start(e)
	case witness.Cycle:
		return p.cycle(e)
	case witness.Snapshot:
		return p.snapshot(e)
	}
	return nil
}

// start begins a fresh kernel, unless the run went on from the state before it.
func (p *replay) start(e store.Entry) error {
	if e.Erased {
		return errors.New("the record of the node's start was erased, so its kernel is unknown")
	}
	var s start
	if err := json.Unmarshal(e.Payload, &s); err != nil {
		return fmt.Errorf("decode start: %w", err)
	}
	if s.Restored {
		if p.k == nil {
			return errors.New("the run goes on from a state that the log does not hold")
		}
		return nil
	}
	var cfg kernel.Config
	if err := json.Unmarshal(s.Kernel, &cfg); err != nil {
		return fmt.Errorf("decode kernel: %w", err)
	}
	k, err := kernel.New(cfg)
	if err != nil {
		return err
	}
	if hash := k.ConfigHash(); !bytes.Equal(hash[:], s.Hash) {
		return fmt.Errorf("%w: kernel %x, recorded %x", ErrDiffers, hash[:6], s.Hash)
	}
	p.k, p.blind = k, false
	return nil
}

func (p *replay) cycle(e store.Entry) error {
	if p.k == nil {
		return errors.New("intake before any start")
	}
	if e.Erased {
		p.Gaps++
		p.blind = true
	}
	if p.blind {
		return nil
	}
	n, err := replayCycle(p.k, e)
	if err != nil {
		return err
	}
	p.Cycles++
	p.Inputs += n
	return nil
}

func (p *replay) snapshot(e store.Entry) error {
	if p.k == nil {
		return errors.New("state before any start")
	}
	if e.Erased {
		p.Gaps++
		return nil
	}
	if p.blind {
		if err := p.k.UnmarshalBinary(e.Payload); err != nil {
			return err
		}
		p.blind = false
		return nil
	}
	state, err := p.k.AppendBinary(nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(state, e.Payload) {
		return fmt.Errorf("%w: state of %d bytes, recorded %d", ErrDiffers, len(state), len(e.Payload))
	}
	p.Snapshots++
	return nil
}
