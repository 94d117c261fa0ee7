// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import "slices"

// samples sets every field of every kind, so that each can be made wrong alone; but see alternatives.
func samples() map[string]string {
	return map[string]string{
		"ScimDirectory": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimDirectory
metadata: {name: sample}
spec:
  publicURL: https://scim.example.com/prefix
  suspended: true
  operations: {users: Enabled, groups: Enabled, deletes: Enabled, imports: Disabled}
  deletion: {policy: Deactivate, retentionDays: 30}
  paging: {defaultPageSize: 50, maxPageSize: 500}
  protocol: {mode: Lenient, unknownAttributes: Keep, unknownMembers: Keep}
  limits: {requestsPerSecond: 25, burst: 100}
  authentication:
    allowedCIDRs: [203.0.113.0/24, "2001:db8::/32"]
  removalGuard:
    policy: Enabled
    windowMinutes: 60
    reversible: {count: 50, percent: 10}
    irreversible: {count: 5, percent: 1}
    expedite: [jane@example.com]
  extensions:
  - resourceType: User
    urn: urn:example:scim:User
    name: Example
    description: What the example sends.
    attributes:
    - name: accounts
      description: Accounts of the user.
      type: complex
      multiValued: true
      required: false
      caseExact: true
      mutability: readWrite
      returned: default
      canonicalValues: [none]
      referenceTypes: [uri]
      subAttributes:
      - name: status
        description: Of the account.
        type: string
        multiValued: false
        required: false
        caseExact: true
        mutability: readWrite
        returned: default
        canonicalValues: [open]
        referenceTypes: [uri]
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  url: https://scim.example.com/prefix/scim/v2/default/sample
  users: 3
  removals:
    count: 4
    digest: 9f86d081884c7d65
    decisions: [{through: "2026-01-01T00:00:00.000001Z", verdict: Approved}]
`,
		"ScimToken": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimToken
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  type: Basic
  username: okta
  secretName: acme-token
  expiresAt: "2027-01-01T00:00:00Z"
  rotation: {interval: 2160h, grace: 2h, deadline: 336h}
  scopes: ["users:read"]
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  secretName: acme-token
  rotated: "2026-01-01T00:00:00Z"
  credentials:
  - keyID: abcdefgh
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    username: okta
    issuedAt: "2026-01-01T00:00:00Z"
    notAfter: "2027-01-01T00:00:00Z"
    lastUsedAt: "2026-01-02T00:00:00Z"
`,
		"ScimTokenUse": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimTokenUse
metadata: {name: sample}
spec:
  tokenRef: {name: acme-okta}
  keyID: abcdefgh
  lastUsedAt: "2026-01-02T00:00:00Z"
`,
		"ScimUser": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimUser
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  userName: jane@example.com
  externalID: "0042"
  state: Active
  attributes: {displayName: Jane, emails: [{value: jane@example.com, primary: true}]}
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  accounts: {desired: 2, ready: 1, held: 1}
`,
		"ScimGroup": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimGroup
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  displayName: Engineers
  externalID: g-42
  membersRevision: 7
  attributes: {"urn:example:params:Group": {owner: jane@example.com}}
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  members: 3
`,
		"ScimMemberSlice": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimMemberSlice
metadata: {name: sample}
spec:
  groupRef: {name: 8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90}
  users: [5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11]
  groups: [c2a3f1d4-96b0-4c0e-a4f1-7be1f7c8d250]
  unknown: [c4]
`,
		"ScimName": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimName
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  attribute: UserName
  value: jane@example.com
  holder: 5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11
  state: Reserved
  claims: 1
`,
		"ScimApplication": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimApplication
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  deletionPolicy: Retain
  connector:
    type: Kubernetes
    kubernetes:
      kubeconfigSecretRef: {name: other-cluster}
      userNamePrefix: "oidc:"
      roles:
      - name: viewer
        roleRef: {kind: ClusterRole, name: view}
        namespaces: [demo]
  mode: Active
  account:
    userName: user.userName.lowerAscii()
    displayName: user.displayName
    email: user.emails[0].value
    attributes: [{name: teams, value: "groups.map(g, g.displayName)"}]
  lifecycle: {onDeactivation: Delete, onLostAccess: Retain, graceHours: 24}
  adoption: {policy: ByKey, key: Email, access: OnNextChange, privilegedRoles: [viewer]}
  drift: {policy: Report, intervalMinutes: 30}
  removalGuard:
    policy: Enabled
    windowMinutes: 60
    reversible: {count: 50, percent: 10}
    irreversible: {count: 5, percent: 1}
    expedite: [jane@example.com]
  limits: {concurrency: 4, accountsPerSecond: 20}
  invariants: [{name: two-viewers, expression: active.viewer >= 2}]
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  accounts: {desired: 2, ready: 1, held: 1}
  removals:
    count: 4
    digest: 9f86d081884c7d65
    decisions: [{through: "2026-01-01T00:00:00.000001Z", verdict: Approved}]
  plan: {create: 1, change: 2, suspend: 3, delete: 4}
  orphans: {count: 2, externalIDs: ["7", "8"]}
`,
		"ScimGrant": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimGrant
metadata: {name: sample}
spec:
  applicationRef: {name: demo-cluster}
  subjects: [{kind: User, userName: jane@example.com}]
  roles: [viewer]
  rolesFrom: user.roles.map(r, r.value)
  notBefore: "2026-01-01T00:00:00Z"
  notAfter: "2026-07-01T00:00:00Z"
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  matchedUsers: 1
  failedUsers: 2
  undeclaredRoles: 3
`,
		"ScimAccount": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimAccount
metadata: {name: sample}
spec:
  applicationRef: {name: demo-cluster}
  userRef: {name: 5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11}
  externalID: "0042"
  userName: jane@example.com
  displayName: Jane
  email: jane@example.com
  attributes: [{name: teams, value: "Engineers,Builders"}]
  state: Active
  reason: Granted
  roles: [viewer]
  grants: [{name: everyone, roles: [viewer]}]
  deleteAfter: "2026-01-08T00:00:00Z"
  lostAccessAt: "2026-01-01T00:00:00.000001Z"
  deletedAt: "2026-01-08T00:00:00.000001Z"
  held:
    by: Invariant
    invariant: two-viewers
    change: Suspend
    since: "2026-01-01T00:00:00.000001Z"
    digest: 9f86d081884c7d65
    rejected: true
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  externalID: "7"
  state: Active
  reason: Granted
  roles: [viewer]
  sources: [{role: viewer, grants: [everyone]}]
  pending: Change
  revocation: {sessions: NotNeeded, tokens: NotSupported}
  adoption: {externalID: "7", key: Email, digest: 9f86d081884c7d65, generation: 1}
`,
	}
}

