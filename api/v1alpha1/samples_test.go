// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

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
`,
		"ScimToken": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimToken
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  secretName: acme-token
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  secretName: acme-token
  credentials:
  - keyID: abcdefgh
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
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
  accounts: {desired: 2, ready: 1}
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
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  accounts: {desired: 2, ready: 1}
`,
		"ScimGrant": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimGrant
metadata: {name: sample}
spec:
  applicationRef: {name: demo-cluster}
  subjects: [{kind: User, userName: jane@example.com}]
  roles: [viewer]
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  matchedUsers: 1
`,
		"ScimAccount": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimAccount
metadata: {name: sample}
spec:
  applicationRef: {name: demo-cluster}
  userRef: {name: 5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11}
  userName: jane@example.com
  state: Active
  roles: [viewer]
status:
  conditions: [` + condition + `]
  observedGeneration: 1
  externalID: "7"
  state: Active
  roles: [viewer]
`,
	}
}

// alternatives set what cannot be set together with something in the first sample of the kind.
func alternatives() map[string]string {
	return map[string]string{
		"ScimUser": `
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
`,
		"ScimMemberSlice": `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimMemberSlice
metadata: {name: sample}
spec:
  groupRef: {name: 8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90}
  children: [8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90-zero, 8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90-one]
`,
	}
}

// samplesOf are all samples of a kind.
func samplesOf(kind string) []string {
	all := []string{samples()[kind]}
	if alternative, exists := alternatives()[kind]; exists {
		all = append(all, alternative)
	}
	return all
}

const condition = `{type: Ready, status: "True", reason: InSync, message: all is well, ` +
	`observedGeneration: 1, lastTransitionTime: "2026-01-01T00:00:00Z"}`
