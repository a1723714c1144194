package serve

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	grpccred "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/becomingone/becomingone/plugins/process/proto"
)

// credentials are the host's certificate on this side and one of our own, which it learns from the
// handshake line, as DER. A host that gives none talks plainly, and own is empty.
func credentials(hostPEM string) (_ grpccred.TransportCredentials, own []byte, err error) {
	if hostPEM == "" {
		return insecure.NewCredentials(), nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(hostPEM)) {
		return nil, nil, errors.New("PLUGIN_CLIENT_CERT: want a certificate as PEM")
	}
	cert, err := proto.Certificate()
	if err != nil {
		return nil, nil, err
	}
	return grpccred.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs: pool, MinVersion: tls.VersionTLS13,
	}), cert.Certificate[0], nil
}
