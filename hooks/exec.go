package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// outputDelay is how long the pipes of a script that has ended may stay open: what it left running
// in its group is killed only then, and what left the group must not hold us.
const outputDelay = 250 * time.Millisecond

// errTimeLimit is why a script is killed that runs longer than its timeout.
var errTimeLimit = errors.New("time limit")

// Run is what became of one hook on one event.
type Run struct {
	Hook      string        `json:"hook"`                // the command, or EVENT/file
	Exit      int           `json:"exit"`                // the exit code; -1 where there is none
	Blocked   bool          `json:"blocked"`             // the script said no
	Failed    bool          `json:"failed"`              // it gave no valid answer
	TimedOut  bool          `json:"timed_out,omitempty"` // because its time was over
	Reason    string        `json:"reason,omitempty"`    // why it blocked or failed; one line
	Discarded uint64        `json:"discarded,omitempty"` // bytes of output beyond MaxOutput
	Elapsed   time.Duration `json:"elapsed_ns"`

	signals []Signal
	stopped bool // the caller's context ended: on_failure has no say
}

// capped keeps the first MaxOutput bytes and takes the rest without keeping it, so that a chatty
// script neither blocks on a full pipe nor fills our memory.
type capped struct {
	kept      bytes.Buffer
	discarded uint64
}

// Write never fails and never takes less than all of p.
func (c *capped) Write(p []byte) (int, error) {
	room := min(len(p), MaxOutput-c.kept.Len())
	c.kept.Write(p[:room])
	c.discarded += uint64(len(p) - room)
	return len(p), nil
}

// process runs scripts; base and environ are those of every script.
type process struct {
	base    string
	environ []string
}

// run runs h with input on stdin and returns when the script, the copying of its output and all of
// its process group have ended, at the latest outputDelay after its time limit or the end of ctx.
func (p process) run(ctx context.Context, h *hook, environ []string, input []byte) Run {
	limit, stop := context.WithTimeoutCause(ctx, h.timeout, errTimeLimit)
	defer stop()
	cmd := p.command(limit, h)
	cmd.Dir = p.base
	cmd.Env = append(append(cmd.Env, p.environ...), environ...)
	cmd.Stdin = bytes.NewReader(input)
	var stdout, stderr capped
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = outputDelay

	began := time.Now()
	group, err := start(cmd)
	if err == nil {
		err = cmd.Wait()
		group.kill()
	}
	r := Run{Hook: h.name, Exit: -1, Discarded: stdout.discarded + stderr.discarded, Elapsed: time.Since(began)}
	if cmd.ProcessState != nil {
		r.Exit = cmd.ProcessState.ExitCode()
	}
	r.judge(h, context.Cause(limit), err, &stdout, &stderr)
	return r
}

// judge fills in what the end of a script means. A script that was cut off has not answered, unless
// it had already said no. A pipe that something else still held open is no failure of the script.
func (r *Run) judge(h *hook, cut, err error, stdout, stderr *capped) {
	var exit *exec.ExitError
	switch {
	case r.Exit == 2:
		r.Blocked, r.Reason = true, clean(stderr.kept.String())
	case err != nil && errors.Is(cut, errTimeLimit):
		r.Failed, r.TimedOut, r.Reason = true, true, fmt.Sprintf("no answer within %v", h.timeout)
	case err != nil && cut != nil:
		r.Failed, r.stopped, r.Reason = true, true, "stopped: "+cut.Error()
	case errors.As(err, &exit):
		r.Failed, r.Reason = true, clean(exit.String()+": "+stderr.kept.String())
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		r.Failed, r.Reason = true, clean(err.Error())
	default:
		r.answer(stdout)
	}
	if r.Blocked && r.Reason == "" {
		r.Reason = "no reason given"
	}
}

func (r *Run) answer(stdout *capped) {
	if stdout.discarded > 0 {
		r.Failed, r.Reason = true, fmt.Sprintf("stdout is longer than %d bytes", MaxOutput)
		return
	}
	a, err := parseAnswer(stdout.kept.Bytes())
	if err != nil {
		r.Failed, r.Reason = true, clean(err.Error())
		return
	}
	r.Blocked = a.block
	if a.block {
		r.Reason = clean(a.reason)
	}
	for _, s := range a.signals {
		r.signals = append(r.signals, Signal{Hook: r.Hook, Sample: s})
	}
}

// inherited returns those of our own variables that a script needs to find programs and its user's
// files, and no others: a token or key in our environment is none of its business.
func inherited() []string {
	var env []string
	for _, name := range inheritedNames {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
