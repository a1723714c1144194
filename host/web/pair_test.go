package web

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var here = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4917}

// redeem exchanges a link for the headers of a paired page.
func redeem(t *testing.T, s *Server, link string) (cookie, csrf string) {
	t.Helper()
	_, code, ok := strings.Cut(link, "#pair=")
	require.True(t, ok, link)
	w := ask(s, "POST", "/api/v1/pair", `{"code":"`+code+`"}`)
	require.Equal(t, 200, w.Code, w.Body.String())
	var body struct {
		CSRF string `json:"csrf"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	set := w.Result().Cookies()
	require.Len(t, set, 1)
	require.True(t, set[0].HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, set[0].SameSite)
	require.Equal(t, "becomingone_4917", set[0].Name)
	return "Cookie: " + set[0].Name + "=" + set[0].Value, CSRFHeader + ": " + body.CSRF
}

func viewer(t *testing.T, s *Server, head ...string) string {
	t.Helper()
	var body struct {
		Viewer string `json:"viewer"`
	}
	require.NoError(t, json.Unmarshal(ask(s, "GET", "/api/v1/status", "", head...).Body.Bytes(), &body))
	return body.Viewer
}

func TestPairingNeedsBothSecrets(t *testing.T) {
	s, _ := newServer(t, nil)
	cookie, csrf := redeem(t, s, s.PairURL(here))
	require.Equal(t, "owner", viewer(t, s, cookie, csrf))
	require.Equal(t, "nobody", viewer(t, s, cookie), "the cookie alone, as any port of this machine may learn it")
	require.Equal(t, "nobody", viewer(t, s, csrf))
	other, _ := redeem(t, s, s.PairURL(here))
	require.Equal(t, "nobody", viewer(t, s, other, csrf), "secrets of two pages do not mix")

	require.Equal(t, 401, ask(s, "POST", "/api/v1/unpair", "", cookie).Code)
	require.Equal(t, 200, ask(s, "POST", "/api/v1/unpair", "", cookie, csrf).Code)
	require.Equal(t, "nobody", viewer(t, s, cookie, csrf))
}

func TestPairingCodeWorksOnce(t *testing.T) {
	s, _ := newServer(t, nil)
	link := s.PairURL(here)
	require.True(t, strings.HasPrefix(link, "http://127.0.0.1:4917/#pair="), link)
	_, code, _ := strings.Cut(link, "#pair=")
	redeem(t, s, link)
	require.Equal(t, 401, ask(s, "POST", "/api/v1/pair", `{"code":"`+code+`"}`).Code)

	old := s.PairURL(here)
	newer := s.PairURL(here)
	_, code, _ = strings.Cut(old, "#pair=")
	require.Equal(t, 401, ask(s, "POST", "/api/v1/pair", `{"code":"`+code+`"}`).Code, "a newer link makes older ones void")
	redeem(t, s, newer)
}

func TestPairingEndsWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		_, code, _ := strings.Cut(s.PairURL(here), "#pair=")
		wait(codeLife + time.Second)
		require.Equal(t, 401, ask(s, "POST", "/api/v1/pair", `{"code":"`+code+`"}`).Code)

		cookie, csrf := redeem(t, s, s.PairURL(here))
		wait(pairLife - time.Minute)
		require.Equal(t, "owner", viewer(t, s, cookie, csrf))
		wait(2 * time.Minute)
		require.Equal(t, "nobody", viewer(t, s, cookie, csrf))
	})
}

// wait lets the bubble's clock pass.
func wait(d time.Duration) { <-time.After(d) }

func TestPairingAttemptsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		link := s.PairURL(here)
		for range triesMost {
			require.Equal(t, 401, ask(s, "POST", "/api/v1/pair", `{"code":"guess"}`).Code)
		}
		_, code, _ := strings.Cut(link, "#pair=")
		require.Equal(t, 429, ask(s, "POST", "/api/v1/pair", `{"code":"`+code+`"}`).Code)
		wait(triesWindow + time.Second)
		redeem(t, s, link)
	})
}

func TestPairedPagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, nil)
		cookie, csrf := redeem(t, s, s.PairURL(here))
		for i := range pairsMost {
			wait(triesWindow)
			require.Equal(t, "owner", viewer(t, s, cookie, csrf), "page %d", i)
			redeem(t, s, s.PairURL(here))
		}
		require.Equal(t, "nobody", viewer(t, s, cookie, csrf), "the oldest gives way")
	})
}

func TestOwnerAsksForALink(t *testing.T) {
	s, _ := newServer(t, nil)
	var body struct {
		URL string `json:"url"`
	}
	require.NoError(t, json.Unmarshal(ask(s, "POST", "/api/v1/pair/code", "", asOwner()).Body.Bytes(), &body))
	redeem(t, s, body.URL)
}

func FuzzCheckSource(f *testing.F) {
	f.Add("127.0.0.1:4917", "")
	f.Add("localhost:4917", "http://localhost:4917")
	f.Add("[::1]:4917", "http://[::1]:4917")
	f.Add("evil.example", "http://evil.example")
	f.Add("127.0.0.1.evil.example", "null")
	f.Add("[::1", "http://127.0.0.1")
	f.Fuzz(func(t *testing.T, host, origin string) {
		cfg := DefaultConfig()
		r := &http.Request{Host: host, Header: http.Header{"Origin": {origin}}}
		if cfg.checkSource(r) != nil {
			return
		}
		name := host
		if h, _, err := net.SplitHostPort(host); err == nil {
			name = h
		}
		name = strings.Trim(name, "[]")
		ip := net.ParseIP(name)
		require.True(t, strings.EqualFold(name, "localhost") || (ip != nil && ip.IsLoopback()), "host %q", host)
		require.True(t, origin == "" || strings.EqualFold(origin, "http://"+host), "origin %q of host %q", origin, host)
	})
}
