package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"
)

// CSRFHeader carries the second half of a paired page's secret. The cookie alone proves nothing:
// browsers send it to every port of this machine.
const CSRFHeader = "X-BecomingOne-CSRF"

// access is what a route asks of its caller.
type access uint8

const (
	free    access = iota // everybody: the page's files, health
	reading               // everybody on loopback unless Config.RequireToken, else Agent
	acting                // Agent
	owning                // Owner
)

// auth knows who a caller is.
type auth struct {
	agent, owner *[sha256.Size]byte // hashes of the tokens; nil: no such token
	open         bool               // whether reading is for everybody
	pairs        *pairs
}

func newAuth(cfg Config) *auth {
	return &auth{
		agent: hashed(cfg.AgentToken), owner: hashed(cfg.OwnerToken),
		open: cfg.Loopback() && !cfg.RequireToken, pairs: newPairs(),
	}
}

func hashed(token string) *[sha256.Size]byte {
	if token == "" {
		return nil
	}
	h := sha256.Sum256([]byte(token))
	return &h
}

// role returns what the caller has proven. A token that is no token of this node is an error even
// where none is needed, so that a mistyped one is noticed.
func (a *auth) role(r *http.Request) (Role, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		token, ok := strings.CutPrefix(header, "Bearer ")
		if !ok {
			return Nobody, fault(Unauthenticated, "Authorization", "want \"Bearer TOKEN\" with the node's agent or owner token")
		}
		return a.bearer(token)
	}
	if cookie, err := r.Cookie(cookieName(r)); err == nil && a.pairs.valid(cookie.Value, r.Header.Get(CSRFHeader), time.Now()) {
		return Owner, nil
	}
	return Nobody, nil
}

// bearer compares hashes, in constant time and always both, so that the answer's time tells nothing.
func (a *auth) bearer(token string) (Role, error) {
	h := sha256.Sum256([]byte(token))
	isOwner := a.owner != nil && subtle.ConstantTimeCompare(h[:], a.owner[:]) == 1
	isAgent := a.agent != nil && subtle.ConstantTimeCompare(h[:], a.agent[:]) == 1
	switch {
	case isOwner:
		return Owner, nil
	case isAgent:
		return Agent, nil
	}
	return Nobody, fault(Unauthenticated, "Authorization", "the token is neither the agent nor the owner token of this node")
}

// admit returns the caller's role if it suffices.
func (a *auth) admit(r *http.Request, need access) (Role, error) {
	if need == free {
		return Nobody, nil
	}
	role, err := a.role(r)
	if err != nil {
		return Nobody, err
	}
	switch {
	case need == reading && (a.open || role >= Agent), need == acting && role >= Agent, need == owning && role == Owner:
		return role, nil
	case role == Nobody && need == owning:
		return role, fault(Unauthenticated, "Authorization", "needs the owner token (Authorization: Bearer TOKEN) or a paired page")
	case role == Nobody:
		return role, fault(Unauthenticated, "Authorization", "needs the agent or owner token (Authorization: Bearer TOKEN) or a paired page")
	}
	return role, fault(Forbidden, "Authorization", "needs the owner token; the agent token is not enough")
}

type roleKey struct{}

// RoleFrom returns the role of the caller of a mounted handler (Config.MCP); Nobody outside of one.
func RoleFrom(ctx context.Context) Role {
	role, _ := ctx.Value(roleKey{}).(Role)
	return role
}

func withRole(r *http.Request, role Role) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), roleKey{}, role))
}

// checkSource refuses requests that a foreign page makes a browser send: a Host that is not ours
// (DNS rebinding) and an Origin other than the one that the request goes to.
func (c Config) checkSource(r *http.Request) error {
	if !c.ownHost(r.Host) {
		return fault(Forbidden, "Host", "host %q is not this node's: want localhost, a loopback address or one of http.hosts", r.Host)
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		// Browsers say where a request without Origin comes from; anything but a navigation of
		// the user or the page itself has no business here.
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
			return fault(Forbidden, "Sec-Fetch-Site", "a foreign page may not use this node")
		}
		return nil
	}
	scheme := "http://"
	if c.CertFile != "" {
		scheme = "https://"
	}
	if strings.EqualFold(origin, scheme+r.Host) {
		return nil
	}
	for _, o := range c.Origins {
		if strings.EqualFold(origin, o) {
			return nil
		}
	}
	return fault(Forbidden, "Origin", "origin %q may not use this node: want %s%s or one of http.origins", origin, scheme, r.Host)
}

// ownHost reports whether a Host header names this node.
func (c Config) ownHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	} else {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	}
	if c.Loopback() && loopbackName(name) {
		return true
	}
	if bound, _, err := net.SplitHostPort(c.Addr); err == nil && bound != "" && strings.EqualFold(bound, name) {
		return true
	}
	for _, h := range c.Hosts {
		if strings.EqualFold(h, name) {
			return true
		}
	}
	return false
}
