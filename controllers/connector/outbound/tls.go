// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Keys of a credential beside those of an [Authentication]. Each is PEM.
const (
	// KeyAuthorities holds the only authorities that are trusted.
	KeyAuthorities = "ca.crt"
	// KeyCertificate and KeyPrivateKey are a client certificate.
	KeyCertificate = "tls.crt"
	// KeyPrivateKey belongs to KeyCertificate.
	KeyPrivateKey = "tls.key"
)

// TLSConfig returns how to speak TLS with a credential: which authorities it trusts, and the client certificate that it has.
func TLSConfig(credential map[string][]byte) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if pem := credential[KeyAuthorities]; len(pem) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, connector.Invalidf("the Secret's %s has no certificate in PEM", KeyAuthorities)
		}
	}
	certificate, key := credential[KeyCertificate], credential[KeyPrivateKey]
	if len(certificate) == 0 && len(key) == 0 {
		return config, nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, connector.Invalidf("the Secret's %s and %s are not a certificate and its key in PEM", KeyCertificate, KeyPrivateKey)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
