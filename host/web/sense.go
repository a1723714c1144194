package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"
)

const (
	batchLines  = 256     // lines that go to the node at once
	batchBytes  = 1 << 18 // bytes after which a batch goes even with fewer lines
	errorsMost  = 1000    // refused lines that are reported one by one; the rest are counted
	defaultMIME = "application/x-ndjson"
)

// sense takes samples (NDJSON) or one text (text/plain) for as long as the client sends.
//
// The answer is NDJSON: {"line","error"} for each refused line as soon as it is known, at last
// {"accepted","rejected"}, before it {"error":{…}} if the node stopped listening. It is 200 once a
// line was accepted or if there was none, else 400 or the error's status.
func (s *Server) sense(w http.ResponseWriter, r *http.Request, role Role) error {
	req, err := senseRequest(r, role)
	if err != nil {
		return err
	}
	out := &senseReply{w: w, rc: http.NewResponseController(w)}
	// Errors are told while the rest of the body is still coming; HTTP/2 does so by itself.
	if err := out.rc.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("web: sense: full duplex: %w", err)
	}
	if req.Format == Text {
		err = s.senseText(w, r, role, req, out)
	} else {
		err = s.senseLines(r, role, req, out)
	}
	if err != nil && !out.started && out.accepted+out.rejected == 0 {
		return err
	}
	if err != nil {
		e, logged := public(err)
		if logged {
			s.log.Error("sensing stopped", "error", err)
		}
		out.stop(e)
	}
	out.finish()
	return nil
}

// senseRequest reads the query and the content type.
func senseRequest(r *http.Request, role Role) (SenseRequest, error) {
	q := r.URL.Query()
	req := SenseRequest{Channel: q.Get("channel"), Session: q.Get("session"), Source: q.Get("source")}
	for name := range q {
		switch name {
		case "channel", "session", "source", "trust":
			if v := q.Get(name); len(v) > 256 {
				return req, fault(Invalid, name, "%s of %d bytes: want at most 256", name, len(v))
			}
		default:
			return req, fault(Invalid, name, "query parameter %.40q: want channel, session, source or trust", name)
		}
	}
	switch trust := q.Get("trust"); {
	case trust == "" || trust == "untrusted":
	case trust == "trusted" && role == Owner:
		req.Trusted = true
	case trust == "trusted":
		return req, fault(Forbidden, "trust", "trust \"trusted\": needs the owner token or a paired page")
	default:
		return req, fault(Invalid, "trust", "trust %.40q: want trusted or untrusted", trust)
	}
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		kind = defaultMIME
	}
	kind, params, err := mime.ParseMediaType(kind)
	if c := params["charset"]; c != "" && c != "utf-8" && c != "UTF-8" {
		return req, fault(Unsupported, "Content-Type", "charset %.40q: want utf-8", c)
	}
	switch {
	case err == nil && (kind == defaultMIME || kind == "application/jsonl" || kind == "application/json"):
		req.Format = NDJSON
	case err == nil && kind == "text/plain":
		req.Format = Text
	default:
		return req, fault(Unsupported, "Content-Type", "content type %.60q: want application/x-ndjson or text/plain", r.Header.Get("Content-Type"))
	}
	return req, nil
}

func (s *Server) senseText(w http.ResponseWriter, r *http.Request, role Role, req SenseRequest, out *senseReply) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.BodyLimit))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return fault(TooLarge, "body", "text: want at most %d bytes", big.Limit)
	case err != nil:
		return fault(Invalid, "body", "text: %v", err)
	case len(body) == 0:
		return fault(Invalid, "body", "text: empty, want at least one byte")
	case !utf8.Valid(body):
		return fault(Invalid, "body", "text: want UTF-8")
	}
	req.Lines = []Line{{N: 1, Data: body}}
	res, err := s.node.Sense(r.Context(), req, role)
	out.add(res)
	return err
}

func (s *Server) senseLines(r *http.Request, role Role, req SenseRequest, out *senseReply) error {
	lines := newLineReader(r.Body, int(s.cfg.BodyLimit))
	for {
		batch, long, err := lines.next()
		out.add(SenseResult{Errors: long})
		if len(batch) > 0 {
			req.Lines = batch
			res, err := s.node.Sense(r.Context(), req, role)
			out.add(res)
			if err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			// A line that was cut off by a broken connection was never sent: it is not judged.
			return fault(Invalid, "body", "body ended early after line %d: %v", lines.n, err)
		}
	}
}

