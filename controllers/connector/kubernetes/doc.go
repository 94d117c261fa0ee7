// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubernetes keeps accounts as subjects of RoleBindings and ClusterRoleBindings, in the cluster that the
// controller runs in or in another one.
//
// A role of the application stands for a ClusterRole or Role, in some namespaces or in the whole cluster. For each
// account, role and namespace there is one binding of its own, with exactly one subject: the user name behind the prefix
// that the cluster's authenticator puts before it. The package imports client-go, never the kinds of this project.
//
// # What the words of the contract mean here
//
//   - An account is nothing but its bindings. Suspended, or without roles, it leaves nothing, and with nil roles a
//     suspended account cannot get its old ones back. ExternalID is the value of the label [AccountLabel].
//   - The mark is the label [AccountLabel] and the annotation [OwnerAnnotation]; both must say the same. A binding that
//     lacks either, or that others made, is never changed or deleted, whatever its subject; so who takes the mark off takes the
//     binding out of our hands. Names are hashes of owner, role and namespace: a foreign binding of that name is a Conflict.
//   - A role counts as observed only when all of its bindings are there and right. Otherwise, and for bindings of a role
//     or namespace that is no longer configured, it is reported as damaged (connector.DamagedPrefix), and Apply repairs it.
//   - A binding that is not right is deleted and created again, since a roleRef is immutable; so renaming a user and
//     repairing drift interrupt the access for some milliseconds. What is right stays untouched.
//   - Removals come first and each is attempted even if others fail. If one failed nothing is created. Creations are
//     all attempted too: a missing namespace does not keep the others' bindings away, and the role is then damaged until the next Apply.
//   - Sessions and tokens of the user live on, but without the rights: the API server asks RBAC at every request. So there is nothing to revoke.
//   - What others have bound by hand is never in the way of ours: both stand beside each other. It is listed, one account of nobody for each user
//     of such a binding to a configured role in a configured place, and never taken over. That would need the right to patch the bindings of others,
//     from which an admission policy keeps us, and could stop between two bindings of one user, the second of which then
//     outlives the account that it was thought to be part of.
//   - A user name is the exact bytes: Kubernetes knows no case folding. Names that would be "system:…" are Invalid,
//     because the cluster's own identities are called that, and so are names with control characters.
//
// # Requests
//
// With B bindings per account (roles × namespaces) and up to 500 bindings of one account:
//
//	Observe         2 lists, at the same time
//	Apply           2 lists, 1 DELETE per binding too many or wrong, 1 POST per binding missing or wrong; 1 more list
//	                (of one name) for each POST that is answered 409. Suspending begins with 1 GET and 1 DELETE for each
//	                binding of the wanted roles, so that these do not wait for the lists
//	Delete          2 lists, 1 DELETE per binding
//	List            1 list per 500 RoleBindings and 1 per 500 ClusterRoleBindings of the whole cluster, one after the other
//	Revoke          none
//	Probe           SelfSubjectAccessReviews: 2, and 2 if a role has namespaces, and 2 if one is cluster-wide, and 1
//	                per Role or ClusterRole; plus 1 per right and namespace where it is not granted cluster-wide
//
// So a new account in sync costs 4 lists and B POSTs, a converged one 2 lists and no write, a suspension B GETs, B
// DELETEs and 2 lists. A refusal (403) costs up to four access reviews more, to say which right is missing. At most eight requests
// of one call run at the same time, and there is no client-side rate limit: the API server's own answers 429, which becomes
// Unavailable.
//
// # Rights that the credential needs
//
//	rolebindings, clusterrolebindings              list                cluster-wide
//	rolebindings, clusterrolebindings              get                 where there are any; without it leavers wait for a list
//	rolebindings (in each namespace of a role)     create, delete
//	clusterrolebindings (if a role is cluster-wide) create, delete     cluster-wide
//	clusterroles, roles (those configured)         bind                by resourceNames
//
// Listing is cluster-wide because what is forgotten somewhere is still access.
package kubernetes
