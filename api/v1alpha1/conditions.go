// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types. Ready and Stalled follow kstatus, so that `kubectl wait`, Argo CD and Flux can tell health:
// Ready=True is current, Stalled=True is failed until somebody changes something, anything else is in progress.
// Absent means unknown.
const (
	// ConditionReady is True when what the spec asks for is so.
	ConditionReady = "Ready"
	// ConditionStalled is True when trying again cannot help: the spec, a Secret or a right must change first.
	// It is absent otherwise.
	ConditionStalled = "Stalled"
	// ConditionHeld is True, on a ScimApplication or ScimDirectory, while changes of accounts wait for somebody. It is absent otherwise.
	ConditionHeld = "Held"
	// ConditionOrphansListed is True, on a ScimApplication, when status.orphans is what the application shows.
	ConditionOrphansListed = "OrphansListed"
	// ConditionSettled is True, on a ScimAccount, when the application has shown the account as the spec wants it: at which generation, and
	// with which configuration of the connector. Only what differs after that is drift; what differs before is work that is not done yet.
	// Nothing depends on it but whether a difference is reported or put right. It is absent until then.
	ConditionSettled = "Settled"
	// ConditionExpiring is True, on a ScimToken, when the credential that the identity provider uses ends within 30 days; the message says how soon. It
	// is absent otherwise.
	ConditionExpiring = "Expiring"
	// ConditionRotating is True, on a ScimToken, while an old credential is valid beside the new one. It is absent otherwise.
	ConditionRotating = "Rotating"
	// ConditionUnused is True, on a ScimToken, when no credential of it was seen in use for 90 days. It is absent otherwise.
	ConditionUnused = "Unused"
	// ConditionKeysFetched is True, on a ScimDirectory, when status.authentication has the keys of the issuer. It is absent without spec.authentication.jwt.
	ConditionKeysFetched = "KeysFetched"
)

// Reasons of the condition Held.
const (
	// ReasonRemovalLimit: more people lose access than the removal guard lets go at once; the message says how to approve or reject.
	ReasonRemovalLimit = "RemovalLimit"
	// ReasonInvariant: changes would break an invariant of the ScimApplication; the message names it.
	ReasonInvariant = "Invariant"
)

// Reasons of the condition OrphansListed.
const (
	// ReasonListed (True): the whole list was read.
	ReasonListed = "Listed"
	// ReasonListNotSupported (False): the connector cannot list the accounts of the application.
	ReasonListNotSupported = "NotSupported"
	// ReasonListFailed (False): the list could not be read to its end; what is shown is what it was before.
	ReasonListFailed = "Failed"
)

// Reasons that several kinds share.
const (
	// ReasonPending (Unknown): no controller has looked at the object yet.
	ReasonPending = "Pending"
	// ReasonDirectoryNotFound (Ready=False): spec.directoryRef names no ScimDirectory of this namespace.
	ReasonDirectoryNotFound = "DirectoryNotFound"
	// ReasonApplicationNotFound (Ready=False): spec.applicationRef names no ScimApplication of this namespace.
	ReasonApplicationNotFound = "ApplicationNotFound"
	// ReasonDeleting (Ready=False): the object is going away; the message says what it still waits for.
	ReasonDeleting = "Deleting"
)

// Reasons of a ScimDirectory.
const (
	// ReasonServing (Ready=True): the base URL is published in status.url.
	ReasonServing = "Serving"
	// ReasonNoPublicURL (Ready=False, Stalled): neither the directory nor scim-controller says where scim-server is reached.
	ReasonNoPublicURL = "NoPublicURL"
)

// Reasons of a ScimToken.
const (
	// ReasonIssued (Ready=True): the token is in its Secret and its hash is published.
	ReasonIssued = "Issued"
	// ReasonSecretConflict (Ready=False, Stalled): a Secret of that name exists that this ScimToken did not make.
	ReasonSecretConflict = "SecretConflict"
	// ReasonInvalidSecret (Ready=False, Stalled): the Secret of this ScimToken no longer holds a token of ours.
	ReasonInvalidSecret = "InvalidSecret"
	// ReasonSecretNotFound (Ready=False): the Secret that spec.provided names is not there, or does not opt in.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonRevoked (Ready=False, Stalled): the annotation scim-operator.dev/revoke ended every credential.
	ReasonRevoked = "Revoked"
	// ReasonSuperseded (Ready=False, Stalled): the directory lets only its newest ScimToken be valid.
	ReasonSuperseded = "Superseded"
)

