// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Scheme is a way to authenticate.
type Scheme string

// The ways to authenticate, and the keys of the credential that each needs.
const (
	None   Scheme = "None"
	Bearer Scheme = "Bearer" // token
	Basic  Scheme = "Basic"  // username, password
	Header Scheme = "Header" // token
	OAuth2 Scheme = "OAuth2" // clientID, clientSecret
)

// Authentication says how requests are authenticated.
type Authentication struct {
	// Scheme is the way; empty means None.
	Scheme Scheme
	// Header and Prefix are the header's name and what is put before the token, for scheme Header.
	Header, Prefix string
	// TokenURL, Scopes and Audience are for scheme OAuth2 (RFC 6749 section 4.4).
	TokenURL string
	Scopes   []string
	Audience string
}

// authenticator puts a credential into a request.
type authenticator interface {
	// authenticate may make a request of its own with client. Its errors are of a kind.
	authenticate(ctx context.Context, client *http.Client, r *http.Request) error
	// refused is told that the application answered 401 to what was sent, and says whether it is worth another try.
	refused(r *http.Request) bool
}

// newAuthenticator returns what cfg says, and where else than to the application it sends requests.
func newAuthenticator(cfg Config) (authenticator, []*url.URL, error) {
	auth, secret := cfg.Authentication, keys(cfg.Credential)
	switch auth.Scheme {
	case "", None:
		return constant(func(http.Header) {}), nil, nil
	case Bearer:
		header, err := secret.header("Authorization", "Bearer ")
		return header, nil, err
	case Header:
		header, err := secret.header(auth.Header, auth.Prefix)
		return header, nil, err
	case Basic:
		header, err := secret.basic()
		return header, nil, err
	case OAuth2:
		return newTokens(cfg, secret)
	}
	return nil, nil, connector.Invalidf("the authentication is none that is known")
}

// keys are the secrets of a credential.
type keys map[string][]byte

// get returns a secret as it is sent in a header. Editors and shells like to add a line break at its end, which no header may have.
func (k keys) get(key string) (string, error) {
	value := strings.TrimRight(string(k[key]), "\r\n")
	switch {
	case value == "":
		return "", connector.Invalidf("the Secret has no key %q", key)
	case !httpguts.ValidHeaderFieldValue(value):
		return "", connector.Invalidf("the Secret's key %q has more than one line, or other control characters", key)
	}
	return value, nil
}

func (k keys) header(name, prefix string) (constant, error) {
	token, err := k.get("token")
	if err != nil {
		return nil, err
	}
	if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(prefix) {
		return nil, connector.Invalidf("the header of the authentication cannot be sent")
	}
	return func(h http.Header) { h.Set(name, prefix+token) }, nil
}

func (k keys) basic() (constant, error) {
	username, err := k.get("username")
	if err != nil {
		return nil, err
	}
	password, err := k.get("password")
	if err != nil {
		return nil, err
	}
	if strings.Contains(username, ":") {
		return nil, connector.Invalidf(`the Secret's key "username" has a colon, which Basic authentication cannot send`)
	}
	value := "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
	return func(h http.Header) { h.Set("Authorization", value) }, nil
}

// constant sets a header that is always the same. It is a function so that no way of printing shows what it sets.
type constant func(http.Header)

func (c constant) authenticate(_ context.Context, _ *http.Client, r *http.Request) error {
	c(r.Header)
	return nil
}

func (constant) refused(*http.Request) bool { return false }