// lineReader cuts a stream into batches of lines. A batch ends early where the next line has not
// arrived yet, so that a slow sensor is heard at once.
type lineReader struct {
	br    *bufio.Reader
	limit int // bytes of one line
	n     int // number of the last line, from 1
	arena []byte
	ends  []Line // Data is set when the arena no longer moves
	sizes []int
}

func newLineReader(r io.Reader, limit int) *lineReader {
	return &lineReader{br: bufio.NewReaderSize(r, 1<<16), limit: limit}
}

// next returns the next lines, without blank ones, and those that were too long to read. Both may be
// empty. The lines are valid until the next call.
func (l *lineReader) next() (batch []Line, long []LineError, err error) {
	l.arena, l.ends, l.sizes = l.arena[:0], l.ends[:0], l.sizes[:0]
	for len(l.ends) < batchLines && len(l.arena) < batchBytes && len(long) < batchLines {
		start := len(l.arena)
		var whole bool
		if whole, err = l.line(); err == io.EOF && len(l.arena) == start && whole {
			break
		}
		if err != nil && err != io.EOF {
			l.arena = l.arena[:start]
			break
		}
		l.n++
		switch text := bytes.TrimSpace(l.arena[start:]); {
		case !whole:
			l.arena = l.arena[:start]
			long = append(long, LineError{Line: l.n, Error: fmt.Sprintf("line is longer than %d bytes", l.limit)})
		case len(text) == 0:
			l.arena = l.arena[:start]
		default:
			l.ends, l.sizes = append(l.ends, Line{N: l.n}), append(l.sizes, len(l.arena)-start)
		}
		if err != nil || !l.ready() {
			break
		}
	}
	start := 0
	for i, size := range l.sizes {
		l.ends[i].Data = bytes.TrimSpace(l.arena[start : start+size])
		start += size
	}
	return l.ends, long, err
}

// line appends one line to the arena; whole is false if it was too long, the rest is then skipped.
func (l *lineReader) line() (whole bool, err error) {
	size := 0
	for {
		part, err := l.br.ReadSlice('\n')
		if size += len(part); size <= l.limit+1 {
			l.arena = append(l.arena, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return size <= l.limit || (size == l.limit+1 && err == nil), err
		}
	}
}

// ready reports whether a whole further line has already arrived.
func (l *lineReader) ready() bool {
	waiting, err := l.br.Peek(l.br.Buffered())
	return err == nil && bytes.IndexByte(waiting, '\n') >= 0
}

// senseReply writes the answer as it becomes known.
type senseReply struct {
	w                  http.ResponseWriter
	rc                 *http.ResponseController
	buf                bytes.Buffer
	accepted, rejected int
	started            bool
	stopped            Code // why the node stopped listening
}

// add takes the result of one batch. Nothing is sent before the first accepted line: until then the
// whole request may still turn out to be wrong.
func (p *senseReply) add(res SenseResult) {
	for _, e := range res.Errors {
		if p.rejected++; p.rejected <= errorsMost {
			p.line(e)
		}
	}
	if p.accepted += res.Accepted; p.accepted > 0 && p.buf.Len() > 0 {
		p.send(http.StatusOK)
	}
}

func (p *senseReply) stop(e *Error) {
	p.stopped = e.Code
	p.line(struct {
		Error *Error `json:"error"`
	}{e})
}

func (p *senseReply) finish() {
	p.line(struct {
		Accepted int `json:"accepted"`
		Rejected int `json:"rejected"`
	}{p.accepted, p.rejected})
	status := http.StatusOK
	switch {
	case p.accepted == 0 && p.stopped != "":
		status = statusOf[p.stopped]
	case p.accepted == 0 && p.rejected > 0:
		status = http.StatusBadRequest
	}
	p.send(status)
}

func (p *senseReply) line(v any) {
	// The values are this file's own structs of strings and numbers, which always encode.
	b, _ := json.Marshal(v)
	p.buf.Write(append(b, '\n'))
}

// send writes what is buffered. A client that no longer reads is noticed by its body.
func (p *senseReply) send(status int) {
	if !p.started {
		p.started = true
		p.w.Header().Set("Content-Type", defaultMIME)
		p.w.WriteHeader(status)
	}
	if _, err := p.w.Write(p.buf.Bytes()); err == nil {
		_ = p.rc.Flush()
	}
	p.buf.Reset()
}
