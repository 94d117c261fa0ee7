// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

// scimSamples set every field of the connector.
func scimSamples() []string {
	const rest = `
  lifecycle: {graceHours: 24}
  adoption: {policy: Never}
  drift: {policy: Report}
  removalGuard: {reversible: {count: 50}, irreversible: {count: 5}}
  limits: {concurrency: 4}
status:
  conditions: [` + condition + `]
`
	const begin = `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimApplication
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  connector:
    type: SCIM
    scim:
      suspension: Delete
      adoptExternalIDs: true
`
	return []string{
		begin + `
      endpoint:
        url: https://app.example.com/scim/v2
        authentication:
          type: OAuth2
          oauth2: {tokenURL: "https://login.example.com/token", scopes: [scim], audience: app}
        credentialSecretRef: {name: application}
        proxyURL: http://proxy.example.com:3128
        timeoutSeconds: 5
        maxConnections: 4
        allowPlaintext: true
      rolesAs: Groups
      roles: [{name: reader, group: Readers}]` + rest,
		begin + `
      endpoint:
        url: https://app.example.com
        authentication: {type: Header, header: {name: X-API-Key, prefix: "token "}}
        credentialSecretRef: {name: application}
      rolesAs: Groups
      roles: [{name: reader, groupID: "7"}]` + rest,
		begin + `
      endpoint:
        url: https://app.example.com
        authentication: {type: Header, header: {name: X-API-Key, prefix: "token "}}
        credentialSecretRef: {name: application}
      rolesAs: RolesAttribute
      roles: [{name: reader, value: reading}]` + rest,
	}
}

// scimRules are about the connector of scimSamples.
func scimRules() map[string]rule {
	const (
		kind = "a role has a group or groupID when rolesAs is Groups, and a value when it is RolesAttribute"
		one  = "group and groupID name the same thing: give one of them"
	)
	with := func(rolesAs string, role map[string]any) []change {
		role["name"] = "reader"
		connector := map[string]any{
			"endpoint": map[string]any{
				"url": "https://app.example.com/scim", "credentialSecretRef": map[string]any{"name": "application"},
				"authentication": map[string]any{"type": "Bearer"},
			},
			"roles": []any{role},
		}
		if rolesAs != "" {
			connector["rolesAs"] = rolesAs
		}
		return []change{spec(map[string]any{"type": "SCIM", "scim": connector}, "connector")}
	}
	return of("ScimApplication", map[string]rule{
		"SCIMShort":          {reason: "all else has a default", create: with("", map[string]any{})},
		"SCIMGroup":          {reason: "by its name", create: with("Groups", map[string]any{"group": "Readers"})},
		"SCIMGroupID":        {reason: "by its id", create: with("Groups", map[string]any{"groupID": "7"})},
		"SCIMBoth":           {reason: "which is it?", create: with("Groups", map[string]any{"group": "Readers", "groupID": "7"}), wantErr: one},
		"SCIMValue":          {reason: "of the attribute roles", create: with("RolesAttribute", map[string]any{"value": "reading"})},
		"SCIMValueOfGroup":   {reason: "groups have none", create: with("", map[string]any{"value": "reading"}), wantErr: kind},
		"SCIMGroupOfValue":   {reason: "there are no groups", create: with("RolesAttribute", map[string]any{"group": "Readers"}), wantErr: kind},
		"SCIMGroupIDOfValue": {reason: "there are no groups", create: with("RolesAttribute", map[string]any{"groupID": "7"}), wantErr: kind},
		"SCIMLongAttribute":  {reason: "a path of an extension", create: []change{spec("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "account", "attributes", 0, "name")}},
	})
}
