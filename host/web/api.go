package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
)

// witnessMost is how many entries one answer may hold.
const witnessMost = 1000

func (s *Server) status(w http.ResponseWriter, r *http.Request, role Role) error {
	st, err := s.node.Status(r.Context())
	if err != nil {
		return err
	}
	if role != Owner {
		st = st.forAll()
	}
	s.answer(w, r, http.StatusOK, struct {
		Status
		Viewer     Role    `json:"viewer"`      // what the caller has proven to be
		HeartbeatS float64 `json:"heartbeat_s"` // silence of /events that is still normal
	}{st, role, s.cfg.Heartbeat.Seconds()})
	return nil
}

// call answers 200 for every decision of the gate: held and dissipated are answers, not errors.
func (s *Server) call(w http.ResponseWriter, r *http.Request, role Role) error {
	var req CallRequest
	if err := readJSON(w, r, s.cfg.BodyLimit, &req); err != nil {
		return err
	}
	if req.Action == "" {
		return fault(Invalid, "action", "action %q: want the name of an action (GET /api/v1/tools lists them)", req.Action)
	}
	if len(req.Arguments) == 0 || bytes.Equal(req.Arguments, []byte("null")) {
		req.Arguments = json.RawMessage("{}")
	}
	if req.Arguments[0] != '{' {
		return fault(Invalid, "arguments", "arguments %.40q: want a JSON object", req.Arguments)
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.CallTimeout)
	defer cancel()
	out, err := s.node.Call(ctx, req, role)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, out)
	return nil
}

func (s *Server) tools(w http.ResponseWriter, r *http.Request, _ Role) error {
	s.answer(w, r, http.StatusOK, struct {
		Tools []Tool `json:"tools"`
	}{append([]Tool{}, s.cfg.Catalogue.Tools()...)})
	return nil
}

// witnessTail answers ?n= entries (default 50) from ?from=, or the newest ones.
func (s *Server) witnessTail(w http.ResponseWriter, r *http.Request, role Role) error {
	size := s.cfg.Witness.Size()
	n, err := number(r, "n", 50, 1, witnessMost)
	if err != nil {
		return err
	}
	from, err := number(r, "from", size-min(size, n), 0, size)
	if err != nil {
		return err
	}
	entries, err := s.cfg.Witness.Entries(r.Context(), from, int(n))
	if err != nil {
		return err
	}
	entries = append([]WitnessEntry{}, entries...)
	if role != Owner {
		entries = mapped(entries, WitnessEntry.forAgents)
	}
	s.answer(w, r, http.StatusOK, struct {
		Size    uint64         `json:"size"`
		Entries []WitnessEntry `json:"entries"`
	}{size, entries})
	return nil
}

func (s *Server) witnessEntry(w http.ResponseWriter, r *http.Request, role Role) error {
	text, size := r.PathValue("index"), s.cfg.Witness.Size()
	i, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return fault(Invalid, "index", "index %.40q: want a number from 0", text)
	}
	if i >= size {
		return fault(NotFound, "index", "index %d: the log has %d entries, want less", i, size)
	}
	e, err := s.cfg.Witness.Entry(r.Context(), i)
	if err != nil {
		return err
	}
	if role != Owner {
		e = e.forAgents()
	}
	s.answer(w, r, http.StatusOK, e)
	return nil
}

// forAgents keeps what proves that an entry exists and leaves out what it says.
func (e WitnessEntry) forAgents() WitnessEntry { e.Payload = nil; return e }

// number reads a query parameter in lo…hi.
func number(r *http.Request, name string, absent, lo, hi uint64) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v < lo || v > hi {
		return 0, fault(Invalid, name, "%s %.40q: want %d to %d", name, text, lo, hi)
	}
	return v, nil
}

// readJSON reads one JSON object of at most limit bytes into v and refuses unknown fields.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		// A foreign page can send other types without asking first.
		return fault(Unsupported, "Content-Type", "content type %.60q: want application/json", r.Header.Get("Content-Type"))
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		if err == nil {
			err = errors.New("more than one JSON value")
		}
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return fault(TooLarge, "body", "body: want at most %d bytes", big.Limit)
	}
	if errors.Is(err, io.EOF) {
		return fault(Invalid, "body", "body: empty, want one JSON object")
	}
	return fault(Invalid, "body", "body: want one JSON object: %v", err)
}
