// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

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
	// authenticate may make a request of its own. Its errors are of a kind.
	authenticate(ctx context.Context, r *http.Request) error
	// refused is told that the application answered 401, and says whether it is worth another try.
	refused(r *http.Request) bool
}

func newAuthenticator(cfg Config, client *http.Client) (authenticator, error) {
	auth, secret := cfg.Authentication, keys(cfg.Credential)
	switch auth.Scheme {
	case "", None:
		return constant{}, nil
	case Bearer:
		token, err := secret.get("token")
		return constant{name: "Authorization", value: "Bearer " + token}, err
	case Header:
		token, err := secret.get("token")
		return constant{name: auth.Header, value: auth.Prefix + token}, err
	case Basic:
		username, err := secret.get("username")
		password, passwordErr := secret.get("password")
		return constant{name: "Authorization", value: "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))}, errors.Join(err, passwordErr)
	case OAuth2:
		return newClientCredentials(cfg, secret, client)
	}
	return nil, connector.Invalidf("authentication %q is not known", auth.Scheme)
}

// keys are the secrets of a credential.
type keys map[string][]byte

// get returns a secret as it is sent in a header. Editors and shells like to add a line break at its end, which no header may have.
func (k keys) get(key string) (string, error) {
	value := strings.TrimRight(string(k[key]), "\r\n")
	switch {
	case value == "":
		return "", connector.Invalidf("the Secret has no key %q", key)
	case strings.ContainsAny(value, "\r\n\x00"):
		return "", connector.Invalidf("the Secret's key %q has more than one line", key)
	}
	return value, nil
}

// constant is a header that is always the same.
type constant struct{ name, value string }

func (c constant) authenticate(_ context.Context, r *http.Request) error {
	if c.name != "" {
		r.Header.Set(c.name, c.value)
	}
	return nil
}

func (constant) refused(*http.Request) bool { return false }

// clientCredentials keeps a token as long as it is good.
type clientCredentials struct {
	config clientcredentials.Config
	client *http.Client
	// token is in it: who takes it out may use or replace it.
	token chan *oauth2.Token
}

func newClientCredentials(cfg Config, secret keys, client *http.Client) (authenticator, error) {
	tokenURL, err := parse("tokenURL", cfg.Authentication.TokenURL, cfg.AllowPlaintext)
	if err != nil {
		return nil, err
	}
	id, err := secret.get("clientID")
	if err != nil {
		return nil, err
	}
	clientSecret, err := secret.get("clientSecret")
	if err != nil {
		return nil, err
	}
	c := &clientCredentials{client: client, token: make(chan *oauth2.Token, 1), config: clientcredentials.Config{
		ClientID: id, ClientSecret: clientSecret, TokenURL: tokenURL.String(), Scopes: cfg.Authentication.Scopes,
	}}
	if audience := cfg.Authentication.Audience; audience != "" {
		c.config.EndpointParams = url.Values{"audience": {audience}}
	}
	c.token <- nil
	return c, nil
}

func (c *clientCredentials) authenticate(ctx context.Context, r *http.Request) error {
	token, err := c.take(ctx)
	if err != nil {
		return err
	}
	defer func() { c.token <- token }()
	if !token.Valid() {
		fresh, err := c.config.Token(context.WithValue(ctx, oauth2.HTTPClient, c.client))
		if err != nil {
			return explainToken(ctx, err)
		}
		token = fresh
	}
	token.SetAuthHeader(r)
	return nil
}

// refused forgets the token that was sent, unless it was replaced meanwhile: it may have been revoked before its time.
func (c *clientCredentials) refused(r *http.Request) bool {
	token, err := c.take(r.Context())
	if err != nil {
		return false
	}
	if token != nil && r.Header.Get("Authorization") == token.Type()+" "+token.AccessToken {
		token = nil
	}
	c.token <- token
	return true
}

func (c *clientCredentials) take(ctx context.Context) (*oauth2.Token, error) {
	select {
	case token := <-c.token:
		return token, nil
	case <-ctx.Done():
		return nil, explain(ctx, "get a token", ctx.Err())
	}
}

// explainToken knows what a token endpoint says (RFC 6749 section 5.2).
func explainToken(ctx context.Context, err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil {
		return explain(ctx, "get a token", err)
	}
	if status := answer.Response.StatusCode; status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
		return connector.Unavailablef(retryAfter(answer.Response.Header), "get a token: the issuer cannot do it now").Because(err)
	}
	return connector.Deniedf("get a token: the issuer refuses the credential").Because(err)
}
