package proto

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// What host and plugin agree on before they speak; PROCESS.md explains each.
const (
	ProtocolVersion = 1
	CookieKey       = "BECOMINGONE_PLUGIN" // set to CookieValue by the host
	CookieValue     = "bo1"
	InputBytesKey   = "BECOMINGONE_INPUT_BYTES"  // the manifest's limits.input_bytes
	OutputBytesKey  = "BECOMINGONE_OUTPUT_BYTES" // the manifest's limits.output_bytes

	Overhead = 64 // bytes, more than an envelope adds to its JSON
)

// Certificate returns a certificate for "localhost" with a new P-256 key, signed by itself. It is
// good for one process: whoever is to trust it is given it over a pipe. Its dates say nothing, as
// the two sides' clock is one.
func Certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("proto: certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("proto: certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
