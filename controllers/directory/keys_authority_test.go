// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// serveTLS puts the issuer of the world behind TLS, at another address, with the certificate of an authority that no system trusts.
func (w *keysWorld) serveTLS() cluster.Serving {
	w.Helper()
	keys := newServing(w.T)
	pair, err := tls.X509KeyPair(keys.Certificate, keys.Key)
	if err != nil {
		w.Fatal(err)
	}
	server := httptest.NewUnstartedServer(w.issuer)
	_ = server.Listener.Close()
	server.Listener = cluster.Listen(w)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of every handshake that failed
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	w.Cleanup(server.Close)
	w.issuer.URL = server.URL
	w.issuer.set(openIDPath, document(members{"issuer": w.issuer.name(), "jwks_uri": server.URL + keysPath}))
	w.change(func(dir *v1alpha1.ScimDirectory) {
		dir.Spec.Authentication.JWT.Issuer, dir.Spec.Authentication.JWT.AllowPlaintext = w.issuer.name(), false
	})
	return keys
}

func newServing(t *testing.T) cluster.Serving {
	t.Helper()
	keys, err := cluster.NewServing()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// trust makes that the certificateAuthority of the directory.
func (w *keysWorld) trust(certificates ...[]byte) {
	w.Helper()
	w.change(func(dir *v1alpha1.ScimDirectory) {
		dir.Spec.Authentication.JWT.CertificateAuthority = string(bytes.Join(certificates, []byte("\n")))
	})
}

// TestTrustsTheAuthorityOfTheIssuer and no other, whatever the system trusts; and what cannot be used leaves the keys of before.
func TestTrustsTheAuthorityOfTheIssuer(t *testing.T) {
	w := newKeysWorld(t, nil)
	keys, other := w.serveTLS(), newServing(t)
	const untrusted = "put that authority's into certificateAuthority"

	dir, kids := w.round()
	if w.says(dir, v1alpha1.ReasonUnavailable, untrusted); kids != "" || !strings.Contains(keysMessage(dir), "certificate at the address") {
		t.Errorf("without the authority: %q, %s", kids, keysMessage(dir))
	}
	w.trust(other.Authority)
	dir, kids = w.round()
	if w.says(dir, v1alpha1.ReasonUnavailable, untrusted); kids != "" || len(w.issuer.asked()) > 0 {
		t.Errorf("with another authority: %q", kids)
	}
	w.trust([]byte("# the old one\n"), other.Authority, []byte("# the new one\n"), keys.Authority)
	dir, kids = w.round()
	if w.says(dir, v1alpha1.ReasonFetched, "1 public keys"); kids != "a" {
		t.Errorf("with it beside another: %q", kids)
	}
	w.trust(other.Authority)
	dir, kids = w.round()
	if w.says(dir, v1alpha1.ReasonUnavailable, untrusted+"; the keys of before are used"); kids != "a" {
		t.Errorf("with another authority later: %q", kids)
	}
	w.trust(keys.Authority)
	dir, kids = w.round()
	if w.says(dir, v1alpha1.ReasonFetched, "1 public keys"); kids != "a" {
		t.Errorf("with it alone: %q", kids)
	}
	w.issuer.asked()
	w.issuer.set(keysPath, document(keySet(t, "b")))
	for name, text := range brokenAuthorities(keys) {
		w.trust([]byte(text))
		dir, kids = w.round()
		if w.says(dir, v1alpha1.ReasonInvalid, "certificateAuthority is not only certificates in PEM"); kids != "a" || len(w.issuer.asked()) > 0 {
			t.Errorf("%s: keys %q, want those of before and no request", name, kids)
		}
	}
}

// brokenAuthorities are what people paste, mostly with a good certificate beside it.
func brokenAuthorities(keys cluster.Serving) map[string]string {
	good := string(keys.Authority)
	return map[string]string{
		"no PEM":                  canary,
		"base64 of PEM":           "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
		"without its end":         good + "-----BEGIN CERTIFICATE-----\nTUlJ",
		"cut in two":              good[:len(good)/2] + "\n" + good,
		"no certificate in it":    good + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(canary)})),
		"a key beside it":         good + string(keys.Key),
		"by another name":         strings.ReplaceAll(good, "CERTIFICATE", "X509 CERTIFICATE"),
		"a request to be signed":  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte(canary)})),
		"indented in the middle":  strings.Replace(good, "-----END", "  -----END", 1),
		"on one line, by a shell": strings.ReplaceAll(good, "\n", " "),
	}
}

// TestSaysWhatIsWrongWithACertificate, as crypto/tls says it of real ones.
func TestSaysWhatIsWrongWithACertificate(t *testing.T) {
	keys, now := newServing(t), time.Now()
	block, _ := pem.Decode(keys.Certificate)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(keys.Authority)
	for name, tc := range map[string]struct {
		options x509.VerifyOptions
		message string
	}{
		"Host":      {x509.VerifyOptions{Roots: trusted, DNSName: canary + ".example.com"}, "for another host"},
		"Expired":   {x509.VerifyOptions{Roots: trusted, CurrentTime: now.AddDate(10, 0, 0)}, "has expired or is not valid yet"},
		"Early":     {x509.VerifyOptions{Roots: trusted, CurrentTime: now.AddDate(-10, 0, 0)}, "has expired or is not valid yet"},
		"Authority": {x509.VerifyOptions{Roots: x509.NewCertPool()}, "not of an authority that is trusted"},
		"Usage":     {x509.VerifyOptions{Roots: trusted, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}, "not of an authority that is trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, why := leaf.Verify(tc.options)
			got := explain("the keys", connector.Deniedf("x").Because(&tls.CertificateVerificationError{Err: why}))
			if !errors.Is(got, errUnavailable) || !strings.Contains(got.Error(), tc.message) || strings.Contains(got.Error(), canary) {
				t.Errorf("got %v of %v, want %q", got, why, tc.message)
			}
		})
	}
}
