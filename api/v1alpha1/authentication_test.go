// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import "strings"

// authenticationSample sets every field of spec.authentication but allowedCIDRs, and of status.authentication.
const authenticationSample = `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimDirectory
metadata: {name: sample}
spec:
  authentication:
    tokens: Newest
    jwt:
      issuer: https://login.example.com/realms/acme
      jwksURL: https://login.example.com/realms/acme/certs?appid=1
      allowPlaintext: true
      certificateAuthority: |
        -----BEGIN CERTIFICATE-----
        MIIBszCCAVmgAwIBAgIUQ==
        -----END CERTIFICATE-----
      audiences: [api://scim-acme]
      allowSharedAudience: true
      requiredClaims:
      - {name: azp, values: [provisioning]}
      algorithms: [RS256, EdDSA]
      maxLifetime: 1h30m
      scopes: ["users:read", "groups:write"]
  limits: {requestsPerSecond: 50, burst: 100}
  removalGuard: {reversible: {count: 50}, irreversible: {count: 5}}
status:
  conditions: [` + condition + `]
  users: 0
  authentication:
    issuer: https://login.example.com/realms/acme
    jwksURL: https://login.example.com/realms/acme/certs?appid=1
    keys: [{keyID: first, jwk: '{"kty":"OKP","kid":"first","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'}]
    fetchedAt: "2026-01-01T00:00:00Z"
`

// entraShared is the audience of every application of an Entra tenant.
const entraShared = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"

// jwt is a spec.authentication.jwt with changes; nil takes a field away.
func jwt(changes map[string]any) change {
	value := map[string]any{
		"issuer": "https://login.example.com", "audiences": []any{"api://scim-acme"}, "requiredClaims": claims("azp", "provisioning"),
	}
	for name, v := range changes {
		if value[name] = v; v == nil {
			delete(value, name)
		}
	}
	return spec(map[string]any{"jwt": value}, "authentication")
}

// claims are requiredClaims of these names and values.
func claims(pairs ...string) (all []any) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, map[string]any{"name": pairs[i], "values": []any{pairs[i+1]}})
	}
	return all
}

