// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// issue returns a certificate for the name, with its key, as PEM.
func (a authority) issue(t testing.TB, name string) (certificate, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func (a authority) client(t testing.TB, name string) map[string][]byte {
	certificate, key := a.issue(t, name)
	return map[string][]byte{KeyCertificate: certificate, KeyPrivateKey: key}
}

// serveTLS answers over TLS as config says, with httptest's certificate for 127.0.0.1 and example.com.
func serveTLS(t testing.TB, config *tls.Config, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener, server.TLS = cluster.Listen(t), config
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// trusting is a credential that trusts that server.
func trusting(server *httptest.Server) map[string][]byte {
	return map[string][]byte{KeyAuthorities: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})}
}

func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ours.certificate)
	asks := func(version uint16) *tls.Config {
		return &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: version, MaxVersion: version}
	}
	for name, tc := range map[string]struct {
		server     *tls.Config
		credential map[string][]byte
		distrust   bool
		otherName  bool
		kind       connector.Kind
		message    string
	}{
		"Trusted":                {},
		"UnknownAuthority":       {distrust: true, kind: connector.KindDenied, message: "not trusted"},
		"OtherAuthority":         {credential: map[string][]byte{KeyAuthorities: theirs.pem()}, kind: connector.KindDenied, message: "not trusted"},
		"WrongName":              {otherName: true, kind: connector.KindDenied, message: "not trusted"},
		"ClientCertificate":      {server: asks(tls.VersionTLS13), credential: ours.client(t, "us")},
		"ClientCertificate12":    {server: asks(tls.VersionTLS12), credential: ours.client(t, "us")},
		"OtherClientCertificate": {server: asks(tls.VersionTLS12), credential: theirs.client(t, "us"), kind: connector.KindDenied, message: KeyCertificate},
		"NoClientCertificate":    {server: asks(tls.VersionTLS12), kind: connector.KindDenied, message: KeyCertificate},
		"NoClientCertificate13":  {server: asks(tls.VersionTLS13), kind: connector.KindDenied, message: KeyCertificate},
		"TooOld": {
			server: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, kind: connector.KindDenied, message: "ends TLS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := serveTLS(t, tc.server, func(http.ResponseWriter, *http.Request) {})
			credential := trusting(server)
			if tc.distrust {
				credential = map[string][]byte{}
			}
			maps.Copy(credential, tc.credential)
			url := server.URL
			if tc.otherName {
				url = strings.Replace(url, "127.0.0.1", "localhost", 1)
			}
			_, err := get(t, open(t, Config{URL: url, Credential: credential}))
			wantKind(t, err, tc.kind, tc.message)
		})
	}
}

func TestPlaintextWhereTLSIs(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, err := get(t, plain(t, strings.Replace(server.URL, "http:", "https:", 1)))
	wantKind(t, err, connector.KindUnavailable, "does not answer")
}