// alternatives set what cannot be set together with something in the first sample of the kind.
func alternatives() map[string][]string {
	return map[string][]string{
		"ScimDirectory": {authenticationSample},
		"ScimUser": {`
apiVersion: scim-operator.dev/v1alpha1
kind: ScimUser
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  userName: jane@example.com
  state: Suspended
  deletedAt: "2026-01-01T00:00:00Z"
status:
  conditions: [` + condition + `]
`},
		"ScimMemberSlice": {`
apiVersion: scim-operator.dev/v1alpha1
kind: ScimMemberSlice
metadata: {name: sample}
spec:
  groupRef: {name: 8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90}
  children: [8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90-zero, 8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90-one]
`},
		"ScimToken": {`
apiVersion: scim-operator.dev/v1alpha1
kind: ScimToken
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  provided: {secretName: from-vault}
status:
  conditions: [` + condition + `]
`},
		"ScimApplication": slices.Concat(httpSamples(), ldapSamples(), []string{postgreSQLSample, webhookSample, webhookHeaderSample}),
		"ScimGrant": {
			grantTo("{kind: Everyone}"),
			grantTo("{kind: EveryoneElse}"),
			grantTo("{kind: Group, group: {displayName: Engineers}}"),
			grantTo("{kind: Group, group: {externalID: g-42}}"),
			grantTo("{kind: Group, group: {id: 8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90}}"),
			grantTo(`{kind: Condition, condition: user.title == "Engineer"}`),
		},
	}
}

func grantTo(subject string) string {
	return `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimGrant
metadata: {name: sample}
spec:
  applicationRef: {name: demo-cluster}
  subjects: [` + subject + `]
status:
  conditions: [` + condition + `]
  matchedUsers: 1
`
}

// samplesOf are all samples of a kind.
func samplesOf(kind string) []string {
	all := append([]string{samples()[kind]}, alternatives()[kind]...)
	if kind == "ScimApplication" {
		all = append(all, scimSamples()...)
	}
	return all
}

const condition = `{type: Ready, status: "True", reason: InSync, message: all is well, ` +
	`observedGeneration: 1, lastTransitionTime: "2026-01-01T00:00:00Z"}`
