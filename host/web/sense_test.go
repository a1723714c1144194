package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const ndjson = "Content-Type: application/x-ndjson"

func TestSenseReportsBadLines(t *testing.T) {
	s, n := newServer(t, nil)
	body := "{\"t\":1}\n\nnot json\r\n{\"t\":2,\"trust\":\"trusted\"}\n{\"t\":3}"
	w := ask(s, "POST", "/api/v1/sense?channel=c&source=file&session=s", body, asAgent(), ndjson)
	require.Equal(t, 200, w.Code)
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	require.Len(t, lines, 3, w.Body.String())
	require.Contains(t, lines[0], `"line":3,"error":"want a JSON object`)
	require.Contains(t, lines[1], `"line":4`)
	require.JSONEq(t, `{"accepted":2,"rejected":2}`, lines[2])

	_, _, sensed := n.seen()
	var got []Line
	for _, req := range sensed {
		require.Equal(t, []any{"c", "file", "s", false, NDJSON}, []any{req.Channel, req.Source, req.Session, req.Trusted, req.Format})
		got = append(got, req.Lines...)
	}
	require.Equal(t, Line{N: 1, Data: []byte(`{"t":1}`)}, got[0])
	require.Equal(t, Line{N: 5, Data: []byte(`{"t":3}`)}, got[3])
}

func TestSenseStatus(t *testing.T) {
	s, n := newServer(t, nil)
	require.Equal(t, 400, ask(s, "POST", "/api/v1/sense", "x\n", asAgent(), ndjson).Code, "no line was accepted")
	require.Equal(t, 200, ask(s, "POST", "/api/v1/sense", "", asAgent(), ndjson).Code, "nothing was asked for")
	n.err = &Error{Code: Unavailable, Message: "the intake is full"}
	w := ask(s, "POST", "/api/v1/sense", "x\n", asAgent(), ndjson)
	require.Equal(t, 503, w.Code)
	require.Contains(t, w.Body.String(), "the intake is full")
}

func TestSenseText(t *testing.T) {
	s, n := newServer(t, nil)
	w := ask(s, "POST", "/api/v1/sense?trust=trusted&session=s", "pay the bill\nof December", asOwner(), "Content-Type: text/plain; charset=utf-8")
	require.Equal(t, 200, w.Code, w.Body.String())
	require.JSONEq(t, `{"accepted":1,"rejected":0}`, w.Body.String())
	_, _, sensed := n.seen()
	require.True(t, sensed[0].Trusted)
	require.Equal(t, Text, sensed[0].Format)
	require.Equal(t, "pay the bill\nof December", string(sensed[0].Lines[0].Data))
}

func TestSenseErrors(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.BodyLimit = 1024 })
	for _, c := range []struct {
		name, query, body, auth, kind string
		status                        int
		field, says                   string
	}{
		{"trusted as agent", "?trust=trusted", "{}", asAgent(), "text/plain", 403, "trust", "owner"},
		{"trust", "?trust=yes", "{}", asOwner(), "text/plain", 400, "trust", "trusted or untrusted"},
		{"parameter", "?chanel=x", "{}", asAgent(), "text/plain", 400, "chanel", "channel, session"},
		{"long parameter", "?channel=" + strings.Repeat("x", 300), "{}", asAgent(), "text/plain", 400, "channel", "256"},
		{"type", "", "{}", asAgent(), "text/html", 415, "Content-Type", "text/html"},
		{"charset", "", "{}", asAgent(), "text/plain; charset=latin1", 415, "Content-Type", "utf-8"},
		{"empty text", "", "", asAgent(), "text/plain", 400, "body", "empty"},
		{"no UTF-8", "", "\xff", asAgent(), "text/plain", 400, "body", "UTF-8"},
		{"long text", "", strings.Repeat("x", 1025), asAgent(), "text/plain", 413, "body", "1024"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(s, "POST", "/api/v1/sense"+c.query, c.body, c.auth, "Content-Type: "+c.kind)
			require.Equal(t, c.status, w.Code, w.Body.String())
			e := errorOf(t, w.Body.Bytes())
			require.Equal(t, c.field, e.Field)
			require.Contains(t, e.Message, c.says)
		})
	}
}

