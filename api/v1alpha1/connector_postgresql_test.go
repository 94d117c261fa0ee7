// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

// postgreSQLSample sets every field of the connector.
const postgreSQLSample = `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimApplication
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  connector:
    type: PostgreSQL
    postgresql:
      host: db.example.com
      port: 5433
      database: app
      tlsMode: VerifyCA
      credentialSecretRef: {name: database}
      maxConnections: 8
      statementTimeoutSeconds: 30
      roles: [{name: reader, memberOf: readers}]
      ownedObjects: {policy: Reassign, reassignTo: heirs}
  lifecycle: {graceHours: 24}
  adoption: {policy: Never}
  drift: {policy: Report}
  removalGuard: {reversible: {count: 50}, irreversible: {count: 5}}
  limits: {concurrency: 4}
status:
  conditions: [` + condition + `]
`

// postgreSQLRules are about the connector of postgreSQLSample.
func postgreSQLRules() map[string]rule {
	const (
		union = "connector.postgresql must be set when connector.type is PostgreSQL, and only then"
		heir  = "reassignTo must be set when policy is Reassign, and only then"
	)
	with := func(value any) change {
		return spec(map[string]any{"type": "PostgreSQL", "postgresql": value}, "connector")
	}
	connector := func(owned map[string]any) map[string]any {
		c := map[string]any{
			"host": "db.example.com", "credentialSecretRef": map[string]any{"name": "database"}, "roles": []any{map[string]any{"name": "reader"}},
		}
		if owned != nil {
			c["ownedObjects"] = owned
		}
		return c
	}
	return of("ScimApplication", map[string]rule{
		"PostgreSQLShort":            {reason: "all else has a default", create: []change{with(connector(nil))}},
		"PostgreSQLWithoutMember":    {reason: "type says PostgreSQL", create: []change{spec(map[string]any{"type": "PostgreSQL"}, "connector")}, wantErr: union},
		"PostgreSQLBesideKubernetes": {reason: "which is it?", create: []change{spec(connector(nil), "connector", "postgresql")}, wantErr: union},
		"PostgreSQLReassigns":        {reason: "to somebody", create: []change{with(connector(map[string]any{"policy": "Reassign", "reassignTo": "heirs"}))}},
		"PostgreSQLRefuses":          {reason: "the default, said", create: []change{with(connector(map[string]any{"policy": "Refuse"}))}},
		"PostgreSQLReassignsToNone":  {reason: "to whom?", create: []change{with(connector(map[string]any{"policy": "Reassign"}))}, wantErr: heir},
		"PostgreSQLRefusesAndHasHeir": {
			reason: "which is it?", create: []change{with(connector(map[string]any{"policy": "Refuse", "reassignTo": "heirs"}))}, wantErr: heir,
		},
	})
}
