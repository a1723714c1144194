package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	codeLife     = 10 * time.Minute // how long a pairing link works
	pairLife     = 12 * time.Hour   // how long a page stays paired
	pairsMost    = 16               // paired pages at once; the oldest gives way
	triesMost    = 10               // pairing attempts in one triesWindow, from all callers together
	triesWindow  = time.Minute
	cookiePrefix = "becomingone_"
)

// pairs holds the one outstanding pairing code and the paired pages.
type pairs struct {
	mu       sync.Mutex
	code     *[sha256.Size]byte // hash of the code; nil: none is out
	codeEnd  time.Time
	tries    int
	triesEnd time.Time
	pages    []page // oldest first
}

// page is one paired browser: hashes of the cookie and of the header that must come with it.
type page struct {
	cookie, csrf [sha256.Size]byte
	end          time.Time
}

func newPairs() *pairs { return &pairs{} }

// mint makes a new code; an earlier one that was not used becomes void.
func (p *pairs) mint(now time.Time) (code string, end time.Time) {
	code = rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	h := sha256.Sum256([]byte(code))
	p.code, p.codeEnd = &h, now.Add(codeLife)
	return code, p.codeEnd
}

// redeem exchanges a code, once, for the two secrets of a paired page.
func (p *pairs) redeem(code string, now time.Time) (cookie, csrf string, end time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.After(p.triesEnd) {
		p.tries, p.triesEnd = 0, now.Add(triesWindow)
	}
	if p.tries++; p.tries > triesMost {
		return "", "", end, fault(TooMany, "", "more than %d pairing attempts in %v: wait a minute", triesMost, triesWindow)
	}
	h := sha256.Sum256([]byte(code))
	if p.code == nil || now.After(p.codeEnd) || subtle.ConstantTimeCompare(h[:], p.code[:]) != 1 {
		return "", "", end, fault(Unauthenticated, "code", "the pairing code is wrong, used or older than %v: ask the node for a new link", codeLife)
	}
	p.code = nil
	cookie, csrf, end = rand.Text(), rand.Text(), now.Add(pairLife)
	if len(p.pages) == pairsMost {
		p.pages = p.pages[1:]
	}
	p.pages = append(p.pages, page{cookie: sha256.Sum256([]byte(cookie)), csrf: sha256.Sum256([]byte(csrf)), end: end})
	return cookie, csrf, end, nil
}

// valid reports whether both secrets are those of one paired page.
func (p *pairs) valid(cookie, csrf string, now time.Time) bool {
	return p.find(cookie, csrf, now, false)
}

// end unpairs the page with these secrets.
func (p *pairs) end(cookie, csrf string, now time.Time) { p.find(cookie, csrf, now, true) }

func (p *pairs) find(cookie, csrf string, now time.Time, remove bool) bool {
	c, k := sha256.Sum256([]byte(cookie)), sha256.Sum256([]byte(csrf))
	p.mu.Lock()
	defer p.mu.Unlock()
	kept, found := p.pages[:0], false
	for _, pg := range p.pages {
		match := subtle.ConstantTimeCompare(pg.cookie[:], c[:])&subtle.ConstantTimeCompare(pg.csrf[:], k[:]) == 1
		if now.After(pg.end) || (match && remove) {
			continue
		}
		found = found || match
		kept = append(kept, pg)
	}
	p.pages = kept
	return found
}

// PairURL returns a link that pairs one browser with the node, as Owner: once, within 10 minutes, and
// only the newest link. addr is where the server listens. Print it on a terminal, never log it. The
// code is in the fragment, which browsers neither send nor pass on.
func (s *Server) PairURL(addr net.Addr) string {
	code, _ := s.auth.pairs.mint(time.Now())
	return s.scheme() + "://" + addr.String() + "/#pair=" + code
}

// pair exchanges {"code"} for an HttpOnly cookie and {"csrf","expires_at"}.
func (s *Server) pair(w http.ResponseWriter, r *http.Request, _ Role) error {
	var body struct {
		Code string `json:"code"`
	}
	if err := readJSON(w, r, 4096, &body); err != nil {
		return err
	}
	cookie, csrf, end, err := s.auth.pairs.redeem(body.Code, time.Now())
	if err != nil {
		return err
	}
	s.setCookie(w, r, cookie, end)
	s.log.Info("page paired", slog.Time("until", end))
	s.answer(w, r, http.StatusOK, struct {
		CSRF      string `json:"csrf"`
		ExpiresAt int64  `json:"expires_at"`
	}{csrf, end.UnixNano()})
	return nil
}

// unpair ends the pairing of the page that asks.
func (s *Server) unpair(w http.ResponseWriter, r *http.Request, _ Role) error {
	if cookie, err := r.Cookie(cookieName(r)); err == nil {
		s.auth.pairs.end(cookie.Value, r.Header.Get(CSRFHeader), time.Now())
	}
	s.setCookie(w, r, "", time.Unix(1, 0))
	s.answer(w, r, http.StatusOK, json.RawMessage(`{"paired":false}`))
	return nil
}

// pairCode answers an owner, such as the CLI, with a new link.
func (s *Server) pairCode(w http.ResponseWriter, r *http.Request, _ Role) error {
	code, end := s.auth.pairs.mint(time.Now())
	s.answer(w, r, http.StatusOK, struct {
		URL       string `json:"url"`
		ExpiresAt int64  `json:"expires_at"`
	}{s.scheme() + "://" + r.Host + "/#pair=" + code, end.UnixNano()})
	return nil
}

func (s *Server) scheme() string {
	if s.cfg.CertFile != "" {
		return "https"
	}
	return "http"
}

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, value string, end time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", Expires: end, HttpOnly: true,
		Secure: s.cfg.CertFile != "", SameSite: http.SameSiteStrictMode,
	})
}

// cookieName holds the port, because cookies do not: two nodes on one machine would overwrite each
// other's.
func cookieName(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		port = "0"
	}
	for _, c := range port {
		if c < '0' || c > '9' {
			return cookiePrefix + "0"
		}
	}
	return cookiePrefix + port
}
