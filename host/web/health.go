package web

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/becomingone/becomingone/host/folder"
)

// healthz says that the process answers. A caller who knows the agent's token may send a nonce and
// learn from the proof that this is the node of that token, before he sends it.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request, _ Role) error {
	answer := struct {
		Status string `json:"status"`
		Proof  string `json:"proof,omitempty"`
	}{Status: "ok"}
	if nonce := r.URL.Query().Get("nonce"); nonce != "" && len(nonce) <= 64 && s.cfg.AgentToken != "" {
		answer.Proof = folder.Proof(s.cfg.AgentToken, nonce)
	}
	s.answer(w, r, http.StatusOK, answer)
	return nil
}

// readyz says whether the node takes work.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request, _ Role) error {
	if s.cfg.Ready != nil {
		if err := s.cfg.Ready(); err != nil {
			s.log.Debug("not ready", "error", err)
			return fault(Unavailable, "", "the node is not ready; its log says why")
		}
	}
	s.answer(w, r, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ready"})
	return nil
}

// metrics writes the server's own counts and then the node's, in the Prometheus text format.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request, _ Role) error {
	var b bytes.Buffer
	open, sent, dropped := s.hub.counts()
	metric(&b, "becomingone_web_streams", "gauge", "Event streams that are open.", uint64(open))
	metric(&b, "becomingone_web_events_total", "counter", "Events published to the streams.", sent)
	metric(&b, "becomingone_web_streams_dropped_total", "counter", "Event streams cut off because their client was slow.", dropped)
	fmt.Fprint(&b, "# HELP becomingone_web_requests_total Requests answered, by class of status.\n# TYPE becomingone_web_requests_total counter\n")
	for class := 1; class < len(s.answers); class++ {
		fmt.Fprintf(&b, "becomingone_web_requests_total{class=\"%dxx\"} %d\n", class, s.answers[class].Load())
	}
	if s.cfg.Metrics != nil {
		if err := s.cfg.Metrics(&b); err != nil {
			return fmt.Errorf("web: metrics: %w", err)
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if _, err := w.Write(b.Bytes()); err != nil {
		s.log.Debug("metrics not delivered", "error", err)
	}
	return nil
}

func metric(b *bytes.Buffer, name, kind, help string, v uint64) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", name, help, name, kind, name, v)
}
