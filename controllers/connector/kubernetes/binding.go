// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// AccountLabel marks our bindings with a hash of their owner: `kubectl get rolebindings -A -l scim-operator.dev/account=…`.
	AccountLabel = "scim-operator.dev/account"
	// OwnerAnnotation holds the owner itself: the namespace and name of the account object.
	OwnerAnnotation = "scim-operator.dev/owner"
	// RoleAnnotation holds the name of the application's role that a binding is for.
	RoleAnnotation = "scim-operator.dev/role"
	// ManagedByLabel is for people and tools only; nothing here reads it.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of ManagedByLabel.
	ManagedBy = "scim-operator"
)

// maxUserName bounds a user name with its prefix, in bytes. The API server has no limit of its own; this keeps a
// binding far from the limit for objects.
const maxUserName = 1024

// binding is a RoleBinding, or a ClusterRoleBinding if it has no namespace.
type binding struct {
	metav1.ObjectMeta
	ref      rbacv1.RoleRef
	subjects []rbacv1.Subject
}

// slot is one place that a role asks to be bound in: a namespace, or "" for the cluster.
type slot struct {
	role      Role
	namespace string
}

// place identifies a binding.
type place struct{ namespace, name string }

func (b binding) place() place { return place{b.Namespace, b.Name} }

func (r Role) slots() []slot {
	if len(r.Namespaces) == 0 {
		return []slot{{r, ""}}
	}
	slots := make([]slot, 0, len(r.Namespaces))
	for _, namespace := range r.Namespaces {
		slots = append(slots, slot{r, namespace})
	}
	return slots
}

// place is where the slot's binding for that owner is. The name is a hash, as it must be short, unique and free of
// personal data.
func (s slot) place(owner string) place {
	return place{s.namespace, "scim-" + hash(owner, s.role.Name, s.namespace)}
}

func (s slot) binding(owner string, subject rbacv1.Subject) binding {
	at := s.place(owner)
	return binding{
		ObjectMeta: metav1.ObjectMeta{
			Name: at.name, Namespace: at.namespace,
			Labels:      map[string]string{ManagedByLabel: ManagedBy, AccountLabel: accountLabel(owner)},
			Annotations: map[string]string{OwnerAnnotation: owner, RoleAnnotation: s.role.Name},
		},
		ref:      s.role.ref(),
		subjects: []rbacv1.Subject{subject},
	}
}

// bears says whether the binding carries the whole mark of that owner.
func (b binding) bears(owner string) bool {
	return b.Labels[AccountLabel] == accountLabel(owner) && b.Annotations[OwnerAnnotation] == owner
}

// fills says whether the binding is what the slot asks for, whoever its subject is. One that is being deleted is not.
func (b binding) fills(s slot) bool {
	return b.DeletionTimestamp == nil && b.ref == s.role.ref() && b.Annotations[RoleAnnotation] == s.role.Name
}

// isFor says whether that is the one and only subject.
func (b binding) isFor(subject rbacv1.Subject) bool {
	return slices.Equal(b.subjects, []rbacv1.Subject{subject})
}

// userName returns the name behind the prefix if the binding has one user as its only subject.
func (b binding) userName(prefix string) (string, bool) {
	if len(b.subjects) != 1 || b.subjects[0] != user(b.subjects[0].Name) {
		return "", false
	}
	return strings.CutPrefix(b.subjects[0].Name, prefix)
}

func user(name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}
}

func accountLabel(owner string) string { return hash(owner) }

// hash returns 52 characters that are good in names and label values. Quoting keeps ("a", "b") and ("ab", "") apart.
func hash(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}

// checkUserName says why nobody may be called that, nil if it is fine. full is the name with its prefix.
func checkUserName(full string) error {
	switch {
	case !utf8.ValidString(full):
		return connector.Invalidf("the user name is not UTF-8")
	case strings.ContainsFunc(full, unicode.IsControl):
		return connector.Invalidf("the user name has control characters")
	case len(full) > maxUserName:
		return connector.Invalidf("the user name is longer than %d bytes", maxUserName)
	case strings.HasPrefix(full, "system:"):
		return connector.Invalidf(`the user name would begin with "system:", which is reserved for the cluster's own identities`)
	}
	return nil
}
