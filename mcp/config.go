package mcp

import (
	"cmp"
	"fmt"
	"time"
)

// Config says how a server presents itself and what it accepts. A zero field takes the default.
type Config struct {
	Name         string // the server's name; default "becomingone"
	Version      string // the server's version; default "dev"
	Instructions string // what a model is told about this server; default explains the gate

	MaxBody     int           // bytes of one message, 1 KiB to 64 MiB; default 4 MiB
	MaxDepth    int           // levels of JSON nesting, 8 to 1000; default 64
	MaxInFlight int           // requests and streams at once over all clients, 1 to 10000; default 128
	MaxSessions int           // HTTP sessions remembered, 1 to 10000; the least used is forgotten; default 256
	Drain       time.Duration // how long calls may finish after stdin ends, up to 1m; default 5s

	Hosts       []string // Host and Origin names accepted beside the loopback ones, without port
	Token       string   // if set, HTTP requests need "Authorization: Bearer <Token>"
	HTTPSession string   // session of HTTP clients without one (2026-07-28); default "http-agent"
}

const instructions = `Each tool call is a proposal. A gate decides from what the user has said and ` +
	`from the state of this node whether it is executed. A call that is not executed comes back as a ` +
	`tool error that lists the conditions, which of them fail, and what would meet them. Do not ` +
	`repeat it unchanged: meet the condition, or tell the user. A held call waits for the user's answer. ` +
	`The tool "coherence" reports the state of the node, "witness_proof" proves a recorded decision.`

// DefaultConfig returns the configuration that the zero Config stands for.
func DefaultConfig() Config { return Config{}.withDefaults() }

// Validate reports the first field that is out of range, with its value and the accepted range.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, f := range []struct {
		name          string
		got, min, max int
	}{
		{"max_body", c.MaxBody, 1 << 10, 64 << 20},
		{"max_depth", c.MaxDepth, 8, 1000},
		{"max_in_flight", c.MaxInFlight, 1, 10000},
		{"max_sessions", c.MaxSessions, 1, 10000},
	} {
		if f.got < f.min || f.got > f.max {
			return fmt.Errorf("mcp: config %s: %d is not in %d…%d", f.name, f.got, f.min, f.max)
		}
	}
	if c.Drain < 0 || c.Drain > time.Minute {
		return fmt.Errorf("mcp: config drain: %v is not in 0s…1m", c.Drain)
	}
	for i, h := range c.Hosts {
		if h == "" || hostName(h) != h {
			return fmt.Errorf("mcp: config hosts %d: %q is not a host name without scheme and port", i, h)
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, "becomingone")
	c.Version = cmp.Or(c.Version, "dev")
	c.Instructions = cmp.Or(c.Instructions, instructions)
	c.MaxBody = cmp.Or(c.MaxBody, 4<<20)
	c.MaxDepth = cmp.Or(c.MaxDepth, 64)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, 128)
	c.MaxSessions = cmp.Or(c.MaxSessions, 256)
	c.Drain = cmp.Or(c.Drain, 5*time.Second)
	c.HTTPSession = cmp.Or(c.HTTPSession, "http-agent")
	return c
}
