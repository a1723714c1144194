package host

import (
	"context"

	"github.com/becomingone/becomingone/host/config"
	"github.com/becomingone/becomingone/plugins"
)

// tightened are the plugins' actions with what the configuration adds to their manifests.
type tightened struct {
	*plugins.Set
	cfg *config.Config
}

// Actions returns every action as tightened.
func (t tightened) Actions() []plugins.Action {
	all := t.Set.Actions()
	for i := range all {
		all[i] = t.tighten(all[i])
	}
	return all
}

// Check is the set's, with the action as tightened.
func (t tightened) Check(ctx context.Context, name string, args []byte) (plugins.Action, error) {
	a, err := t.Set.Check(ctx, name, args)
	return t.tighten(a), err
}

func (t tightened) tighten(a plugins.Action) plugins.Action {
	o := t.cfg.Plugins.Actions[a.Name]
	a.Effect = max(a.Effect, o.Effect, t.cfg.Agent.Classes[a.Name])
	a.Requires.Signal = append(append([]string(nil), a.Requires.Signal...), o.Requires.Signal...)
	return a
}
