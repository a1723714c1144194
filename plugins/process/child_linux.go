package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// seal copies code to memory that nobody can change any more, and returns it as an executable file.
// What a name on a disk says later does not matter.
func seal(name string, code []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 every memfd is executable
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create (sysctl vm.memfd_noexec must be 0 or 1): %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err = f.Write(code); err == nil {
		err = f.Chmod(0o555)
	}
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("seal: %w", err), f.Close())
	}
	return f, nil
}

func tryLock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// starter starts processes on one thread that lives as long as the loader: the kernel kills a child
// when the thread that started it ends, and the Go runtime ends threads as it likes.
type starter struct {
	once sync.Once
	jobs chan func()
	done chan struct{}
}

func newStarter() *starter { return &starter{jobs: make(chan func()), done: make(chan struct{})} }

func (s *starter) do(f func() error) error {
	s.once.Do(func() { go s.loop() })
	result := make(chan error, 1)
	select {
	case s.jobs <- func() { result <- f() }:
		return <-result
	case <-s.done:
		return errors.New("the loader is closed")
	}
}

func (s *starter) loop() {
	runtime.LockOSThread() // never unlocked: the thread ends with the loop, and its children with it
	for {
		select {
		case job := <-s.jobs:
			job()
		case <-s.done:
			return
		}
	}
}

func (s *starter) close() {
	select {
	case <-s.done:
	default:
		close(s.done)
	}
}

// child is one process and what is joined to it. It is go-plugin's runner.
type child struct {
	loader  *Loader
	cmd     *exec.Cmd
	dir     string // where its socket must be
	memory  uint64 // bytes of private writable memory
	head    *head
	printed *printer
	out     *os.File // ends that the host reads
	err     *os.File
	pipes   sync.WaitGroup // the goroutines that read them
	exited  chan struct{}  // closed once it is reaped and all of its group are killed

	mu     sync.Mutex
	killed bool
	reaped bool
	how    string // it ended
}

// newChild prepares what go-plugin has given an environment; nothing runs yet.
func (l *Loader) newChild(name string, image *os.File, env []string, dir string, pages int, printed *printer) (*child, error) {
	if l.cfg.UID != 0 {
		if err := os.Chown(dir, int(l.cfg.UID), int(l.cfg.GID)); err != nil {
			return nil, err
		}
	}
	out, outW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, out.Close(), outW.Close())
	}
	cmd := exec.Command("/proc/self/fd/3") // image, as the child sees it
	cmd.Args = []string{name}
	cmd.ExtraFiles = []*os.File{image}
	cmd.Env = append(env, "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME="+dir, "TMPDIR="+dir)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = outW, errW
	cmd.SysProcAttr = l.attributes()
	return &child{
		loader: l, cmd: cmd, dir: dir, out: out, err: errR, head: newHead(out, printed), printed: printed,
		memory: uint64(l.cfg.MemoryBytes) + uint64(pages)<<16, exited: make(chan struct{}),
	}, nil
}

// attributes put the process into a group and a process namespace of its own, of which it is the
// first: when it ends, the kernel kills the rest. A user namespace lets an ordinary user do that,
// and gives Tasks a count of its own.
func (l *Loader) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	uid, gid := os.Getuid(), os.Getgid()
	if l.cfg.UID != 0 {
		uid, gid = int(l.cfg.UID), int(l.cfg.GID)
		a.Credential = &syscall.Credential{Uid: l.cfg.UID, Gid: l.cfg.GID}
		a.GidMappingsEnableSetgroups = true
	}
	if l.cfg.Uncontained {
		return a
	}
	a.Cloneflags = syscall.CLONE_NEWPID
	if uid != 0 {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
	return a
}

// Start runs the process, bounds it and reaps it when it ends.
func (c *child) Start(context.Context) error {
	outW, errW := c.cmd.Stdout.(*os.File), c.cmd.Stderr.(*os.File)
	err := c.loader.starter.do(c.begin)
	err = errors.Join(err, outW.Close(), errW.Close())
	if err != nil {
		err = errors.Join(err, c.out.Close(), c.err.Close())
		close(c.exited)
		return err
	}
	c.pipes.Go(c.head.pump)
	c.pipes.Go(func() { drain(c.printed, c.err) })
	go c.reap()
	return nil
}

