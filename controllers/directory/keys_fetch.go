// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/api/jwk"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

const (
	// maxDocument bounds what an issuer may answer. Thirty keys with their certificates have about 100 KiB.
	maxDocument = 256 << 10
	// issuerTimeout bounds each request.
	issuerTimeout = 5 * time.Second
	// rediscover is how long an issuer is not asked again where its keys are.
	rediscover = time.Hour
)

var (
	// errInvalid is in the errors that somebody has to do something about, here or at the issuer.
	errInvalid = errors.New("invalid")
	// errUnavailable is in the errors that may pass.
	errUnavailable = errors.New("unavailable")
)

// trouble is why keys could not be fetched, in words for people that quote nothing of what came over the network, and always the same ones for the
// same trouble.
type trouble struct {
	kind    error
	message string
}

// Error implements error.
func (t *trouble) Error() string { return t.message }

// Unwrap returns errInvalid or errUnavailable.
func (t *trouble) Unwrap() error { return t.kind }

func invalid(format string, args ...any) error {
	return &trouble{errInvalid, fmt.Sprintf(format, args...)}
}

func unavailable(format string, args ...any) error {
	return &trouble{errUnavailable, fmt.Sprintf(format, args...)}
}

// fetch returns what the issuer of dir publishes now, given what was known of it.
func (k *Keys) fetch(ctx context.Context, dir *v1alpha1.ScimDirectory, known memory) (memory, error) {
	spec := dir.Spec.Authentication.JWT
	if !areCertificates(spec.CertificateAuthority) {
		return memory{}, invalid("certificateAuthority is not only certificates in PEM, whole from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----")
	}
	if spec.JWKSURL != "" {
		known.jwksURL = spec.JWKSURL
	} else if now := k.Clock.Now(); known.jwksURL == "" || now.Sub(known.discovered) >= rediscover {
		where, err := k.discover(ctx, spec)
		if err != nil {
			return memory{}, err
		}
		if where != known.jwksURL {
			known.etag = ""
		}
		known.jwksURL, known.discovered = where, now
	}
	return k.fetchKeys(ctx, spec, known)
}

func (k *Keys) fetchKeys(ctx context.Context, spec *v1alpha1.JWTAuthentication, known memory) (memory, error) {
	header := http.Header{}
	if known.etag != "" {
		header.Set("If-None-Match", known.etag)
	}
	answer, err := k.get(ctx, "the keys", known.jwksURL, spec, header)
	if err != nil {
		return memory{}, err
	}
	if answer.Status == http.StatusNotModified && known.etag != "" {
		return known, nil
	}
	if err := expectOK("the keys", answer.Status); err != nil {
		return memory{}, err
	}
	known.keys, known.left, err = jwk.Set(answer.Body)
	switch {
	case errors.Is(err, jwk.ErrTooMany):
		return memory{}, invalid("the issuer has more than 32 public keys for signatures")
	case errors.Is(err, jwk.ErrAmbiguous):
		return memory{}, invalid("two keys of the issuer have the same kid")
	case err != nil:
		return memory{}, invalid("what is at the address of the keys is not a JWK Set")
	}
	known.etag = answer.Header.Get("Etag")
	return known, nil
}

// discover asks the issuer where its keys are: by OpenID Connect Discovery §4, and where there is no such thing by RFC 8414 §3.
func (k *Keys) discover(ctx context.Context, spec *v1alpha1.JWTAuthentication) (jwksURL string, err error) {
	const what = "the configuration of the issuer"
	where, fallback, err := wellKnown(spec.Issuer)
	if err != nil {
		return "", err
	}
	answer, err := k.get(ctx, what, where, spec, nil)
	if err == nil && (answer.Status == http.StatusNotFound || answer.Status == http.StatusGone) {
		answer, err = k.get(ctx, what, fallback, spec, nil)
	}
	if err == nil {
		err = expectOK(what, answer.Status)
	}
	if err != nil {
		return "", err
	}
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if json.Unmarshal(answer.Body, &document) != nil || document.Issuer == "" {
		return "", invalid("what is at the address of the issuer's configuration is not one")
	}
	// Otherwise whoever has a page below the issuer's address could hand out keys of their own (RFC 8414 §3.3).
	if document.Issuer != spec.Issuer {
		return "", invalid("the configuration is of another issuer; write it exactly as it says, with the slash at its end or without")
	}
	if len(document.JWKSURI) > 1024 || !strings.HasPrefix(document.JWKSURI, "http") {
		return "", invalid("the configuration of the issuer does not say where its keys are")
	}
	return document.JWKSURI, nil
}

