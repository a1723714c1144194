package process_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/becomingone/becomingone/plugins/process/proto"
	"github.com/becomingone/becomingone/plugins/process/serve"
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

// The test binary is also every plugin of these tests: which one, its first argument says, which is
// the manifest's name.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(proto.CookieKey) != "":
		guest(os.Args[0])
	case os.Getenv("PROCESS_TEST_HOST") != "":
		hostUntilKilled(os.Getenv("PROCESS_TEST_HOST"))
	default:
		os.Exit(m.Run())
	}
}

// guest is a plugin that behaves until it is told otherwise.
func guest(name string) {
	switch name {
	case "silent": // never completes the handshake
		select {}
	case "babbler":
		for {
			fmt.Print(strings.Repeat("x", 1<<20))
		}
	case "wrong-line":
		fmt.Println("1|1|unix|/etc/passwd|grpc")
		select {}
	case "elsewhere": // points the host at another folder
		fmt.Println("1|1|tcp|127.0.0.1:1|grpc")
		select {}
	case "leaver":
		os.Exit(3)
	case "plain-under-tls":
		if err := os.Unsetenv("PLUGIN_CLIENT_CERT"); err != nil {
			os.Exit(4)
		}
	case "closes-before":
		closeAll()
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		forever(rawServe(plugin(name)))
	case "liar": // another description at each start
		serve.Main(&sdk.Plugin{Name: name, Version: strconv.Itoa(int(time.Now().UnixNano())), Actions: plugin(name).Actions})
	case "disorder", "greedy", "deaf":
		forever(observeBadly(name))
	case "tally":
		serve.Main(tally())
	}
	serve.Main(plugin(name))
}

func forever(err error) {
	fmt.Fprintln(os.Stderr, err)
	select {}
}

func closeAll() {
	for fd := range 3 {
		if err := syscall.Close(fd); err != nil {
			os.Exit(5)
		}
	}
}

func tally() *sdk.Plugin {
	return &sdk.Plugin{Name: "tally", Version: "1", Observe: func(in *abi.ObserveInput) (abi.ObserveOutput, error) {
		r := in.Records[len(in.Records)-1]
		return abi.ObserveOutput{Observations: []abi.Observation{{Index: r.Index, Type: "seen", Data: abi.Raw(strconv.Itoa(len(in.Records)))}}}, nil
	}}
}

// plugin has one action, do, whose argument says what.
func plugin(name string) *sdk.Plugin {
	return &sdk.Plugin{Name: name, Version: "1", Actions: []sdk.Action{{
		Action: abi.Action{Name: "do"},
		Do: func(in *abi.ActInput) (abi.ActOutput, error) {
			var what string
			if v, ok := abi.Field(in.Arguments, "what"); ok {
				what, _ = abi.Text(v)
			}
			return misbehave(what)
		},
	}}}
}

func misbehave(what string) (abi.ActOutput, error) {
	switch what {
	case "pid":
		return sdk.Text(strconv.Itoa(os.Getpid()), nil), nil
	case "env":
		return sdk.Text(strings.Join(os.Environ(), "\n"), nil), nil
	case "refuse":
		return abi.ActOutput{}, sdk.Invalid("what: refuse: want anything else")
	case "crash":
		os.Exit(7)
	case "panic":
		panic("misbehaves")
	case "hang":
		fmt.Fprintln(os.Stderr, "hanging")
		select {}
	case "spin":
		for n := uint64(1); n != 0; n++ { // for some centuries
		}
	case "huge":
		return sdk.Text(strings.Repeat("x", 8<<20), nil), nil
	}
	return takeAll(what)
}

// takeAll asks for more of something than there is.
func takeAll(what string) (abi.ActOutput, error) {
	switch what {
	case "close":
		closeAll()
	case "stderr":
		line := bytes.Repeat([]byte("x"), 1<<20)
		for range 1 << 10 {
			if _, err := os.Stderr.Write(line); err != nil {
				return abi.ActOutput{}, err
			}
		}
	case "stdout":
		for range 64 {
			fmt.Print(strings.Repeat("y", 1<<20))
		}
	case "memory":
		var all [][]byte
		for {
			all = append(all, bytes.Repeat([]byte{1}, 16<<20))
			fmt.Fprintln(io.Discard, len(all))
		}
	case "fork":
		return sdk.Text(strconv.Itoa(forkBomb()), nil), nil
	case "orphans":
		cmd := exec.Command("/bin/sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return abi.ActOutput{}, err
		}
	case "files":
		var n int
		for ; ; n++ {
			if _, err := os.Open("/dev/null"); err != nil {
				break
			}
		}
		return sdk.Text(strconv.Itoa(n), nil), nil
	case "disk":
		f, err := os.Create("big")
		if err != nil {
			return abi.ActOutput{}, err
		}
		signal.Ignore(syscall.SIGXFSZ)
		n, _ := io.CopyN(f, zeros{}, 1<<30)
		return sdk.Text(strconv.Itoa(int(n)), nil), nil
	}
	return sdk.Text("done", nil), nil
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// forkBomb starts as many sleepers as it can, at most 1000, and says how many.
func forkBomb() int {
	for n := range 1000 {
		cmd := exec.Command("/bin/sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return n
		}
	}
	return 1000
}

// rawServe serves p and does not end by signals.
func rawServe(p serve.Plugin) error {
	return serve.Run(context.Background(), p, os.Getenv, os.Stdout)
}

// badly is an observer that breaks the stream's rules.
type badly struct {
	proto.UnimplementedPluginServer
	proto.UnimplementedObserverServer
	name string
}

func (b badly) Describe(context.Context, *proto.Request) (*proto.Answer, error) {
	d := abi.Description{Kind: abi.KindObserver, Name: b.name, Version: "1", ABI: abi.Version}
	out, err := d.Append(nil)
	return &proto.Answer{Result: &proto.Answer_Output{Output: out}}, err
}

func (b badly) Observe(s grpc.BidiStreamingServer[proto.Batch, proto.Ack]) error {
	if b.name == "deaf" {
		<-s.Context().Done()
		return nil
	}
	ok := &proto.Answer{Result: &proto.Answer_Output{Output: []byte("{}")}}
	for {
		batch, err := s.Recv()
		if err != nil {
			return err
		}
		ack := &proto.Ack{Sequence: batch.GetSequence() + 1, Answer: ok}
		if b.name == "greedy" {
			ack = &proto.Ack{Sequence: batch.GetSequence(), Credit: 1 << 31, Answer: ok}
		}
		if err := s.Send(ack); err != nil {
			return err
		}
	}
}

func observeBadly(name string) error {
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	proto.RegisterPluginServer(s, badly{name: name})
	proto.RegisterObserverServer(s, badly{name: name})
	fmt.Printf("1|1|unix|%s|grpc\n", path)
	return s.Serve(l)
}
