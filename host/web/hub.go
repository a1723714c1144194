package web

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// hub fans events out to the open streams. Publishing never waits: a client whose buffer is full is
// cut off, counted, and may come back for what it missed.
type hub struct {
	boot    string // tells this process's event ids from an earlier one's
	buffer  int    // frames that wait for one client
	most    int    // clients at once
	mu      sync.Mutex
	seq     uint64           // of the newest frame
	lines   ring             // "field" events: many, and soon outdated
	stories ring             // all others: few, and worth keeping
	clients map[*client]bool // open streams
	closed  bool
	done    chan struct{} // closed with the hub
	sent    uint64        // frames published
	dropped uint64        // clients cut off because they were slow
}

// frame is one event, ready to be written.
type frame struct {
	seq        uint64
	event      string
	full, open []byte // data for the owner, data for everybody
}

// client is one open stream; its channel is closed when the hub lets go of it.
type client struct {
	frames chan frame
}

// ring keeps the newest frames, oldest first.
type ring struct {
	frames []frame
	most   int
}

func (r *ring) add(f frame) {
	if r.most == 0 {
		return
	}
	if len(r.frames) == r.most {
		r.frames = slices.Delete(r.frames, 0, 1)
	}
	r.frames = append(r.frames, f)
}

func newHub(boot string, cfg Config) *hub {
	return &hub{
		boot: boot, buffer: cfg.Buffer, most: cfg.Clients, clients: map[*client]bool{}, done: make(chan struct{}),
		lines: ring{most: cfg.Replay}, stories: ring{most: cfg.Replay},
	}
}

// publish gives an event to every client, in one order for all.
func (h *hub) publish(event string, data json.RawMessage) error {
	full, open, err := views(event, data)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.seq++
	h.sent++
	f := frame{seq: h.seq, event: event, full: full, open: open}
	if event == "field" {
		h.lines.add(f)
	} else {
		h.stories.add(f)
	}
	for c := range h.clients {
		select {
		case c.frames <- f:
		default:
			h.dropped++
			h.release(c)
		}
	}
	return nil
}

// join opens a stream after the event named last ("" or unknown: from the oldest kept). It returns
// the kept events that follow and how many are no longer kept.
func (h *hub) join(last string) (c *client, backlog []frame, missed uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, 0, fault(Unavailable, "", "the node is stopping")
	}
	if len(h.clients) >= h.most {
		return nil, nil, 0, fault(Unavailable, "", "%d event streams are open, at most %d: close a page and try again", len(h.clients), h.most)
	}
	since, known := h.parse(last)
	backlog = h.after(since)
	if known {
		missed = h.seq - since - uint64(len(backlog))
	}
	c = &client{frames: make(chan frame, h.buffer)}
	h.clients[c] = true
	return c, backlog, missed, nil
}

// parse reads the sequence number of an id of this process.
func (h *hub) parse(id string) (seq uint64, ok bool) {
	digits, found := strings.CutPrefix(id, h.boot+"-")
	if !found {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || seq > h.seq {
		return 0, false
	}
	return seq, true
}

// after merges both rings into the frames with a greater sequence number, in order.
func (h *hub) after(seq uint64) []frame {
	var out []frame
	for _, r := range []*ring{&h.lines, &h.stories} {
		for _, f := range r.frames {
			if f.seq > seq {
				out = append(out, f)
			}
		}
	}
	slices.SortFunc(out, func(a, b frame) int {
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	return out
}

// leave ends a stream; leaving twice is harmless.
func (h *hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.release(c)
}

// release forgets a client and closes its channel. The caller holds mu, so no send can be under way.
func (h *hub) release(c *client) {
	if h.clients[c] {
		delete(h.clients, c)
		close(c.frames)
	}
}

// close ends every stream and refuses new ones.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	close(h.done)
	for c := range h.clients {
		h.release(c)
	}
}

// counts returns the open streams, the frames published and the clients cut off.
func (h *hub) counts() (open int, sent, dropped uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.clients), h.sent, h.dropped
}
