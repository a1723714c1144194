package process

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	grpccred "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/process/proto"
	"github.com/becomingone/becomingone/sdk/abi"
)

// instance is one running process and the connection to it. Only go-plugin's handshake is used:
// its own client keeps goroutines of failed starts, and ends a process by a call without a deadline.
type instance struct {
	child   *child
	conn    *grpc.ClientConn
	folder  string
	stream  *stream       // an observer's
	settled func() bool   // ends what the start's context can do to the process
	retired chan struct{} // closed when no further call may go to it

	mu    sync.Mutex
	calls int           // that run
	cause error         // why it was retired; nil: no fault of its own
	idle  chan struct{} // closed when it is retired and no call runs
}

// begin starts a process and shakes hands. Until ctx ends it must have told its address.
func (p *Plugin) begin(ctx context.Context) (_ *instance, err error) {
	folder, err := os.MkdirTemp(p.loader.run.path, "p")
	if err == nil {
		err = os.Chmod(folder, 0o711)
	}
	if err != nil {
		return nil, err
	}
	i := &instance{folder: folder, retired: make(chan struct{}), idle: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.end())
		}
	}()
	secure, env, err := p.secrets()
	if err != nil {
		return nil, err
	}
	env = append(env, proto.InputBytesKey+"="+strconv.Itoa(p.m.Limits.InputBytes), proto.OutputBytesKey+"="+strconv.Itoa(p.m.Limits.OutputBytes))
	address, err := i.handshake(ctx, p, secure, env)
	if err != nil {
		return nil, err
	}
	if i.conn, err = i.connect(address.String(), secure, p.m.Limits); err != nil {
		return nil, err
	}
	i.stream = newStream(proto.NewObserverClient(i.conn))
	return i, nil
}

// secrets are this start's certificate and what the process is told of it.
func (p *Plugin) secrets() (*tls.Config, []string, error) {
	if p.m.ABI == ABIPlain {
		return nil, nil, nil
	}
	cert, err := proto.Certificate()
	if err != nil {
		return nil, nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	secure := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, ServerName: "localhost"}
	return secure, []string{"PLUGIN_CLIENT_CERT=" + string(text)}, nil
}

// handshake starts the process by go-plugin, which puts the process's certificate into secure.
func (i *instance) handshake(ctx context.Context, p *Plugin, secure *tls.Config, env []string) (net.Addr, error) {
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: proto.ProtocolVersion, MagicCookieKey: proto.CookieKey, MagicCookieValue: proto.CookieValue,
		},
		Plugins:          goplugin.PluginSet{},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		TLSConfig:        secure,
		SkipHostEnv:      true,
		StartTimeout:     p.loader.cfg.Start,
		Logger:           hclog.NewNullLogger(),
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: i.folder},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			var err error
			i.child, err = p.loader.newChild(p.m.Name, p.image, append(cmd.Env, env...), dir, p.m.Limits.MemoryPages, &printer{to: &p.printed})
			if err != nil {
				return nil, err
			}
			i.settled = context.AfterFunc(ctx, i.child.kill)
			return i.child, nil
		},
	})
	address, err := client.Start()
	if err != nil {
		return nil, i.unborn(err)
	}
	return address, nil
}

// unborn is why no handshake came about. go-plugin's text may hold what the process printed.
func (i *instance) unborn(err error) error {
	text := brief(err.Error())
	if i.child != nil && i.child.ID() != "" {
		i.child.kill()
		<-i.child.exited
		return plugins.Errorf(plugins.CodeTrap, true, "start: %s (%s)", text, i.child.ending())
	}
	return fmt.Errorf("start: %s", text)
}

// maxError bounds what a process can make an error say, in bytes.
const maxError = 300

// connect makes the client; it dials when it is first used.
func (i *instance) connect(address string, secure *tls.Config, l plugins.Limits) (*grpc.ClientConn, error) {
	cred := insecure.NewCredentials()
	if secure != nil {
		cred = grpccred.NewTLS(secure)
	}
	return grpc.NewClient("passthrough:///localhost",
		grpc.WithTransportCredentials(cred),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return i.child.dial(ctx, address) }),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(l.OutputBytes+proto.Overhead), grpc.MaxCallSendMsgSize(l.InputBytes+proto.Overhead)),
		grpc.WithMaxHeaderListSize(16<<10),
		grpc.WithStaticStreamWindowSize(1<<20), grpc.WithStaticConnWindowSize(1<<20), // what a process may make the host hold
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithNoProxy(),
	)
}

// call performs one operation and returns the answer, status byte first, appended to dst.
func (i *instance) call(ctx context.Context, op abi.Op, in, dst []byte) ([]byte, error) {
	var answer *proto.Answer
	var err error
	request := &proto.Request{Input: in}
	switch op {
	case abi.OpDescribe:
		answer, err = proto.NewPluginClient(i.conn).Describe(ctx, request)
	case abi.OpAct:
		answer, err = proto.NewActionClient(i.conn).Encode(ctx, request)
	case abi.OpObserve:
		answer, err = i.stream.observe(ctx, in)
	case abi.OpSense:
		answer, err = proto.NewInputClient(i.conn).Sense(ctx, request)
	default:
		return dst, &abi.Error{Code: abi.CodeUnsupported, Message: "operation " + op.String() + ": no process knows it"}
	}
	if err != nil {
		return dst, err
	}
	switch r := answer.GetResult().(type) {
	case *proto.Answer_Output:
		return append(append(dst, abi.StatusOK), r.Output...), nil
	case *proto.Answer_Error:
		return append(append(dst, abi.StatusError), r.Error...), nil
	}
	return dst, plugins.Errorf(plugins.CodeProtocol, false, "answer: neither output nor error")
}

// enter counts a call in, unless the process is retired.
func (i *instance) enter() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.retired:
		return false
	default:
	}
	i.calls++
	return true
}

// leave counts a call out.
func (i *instance) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls--
	i.settle()
}

// retire lets no further call in; cause is its fault, or nil. The first cause counts.
func (i *instance) retire(cause error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.retired:
		return
	default:
	}
	i.cause = cause
	close(i.retired)
	i.settle()
}

func (i *instance) settle() {
	select {
	case <-i.retired:
		if i.calls == 0 {
			close(i.idle)
		}
	default:
	}
}

// spotless says whether no call runs and the process was retired for no fault of its own.
func (i *instance) spotless() bool {
	select {
	case <-i.idle:
		return i.fault() == nil
	default:
		return false
	}
}

func (i *instance) fault() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.cause
}

// end kills the process and waits until nothing of it is left.
func (i *instance) end() error {
	var all []error
	if i.child != nil {
		i.settled()
		i.child.kill()
		<-i.child.exited
	}
	if i.conn != nil {
		i.stream.close()
		all = append(all, i.conn.Close())
	}
	return errors.Join(append(all, os.RemoveAll(i.folder))...)
}
