// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import "maps"

// webhookSample sets every field of the connector, and of the endpoint with OAuth2.
const webhookSample = `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimApplication
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  connector:
    type: Webhook
    webhook:
      endpoint:
        url: https://app.example.com/scim-operator/v1
        authentication:
          type: OAuth2
          oauth2: {tokenURL: "https://login.example.com/token", scopes: [accounts], audience: app}
        credentialSecretRef: {name: app}
        proxyURL: http://proxy.example.com:3128
        timeoutSeconds: 10
        maxConnections: 4
        allowPlaintext: true
      roles: [{name: reader}]
      attributes: [displayName, email, department]
      operations: [List, Adopt, Revoke]
  lifecycle: {graceHours: 24}
  adoption: {policy: Never}
  drift: {policy: Report}
  removalGuard: {reversible: {count: 50}, irreversible: {count: 5}}
  limits: {concurrency: 4}
status:
  conditions: [` + condition + `]
`

// webhookHeaderSample authenticates by a header.
const webhookHeaderSample = `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimApplication
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  connector:
    type: Webhook
    webhook:
      endpoint:
        url: https://app.example.com
        authentication: {type: Header, header: {name: X-API-Key, prefix: "token "}}
        credentialSecretRef: {name: app}
      roles: [{name: reader}]
  lifecycle: {graceHours: 24}
  adoption: {policy: Never}
  drift: {policy: Report}
  removalGuard: {reversible: {count: 50}, irreversible: {count: 5}}
  limits: {concurrency: 4}
status:
  conditions: [` + condition + `]
`

// webhookRules are about the connector of webhookSample.
func webhookRules() map[string]rule {
	const union = "connector.webhook must be set when connector.type is Webhook, and only then"
	connector := map[string]any{
		"endpoint": map[string]any{"url": "https://app.example.com", "credentialSecretRef": map[string]any{"name": "app"}},
		"roles":    []any{map[string]any{"name": "reader"}},
	}
	cases := map[string]rule{
		"WebhookWithoutMember":    {reason: "type says Webhook", create: []change{spec(map[string]any{"type": "Webhook"}, "connector")}, wantErr: union},
		"WebhookBesideKubernetes": {reason: "which is it?", create: []change{spec(connector, "connector", "webhook")}, wantErr: union},
		"SCIMWithoutMember": {
			reason: "type says SCIM", create: []change{spec(map[string]any{"type": "SCIM"}, "connector")},
			wantErr: "connector.scim must be set when connector.type is SCIM, and only then",
		},
	}
	of("ScimApplication", cases)
	maps.Copy(cases, endpointRules("Webhook", "webhook"))
	maps.Copy(cases, endpointRules("SCIM", "scim"))
	return cases
}

// endpointRules are about the endpoint of a connector that needs nothing else but roles.
func endpointRules(kind, member string) map[string]rule {
	const (
		plaintext      = "the url is not https: credentials and personal data would cross the network in the clear; set allowPlaintext if that is acceptable"
		plaintextToken = "the tokenURL is not https: the credential would cross the network in the clear; set allowPlaintext if that is acceptable"
		secret         = "authentication needs a credentialSecretRef"
		proxy          = "proxyURL needs https: the proxy would read the credential"
		header         = "header must be set when type is Header, and only then"
		oauth2         = "oauth2 must be set when type is OAuth2, and only then"
	)
	at := "spec.connector." + member + ".endpoint"
	// with is an endpoint that is as it should be, but for that.
	with := func(differs map[string]any) []change {
		endpoint := map[string]any{"url": "https://app.example.com", "credentialSecretRef": map[string]any{"name": "app"}}
		maps.Copy(endpoint, differs)
		maps.DeleteFunc(endpoint, func(_ string, value any) bool { return value == nil })
		return []change{spec(map[string]any{"type": kind, member: map[string]any{"endpoint": endpoint, "roles": []any{map[string]any{"name": "reader"}}}}, "connector")}
	}
	tokens := func(url string) map[string]any {
		return map[string]any{"type": "OAuth2", "oauth2": map[string]any{"tokenURL": url}}
	}
	cases := map[string]rule{
		"Bearer":              {reason: "the default", create: with(nil)},
		"Plaintext":           {reason: "the token would be seen", create: with(map[string]any{"url": "http://app.example.com"}), wantErr: plaintext, at: at},
		"PlaintextAllowed":    {reason: "as said", create: with(map[string]any{"url": "http://app.example.com", "allowPlaintext": true})},
		"NoSecret":            {reason: "where is the token?", create: with(map[string]any{"credentialSecretRef": nil}), wantErr: secret, at: at},
		"NoSecretNeeded":      {reason: "nobody is asked", create: with(map[string]any{"credentialSecretRef": nil, "authentication": map[string]any{"type": "None"}})},
		"Header":              {reason: "which?", create: with(map[string]any{"authentication": map[string]any{"type": "Header"}}), wantErr: header, at: at + ".authentication"},
		"HeaderAndBearer":     {reason: "which is it?", create: with(map[string]any{"authentication": map[string]any{"header": map[string]any{"name": "X-Key"}}}), wantErr: header, at: at + ".authentication"},
		"OAuth2":              {reason: "from where?", create: with(map[string]any{"authentication": map[string]any{"type": "OAuth2"}}), wantErr: oauth2, at: at + ".authentication"},
		"Tokens":              {reason: "client credentials", create: with(map[string]any{"authentication": tokens("https://login.example.com")})},
		"TokensPlaintext":     {reason: "the secret would be seen", create: with(map[string]any{"authentication": tokens("http://login.example.com")}), wantErr: plaintextToken, at: at},
		"TokensPlaintextToo":  {reason: "as said", create: with(map[string]any{"authentication": tokens("http://login.example.com"), "allowPlaintext": true})},
		"Proxy":               {reason: "TLS goes through", create: with(map[string]any{"proxyURL": "http://proxy.example.com"})},
		"ProxyPlaintext":      {reason: "it would read the token", create: with(map[string]any{"proxyURL": "http://proxy.example.com", "url": "http://app.example.com", "allowPlaintext": true}), wantErr: proxy, at: at},
		"ProxyTokenPlaintext": {reason: "it would read the secret", create: with(map[string]any{"proxyURL": "http://proxy.example.com", "allowPlaintext": true, "authentication": tokens("http://login.example.com")}), wantErr: proxy, at: at},
	}
	named := map[string]rule{}
	for name, c := range cases {
		named[kind+"Endpoint"+name] = c
	}
	return of("ScimApplication", named)
}
