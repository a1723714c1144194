package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/witness"
)

// Recovery says how a kernel came to its state at a start.
type Recovery struct {
	At     int64  // the node's clock at the newest entry, ns; 0 in an empty log
	Fresh  bool   // the kernel begins empty: the log is empty, or its configuration has changed
	Inputs uint64 // intake applied after the last recorded state
	Gaps   uint64 // cycles whose intake was erased and could not be applied
}

// records is what recovery and replay read: a log, or a folder that nobody writes.
type records interface {
	Size() uint64
	Entry(ctx context.Context, i uint64) (store.Entry, error)
	Entries(ctx context.Context, from uint64) iter.Seq2[store.Entry, error]
}

// Recover returns the kernel as it was when the log ended: the last recorded state and the intake
// since, bit-identical to a kernel that had never stopped. The silence until now decays when the
// next input comes. A log of another configuration gives a fresh kernel.
func Recover(ctx context.Context, log records, cfg kernel.Config) (*kernel.Kernel, Recovery, error) {
	k, err := kernel.New(cfg)
	if err != nil {
		return nil, Recovery{}, err
	}
	size := log.Size()
	if size == 0 {
		return k, Recovery{Fresh: true}, nil
	}
	newest, err := log.Entry(ctx, size-1)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("host: recover: %w", err)
	}
	rec := Recovery{At: newest.Leaf.At}
	from, err := rewind(ctx, log, k)
	if errors.Is(err, errOtherKernel) {
		rec.Fresh = true
		return k, rec, nil
	}
	if err != nil {
		return nil, Recovery{}, err
	}
	for e, err := range log.Entries(ctx, from) {
		if err != nil {
			return nil, Recovery{}, fmt.Errorf("host: recover: %w", err)
		}
		if e.Leaf.Type != witness.Cycle {
			continue
		}
		if e.Erased {
			rec.Gaps++
			continue
		}
		n, err := replayCycle(k, e)
		if err != nil {
			return nil, Recovery{}, fmt.Errorf("host: recover entry %d: %w", e.Leaf.Sequence, err)
		}
		rec.Inputs += n
	}
	return k, rec, nil
}

// errOtherKernel means that the log's newest state belongs to another configuration.
var errOtherKernel = errors.New("host: the log's kernel has another configuration")

// rewind goes back to the last recorded state of k's configuration, sets k to it, and returns the
// index from which the intake is still to be applied.
func rewind(ctx context.Context, log records, k *kernel.Kernel) (uint64, error) {
	for i := log.Size(); i > 0; i-- {
		e, err := log.Entry(ctx, i-1)
		if err != nil {
			return 0, fmt.Errorf("host: recover: %w", err)
		}
		switch {
		case e.Leaf.Type == witness.Snapshot && !e.Erased:
			if err := k.UnmarshalBinary(e.Payload); err != nil {
				return 0, errOtherKernel
			}
			return i, nil
		case e.Leaf.Type == witness.Start && !e.Erased:
			var s start
			if err := json.Unmarshal(e.Payload, &s); err != nil {
				return 0, fmt.Errorf("host: recover entry %d: %w", i-1, err)
			}
			hash := k.ConfigHash()
			if !bytes.Equal(s.Hash, hash[:]) {
				return 0, errOtherKernel
			}
			if !s.Restored {
				return i, nil
			}
		}
	}
	return 0, errOtherKernel
}

// replayCycle applies a cycle's intake to k and compares every output with what the leaf commits to.
// It returns how many inputs it applied; on an error k is in between and of no more use.
func replayCycle(k *kernel.Kernel, e store.Entry) (uint64, error) {
	want, err := witness.ParseCycleTail(e.Leaf.Tail)
	if err != nil {
		return 0, err
	}
	b := e.Payload
	if len(b) < 1+nonceSize || b[0] != intakeVersion {
		return 0, fmt.Errorf("host: intake of %d bytes: want version %d and a nonce", len(b), intakeVersion)
	}
	nonce, b := b[1:1+nonceSize], b[1+nonceSize:]
	var tree witness.Tree
	var out kernel.Output
	var op []byte
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return 0, fmt.Errorf("host: intake: input %d is cut short", tree.Count())
		}
		raw := b[n : n+int(size)]
		b = b[n+int(size):]
		in, rest, err := kernel.DecodeInput(raw)
		if err != nil || len(rest) > 0 {
			return 0, fmt.Errorf("host: intake: input %d with %d bytes left over: %w", tree.Count(), len(rest), err)
		}
		refused := k.Apply(&in, &out) != nil
		if op, err = operation(op[:0], nonce, raw, &out, refused); err != nil {
			return 0, err
		}
		tree.Add(op)
	}
	if got := tree.Tail(); got != want {
		return 0, fmt.Errorf("%w: %d operations with root %x, recorded %d with root %x",
			ErrDiffers, got.Operations, got.Root[:6], want.Operations, want.Root[:6])
	}
	return uint64(want.Operations), nil
}
