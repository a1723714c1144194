package plugins

import (
	"context"
	"errors"
	"sync"

	"github.com/becomingone/becomingone/sdk/abi"
)

// queue holds the records that wait for one observer: a ring, a bound on their bytes, and a bell.
type queue struct {
	mu    sync.Mutex
	ring  []abi.Record
	head  int // of the oldest
	n     int
	bytes int // of all Data
	bell  chan struct{}
}

const queueBytes = 4 << 20 // of all records that wait for one observer

func (q *queue) init(size int) {
	q.ring = make([]abi.Record, size)
	q.bell = make(chan struct{}, 1)
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// push takes what fits and returns how many did not. The newest are dropped: what an observer has
// seen is then a prefix with stated gaps, never out of order.
func (q *queue) push(records []abi.Record) (dropped int) {
	q.mu.Lock()
	for i := range records {
		if q.n == len(q.ring) || q.bytes+len(records[i].Data) > queueBytes {
			dropped++
			continue
		}
		q.ring[(q.head+q.n)%len(q.ring)] = records[i]
		q.n++
		q.bytes += len(records[i].Data)
	}
	q.mu.Unlock()
	select {
	case q.bell <- struct{}{}:
	default:
	}
	return dropped
}

// pop moves records to dst until it has most of them, their data reaches size bytes, or none is
// left.
func (q *queue) pop(dst []abi.Record, most, size int) []abi.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	for total := 0; q.n > 0 && len(dst) < most; {
		r := q.ring[q.head]
		total += len(r.Data)
		if len(dst) > 0 && total > size {
			break
		}
		q.ring[q.head] = abi.Record{}
		q.head = (q.head + 1) % len(q.ring)
		q.n--
		q.bytes -= len(r.Data)
		dst = append(dst, r)
	}
	return dst
}

// Observe queues records for every active observer and returns at once; what a full queue cannot
// take is dropped and counted. The records' Data is shared with the observers from then on and
// must not be changed. ctx is not waited on.
func (s *Set) Observe(ctx context.Context, in abi.ObserveInput) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return Errorf(CodeClosed, false, "plugins: observe: the node is stopping")
	}
	// While this is held no observer is replaced, so each record reaches either the old or the new one.
	s.members.RLock()
	defer s.members.RUnlock()
	for _, e := range s.entries {
		if e.m.Kind != abi.KindObserver || e.stateNow() != Active {
			continue
		}
		e.dropped.Add(uint64(e.queue.push(in.Records)))
	}
	return nil
}

func (e *entry) stateNow() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// maxStrikes is how many calls in a row an observer may fail before it is left alone.
const maxStrikes = 8

// observe feeds one observer until ctx ends or it is replaced, and then what it has been given. While
// a call runs, records gather: the batches grow with the load by themselves, and a quiet log costs
// no delay.
func (s *Set) observe(ctx context.Context, e *entry) {
	defer close(e.fed)
	strikes, last := 0, false
	var batch []abi.Record
	for !last {
		select {
		case <-ctx.Done():
			return
		case <-e.queue.bell:
		case <-e.replaced:
			last = true
		}
		for batch = e.queue.pop(batch[:0], s.cfg.Batch, e.m.Limits.InputBytes/2); len(batch) > 0; {
			if s.feed(ctx, e, batch) {
				strikes = 0
			} else if strikes++; strikes == maxStrikes {
				s.giveUp(e)
				return
			}
			if ctx.Err() != nil {
				return
			}
			batch = e.queue.pop(batch[:0], s.cfg.Batch, e.m.Limits.InputBytes/2)
		}
	}
}

// feed reports whether the observer took the batch, or was spared one that is too large for it.
func (s *Set) feed(ctx context.Context, e *entry, batch []abi.Record) bool {
	in := abi.ObserveInput{Records: batch}
	var out abi.ObserveOutput
	msg, err := in.Append(nil)
	if err == nil {
		newest := batch[len(batch)-1]
		out, err = ask(ctx, e, Call{Op: abi.OpObserve, TimeNS: newest.At, Seed: newest.Index, In: msg}, observed)
	}
	e.count(err)
	if err != nil {
		e.dropped.Add(uint64(len(batch)))
		s.log.Warn("observer failed", "name", e.m.Name, "records", len(batch), "error", err)
		var own *abi.Error
		return errors.As(err, &own) && own.Code == CodeInput
	}
	e.records.Add(uint64(len(batch)))
	if s.cfg.OnObservation != nil && len(out.Observations) > 0 {
		s.cfg.OnObservation(e.m.Name, out.Observations)
	}
	return true
}

// giveUp leaves an observer alone that only fails.
func (s *Set) giveUp(e *entry) {
	left := e.queue.pop(nil, e.queue.len(), queueBytes)
	e.dropped.Add(uint64(len(left)))
	e.mu.Lock()
	e.state = Failed
	e.mu.Unlock()
	s.log.Error("observer given up", "name", e.m.Name, "failures", maxStrikes)
}

func observed(payload []byte) (out abi.ObserveOutput, err error) {
	err = out.Decode(payload)
	return out, err
}
