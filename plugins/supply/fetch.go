package supply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Fetch bounds.
const (
	fetchTime    = 5 * time.Minute // of one bundle
	maxRedirects = 5
)

// Open reads a bundle from wherever ref says it is: a path as OpenPath has it, a zip file at
// "https://…#sha256=DIGEST", or an artifact at "oci://REGISTRY/REPOSITORY@sha256:DIGEST". What comes
// over a network is held against the digest before anything of it is parsed.
func Open(ctx context.Context, ref string) (*Bundle, error) {
	switch scheme, _, ok := strings.Cut(ref, "://"); {
	case !ok:
		return OpenPath(ref)
	case scheme == "https" || scheme == "http":
		return openURL(ctx, ref)
	case scheme == "oci":
		return openOCI(ctx, ref)
	default:
		return nil, fmt.Errorf("supply: open %s: scheme %q: want a path, https, http or oci", ref, scheme)
	}
}

func openURL(ctx context.Context, ref string) (*Bundle, error) {
	u, err := url.Parse(ref)
	if err != nil {
		return nil, fmt.Errorf("supply: fetch: %w", err)
	}
	digits, pinned := strings.CutPrefix(u.Fragment, "sha256=")
	want, err := hex.DecodeString(digits)
	switch {
	case !pinned || err != nil || len(want) != sha256.Size:
		return nil, fmt.Errorf("supply: fetch %s: want its digest behind it: #sha256=64 hexadecimal digits", ref)
	case u.User != nil:
		return nil, fmt.Errorf("supply: fetch %s: want no user and password in it", u.Redacted())
	case u.Host == "":
		return nil, fmt.Errorf("supply: fetch %s: want a host", ref)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	b, err := get(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("supply: fetch: %w", err)
	}
	if got := sha256.Sum256(b); string(got[:]) != string(want) {
		return nil, &VerifyError{ref, fmt.Sprintf("what came has the digest sha256=%x", got)}
	}
	return openZip(b, ref)
}

// get fetches at most MaxBundle bytes. A redirect may lead anywhere but to another scheme.
func get(ctx context.Context, u *url.URL) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	c := http.Client{CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if next.URL.Scheme != u.Scheme {
			return fmt.Errorf("redirect to the scheme %q: want %s", next.URL.Scheme, u.Scheme)
		}
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		return nil
	}}
	defer c.CloseIdleConnections()
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	b, err := readAtMost(resp.Body, MaxBundle)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", u.Redacted(), resp.Status)
	}
	return b, nil
}
