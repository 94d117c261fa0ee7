// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// ours is an answer as scim-server writes it.
func ours(status int, body idp.Object) idp.Response {
	raw := []byte("{}")
	if body == nil {
		raw = nil
	}
	return idp.Response{Status: status, Body: body, Raw: raw, Header: http.Header{"X-Request-Id": {"1"}, "Content-Type": {"application/scim+json;charset=utf-8"}}}
}

// theirs is a page of a proxy.
func theirs(status int) idp.Response {
	return idp.Response{Status: status, Raw: []byte("<html>"), Header: http.Header{"Content-Type": {"text/html"}}}
}

func with(answer idp.Response, name, value string) idp.Response {
	answer.Header.Set(name, value)
	return answer
}

func TestDiagnose(t *testing.T) {
	cases := map[string]struct {
		reason string
		answer idp.Response
		err    error
		says   string // empty: all is well
	}{
		"Well":              {reason: "what was wanted", answer: ours(200, idp.Object{})},
		"AnotherStatus":     {reason: "our own no", answer: ours(409, idp.Object{"detail": "taken"}), says: "scim-server answers 409 in the place of 200: taken"},
		"NoCredential":      {reason: "a challenge without an error code", answer: with(ours(401, idp.Object{}), "Www-Authenticate", `Bearer realm="scim"`), says: "Authorization is dropped"},
		"WrongCredential":   {reason: "a challenge with one", answer: with(ours(401, idp.Object{}), "Www-Authenticate", `Bearer realm="scim", error="invalid_token"`), says: "Authorization is changed"},
		"Network":           {reason: "our own 403", answer: ours(403, idp.Object{}), says: "allowedCIDRs"},
		"HTMLForSCIM":       {reason: "200 of somebody else", answer: theirs(200), says: "before scim-server answers 200"},
		"Login":             {reason: "a login page", answer: theirs(401), says: "a login of its own"},
		"NotRouted":         {reason: "a 404 page", answer: theirs(404), says: "not routed"},
		"Method":            {reason: "a WAF that knows GET and POST", answer: theirs(405), says: "PUT, PATCH and DELETE"},
		"Body":              {reason: "nginx's default of 1 MiB", answer: theirs(413), says: "proxy-body-size"},
		"NoBackend":         {reason: "no endpoint", answer: theirs(503), says: "does not reach"},
		"Teapot":            {reason: "a status that nobody thought of", answer: theirs(418), says: "invalid JSON"},
		"RequestIDDropped":  {reason: "our body without our header", answer: with(ours(200, idp.Object{}), "X-Request-Id", ""), says: "X-Request-Id"},
		"MediaTypeReplaced": {reason: "Entra takes nothing else", answer: with(ours(200, idp.Object{}), "Content-Type", "text/plain"), says: "media type"},
		"EmptyBody":         {reason: "a 200 without a user", answer: ours(200, nil), says: "body is dropped"},
		"Authority":         {reason: "a self-signed certificate", err: fmt.Errorf("get: %w", x509.UnknownAuthorityError{}), says: "no public authority"},
		"Host":              {reason: "the certificate of another host", err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}, says: "other names"},
		"Expired":           {reason: "an old certificate", err: x509.CertificateInvalidError{Reason: x509.Expired}, says: "not valid now"},
		"Name":              {reason: "no such host", err: &net.DNSError{}, says: "cannot be resolved"},
		"Broken":            {reason: "anything else", err: errors.New("broken pipe"), says: "no answer: broken pipe"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := diagnose(exchange{request: idp.Request{Method: http.MethodGet}, want: http.StatusOK}, c.answer, c.err)
			if (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
				t.Errorf("%s: %q, want it to say %q", c.reason, got, c.says)
			}
		})
	}
}