// wellKnown is where the configuration of an issuer is: behind its path for OpenID Connect, and before it for RFC 8414.
func wellKnown(issuer string) (openID, oauth string, err error) {
	parsed, err := url.Parse(issuer)
	if err != nil || parsed.Host == "" {
		return "", "", invalid("the issuer is not a URL")
	}
	path := strings.TrimRight(parsed.EscapedPath(), "/")
	origin := parsed.Scheme + "://" + parsed.Host
	return origin + path + "/.well-known/openid-configuration", origin + "/.well-known/oauth-authorization-server" + path, nil
}

// get asks for a document, whatever the status of the answer is.
func (k *Keys) get(ctx context.Context, what, address string, spec *v1alpha1.JWTAuthentication, header http.Header) (outbound.Response, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return outbound.Response{}, invalid("the address of %s is not a URL", what)
	}
	if parsed.Scheme != "https" && !spec.AllowPlaintext {
		return outbound.Response{}, invalid("the address of %s is not https, which takes allowPlaintext", what)
	}
	origin := url.URL{Scheme: parsed.Scheme, Host: parsed.Host}
	c, err := outbound.Open(outbound.Config{
		URL: origin.String(), AllowPlaintext: spec.AllowPlaintext, Timeout: issuerTimeout, MaxConnections: 1, MaxAnswer: maxDocument, Dial: k.Dial,
		Credential: map[string][]byte{outbound.KeyAuthorities: []byte(spec.CertificateAuthority)},
	})
	if err != nil {
		return outbound.Response{}, explain(what, err)
	}
	defer func() { _ = c.Close() }()
	answer, err := c.Do(ctx, outbound.Request{
		What: what, Method: http.MethodGet, Path: parsed.EscapedPath(), Query: parsed.Query(), Header: header, Accept: "application/json",
	})
	if err != nil {
		return outbound.Response{}, explain(what, err)
	}
	return answer, nil
}

// explain says why there is no answer.
func explain(what string, err error) error {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, egress.ErrForbidden):
		return invalid("the address of %s is not one that may be connected to; see --allow-egress of scim-controller", what)
	case errors.Is(err, outbound.ErrTooLarge):
		return invalid("what is at the address of %s is larger than 256 KiB", what)
	case errors.As(err, &certificate):
		return untrusted(what, certificate)
	case connector.KindOf(err) == connector.KindInvalid:
		return invalid("the address of %s cannot be used", what)
	}
	return unavailable("there is no answer at the address of %s", what)
}

// untrusted says what is wrong with a certificate.
func untrusted(what string, err error) error {
	var name x509.HostnameError
	var certificate x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return unavailable("the certificate at the address of %s is for another host", what)
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired:
		return unavailable("the certificate at the address of %s, or that of its authority, has expired or is not valid yet", what)
	}
	return unavailable("the certificate at the address of %s is not of an authority that is trusted; put that authority's into certificateAuthority", what)
}

// areCertificates reports whether text is certificates in PEM and no other PEM. One that cannot be read counts: to go on without it would look as if
// it was trusted.
func areCertificates(text string) bool {
	blocks := 0
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			return false
		}
		blocks++
	}
	return blocks == strings.Count(text, "-----BEGIN") && (blocks > 0 || text == "")
}

func expectOK(what string, status int) error {
	switch {
	case status == http.StatusOK:
		return nil
	case status >= 300 && status < 400:
		return invalid("the address of %s redirects, which is not followed", what)
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return invalid("there is nothing at the address of %s, or it is not public (4xx)", what)
	}
	return unavailable("whoever is at the address of %s cannot answer now", what)
}
