package config

import (
	"github.com/becomingone/becomingone/hooks"
)

// event is one of the lists of Hooks.
type event struct {
	name   string
	groups *[]HookGroup
}

func (h *Hooks) events() []event {
	return []event{
		{"PreAction", &h.PreAction}, {"PreRealign", &h.PreRealign}, {"Collapse", &h.Collapse}, {"Dissipate", &h.Dissipate},
		{"Realign", &h.Realign}, {"PostAction", &h.PostAction}, {"ActionError", &h.ActionError}, {"PeerJoin", &h.PeerJoin},
		{"PeerLeave", &h.PeerLeave}, {"Checkpoint", &h.Checkpoint}, {"Alarm", &h.Alarm}, {"NodeStart", &h.NodeStart},
		{"NodeStop", &h.NodeStop},
	}
}

// HooksConfig returns what package hooks is to run.
func (c *Config) HooksConfig() hooks.Config {
	out := hooks.Config{Events: make(map[string][]hooks.Group), Dir: c.Hooks.Dir, Base: c.Dir, Node: c.Node.Name,
		MaxParallel: c.Hooks.MaxParallel, Queue: c.Hooks.Queue, Grace: c.Hooks.Grace}
	for _, e := range c.Hooks.events() {
		for _, g := range *e.groups {
			group := hooks.Group{Matcher: g.Matcher}
			for _, h := range g.Hooks {
				group.Hooks = append(group.Hooks, hooks.Hook(h))
			}
			out.Events[e.name] = append(out.Events[e.name], group)
		}
	}
	return out
}
