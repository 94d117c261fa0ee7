// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const getToken = "get a token"

// tokens keeps the token of a client credential as long as it is good, and gets another one then: once, however many wait for it.
type tokens struct {
	config  *clientcredentials.Config
	timeout time.Duration
	flight  singleflight.Group

	mu      sync.Mutex
	current *oauth2.Token
}

func newTokens(cfg Config, secret keys) (authenticator, []*url.URL, error) {
	tokenURL, err := parse("tokenURL", cfg.Authentication.TokenURL, cfg.AllowPlaintext)
	if err != nil {
		return nil, nil, err
	}
	id, err := secret.get("clientID")
	if err != nil {
		return nil, nil, err
	}
	clientSecret, err := secret.get("clientSecret")
	if err != nil {
		return nil, nil, err
	}
	t := &tokens{timeout: cfg.Timeout, config: &clientcredentials.Config{
		ClientID: id, ClientSecret: clientSecret, TokenURL: tokenURL.String(), Scopes: cfg.Authentication.Scopes,
	}}
	if audience := cfg.Authentication.Audience; audience != "" {
		t.config.EndpointParams = url.Values{"audience": {audience}}
	}
	return t, []*url.URL{tokenURL}, nil
}

func (t *tokens) authenticate(ctx context.Context, client *http.Client, r *http.Request) error {
	token, err := t.token(ctx, client)
	if err != nil {
		return err
	}
	token.SetAuthHeader(r)
	return nil
}

// token returns a token that is good. Who waits for one may stop waiting, and the others get it, or hear that there is none, all the same.
func (t *tokens) token(ctx context.Context, client *http.Client) (*oauth2.Token, error) {
	if token := t.good(); token != nil {
		return token, nil
	}
	if err := ctx.Err(); err != nil { // or what others are told would count as much
		return nil, explain(ctx, getToken, err)
	}
	fetched := t.flight.DoChan("", func() (any, error) {
		if token := t.good(); token != nil {
			return token, nil
		}
		return t.fetch(context.WithoutCancel(ctx), client)
	})
	select {
	case result := <-fetched:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*oauth2.Token), nil // fetch returns nothing else
	case <-ctx.Done():
		return nil, explain(ctx, getToken, ctx.Err())
	}
}

func (t *tokens) good() *oauth2.Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.current.Valid() {
		return nil
	}
	return t.current
}

func (t *tokens) fetch(ctx context.Context, client *http.Client) (*oauth2.Token, error) {
	bounded, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, client), t.timeout)
	defer cancel()
	token, err := t.config.Token(bounded)
	if err != nil {
		return nil, explainToken(ctx, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = token
	return token, nil
}

// refused forgets the token that was sent, unless it was replaced meanwhile: it may have been revoked before its time.
func (t *tokens) refused(r *http.Request) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil && r.Header.Get("Authorization") == t.current.Type()+" "+t.current.AccessToken {
		t.current = nil
	}
	return true
}

// explainToken knows what a token endpoint says (RFC 6749 section 5.2). Some say it with 200.
func explainToken(ctx context.Context, err error) error {
	var answer *oauth2.RetrieveError
	var transport *url.Error
	switch {
	case errors.As(err, &transport) || isTimeout(err):
		return explain(ctx, getToken, err)
	case !errors.As(err, &answer) || answer.Response == nil:
		return connector.Unavailablef(0, "%s: what the issuer answers is none", getToken).Because(err)
	}
	response := Response{Status: answer.Response.StatusCode, Header: answer.Response.Header}
	if response.Status >= http.StatusMultipleChoices && response.Status < http.StatusBadRequest || response.Status >= http.StatusInternalServerError || isLater(response.Status) {
		return response.Err(getToken)
	}
	return connector.Deniedf("%s: the issuer refuses the credential (%d)", getToken, response.Status).Because(err)
}
