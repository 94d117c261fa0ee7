// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Labels, annotations and finalizers that we put on objects. Downstream marks belong to the connectors.
const (
	// LabelManagedBy marks what one of our programs made; the value is ManagedBy.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "scim-operator"

	// AnnotationToken names, on a Secret, the ScimToken that it belongs to; a Secret that a ScimToken is provided with has it too.
	AnnotationToken = Group + "/token"
	// AnnotationIssue says, on the Secret that a ScimToken made, which request for a credential the one in it answers. A credential that was written and
	// not published yet is found again by it, and one that has ended is not taken for it.
	AnnotationIssue = Group + "/issue"
	// SecretTypeToken is the type of the Secret of a ScimToken. A type cannot change, so a Secret of another kind never becomes one.
	SecretTypeToken = Group + "/token"

	// AnnotationRotate on a ScimToken asks for a new credential whenever its value changes; the time of asking is a good value.
	AnnotationRotate = Group + "/rotate"
	// AnnotationRevoke on a ScimToken names the key ids of credentials that end at once, separated by commas; "*" is all of them. scim-server reads
	// it itself, so that it does not depend on scim-controller.
	AnnotationRevoke = Group + "/revoke"
	// AnnotationChangedBy is, on a ScimUser, ScimGroup or ScimMemberSlice, the key id of the credential with which it was changed last.
	AnnotationChangedBy = Group + "/changed-by"
	// AnnotationProtected on a ScimUser keeps the identity provider from changing or deleting that user, and from changing the memberships. Its value
	// is the reason, for people.
	AnnotationProtected = Group + "/protected"

	// LabelCredential opts a Secret in to being read by a connector; the value is "true".
	LabelCredential = Group + "/credential"
	// AnnotationHosts on such a Secret names the hosts that it may be sent to, separated by commas: "db.example.com", "db.example.com:5432" for one
	// port only, or "*.example.com" for every host below. A proxy on the way is such a host too. Whoever writes a ScimApplication chooses an address and a Secret; the Secret decides
	// whether they belong together. A kubeconfig names its host itself.
	AnnotationHosts = Group + "/hosts"

	// AnnotationLastModified is the SCIM meta.lastModified of a ScimUser (RFC 3339, UTC); without it, it is the creation time.
	AnnotationLastModified = Group + "/last-modified"
	// AnnotationFence is rewritten on a ScimUser to make a rename under way start over (see scimserver/directory).
	AnnotationFence = Group + "/fence"

	// AnnotationRequestID is, on a ScimUser, ScimGroup or ScimMemberSlice, the X-Request-Id of the SCIM request that changed it last, and
	// on a ScimAccount that of the request whose change was decided about last.
	AnnotationRequestID = Group + "/request-id"
	// AnnotationRequestedAt is, on a ScimAccount, when the SCIM change was asked for that its spec comes from (RFC 3339, UTC). It is absent when that
	// is not known, or when the spec comes from something else: a ScimGrant, a decision about what was held, the passing of time.
	AnnotationRequestedAt = Group + "/requested-at"
	// AnnotationSuspend on a ScimUser suspends every account of that user at once, whatever the identity provider and the grants say. Its
	// value is the reason, for people. Empty, it lifts a suspension that was taken over from an earlier ScimUser of the same person.
	AnnotationSuspend = Group + "/suspend"
	// AnnotationApprove says yes to exactly what status shows under that digest: on a ScimApplication or ScimDirectory to the removals
	// that are held, on a ScimAccount to taking over a privileged account.
	AnnotationApprove = Group + "/approve"
	// AnnotationReject says no to the same: the accounts keep what they have until something else is decided about them.
	AnnotationReject = Group + "/reject"

	// FinalizerAccount holds a ScimAccount until its account downstream is gone.
	FinalizerAccount = Group + "/account"
	// FinalizerApplication holds a ScimApplication until its accounts are gone.
	FinalizerApplication = Group + "/application"
	// FinalizerToken holds a ScimToken until its Secret is gone.
	FinalizerToken = Group + "/token"
)