func (c *child) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed {
		return errors.New("too late")
	}
	if err := c.cmd.Start(); err != nil {
		c.reaped = true
		if !c.loader.cfg.Uncontained && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL)) {
			return fmt.Errorf("start in namespaces of its own (Config.Uncontained does without): %w", err)
		}
		return err
	}
	if err := c.bound(); err != nil {
		return errors.Join(err, c.cmd.Process.Kill(), ignoreExit(c.cmd.Wait()))
	}
	return nil
}

func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// bound sets the limits of the process and of all that it starts.
func (c *child) bound() error {
	cfg := &c.loader.cfg
	for _, l := range []struct {
		what  int
		value uint64
	}{
		{unix.RLIMIT_DATA, c.memory}, {unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, uint64(cfg.Files)},
		{unix.RLIMIT_FSIZE, uint64(cfg.FileBytes)}, {unix.RLIMIT_NPROC, uint64(cfg.Tasks)},
		{unix.RLIMIT_MEMLOCK, 64 << 10},
	} {
		if l.what == unix.RLIMIT_NPROC && cfg.Uncontained {
			continue // it would count all that the user runs
		}
		if err := unix.Prlimit(c.cmd.Process.Pid, l.what, &unix.Rlimit{Cur: l.value, Max: l.value}, nil); err != nil {
			return fmt.Errorf("prlimit %d: %w", l.what, err)
		}
	}
	return nil
}

// reap waits for the end without collecting it, so that the group's number stays taken until the
// rest of the group is killed.
func (c *child) reap() {
	for {
		err := unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	c.mu.Lock()
	_ = unix.Kill(-c.cmd.Process.Pid, unix.SIGKILL) // fails when nobody is left
	_ = c.cmd.Wait()                                // how it ended is in ProcessState
	c.reaped = true
	c.how = c.cmd.ProcessState.String()
	c.mu.Unlock()
	// Whoever has fled with the other ends does not keep us.
	_ = c.out.Close()
	_ = c.err.Close()
	c.pipes.Wait()
	close(c.exited)
}

// signal reaches the whole group; it does nothing once the process is reaped.
func (c *child) signal(s unix.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s == unix.SIGKILL {
		c.killed = true
	}
	if c.cmd.Process != nil && !c.reaped {
		_ = unix.Kill(-c.cmd.Process.Pid, s) // it may be gone
	}
}

func (c *child) kill() { c.signal(unix.SIGKILL) }

func (c *child) terminate() { c.signal(unix.SIGTERM) }

// ending says how the process ended, once exited is closed.
func (c *child) ending() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.how
}

// The rest of what go-plugin asks of a runner. It reads one line and nothing of stderr.

func (c *child) Wait(context.Context) error      { <-c.exited; return nil }
func (c *child) Kill(context.Context) error      { c.kill(); return nil }
func (c *child) Stdout() io.ReadCloser           { return c.head }
func (c *child) Stderr() io.ReadCloser           { return io.NopCloser(strings.NewReader("")) }
func (c *child) Name() string                    { return c.cmd.Args[0] }
func (c *child) Diagnose(context.Context) string { return "" }

func (c *child) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(c.cmd.Process.Pid)
}

// PluginToHost accepts a socket in the process's own folder: a plugin must not point the host at
// anybody else.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || filepath.Dir(address) != c.dir {
		return "", "", fmt.Errorf("handshake: address %.20s %.80s: want a unix socket in PLUGIN_UNIX_SOCKET_DIR", network, address)
	}
	return network, address, nil
}

// HostToPlugin is for go-plugin's broker, which is not used.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// dial connects to the socket and makes sure that the process listens there, or one that it has
// started in its group.
func (c *child) dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", address)
	if err != nil {
		return nil, err
	}
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var peer *unix.Ucred
	var peerErr error
	err = raw.Control(func(fd uintptr) {
		peer, peerErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, peerErr); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if group, err := unix.Getpgid(int(peer.Pid)); err != nil || group != c.cmd.Process.Pid {
		return nil, errors.Join(fmt.Errorf("socket %s: process %d listens, which is none of the plugin's", address, peer.Pid), conn.Close())
	}
	return conn, nil
}