// Reasons of the conditions Expiring, Rotating and Unused of a ScimToken.
const (
	// ReasonExpiresWithin30Days (Expiring=True).
	ReasonExpiresWithin30Days = "Within30Days"
	// ReasonExpiresWithin7Days (Expiring=True).
	ReasonExpiresWithin7Days = "Within7Days"
	// ReasonExpiresWithin1Day (Expiring=True).
	ReasonExpiresWithin1Day = "Within1Day"
	// ReasonWaitingForUse (Rotating=True): the identity provider still uses the old credential; the message says until when it can.
	ReasonWaitingForUse = "WaitingForUse"
	// ReasonGrace (Rotating=True): the new credential is in use, and the old one ends when the grace is over.
	ReasonGrace = "Grace"
	// ReasonNotUsed (Unused=True).
	ReasonNotUsed = "NotUsed"
)

// Reasons of the condition KeysFetched of a ScimDirectory; also ReasonUnavailable and ReasonInvalid.
const (
	// ReasonFetched (True): the keys are those that the issuer publishes.
	ReasonFetched = "Fetched"
)

// Reasons of a ScimApplication.
const (
	// ReasonConnected (Ready=True): the connector reached the application with the rights that it needs.
	ReasonConnected = "Connected"
	// ReasonInvalid (Ready=False, Stalled): the application or the account cannot be handled as it is declared.
	ReasonInvalid = "Invalid"
	// ReasonDenied (Ready=False, Stalled): the application refuses our credential or lacks a right; the message names it.
	ReasonDenied = "Denied"
	// ReasonUnavailable (Ready=False): the application cannot be reached now; it is tried again.
	ReasonUnavailable = "Unavailable"
)

// Reasons of a ScimGrant.
const (
	// ReasonInEffect (Ready=True): the grant is counted for every user that it matches.
	ReasonInEffect = "InEffect"
	// ReasonUnknownRole (Ready=False, Stalled): the application declares no role of that name.
	ReasonUnknownRole = "UnknownRole"
	// ReasonInvalidExpression (Ready=False, Stalled), of a ScimApplication too: an expression is not valid CEL or has another type than it
	// should. What it gave stays as it is, and nothing new is given.
	ReasonInvalidExpression = "InvalidExpression"
	// ReasonExpressionFailed (Ready=False): an expression fails for some users, who keep what they have from the grant.
	ReasonExpressionFailed = "ExpressionFailed"
	// ReasonNotYetInEffect (Ready=True): notBefore is still to come.
	ReasonNotYetInEffect = "NotYetInEffect"
	// ReasonExpired (Ready=True): notAfter has passed, and what the grant gave was taken away.
	ReasonExpired = "Expired"
)

// Reasons of a ScimAccount.
const (
	// ReasonInSync (Ready=True): the application shows the account as the spec wants it.
	ReasonInSync = "InSync"
	// ReasonConflict (Ready=False, Stalled): the application has such an account and it is not ours.
	ReasonConflict = "Conflict"
	// ReasonApplicationNotReady (Ready=False): the account waits until its ScimApplication is ready again.
	ReasonApplicationNotReady = "ApplicationNotReady"
	// ReasonError (Ready=False): an error that no rule knows; it is tried again.
	ReasonError = "Error"
	// ReasonHeld (Ready=False), of a ScimUser too: a change waits, because of a removal guard or an invariant; spec.held says which.
	ReasonHeld = "Held"
	// ReasonPaused (Ready=False): the ScimApplication is paused; status.pending says what would be done.
	ReasonPaused = "Paused"
	// ReasonDryRun (Ready=False): the ScimApplication is in DryRun; status.pending says what would be done.
	ReasonDryRun = "DryRun"
	// ReasonDrifted (Ready=False): the account was changed in the application, which only reports that.
	ReasonDrifted = "Drifted"
	// ReasonAdoptionPending (Ready=False, Stalled): a privileged account was found by e-mail alone; somebody has to approve taking it over.
	ReasonAdoptionPending = "AdoptionPending"
)

// Reasons of a ScimGroup.
const (
	// ReasonCounted (Ready=True): the members are counted. A group has nothing to be made ready; grants may speak of it.
	ReasonCounted = "Counted"
)

// Reasons of a ScimUser.
const (
	// ReasonProvisioned (Ready=True): every account of the user is as it shall be.
	ReasonProvisioned = "Provisioned"
	// ReasonProvisioning (Ready=False): at least one account is not as it shall be yet.
	ReasonProvisioning = "Provisioning"
	// ReasonLocked (Ready=True): every account is suspended, because of the annotation scim-operator.dev/suspend.
	ReasonLocked = "Locked"
	// ReasonMappingFailed (Ready=False, Stalled): an expression of spec.account of a ScimApplication fails for this user; the message names the application.
	ReasonMappingFailed = "MappingFailed"
)
