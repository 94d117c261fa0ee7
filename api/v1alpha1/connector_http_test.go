// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"

	"sigs.k8s.io/yaml"
)

// httpRequestSample sets every field of a request.
const httpRequestSample = `path: "/accounts/{account.externalID}"
        query: {limit: page.size}
        headers: {X-Version: '"1"'}
        body: '{"login": account.userName}'
        encoding: JSON
        success: response.status == 200
        notFound: response.status == 404
        conflict: response.status == 412`

// httpConnectorSample sets every field of the connector.
const httpConnectorSample = `
    type: HTTP
    http:
      endpoint:
        url: https://app.example.com/api
        allowPlaintext: false
        authentication:
          type: OAuth2
          oauth2: {tokenURL: "https://login.example.com/token", scopes: [accounts], audience: app}
        credentialSecretRef: {name: app}
        proxyURL: https://proxy.example.com
        timeoutSeconds: 10
        maxConnections: 4
      roles:
      - name: editor
        parameters: {group: "42"}
      ownership: Mark
      idempotencyKeyHeader: Idempotency-Key
      find:
      - by: UserName
        method: GET
        ` + httpRequestSample + `
        items: response.body.accounts
        pagination: {type: Cursor, size: 100, first: 1, next: response.body.next}
      details:
      - name: groups
        method: GET
        ` + httpRequestSample + `
        items: response.body.groups
        pagination: {type: Cursor, size: 100, first: 1, next: response.body.next}
      list:
        method: GET
        ` + httpRequestSample + `
        items: response.body.accounts
        pagination: {type: Cursor, size: 100, first: 1, next: response.body.next}
      account:
        externalID: observed.id
        userName: observed.login
        owner: observed.note
        active: observed.enabled
        roles: details.groups.map(g, g.name)
        profile: {displayName: observed.name}
      requests:
      - to: Create
        method: POST
        ` + httpRequestSample + `
      - {to: Update, method: PATCH, path: /accounts}
      - {to: Suspend, method: POST, path: /accounts}
      - {to: Delete, method: DELETE, path: /accounts}
      - {to: SetRoles, method: PUT, path: /accounts}
      - {to: Probe, method: GET, path: /accounts}
      revocation: {sessions: Revoked, tokens: NotNeeded}
`

// httpSamples are alternatives of a ScimApplication.
func httpSamples() []string {
	header := `
    type: HTTP
    http:
      endpoint:
        url: https://app.example.com/api
        authentication: {type: Header, header: {name: X-Key, prefix: "key "}}
        credentialSecretRef: {name: app}
      roles: [{name: editor}]
      find: [{by: UserName, method: GET, path: /accounts}]
      account: {externalID: observed.id, userName: observed.login, owner: observed.note, active: observed.enabled, roles: observed.roles}
      requests:
      - {to: Create, method: POST, path: /accounts}
      - {to: Suspend, method: POST, path: /accounts}
      - {to: Delete, method: DELETE, path: /accounts}
      - {to: Probe, method: GET, path: /accounts}
`
	var all []string
	for _, connector := range []string{httpConnectorSample, header} {
		all = append(all, `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimApplication
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  connector:`+connector+`
  lifecycle: {graceHours: 24}
  adoption: {policy: Never}
  drift: {policy: Report}
  removalGuard: {reversible: {count: 50}, irreversible: {count: 5}}
  limits: {concurrency: 4}
status:
  conditions: [`+condition+`]
`)
	}
	return all
}

// httpConnector is the sample of the connector.
func httpConnector() map[string]any {
	var connector map[string]any
	if err := yaml.Unmarshal([]byte(httpConnectorSample), &connector); err != nil {
		panic(err) // it is a part of this test
	}
	return connector
}

