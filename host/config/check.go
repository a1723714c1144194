package config

import "net"

// check holds values against one another, which no single key's range can say.
func (d *decoder) check(c *Config) {
	if c.Node.Name == "" {
		d.fault("node.name", `"": empty`)
	}
	d.checkHTTP(&c.HTTP)
	d.checkHooks(&c.Hooks)
	for _, name := range sortedKeys(c.Kernel.Fields) {
		f := c.Kernel.Fields[name]
		d.checkField("kernel.fields."+name, name, &f)
	}
	for _, name := range sortedKeys(c.Plugins.Actions) {
		for i, field := range c.Plugins.Actions[name].Requires.Signal {
			if _, ok := c.Kernel.Fields[field]; !ok {
				d.fault(at("plugins.actions."+name+".requires.signal", i), "%q: no such field%s", field,
					suggest(field, sortedKeys(c.Kernel.Fields)))
			}
		}
	}
}

func (d *decoder) checkHTTP(h *HTTP) {
	if h.Addr != "" {
		if _, _, err := net.SplitHostPort(h.Addr); err != nil {
			d.fault("http.addr", `%q: not host:port such as "127.0.0.1:4917"`, h.Addr)
		}
	}
	if (h.CertFile == "") != (h.KeyFile == "") {
		d.fault("http.cert_file", "%q with key_file %q: both or neither", h.CertFile, h.KeyFile)
	}
}

func (d *decoder) checkHooks(h *Hooks) {
	for _, e := range h.events() {
		for i, g := range *e.groups {
			path := at("hooks."+e.name, i)
			if len(g.Hooks) == 0 {
				d.fault(path+".hooks", "without a hook: at least one")
			}
			for j, hook := range g.Hooks {
				if hook.Command == "" {
					d.fault(at(path+".hooks", j)+".command", `"": empty`)
				}
			}
		}
	}
}

func suggest(name string, candidates []string) string {
	if near := nearest(name, candidates); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}
