package hooks

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

var inheritedNames = [...]string{"PATH", "PATHEXT", "HOME", "USERPROFILE", "SystemRoot", "ComSpec", "TEMP", "TMP"}

// processGroup is a job object: it holds a script and all that the script starts.
type processGroup windows.Handle

// command returns what runs h: its program, or the command interpreter, which gets the line as it is.
func (p process) command(ctx context.Context, h *hook) *exec.Cmd {
	if h.args != nil {
		return exec.CommandContext(ctx, h.command, h.args...)
	}
	cmd := exec.CommandContext(ctx, "cmd.exe")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `/D /S /C "` + h.command + `"`}
	return cmd
}

// start starts cmd suspended inside a new job, so that nothing that it starts can be outside.
func start(cmd *exec.Cmd) (processGroup, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("create job: %w", err)
	}
	group := processGroup(job)
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		group.kill()
		return 0, fmt.Errorf("limit job: %w", err)
	}
	cmd.Cancel = func() error {
		_ = windows.TerminateJobObject(job, 1) // the process may have ended just now
		return os.ErrProcessDone
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.CreationFlags |= windows.CREATE_SUSPENDED
	if err := cmd.Start(); err != nil {
		group.kill()
		return 0, err
	}
	if err := release(job, uint32(cmd.Process.Pid)); err != nil {
		_ = cmd.Process.Kill() // it has not run a single instruction
		_ = cmd.Wait()
		group.kill()
		return 0, err
	}
	return group, nil
}

// release puts the suspended process pid into job and lets its one thread go.
func release(job windows.Handle, pid uint32) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, pid)
	if err != nil {
		return fmt.Errorf("open process: %w", err)
	}
	defer windows.CloseHandle(process)
	if err := windows.AssignProcessToJobObject(job, process); err != nil {
		return fmt.Errorf("assign job: %w", err)
	}
	return resume(pid)
}

func resume(pid uint32) error {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	defer windows.CloseHandle(all)
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(all, &entry); err == nil; err = windows.Thread32Next(all, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return fmt.Errorf("open thread: %w", err)
		}
		defer windows.CloseHandle(thread)
		if _, err := windows.ResumeThread(thread); err != nil {
			return fmt.Errorf("resume thread: %w", err)
		}
		return nil
	}
	return fmt.Errorf("find thread of process %d: %w", pid, err)
}

// kill closes the job, which ends every process in it.
func (g processGroup) kill() { _ = windows.CloseHandle(windows.Handle(g)) }
