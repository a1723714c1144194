package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultAddr is where a node listens when nothing else is said.
const DefaultAddr = "127.0.0.1:4917"

// minToken is the least length of a token: 16 characters of a 64-letter alphabet hold 96 bits.
const minToken = 16

// Config says where the node's face listens and whom it believes. DefaultConfig fills the numbers;
// the optional parts may stay nil, their routes then answer 404.
type Config struct {
	Addr     string // host:port; beyond loopback only with CertFile, KeyFile and a token
	CertFile string // PEM certificate chain; with KeyFile the server speaks TLS
	KeyFile  string // PEM private key of CertFile

	AgentToken string // proves the role Agent; at least 16 characters; empty: nobody is an agent
	OwnerToken string // proves the role Owner; at least 16 characters, not the agent's; empty: nobody

	Hosts        []string // further names (without port) that a Host header may carry
	Origins      []string // further origins ("https://example.org") that a browser may call from
	RequireToken bool     // also reading the state needs a token or a paired page; always so beyond loopback
	OpenMCP      bool     // loopback callers without a token reach /mcp as Agent

	Heartbeat   time.Duration // between comments on an idle event stream, 1s to 5m
	Buffer      int           // events that wait for one client before it is dropped, 1 to 65536
	Clients     int           // event streams at once, 1 to 4096
	Replay      int           // events kept for a client that comes (back), of each kind, 0 to 65536
	BodyLimit   int64         // bytes of a call's body, and of one line or text that is sensed, 1 KiB to 64 MiB
	CallTimeout time.Duration // until a call is answered with an error, 100ms to 1h

	Witness   Witness                         // /api/v1/witness
	Catalogue Catalogue                       // /api/v1/tools
	Approvals Approvals                       // /api/v1/approvals
	Judge     Judge                           // /api/v1/judge, /api/v1/session/close
	MCP       http.Handler                    // /mcp; reads the caller's role by RoleFrom
	Metrics   func(io.Writer) error           // appends the node's own lines to /metrics
	Reload    func(ctx context.Context) error // /api/v1/plugins/reload; an error is one of the node, not of a plugin
	Ready     func() error                    // nil: the node takes work; else why not, for /readyz
}

// DefaultConfig returns the configuration of a node on loopback, without tokens and optional parts.
func DefaultConfig() Config {
	return Config{
		Addr: DefaultAddr, Heartbeat: 15 * time.Second, Buffer: 256, Clients: 64, Replay: 1024,
		BodyLimit: 1 << 20, CallTimeout: time.Minute,
	}
}

// Validate returns every fault of the configuration, each naming field, value and accepted range.
func (c Config) Validate() error {
	err := errors.Join(
		between("heartbeat", c.Heartbeat, time.Second, 5*time.Minute),
		between("buffer", c.Buffer, 1, 65536),
		between("clients", c.Clients, 1, 4096),
		between("replay", c.Replay, 0, 65536),
		between("body_limit", c.BodyLimit, 1<<10, 64<<20),
		between("call_timeout", c.CallTimeout, 100*time.Millisecond, time.Hour),
		checkToken("agent_token", c.AgentToken),
		checkToken("owner_token", c.OwnerToken),
		c.checkAddr(), c.checkNames(),
	)
	if c.AgentToken != "" && c.AgentToken == c.OwnerToken {
		err = errors.Join(err, errors.New("web: config owner_token: the same as agent_token, want two different tokens"))
	}
	return err
}

// checkAddr refuses what would show the node to a network without TLS and a token.
func (c Config) checkAddr() error {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return fmt.Errorf("web: config addr %q: want host:port: %w", c.Addr, err)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return fmt.Errorf("web: config cert_file %q, key_file %q: want both or neither", c.CertFile, c.KeyFile)
	}
	if c.Loopback() {
		return nil
	}
	if c.CertFile == "" {
		return fmt.Errorf("web: config addr %q: is beyond loopback, want cert_file and key_file, or 127.0.0.1", c.Addr)
	}
	if c.AgentToken == "" && c.OwnerToken == "" {
		return fmt.Errorf("web: config addr %q: is beyond loopback, want agent_token or owner_token", c.Addr)
	}
	if c.OpenMCP {
		return fmt.Errorf("web: config open_mcp true: addr %q is beyond loopback, want false", c.Addr)
	}
	return nil
}

// checkNames refuses hosts and origins that no request could carry.
func (c Config) checkNames() error {
	for i, h := range c.Hosts {
		if h == "" || strings.ContainsAny(h, "/ ") || (strings.Contains(h, ":") && net.ParseIP(h) == nil) {
			return fmt.Errorf("web: config hosts[%d] %q: want a host name or address without port", i, h)
		}
	}
	for i, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Scheme+"://"+u.Host != o {
			return fmt.Errorf("web: config origins[%d] %q: want scheme://host[:port]", i, o)
		}
	}
	return nil
}

// Loopback reports whether only processes of this machine can reach Addr.
func (c Config) Loopback() bool {
	host, _, err := net.SplitHostPort(c.Addr)
	return err == nil && loopbackName(host)
}

// tls returns the server's TLS setting, nil without a certificate.
func (c Config) tls() (*tls.Config, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("web: certificate %q with key %q: %w", c.CertFile, c.KeyFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}, nil
}

// loopbackName reports whether a host name or address is this machine's own by definition.
func loopbackName(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func checkToken(field, token string) error {
	if token == "" {
		return nil
	}
	if len(token) < minToken {
		// The value is a secret, so its length stands for it.
		return fmt.Errorf("web: config %s of %d characters: want at least %d", field, len(token), minToken)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("web: config %s: want printable ASCII without spaces", field)
	}
	return nil
}

func between[T int | int64 | time.Duration](field string, v, lo, hi T) error {
	if v < lo || v > hi {
		return fmt.Errorf("web: config %s %v: want %v to %v", field, v, lo, hi)
	}
	return nil
}