func httpRules() map[string]rule {
	const (
		requests = "requests must have Create, Suspend, Delete and Probe"
		pair     = "requests must have either AddRole and RemoveRole, or SetRoles, or none of them"
		owner    = "account.owner must be set with ownership Mark, and only then"
		weaker   = "ownership ExternalID needs a find by ExternalID, and can have neither a find by Mark nor a list"
		reads    = "only Probe reads, and only by GET or POST"
		lookup   = "a lookup is a GET, or a POST of a search"
		pages    = "pagination needs items"
		next     = "next must be set when type is Cursor or NextURL, and only then"
		under    = "spec.connector.http"
	)
	with := func(changes ...change) []change {
		return append([]change{spec(httpConnector(), "connector")}, changes...)
	}
	http := func(value any, path ...any) change {
		return spec(value, append([]any{"connector", "http"}, path...)...)
	}
	request := func(to, method string) map[string]any {
		return map[string]any{"to": to, "method": method, "path": "/accounts"}
	}
	find := func(by string) map[string]any { return map[string]any{"by": by, "method": "GET", "path": "/accounts"} }
	cases := map[string]rule{
		"HTTP":                 {reason: "the sample", create: with()},
		"HTTPNeedsUserName":    {reason: "else nobody is in the way", create: with(http("Mark", "find", 0, "by")), wantErr: "find must say how an account is found by its UserName"},
		"HTTPNeedsSuspend":     {reason: "a leaver would stay inside", create: with(http("Restore", "requests", 2, "to")), wantErr: requests},
		"HTTPHalfAPair":        {reason: "roles would only grow", create: with(http("AddRole", "requests", 4, "to")), wantErr: pair},
		"HTTPProfileUnchanged": {reason: "nothing changes it", create: with(http("Revoke", "requests", 1, "to")), wantErr: "account.profile needs a request Update"},
		"HTTPNoOwner":          {reason: "no mark is read", create: with(http(nil, "account", "owner")), wantErr: owner},
		"HTTPTwoOwners":        {reason: "which one?", create: with(http("ExternalID", "ownership")), wantErr: owner},
		"HTTPListOfNobody":     {reason: "it could not tell ours", create: with(http("ExternalID", "ownership"), http(nil, "account", "owner")), wantErr: weaker},
		"HTTPByExternalID": {reason: "without a mark", create: with(
			http("ExternalID", "ownership"), http(nil, "account", "owner"), http(nil, "list"), http([]any{find("UserName"), find("ExternalID")}, "find"),
		)},
		"HTTPChangeByGET":  {reason: "a GET changes nothing", create: with(http("GET", "requests", 0, "method")), wantErr: reads},
		"HTTPProbeByPUT":   {reason: "a probe changes nothing", create: with(http(request("Probe", "PUT"), "requests", 5)), wantErr: reads},
		"HTTPProbeByPOST":  {reason: "a search", create: with(http(request("Probe", "POST"), "requests", 5))},
		"HTTPNamedTwice":   {reason: "which one?", create: with(http(request("Delete", "POST"), "requests", 2)), wantErr: "Duplicate value"},
		"HTTPConnectorOff": {reason: "type says HTTP", create: with(http(nil)), wantErr: "connector.http must be set when connector.type is HTTP, and only then"},
		"HTTPPlaintext": {
			reason: "it would cross the network in the clear", create: with(http("http://app.example.com", "endpoint", "url")), at: under + ".endpoint",
			wantErr: "the url is not https: credentials and personal data would cross the network in the clear; set allowPlaintext if that is acceptable",
		},
		"HTTPProxyPlaintext": {
			reason: "it would read the credential", at: under + ".endpoint", wantErr: "proxyURL needs https: the proxy would read the credential",
			create: with(http("http://app.example.com", "endpoint", "url"), http(true, "endpoint", "allowPlaintext")),
		},
		"HTTPTokenPlaintext": {
			reason: "the secret would be seen", at: under + ".endpoint",
			create:  with(http("http://login.example.com/token", "endpoint", "authentication", "oauth2", "tokenURL"), http(nil, "endpoint", "proxyURL")),
			wantErr: "the tokenURL is not https: the credential would cross the network in the clear; set allowPlaintext if that is acceptable",
		},
		"HTTPNoSecret": {
			reason: "which token?", create: with(http(nil, "endpoint", "credentialSecretRef")), at: under + ".endpoint", wantErr: "authentication needs a credentialSecretRef",
		},
		"HTTPNoHeader": {
			reason: "which header?", create: with(http("Header", "endpoint", "authentication", "type")), at: under + ".endpoint.authentication",
			wantErr: "header must be set when type is Header, and only then",
		},
		"HTTPNoOAuth2": {
			reason: "from where?", create: with(http(nil, "endpoint", "authentication", "oauth2")), at: under + ".endpoint.authentication",
			wantErr: "oauth2 must be set when type is OAuth2, and only then",
		},
	}
	for field, path := range map[string][]any{"find[0]": {"find", 0}, "details[0]": {"details", 0}, "list": {"list"}} {
		in := func(value any, more ...any) change { return http(value, append(append([]any{}, path...), more...)...) }
		at := under + "." + field
		cases["HTTPLookupByPUT "+field] = rule{reason: "a lookup changes nothing", create: with(in("PUT", "method")), at: at, wantErr: lookup}
		cases["HTTPLookupByPOST "+field] = rule{reason: "a search", create: with(in("POST", "method"))}
		cases["HTTPPagesOfNothing "+field] = rule{reason: "pages of what?", create: with(in(nil, "items")), at: at, wantErr: pages}
		cases["HTTPCursorFromNowhere "+field] = rule{reason: "where from?", create: with(in(nil, "pagination", "next")), at: at + ".pagination", wantErr: next}
	}
	return of("ScimApplication", cases)
}

// TestHTTPSamples keeps the samples readable.
func TestHTTPSamples(t *testing.T) {
	for _, sample := range httpSamples() {
		decode(t, sample)
	}
}
