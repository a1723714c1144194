package process

import (
	"context"
	"strconv"
	"sync"

	"google.golang.org/grpc"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/process/proto"
)

// maxCredit bounds how many batches wait for their acks, whatever the observer says.
const maxCredit = 64

// stream sends an observer its batches and hands out the acks, which must come in the same order.
// It is opened by the first batch and lives as long as its process.
type stream struct {
	client proto.ObserverClient
	ctx    context.Context // of the gRPC stream, which outlives the call that opens it
	cancel context.CancelFunc
	reader sync.WaitGroup

	sending chan struct{} // held by whoever sends
	bidi    grpc.BidiStreamingClient[proto.Batch, proto.Ack]

	mu       sync.Mutex
	sequence uint64
	waiting  []waiter // the oldest first
	credit   int
	changed  chan struct{} // closed and replaced when a batch more may be sent
	err      error
	broken   chan struct{} // closed when err is set
}

type waiter struct {
	sequence uint64
	answer   chan *proto.Answer
}

func newStream(client proto.ObserverClient) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	return &stream{client: client, ctx: ctx, cancel: cancel, credit: 1, sending: make(chan struct{}, 1),
		changed: make(chan struct{}), broken: make(chan struct{})}
}

// close ends the stream; its calls end with an error.
func (s *stream) close() {
	s.cancel()
	s.reader.Wait()
}

// observe sends one batch when there is credit, and waits for its ack.
func (s *stream) observe(ctx context.Context, in []byte) (*proto.Answer, error) {
	w, err := s.send(ctx, in)
	if err != nil {
		return nil, err
	}
	select {
	case a := <-w.answer:
		return a, nil
	case <-s.broken:
		return nil, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *stream) send(ctx context.Context, in []byte) (waiter, error) {
	select {
	case s.sending <- struct{}{}:
	case <-ctx.Done():
		return waiter{}, ctx.Err()
	}
	defer func() { <-s.sending }()
	// A send waits while the observer does not read, and is ended with the whole stream: half a
	// message cannot be taken back.
	defer context.AfterFunc(ctx, s.cancel)()
	if s.bidi == nil {
		if err := s.open(); err != nil {
			return waiter{}, err
		}
	}
	w, err := s.next(ctx)
	if err != nil {
		return waiter{}, err
	}
	if err := s.bidi.Send(&proto.Batch{Sequence: w.sequence, Input: in}); err != nil {
		<-s.broken // what Recv says is why
		return waiter{}, s.err
	}
	return w, nil
}

func (s *stream) open() error {
	bidi, err := s.client.Observe(s.ctx)
	if err != nil {
		return err
	}
	s.bidi = bidi
	s.reader.Go(func() {
		err := s.receive()
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
		close(s.broken)
	})
	return nil
}

// next waits for credit and queues a waiter.
func (s *stream) next(ctx context.Context) (waiter, error) {
	for {
		s.mu.Lock()
		if len(s.waiting) < s.credit {
			s.sequence++
			w := waiter{s.sequence, make(chan *proto.Answer, 1)}
			s.waiting = append(s.waiting, w)
			s.mu.Unlock()
			return w, nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-s.broken:
			return waiter{}, s.err
		case <-ctx.Done():
			return waiter{}, ctx.Err()
		}
	}
}

// receive hands out acks until one is wrong or the stream ends.
func (s *stream) receive() error {
	for {
		ack, err := s.bidi.Recv()
		if err == nil {
			err = s.accept(ack)
		}
		if err != nil {
			s.cancel()
			return err
		}
	}
}

func (s *stream) accept(ack *proto.Ack) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ack.GetCredit() > 0 {
		s.credit = int(min(ack.GetCredit(), maxCredit))
	}
	if ack.GetSequence() != 0 {
		if len(s.waiting) == 0 || s.waiting[0].sequence != ack.GetSequence() {
			return plugins.Errorf(plugins.CodeProtocol, false, "ack of batch %d: want %s", ack.GetSequence(), s.expected())
		}
		if ack.GetAnswer() == nil {
			return plugins.Errorf(plugins.CodeProtocol, false, "ack of batch %d: no answer", ack.GetSequence())
		}
		s.waiting[0].answer <- ack.GetAnswer()
		s.waiting = append(s.waiting[:0], s.waiting[1:]...)
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// expected is the ack that may come next.
func (s *stream) expected() string {
	if len(s.waiting) == 0 {
		return "none: no batch waits"
	}
	return strconv.FormatUint(s.waiting[0].sequence, 10)
}
