package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificate writes a self-signed pair for 127.0.0.1 and returns a client that trusts it.
func certificate(t *testing.T) (cert, key string, client *http.Client) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return cert, key, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func TestServeOverTLS(t *testing.T) {
	var client *http.Client
	s, _ := newServer(t, func(c *Config) { c.CertFile, c.KeyFile, client = certificate(t) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	link := s.PairURL(ln.Addr())
	require.Contains(t, link, "https://127.0.0.1:")

	base := "https://" + ln.Addr().String()
	for origin, status := range map[string]int{base: 200, "http://" + ln.Addr().String(): 403} {
		req, err := http.NewRequestWithContext(ctx, "GET", base+"/api/v1/status", nil)
		require.NoError(t, err)
		req.Header.Set("Origin", origin)
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode, origin)
	}
	client.CloseIdleConnections()
	cancel()
	require.NoError(t, <-done)
}

func TestServeNamesAMissingCertificate(t *testing.T) {
	s, _ := newServer(t, func(c *Config) { c.CertFile, c.KeyFile = "/nowhere/cert.pem", "/nowhere/key.pem" })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, s.Serve(t.Context(), ln), "/nowhere/cert.pem")
	_, err = ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// Beyond loopback nobody reads anything without a token, and loopback names are no longer ours.
func TestBeyondLoopback(t *testing.T) {
	s, _ := newServer(t, func(c *Config) {
		c.Addr, c.CertFile, c.KeyFile, c.Hosts = "192.0.2.7:4917", "cert.pem", "key.pem", []string{"node.example"}
	})
	for _, c := range []struct {
		host, auth string
		status     int
	}{
		{"node.example:4917", "", 401},
		{"node.example:4917", asAgent(), 200},
		{"192.0.2.7:4917", asAgent(), 200},
		{"NODE.example", asAgent(), 200},
		{"127.0.0.1:4917", asAgent(), 403},
		{"other.example", asAgent(), 403},
	} {
		require.Equal(t, c.status, ask(s, "GET", "/api/v1/status", "", "Host: "+c.host, c.auth).Code, c.host)
	}
}
