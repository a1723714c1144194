package supply_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins/supply"
)

func TestOpenURL(t *testing.T) {
	k := key(t)
	dir := signed(t, k, "voice", say, "code")
	zip, err := os.ReadFile(zipped(t, dir))
	require.NoError(t, err)
	mux := http.NewServeMux()
	serve := func(path string, b []byte) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b) })
	}
	serve("/b.zip", zip)
	serve("/large", make([]byte, supply.MaxBundle+1))
	mux.Handle("/near", http.RedirectHandler("/b.zip", http.StatusFound))
	mux.Handle("/far", http.RedirectHandler("https://127.0.0.1:1/b.zip", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	s := httptest.NewServer(mux)
	defer s.Close()
	pin := fmt.Sprintf("#sha256=%x", sha256.Sum256(zip))
	for _, path := range []string{"/b.zip", "/near"} {
		b, err := supply.Open(t.Context(), s.URL+path+pin)
		require.NoError(t, err)
		require.Equal(t, open(t, dir).Digest(), b.Digest())
		require.Equal(t, k.Signer(), b.Signer)
	}
	for ref, want := range map[string]string{
		s.URL + "/b.zip":                                "want its digest behind it",
		s.URL + "/b.zip#sha256=00":                      "want its digest behind it",
		s.URL + "/b.zip" + pin[:len(pin)-2] + "00":      "what came has the digest",
		s.URL + "/nosuch" + pin:                         "404",
		s.URL + "/large" + pin:                          "more than",
		s.URL + "/far" + pin:                            `redirect to the scheme "https"`,
		s.URL + "/round" + pin:                          "more than 5 redirects",
		strings.Replace(s.URL, "//", "//u:p@", 1) + pin: "no user and password",
		"ftp://host/b.zip" + pin:                        `scheme "ftp"`,
		"https:///b.zip" + pin:                          "want a host",
		"oci://ghcr.io/a/voice:latest":                  "want a digest",
		"oci://ghcr.io/a/voice@sha256:00":               "want a digest",
		"oci://A B@sha256:" + strings.Repeat("0", 64):   "supply: fetch oci://A B",
		filepath.Join(dir, "https:", "nosuch"):          "no such file",
	} {
		_, err := supply.Open(t.Context(), ref)
		require.ErrorContains(t, err, want, ref)
	}
}

// registry serves one artifact as an OCI registry does; edit may change what it holds.
func registry(t *testing.T, dir string, edit func(blobs map[string][]byte)) (ref string) {
	blobs := map[string][]byte{}
	put := func(b []byte) string {
		d := fmt.Sprintf("sha256:%x", sha256.Sum256(b))
		blobs[d] = b
		return d
	}
	type layer map[string]any
	var layers []layer
	for _, name := range []string{"plugin.yaml", "plugin.sig", "m.wasm"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		layers = append(layers, layer{"mediaType": "application/octet-stream", "digest": put(b), "size": len(b),
			"annotations": map[string]string{"org.opencontainers.image.title": name}})
	}
	const mediaType = "application/vnd.oci.image.manifest.v1+json"
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": mediaType, "layers": layers,
		"config": layer{"mediaType": "application/vnd.oci.empty.v1+json", "digest": put([]byte("{}")), "size": 2}})
	require.NoError(t, err)
	digest := put(manifest)
	if edit != nil {
		edit(blobs)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		b, ok := blobs[name]
		if !ok || !strings.HasPrefix(r.URL.Path, "/v2/a/voice/") {
			http.NotFound(w, r)
			return
		}
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", mediaType)
		} else {
			w.Header().Set("Content-Type", "application/octet-stream")
		}
		w.Header().Set("Docker-Content-Digest", name)
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(b)
		}
	}))
	t.Cleanup(s.Close)
	return "oci://" + strings.TrimPrefix(s.URL, "http://") + "/a/voice@" + digest
}

func TestOpenOCI(t *testing.T) {
	k := key(t)
	dir := signed(t, k, "voice", say, "code")
	b, err := supply.Open(t.Context(), registry(t, dir, nil))
	require.NoError(t, err)
	require.Equal(t, open(t, dir).Digest(), b.Digest())
	require.Equal(t, k.Signer(), b.Signer)
	module := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("code")))
	for want, edit := range map[string]func(blobs map[string][]byte){
		"mismatch":  func(blobs map[string][]byte) { blobs[module] = []byte("evil") },
		"not found": func(blobs map[string][]byte) { delete(blobs, module) },
	} {
		_, err := supply.Open(t.Context(), registry(t, dir, edit))
		require.ErrorContains(t, err, want)
	}
}
