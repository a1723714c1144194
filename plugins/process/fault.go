package process

import (
	"context"
	"errors"
	"io"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

// judge is the failure as its caller hears of it, and whether the process must serve no further
// call: one that broke the protocol, or let its caller wait until the deadline, is not asked again.
func judge(ctx context.Context, i *instance, err error) (_ *abi.Error, retire bool) {
	var own *abi.Error
	if errors.As(err, &own) {
		return own, own.Code == plugins.CodeProtocol
	}
	if ctx.Err() != nil {
		return plugins.Errorf(plugins.CodeDeadline, true, "no answer: %v", ctx.Err()), errors.Is(ctx.Err(), context.DeadlineExceeded)
	}
	if errors.Is(err, io.EOF) {
		return plugins.Errorf(plugins.CodeProtocol, false, "the observer has ended its stream"), true
	}
	s := status.Convert(err)
	text := brief(s.Message())
	switch s.Code() {
	case codes.ResourceExhausted:
		return plugins.Errorf(plugins.CodeOutput, false, "%s", text), false
	case codes.Unimplemented:
		return &abi.Error{Code: abi.CodeUnsupported, Message: text}, false
	case codes.InvalidArgument:
		return &abi.Error{Code: abi.CodeInvalid, Message: text}, false
	case codes.DeadlineExceeded: // the process's clock for the call ran out a moment before ours
		return plugins.Errorf(plugins.CodeDeadline, true, "no answer: %s", text), true
	case codes.Unavailable, codes.Canceled:
		return i.crash(), true
	case codes.Internal, codes.DataLoss:
		return plugins.Errorf(plugins.CodeProtocol, false, "%s", text), true
	}
	return &abi.Error{Code: abi.CodeInternal, Message: text}, false
}

// crash is the failure of a process that has gone, or whose connection has.
func (i *instance) crash() *abi.Error {
	i.child.kill() // without a connection it is of no use
	<-i.child.exited
	code := plugins.CodeTrap
	if i.child.printed.outOfMemory() {
		code = plugins.CodeMemory
	}
	return plugins.Errorf(code, false, "the process has ended: %s", i.child.ending())
}

// brief keeps a foreign text readable.
func brief(s string) string {
	if len(s) <= maxError {
		return s
	}
	return strings.ToValidUTF8(s[:maxError], "") + "…"
}
