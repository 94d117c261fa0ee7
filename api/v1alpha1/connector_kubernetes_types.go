// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

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
