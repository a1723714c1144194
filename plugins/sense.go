package plugins

import (
	"context"
	"fmt"
	"slices"

	"github.com/becomingone/becomingone/sdk/abi"
)

// Hears reports whether an active input plugin turns raw input on that channel into samples.
func (s *Set) Hears(channel string) bool { return s.table.Load().channels[channel] != nil }

// Sense turns raw input, text or bytes, into samples by the input plugin that hears in.Channel. Each
// sample names its channel, which is one that the manifest lists. An error holds an *abi.Error; with
// CodeChannel nobody hears the channel. The output is the caller's.
func (s *Set) Sense(ctx context.Context, in abi.SenseInput) (abi.SenseOutput, error) {
	out, err := s.sense(ctx, in)
	if err != nil {
		return abi.SenseOutput{}, fmt.Errorf("plugins: sense %s: %w", short(in.Channel), err)
	}
	return out, nil
}

func (s *Set) sense(ctx context.Context, in abi.SenseInput) (abi.SenseOutput, error) {
	e, err := s.listener(in.Channel)
	if err != nil {
		return abi.SenseOutput{}, err
	}
	defer e.end()
	msg, err := in.Append(nil)
	if err != nil {
		return abi.SenseOutput{}, Errorf(CodeInput, false, "%v", err)
	}
	call := Call{Op: abi.OpSense, Session: in.Channel, TimeNS: in.TimeNS, Seed: in.Seed, In: msg}
	out, err := ask(ctx, e, call, func(payload []byte) (abi.SenseOutput, error) { return e.samples(in.Channel, payload) })
	e.count(err)
	return out, err
}

// listener is offer for a channel.
func (s *Set) listener(channel string) (*entry, error) {
	for !s.closed.Load() {
		e := s.table.Load().channels[channel]
		if e == nil {
			return nil, Errorf(CodeChannel, false, "no active input plugin hears %q", short(channel))
		}
		if e.begin() {
			return e, nil
		}
	}
	return nil, Errorf(CodeClosed, true, "the node is stopping")
}

// samples decodes what an input plugin made of raw input on channel.
func (e *entry) samples(channel string, payload []byte) (out abi.SenseOutput, err error) {
	if err := out.Decode(payload); err != nil {
		return out, err
	}
	for i := range out.Samples {
		p := &out.Samples[i]
		if p.Channel == "" {
			p.Channel = channel
		}
		if !slices.Contains(e.m.Channels, p.Channel) {
			return out, fmt.Errorf("samples[%d].ch %q: want one of the manifest's channels %q", i, short(p.Channel), e.m.Channels)
		}
		forms := 0
		for _, has := range []bool{len(p.U) > 0, len(p.X) > 0, len(p.Phase) > 0, p.Event} {
			if has {
				forms++
			}
		}
		if forms != 1 {
			return out, fmt.Errorf("samples[%d]: %d of u, x, phase and event: want exactly one", i, forms)
		}
	}
	return out, nil
}
