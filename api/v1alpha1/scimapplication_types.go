// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ConnectorType names a member of the connector union.
// +kubebuilder:validation:Enum=Kubernetes
type ConnectorType string

// ConnectorKubernetes grants by RoleBindings and ClusterRoleBindings.
const ConnectorKubernetes ConnectorType = "Kubernetes"

// Connector says how accounts are kept in the application. The member named by type is set, and no other.
// +kubebuilder:validation:XValidation:rule="(self.type == 'Kubernetes') == has(self.kubernetes)",message="connector.kubernetes must be set when connector.type is Kubernetes, and only then"
type Connector struct {
	// type of the connector.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the type of a connector cannot change; make another ScimApplication"
	Type ConnectorType `json:"type,omitempty"`

	// kubernetes makes an account a subject of RoleBindings and ClusterRoleBindings.
	// +optional
	Kubernetes *KubernetesConnector `json:"kubernetes,omitempty"`
}

// KubernetesConnector keeps accounts as subjects of role bindings, one binding for each account, role and namespace.
// It touches no binding that it did not make. Suspended means that no binding is left.
type KubernetesConnector struct {
	// kubeconfigSecretRef names the Secret with the kubeconfig of another cluster, under the key "kubeconfig".
	// The Secret must carry the label scim-operator.dev/credential=true. Without a reference, it is the cluster of the operator.
	// +optional
	KubeconfigSecretRef *LocalReference `json:"kubeconfigSecretRef,omitempty"`

	// userNamePrefix is put before the user name of every subject, as --oidc-username-prefix of the API server does.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('system:')",message="userNamePrefix must not start with system:, which is reserved by Kubernetes"
	UserNamePrefix string `json:"userNamePrefix,omitempty"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Roles []KubernetesRole `json:"roles,omitempty"`
}

// KubernetesRole is a role of the application: a ClusterRole or Role, and where it is bound.
// +kubebuilder:validation:XValidation:rule="self.roleRef.kind == 'ClusterRole' || has(self.namespaces)",message="a Role lives in namespaces: name at least one"
type KubernetesRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`

	// roleRef names what is bound; scim-controller needs the right to bind it. As everywhere in Kubernetes it need not exist yet:
	// until it does, the binding gives nothing.
	// +required
	RoleRef KubernetesRoleRef `json:"roleRef,omitzero"`

	// namespaces in which RoleBindings are made. Without any, a ClusterRole is bound in the whole cluster.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Namespaces []string `json:"namespaces,omitempty"`
}

// KubernetesRoleRef names a ClusterRole, or a Role in each of the namespaces.
type KubernetesRoleRef struct {
	// kind is ClusterRole or Role.
	// +required
	// +kubebuilder:validation:Enum=ClusterRole;Role
	Kind string `json:"kind,omitempty"`
	// name of the ClusterRole or Role.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// DeletionPolicy says what becomes of the accounts of an application that is deleted.
// +kubebuilder:validation:Enum=Delete;Retain
type DeletionPolicy string

const (
	// DeletionPolicyDelete removes every account downstream that is ours before the ScimApplication goes.
	DeletionPolicyDelete DeletionPolicy = "Delete"
	// DeletionPolicyRetain lets go of the accounts: they stay downstream as they are and nobody keeps them any more.
	DeletionPolicyRetain DeletionPolicy = "Retain"
)

// ScimApplicationSpec is one downstream application.
type ScimApplicationSpec struct {
	// directoryRef names the directory whose users can get accounts. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="directoryRef cannot change; make another ScimApplication"
	DirectoryRef LocalReference `json:"directoryRef,omitzero"`

	// connector says how accounts are kept in the application.
	// +required
	Connector Connector `json:"connector,omitzero"`

	// deletionPolicy says what becomes of the accounts when this object is deleted. It can still be changed to Retain
	// while the object is being deleted, when the application is gone and cannot be cleaned up any more.
	// +optional
	// +kubebuilder:default=Delete
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ScimApplicationStatus is what scim-controller found.
type ScimApplicationStatus struct {
	// conditions of the application. Ready: Connected, DirectoryNotFound, Invalid, Denied, Unavailable, Deleting. Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// accounts counts the accounts in the application. It follows within seconds.
	// +optional
	Accounts AccountCounts `json:"accounts,omitzero"`
}

// ScimApplication is an application in which users get accounts.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim,shortName=scimapp
// +kubebuilder:selectablefield:JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Connector",type=string,JSONPath=`.spec.connector.type`
// +kubebuilder:printcolumn:name="Directory",type=string,JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Accounts",type=integer,JSONPath=`.status.accounts.desired`
// +kubebuilder:printcolumn:name="In Sync",type=integer,JSONPath=`.status.accounts.ready`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name of a ScimApplication is part of the names of its accounts: at most 63 characters"
type ScimApplication struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what people ask for.
	// +required
	Spec ScimApplicationSpec `json:"spec,omitzero"`
	// status is what scim-controller found.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status ScimApplicationStatus `json:"status,omitempty"`
}

// ScimApplicationList is a list of ScimApplication.
//
// +kubebuilder:object:root=true
type ScimApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimApplication `json:"items"`
}
