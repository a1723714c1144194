package plugins

import (
	"context"

	"github.com/becomingone/becomingone/sdk/abi"
)

// Check returns the action of that name if arguments, a JSON object, satisfy its schema. While
// plugins are still loading it waits for the one that may offer it. An error holds an *abi.Error
// with CodeUnknown, CodeArguments or CodeClosed.
func (s *Set) Check(ctx context.Context, action string, args []byte) (Action, error) {
	o := s.table.Load().actions[action]
	if o == nil {
		select {
		case <-s.ready:
		case <-ctx.Done():
			return Action{}, Errorf(CodeClosed, true, "plugins are still loading: %v", context.Cause(ctx))
		}
		if o = s.table.Load().actions[action]; o == nil {
			return Action{}, Errorf(CodeUnknown, false, "action %q: no active plugin offers it", short(action))
		}
	}
	if err := o.in.check(arguments(abi.Raw(args))); err != nil {
		return Action{}, Errorf(CodeArguments, false, "arguments: %v", err)
	}
	return o.action, nil
}