func authenticationRules() map[string]rule {
	const (
		pin      = "requiredClaims must pin the client: one of sub, azp, appid, client_id, cid or oid"
		shared   = "every application of an Entra tenant gets tokens with this audience: set allowSharedAudience and pin appid, azp or oid, or register an audience of your own"
		lifetime = "maxLifetime must be from 1m to 8760h"
		issuer   = "spec.authentication.jwt.issuer in body should match"
		notPEM   = "certificateAuthority must be certificates in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
		private  = "certificateAuthority has a private key in it: take it out, and use another key from now on"
		address  = "spec.authentication.jwt.jwksURL in body should match"
	)
	cases := map[string]rule{
		"JWT":              {reason: "as little as it takes", create: []change{jwt(nil)}},
		"JWTLater":         {reason: "a directory may get it, change it", update: []change{jwt(nil)}},
		"NoIssuer":         {reason: "whose tokens?", create: []change{jwt(map[string]any{"issuer": nil})}, wantErr: "issuer: Required value"},
		"NoAudience":       {reason: "for whom?", create: []change{jwt(map[string]any{"audiences": nil})}, wantErr: "audiences: Required value"},
		"NoClaims":         {reason: "every client of the issuer?", create: []change{jwt(map[string]any{"requiredClaims": nil})}, wantErr: "requiredClaims: Required value"},
		"NotPinned":        {reason: "a role is not a client", create: []change{jwt(map[string]any{"requiredClaims": claims("roles", "scim", "tid", "x")})}, wantErr: pin},
		"PinInOtherCase":   {reason: "claims are compared exactly", create: []change{jwt(map[string]any{"requiredClaims": claims("AZP", "x")})}, wantErr: pin},
		"ClaimOfNoValue":   {reason: "nothing would do", create: []change{jwt(map[string]any{"requiredClaims": []any{map[string]any{"name": "azp"}}})}, wantErr: "values: Required value"},
		"Shared":           {reason: "another application of the tenant could send its token", create: []change{jwt(map[string]any{"audiences": []any{entraShared}})}, wantErr: shared},
		"SharedBeside":     {reason: "beside another it opens as much", create: []change{jwt(map[string]any{"audiences": []any{"a", entraShared}})}, wantErr: shared},
		"SharedNotAllowed": {reason: "it is said explicitly or not at all", create: []change{jwt(map[string]any{"audiences": []any{entraShared}, "allowSharedAudience": false})}, wantErr: shared},
		"SharedBySubject":  {reason: "Entra's own service is not one application", create: []change{jwt(map[string]any{"audiences": []any{entraShared}, "allowSharedAudience": true, "requiredClaims": claims("sub", "x")})}, wantErr: shared},
		"SharedAndPinned":  {reason: "it takes both", create: []change{jwt(map[string]any{"audiences": []any{entraShared}, "allowSharedAudience": true, "requiredClaims": claims("appid", "x")})}},
		"HMAC":             {reason: "whoever checks it could make it", create: []change{jwt(map[string]any{"algorithms": []any{"HS256"}})}, wantErr: `Unsupported value: "HS256"`},
		"NoSignature":      {reason: "anybody could make it", create: []change{jwt(map[string]any{"algorithms": []any{"none"}})}, wantErr: `Unsupported value: "none"`},
		"LifetimeShort":    {reason: "clocks differ by as much", create: []change{jwt(map[string]any{"maxLifetime": "59s"})}, wantErr: lifetime},
		"LifetimeLong":     {reason: "a token that lasts is a password", create: []change{jwt(map[string]any{"maxLifetime": "8761h"})}, wantErr: lifetime},
		"LifetimeNegative": {reason: "nothing would do", create: []change{jwt(map[string]any{"maxLifetime": "-1h"})}, wantErr: lifetime},
		"LifetimeYear":     {reason: "the bound itself", create: []change{jwt(map[string]any{"maxLifetime": "8760h"})}},
		"Authority":        {reason: "whether it can be read is for scim-controller to say", create: []change{jwt(map[string]any{"certificateAuthority": "# ours\n-----BEGIN CERTIFICATE-----"})}},
		"AuthorityNone":    {reason: "empty is not the system's", create: []change{jwt(map[string]any{"certificateAuthority": ""})}, wantErr: "certificateAuthority in body should be at least 1 chars long"},
		"AuthorityBase64":  {reason: "as a webhook has it", create: []change{jwt(map[string]any{"certificateAuthority": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"})}, wantErr: notPEM},
		"AuthorityKey":     {reason: "a key is nobody else's", create: []change{jwt(map[string]any{"certificateAuthority": "-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----"})}, wantErr: private},
		"AuthorityLong":    {reason: "every server keeps it", create: []change{jwt(map[string]any{"certificateAuthority": "-----BEGIN CERTIFICATE-----" + strings.Repeat("x", 65536)})}, wantErr: "certificateAuthority: Too long"},
		"KeysWithQuery":    {reason: "Entra has keys for one application there", create: []change{jwt(map[string]any{"jwksURL": "https://login.example.com/keys?appid=x"})}},
	}
	for _, pin := range []string{"sub", "azp", "appid", "client_id", "cid", "oid"} {
		cases["PinnedBy "+pin] = rule{reason: "it names a client", create: []change{jwt(map[string]any{"requiredClaims": claims(pin, "x")})}}
	}
	for _, url := range []string{"login.example.com", "ftp://login.example.com", "https://login.example.com?x=y", "https://a:b@login.example.com", "https://login.example.com#x", "https://login example"} {
		cases["Issuer "+url] = rule{reason: "not an issuer", create: []change{jwt(map[string]any{"issuer": url})}, wantErr: issuer}
	}
	for _, url := range []string{"login.example.com", "file:///etc/passwd", "https://a:b@login.example.com", "https://login.example.com#x"} {
		cases["KeysAt "+url] = rule{reason: "not an address", create: []change{jwt(map[string]any{"jwksURL": url})}, wantErr: address}
	}
	return of("ScimDirectory", cases)
}

func authenticationDefaults() map[string]policyDefault {
	least := jwt(nil).value.(map[string]any)
	want := jwt(nil).value.(map[string]any)
	full := want["jwt"].(map[string]any)
	full["algorithms"], full["maxLifetime"] = []any{"RS256", "ES256"}, "24h"
	want["tokens"] = "Many"
	return map[string]policyDefault{
		"Authentication":    {"ScimTokens alone", "ScimDirectory", "authentication", nil, nil},
		"AuthenticationJWT": {"beside the ScimTokens, with what every issuer has", "ScimDirectory", "authentication", least, want},
	}
}
