// Package serve is the main function of a plugin that runs as a process and is written in Go:
//
//	func main() { serve.Main(plugin()) }
//
// where plugin returns an *sdk.Plugin, the same value that a WebAssembly guest serves. It speaks
// gRPC and needs nothing else of the node; authors in other languages do what PROCESS.md says.
package serve

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"google.golang.org/grpc"

	"github.com/becomingone/becomingone/plugins/process/proto"
	"github.com/becomingone/becomingone/sdk/abi"
)

// Plugin is what is served: *sdk.Plugin is one.
type Plugin interface {
	Describe() abi.Description

	// Call appends the answer to one operation, status byte first, to dst.
	Call(op abi.Op, in, dst []byte) []byte
}

// Main makes p the plugin of this program, until the host ends it. Calls come one at a time, as in
// a sandbox, so p needs no locks. A program that no host has started prints p's description.
func Main(p Plugin) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := Run(ctx, p, os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Run serves p until ctx ends. getenv is the environment that the host gave, out where it waits for
// the handshake.
func Run(ctx context.Context, p Plugin, getenv func(string) string, out io.Writer) error {
	if getenv(proto.CookieKey) != proto.CookieValue {
		return describe(p, out)
	}
	secure, own, err := credentials(getenv("PLUGIN_CLIENT_CERT"))
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	most, err := strconv.Atoi(getenv(proto.InputBytesKey))
	if err != nil || most < 1 {
		return fmt.Errorf("serve: %s %q: want a number of bytes, 1 or more", proto.InputBytesKey, getenv(proto.InputBytesKey))
	}
	path := filepath.Join(getenv("PLUGIN_UNIX_SOCKET_DIR"), "plugin")
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	s := grpc.NewServer(grpc.Creds(secure), grpc.MaxRecvMsgSize(most+proto.Overhead),
		grpc.InitialWindowSize(1<<20), grpc.InitialConnWindowSize(1<<20))
	register(s, p)
	defer context.AfterFunc(ctx, s.Stop)()
	line := fmt.Sprintf("1|%d|unix|%s|grpc|%s\n", proto.ProtocolVersion, path, base64.RawStdEncoding.EncodeToString(own))
	if _, err := io.WriteString(out, line); err != nil {
		return fmt.Errorf("serve: handshake: %w", errors.Join(err, l.Close()))
	}
	if err := s.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func describe(p Plugin, out io.Writer) error {
	b, err := abi.Answer(p.Call(abi.OpDescribe, nil, nil))
	if err != nil {
		return fmt.Errorf("serve: describe: %w", err)
	}
	_, err = out.Write(append(b, '\n'))
	return err
}

// server answers with one plugin, one call at a time.
type server struct {
	proto.UnimplementedPluginServer
	proto.UnimplementedActionServer
	proto.UnimplementedObserverServer
	proto.UnimplementedInputServer

	mu sync.Mutex
	p  Plugin
}

func register(s *grpc.Server, p Plugin) {
	srv := &server{p: p}
	proto.RegisterPluginServer(s, srv)
	switch p.Describe().Kind {
	case abi.KindAction:
		proto.RegisterActionServer(s, srv)
	case abi.KindObserver:
		proto.RegisterObserverServer(s, srv)
	case abi.KindInput:
		proto.RegisterInputServer(s, srv)
	}
}

func (s *server) answer(op abi.Op, in []byte) *proto.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.p.Call(op, in, nil)
	if b[0] == abi.StatusOK {
		return &proto.Answer{Result: &proto.Answer_Output{Output: b[1:]}}
	}
	return &proto.Answer{Result: &proto.Answer_Error{Error: b[1:]}}
}

func (s *server) Describe(_ context.Context, r *proto.Request) (*proto.Answer, error) {
	return s.answer(abi.OpDescribe, r.GetInput()), nil
}

func (s *server) Encode(_ context.Context, r *proto.Request) (*proto.Answer, error) {
	return s.answer(abi.OpAct, r.GetInput()), nil
}

func (s *server) Sense(_ context.Context, r *proto.Request) (*proto.Answer, error) {
	return s.answer(abi.OpSense, r.GetInput()), nil
}

// credit lets the next batch travel while one is being looked at.
const credit = 2

func (s *server) Observe(stream grpc.BidiStreamingServer[proto.Batch, proto.Ack]) error {
	for {
		b, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		ack := &proto.Ack{Sequence: b.GetSequence(), Credit: credit, Answer: s.answer(abi.OpObserve, b.GetInput())}
		if err := stream.Send(ack); err != nil {
			return err
		}
	}
}
