// Package breaker stops an agent that runs in circles: too many calls of one tool a minute, or the same
// call over and over. It knows nothing of what a call means, and so also stops what the gate lets pass.
package breaker

import (
	"container/list"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/becomingone/becomingone/kernel/gate"
)

// Name is the name of the key in decisions.
const Name = "breaker"

// maxTracked bounds the tools that are watched, of all sessions together; the one that was called longest
// ago is forgotten.
const maxTracked = 4096

// pause is the silence after which a repeated call is not a circle any more, and the time that the other
// limit speaks of.
const pause = time.Minute

// Config are the limits of each tool in each session. 0 switches one off.
type Config struct {
	CallsPerMinute int // calls that may come at once, and in each minute after
	Identical      int // calls in a row with the same arguments and less than a minute between them
}

// Breaker counts. Not safe for concurrent use.
type Breaker struct {
	cfg   Config
	tools map[tool]*list.Element // of *count
	order *list.List             // called longest ago first
}

type tool struct{ session, name string }

type count struct {
	tool
	at        int64   // ns, of the newest call
	room      float64 // calls that may come now
	arguments [sha256.Size]byte
	identical int // in a row
}

// New returns a Breaker that has counted nothing.
func New(cfg Config) *Breaker {
	return &Breaker{cfg: cfg, tools: map[tool]*list.Element{}, order: list.New()}
}

// Call counts a proposed call at an instant in ns, which must not decrease, and reports whether it trips.
// Then the key says by how much, in calls, and what would mend it. A call that trips takes no room of the
// minute, but it does go on a row of identical ones. O(1).
func (b *Breaker) Call(at int64, session, name string, arguments []byte) (gate.Key, bool) {
	if b.cfg == (Config{}) {
		return gate.Key{}, false
	}
	c := b.of(at, tool{session, name})
	sum := sha256.Sum256(arguments)
	elapsed := at - c.at
	if c.identical > 0 && sum == c.arguments && elapsed < int64(pause) {
		c.identical++
	} else {
		c.arguments, c.identical = sum, 1
	}
	limit := float64(b.cfg.CallsPerMinute)
	c.room = min(limit, c.room+limit*float64(elapsed)/float64(pause))
	c.at = at
	if over := c.identical - b.cfg.Identical; b.cfg.Identical > 0 && over > 0 {
		return gate.Key{Name: Name, Margin: -float64(over), Need: fmt.Sprintf(
			"the same call of %.64s came %d times in a row, at most %d may: another call of it, or a minute's pause", name, c.identical, b.cfg.Identical)}, true
	}
	if b.cfg.CallsPerMinute > 0 {
		if c.room < 1 {
			wait := time.Duration((1 - c.room) / limit * float64(pause))
			return gate.Key{Name: Name, Margin: c.room - 1, Need: fmt.Sprintf(
				"%.64s was called more than %d times a minute: the next may come in %v", name, b.cfg.CallsPerMinute, wait.Round(time.Millisecond))}, true
		}
		c.room--
	}
	return gate.Key{}, false
}

// of returns the tool's count, new where it is not known.
func (b *Breaker) of(at int64, t tool) *count {
	if e, ok := b.tools[t]; ok {
		b.order.MoveToBack(e)
		return e.Value.(*count)
	}
	if len(b.tools) >= maxTracked {
		oldest := b.order.Remove(b.order.Front()).(*count)
		delete(b.tools, oldest.tool)
	}
	c := &count{tool: t, at: at, room: float64(b.cfg.CallsPerMinute)}
	b.tools[t] = b.order.PushBack(c)
	return c
}
