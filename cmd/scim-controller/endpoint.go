// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// endpoint turns the endpoint of a spec into the configuration of the client that all connectors share which speak HTTP.
func endpoint(e *v1alpha1.HTTPEndpoint, credential map[string][]byte, dial outbound.DialFunc) outbound.Config {
	cfg := outbound.Config{
		URL: e.URL, AllowPlaintext: e.AllowPlaintext, ProxyURL: e.ProxyURL, Dial: dial, Credential: credential,
		Timeout: time.Duration(e.TimeoutSeconds) * time.Second, MaxConnections: int(e.MaxConnections),
		Authentication: outbound.Authentication{Scheme: outbound.Scheme(e.Authentication.Type)},
	}
	if header := e.Authentication.Header; header != nil {
		cfg.Authentication.Header, cfg.Authentication.Prefix = header.Name, header.Prefix
	}
	if oauth2 := e.Authentication.OAuth2; oauth2 != nil {
		cfg.Authentication.TokenURL, cfg.Authentication.Scopes, cfg.Authentication.Audience = oauth2.TokenURL, oauth2.Scopes, oauth2.Audience
	}
	return cfg
}