func TestSenseLongLineCostsOnlyItself(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.BodyLimit = 1024 })
	body := "{}\n" + strings.Repeat("x", 300_000) + "\n{}\n"
	w := ask(s, "POST", "/api/v1/sense", body, asAgent(), ndjson)
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), `{"line":2,"error":"line is longer than 1024 bytes"}`)
	require.Contains(t, w.Body.String(), `{"accepted":2,"rejected":1}`)
}

// A slow sensor is heard and answered line by line, long before its stream ends.
func TestSenseStreams(t *testing.T) {
	s, n := newServer(t, nil)
	n.heard = make(chan int, 16)
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	body, feed := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/api/v1/sense", body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+agentToken)
	answer := make(chan *http.Response, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			close(answer)
			return
		}
		answer <- resp
	}()
	send := func(line string) {
		_, err := fmt.Fprintln(feed, line)
		require.NoError(t, err)
		require.Equal(t, 1, <-n.heard)
	}
	send(`{"t":1}`)
	send(`oops`)
	resp, ok := <-answer
	require.True(t, ok)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), `"line":2`)
	send(`{"t":2}`)
	require.NoError(t, feed.Close())
	require.True(t, lines.Scan())
	require.JSONEq(t, `{"accepted":2,"rejected":1}`, lines.Text())
}

func TestSenseDoesNotJudgeABrokenLine(t *testing.T) {
	s, n := newServer(t, nil)
	body, feed := io.Pipe()
	go func() {
		fmt.Fprint(feed, "{\"t\":1}\n{\"t\":")
		feed.CloseWithError(io.ErrUnexpectedEOF)
	}()
	r := httptest.NewRequest("POST", "/api/v1/sense", body)
	r.Host = DefaultAddr
	r.Header.Set("Authorization", "Bearer "+agentToken)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	_, _, sensed := n.seen()
	require.Len(t, sensed, 1)
	require.Len(t, sensed[0].Lines, 1)
	require.Contains(t, w.Body.String(), "ended early after line 1")
	require.Contains(t, w.Body.String(), `{"accepted":1,"rejected":0}`)
}

// Whatever is sent, each line that is not blank is either handed on or reported, once and in order.
func FuzzLineReader(f *testing.F) {
	f.Add([]byte("a\nb\n\nc"), uint16(8))
	f.Add([]byte("a\r\n  \r\nlonger than the limit\nx"), uint16(4))
	f.Add(bytes.Repeat([]byte("y\n"), 600), uint16(1))
	f.Add(append(bytes.Repeat([]byte("z"), 70_000), '\n'), uint16(65535))
	f.Fuzz(func(t *testing.T, data []byte, limit uint16) {
		limit = max(limit, 1)
		want := map[int]string{}
		for i, l := range bytes.SplitAfter(data, []byte("\n")) {
			if whole := bytes.TrimSuffix(l, []byte("\n")); len(whole) > int(limit) {
				want[i+1] = "long"
			} else if text := bytes.TrimSpace(l); len(text) > 0 {
				want[i+1] = "text " + string(text)
			}
		}
		got, last := map[int]string{}, 0
		l := newLineReader(bytes.NewReader(data), int(limit))
		for {
			batch, long, err := l.next()
			for _, line := range batch {
				require.Greater(t, line.N, last)
				last = line.N
				got[line.N] = "text " + string(line.Data)
			}
			for _, e := range long {
				got[e.Line] = "long"
			}
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
		}
		require.Equal(t, want, got)
	})
}

func BenchmarkSenseLines(b *testing.B) {
	cfg := testConfig()
	s, err := New(cfg, discardNode{}, nil)
	require.NoError(b, err)
	line, err := json.Marshal(map[string]any{"t": 1700000000000000000, "ch": "co2", "x": []float64{315.2}})
	require.NoError(b, err)
	body := bytes.Repeat(append(line, '\n'), 10_000)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if w := ask(s, "POST", "/api/v1/sense", string(body), asAgent(), ndjson); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "lines/s")
}
