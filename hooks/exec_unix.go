//go:build unix

package hooks

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

var inheritedNames = [...]string{"PATH", "HOME"}

// processGroup is the number of a script's process group, its leader's process id.
type processGroup int

// command returns what runs h: its program, or the shell. When ctx ends, the whole group is killed.
func (p process) command(ctx context.Context, h *hook) *exec.Cmd {
	name, args := h.command, h.args
	if args == nil {
		name, args = "/bin/sh", []string{"-c", h.command}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		processGroup(cmd.Process.Pid).kill()
		return os.ErrProcessDone // Wait then reports the exit of the process instead of this error
	}
	return cmd
}

func start(cmd *exec.Cmd) (processGroup, error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	return processGroup(cmd.Process.Pid), nil
}

// kill ends every process of the group. The number stays taken while any of them lives; once the
// leader is waited for and no other is left, the call finds nobody, unless the system has gone round
// all process ids in that instant.
func (g processGroup) kill() {
	// ESRCH: all have ended. EPERM: what is left runs under another user, beyond our reach.
	_ = syscall.Kill(-int(g), syscall.SIGKILL)
}
