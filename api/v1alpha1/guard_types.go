// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// GuardPolicy says whether removals are guarded.
// +kubebuilder:validation:Enum=Enabled;Disabled
type GuardPolicy string

const (
	// GuardEnabled holds removals beyond the limits.
	GuardEnabled GuardPolicy = "Enabled"
	// GuardDisabled lets all removals go at once.
	GuardDisabled GuardPolicy = "Disabled"
)

// RemovalGuard bounds how many people may lose access within a window of time. The first ones lose it at once; what is beyond a limit
// is held until somebody approves or rejects it. In a ScimDirectory people are counted over all applications of the directory, in a
// ScimApplication in that application. A person counts once in a window.
type RemovalGuard struct {
	// policy is Enabled or Disabled.
	// +optional
	// +kubebuilder:default=Enabled
	Policy GuardPolicy `json:"policy,omitempty"`

	// windowMinutes is the length of the sliding window.
	// +optional
	// +kubebuilder:default=60
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1440
	WindowMinutes int32 `json:"windowMinutes,omitempty"`

	// reversible bounds what can be given back: a suspension, roles that are lost.
	// +optional
	// +kubebuilder:default={count: 100}
	Reversible RemovalLimit `json:"reversible,omitzero"`

	// irreversible bounds accounts that are deleted in an application.
	// +optional
	// +kubebuilder:default={count: 25}
	Irreversible RemovalLimit `json:"irreversible,omitzero"`

	// expedite are the userNames, whatever their case, whose removals go through at once and do not count.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Expedite []string `json:"expedite,omitempty"`
}

// RemovalLimit is how many may lose access within the window: the smaller of count and percent, and at least one.
type RemovalLimit struct {
	// count of people.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Count int32 `json:"count,omitempty"`

	// percent of those who have access at the time, rounded up.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Percent int32 `json:"percent,omitempty"`
}

// Verdict is what somebody decided about removals that are held.
// +kubebuilder:validation:Enum=Approved;Rejected
type Verdict string

const (
	// VerdictApproved lets the removals go at once.
	VerdictApproved Verdict = "Approved"
	// VerdictRejected drops the removals: the accounts keep what they have until something else is decided about them.
	VerdictRejected Verdict = "Rejected"
)

// HeldRemovals are the removals that wait for somebody to decide.
type HeldRemovals struct {
	// count of accounts that are held and not decided about.
	// +optional
	Count int32 `json:"count,omitempty"`

	// digest of exactly this set, for the annotations scim-operator.dev/approve and scim-operator.dev/reject.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Digest string `json:"digest,omitempty"`

	// decisions that were made, the oldest first, as long as accounts are held that they speak of.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Decisions []RemovalDecision `json:"decisions,omitempty"`
}

// RemovalDecision is a verdict about all removals that were held until a point in time and about which no earlier decision speaks.
type RemovalDecision struct {
	// through is when the last of them began to be held.
	// +required
	Through metav1.MicroTime `json:"through,omitzero"`

	// verdict is Approved or Rejected.
	// +required
	Verdict Verdict `json:"verdict,omitempty"`
}
