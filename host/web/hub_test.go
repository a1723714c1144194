package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/stretchr/testify/require"
)

// discardNode accepts everything and keeps nothing.
type discardNode struct{}

func (discardNode) Status(context.Context) (Status, error) { return Status{}, nil }
func (discardNode) Call(context.Context, CallRequest, Role) (Outcome, error) {
	return Outcome{}, nil
}
func (discardNode) Sense(_ context.Context, r SenseRequest, _ Role) (SenseResult, error) {
	return SenseResult{Accepted: len(r.Lines)}, nil
}

// tap is a ResponseWriter whose client may stop reading.
type tap struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	stall chan struct{} // while not nil, writes wait until it is closed
}

func (*tap) Header() http.Header { return http.Header{} }
func (*tap) WriteHeader(int)     {}
func (*tap) Flush()              {}

func (w *tap) Write(b []byte) (int, error) {
	if w.stall != nil {
		<-w.stall
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

func (w *tap) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// listen opens a stream in the bubble; end closes it and waits for the handler.
func listen(t *testing.T, s *Server, w *tap, head ...string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, "GET", "/events", nil)
	r.Host = DefaultAddr
	for _, h := range head {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Handler().ServeHTTP(w, r)
	}()
	synctest.Wait()
	return func() { cancel(); <-done }
}

func publishLog(t *testing.T, s *Server, sizes ...uint64) {
	t.Helper()
	for _, n := range sizes {
		require.NoError(t, s.Publish("log", encoded(Log{Size: n})))
	}
}

// sizes returns the sizes of the log events of a stream, in order.
func sizes(t *testing.T, stream string) (out []uint64) {
	t.Helper()
	for _, line := range strings.Split(stream, "\n") {
		if data, ok := strings.CutPrefix(line, "data: {\"size\":"); ok {
			var n uint64
			_, err := fmt.Sscanf(data, "%d", &n)
			require.NoError(t, err)
			out = append(out, n)
		}
	}
	return out
}

func lastID(stream string) string {
	i := strings.LastIndex(stream, "id: ")
	id, _, _ := strings.Cut(stream[i+4:], "\n")
	return id
}

func TestStreamReplaysThenFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		publishLog(t, s, 1, 2)
		w := &tap{}
		end := listen(t, s, w)
		publishLog(t, s, 3)
		synctest.Wait()
		end()
		require.Equal(t, []uint64{1, 2, 3}, sizes(t, w.text()))
		require.Less(t, strings.Index(w.text(), `"size":2`), strings.Index(w.text(), "event: live"))
		require.Greater(t, strings.Index(w.text(), `"size":3`), strings.Index(w.text(), "event: live"))

		publishLog(t, s, 4)
		again := &tap{}
		end = listen(t, s, again, "Last-Event-ID: "+lastID(w.text()))
		end()
		require.Equal(t, []uint64{4}, sizes(t, again.text()))

		other := &tap{}
		end = listen(t, s, other, "Last-Event-ID: EARLIER0-3")
		end()
		require.Equal(t, []uint64{1, 2, 3, 4}, sizes(t, other.text()), "an id of an earlier process replays all")
	})
}

func TestStreamTellsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, func(c *Config) { c.Replay = 4 })
		publishLog(t, s, 1)
		w := &tap{}
		end := listen(t, s, w)
		end()
		publishLog(t, s, 2, 3, 4, 5, 6, 7)
		again := &tap{}
		end = listen(t, s, again, "Last-Event-ID: "+lastID(w.text()))
		end()
		require.Contains(t, again.text(), "event: gap\ndata: {\"missed\":2}\n\n")
		require.Equal(t, []uint64{4, 5, 6, 7}, sizes(t, again.text()))
	})
}

func TestFieldLinesDoNotPushOutDecisions(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.Replay = 8 })
	require.NoError(t, s.Publish("decision", encoded(decisionOf(1, "say", gate.Collapse))))
	co2 := newSignal("co2", true)
	for range 100 {
		require.NoError(t, s.Publish("field", encoded(co2.next())))
	}
	_, backlog, _, err := s.hub.join("")
	require.NoError(t, err)
	require.Len(t, backlog, 9)
	require.Equal(t, "decision", backlog[0].event)
}

func TestSlowClientIsDroppedAndNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, func(c *Config) { c.Buffer = 4 })
		slow := &tap{stall: make(chan struct{})}
		endSlow := listen(t, s, slow)
		quick := &tap{}
		endQuick := listen(t, s, quick)
		for i := range uint64(50) {
			publishLog(t, s, i)
			synctest.Wait()
		}
		open, sent, dropped := s.hub.counts()
		require.Equal(t, 1, open)
		require.EqualValues(t, 50, sent)
		require.EqualValues(t, 1, dropped)
		require.Len(t, sizes(t, quick.text()), 50)
		close(slow.stall)
		endSlow()
		endQuick()
	})
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		w := &tap{}
		end := listen(t, s, w)
		wait(3*s.cfg.Heartbeat + time.Second)
		synctest.Wait()
		end()
		require.Equal(t, 3, strings.Count(w.text(), "\n:\n"))
	})
}

func TestStreamEndsWithItsPairing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		cookie, csrf := redeem(t, s, s.PairURL(here))
		w := &tap{}
		end := listen(t, s, w, cookie, csrf)
		require.NoError(t, s.Publish("decision", encoded(decisionOf(1, "say", gate.Collapse))))
		synctest.Wait()
		require.Contains(t, w.text(), secretText)
		require.Equal(t, 200, ask(s, "POST", "/api/v1/unpair", "", cookie, csrf).Code)
		wait(s.cfg.Heartbeat + time.Second)
		synctest.Wait()
		open, _, _ := s.hub.counts()
		require.Zero(t, open)
		end()
	})
}

func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, func(c *Config) { c.Clients = 1 })
		end := listen(t, s, &tap{})
		w := ask(s, "GET", "/events", "")
		require.Equal(t, 503, w.Code)
		require.Contains(t, w.Body.String(), "1 event streams are open")
		end()
	})
}

func TestCloseEndsStreamsAndPublishStaysHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		end := listen(t, s, &tap{})
		require.NoError(t, s.Close())
		require.NoError(t, s.Close())
		synctest.Wait()
		publishLog(t, s, 1)
		end()
	})
}

// Every event and every place where a text may quote somebody: only the owner's stream has it.
func TestStreamsOfOthersAreRedacted(t *testing.T) {
	for event, data := range map[string]any{
		"decision": decisionOf(1, "pay", gate.Held),
		"action":   Ran{Action: "say", Error: &CallError{Code: "bad", Message: secretText}},
		"plugin":   Plugin{Name: "echo", LastError: secretText},
		"hook":     Hook{Name: "x.sh", LastError: secretText},
		"status":   Status{Questions: []Question{{ID: "q", Text: secretText}}, Decisions: []Decision{decisionOf(1, "say", gate.Collapse)}},
	} {
		full, open, err := views(event, encoded(data))
		require.NoError(t, err, event)
		require.Contains(t, string(full), secretText, event)
		require.NotContains(t, string(open), secretText, event)
	}
	_, open, err := views("log", json.RawMessage(`{"size":1,"note":"`+secretText+`"}`))
	require.NoError(t, err)
	require.NotContains(t, string(open), secretText, "a field that this version does not know stays private")
}

func TestPublishRefuses(t *testing.T) {
	s, _ := newServer(t, nil)
	require.ErrorContains(t, s.Publish("mood", json.RawMessage(`{}`)), `event "mood"`)
	require.Error(t, s.Publish("log", json.RawMessage(`{`)))
	require.Error(t, s.Publish("log", json.RawMessage(`{"size":"many"}`)))
	_, sent, _ := s.hub.counts()
	require.Zero(t, sent)
}

func TestPublishKeepsOneEventOnOneLine(t *testing.T) {
	full, open, err := views("log", json.RawMessage("{\n\"size\": 1\n}"))
	require.NoError(t, err)
	require.NotContains(t, string(full)+string(open), "\n")
}

func FuzzLastEventID(f *testing.F) {
	f.Add("")
	f.Add("BOOT0000-3")
	f.Add("BOOT0000-18446744073709551615")
	f.Fuzz(func(t *testing.T, id string) {
		h := newHub("BOOT0000", DefaultConfig())
		for range 5 {
			require.NoError(t, h.publish("log", json.RawMessage(`{}`)))
		}
		_, backlog, missed, err := h.join(id)
		require.NoError(t, err)
		require.LessOrEqual(t, uint64(len(backlog))+missed, uint64(5))
	})
}

func BenchmarkPublishField(b *testing.B) {
	for _, clients := range []int{0, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			h := newHub("BOOT0000", DefaultConfig())
			for range clients {
				c, _, _, err := h.join("")
				require.NoError(b, err)
				go func() {
					for range c.frames {
					}
				}()
			}
			line := encoded(newSignal("co2", true).next())
			b.ReportAllocs()
			for b.Loop() {
				if err := h.publish("field", line); err != nil {
					b.Fatal(err)
				}
			}
			_, _, dropped := h.counts()
			b.ReportMetric(float64(dropped), "dropped")
			h.close()
		})
	}
}
