// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubernetes runs another cluster as an application: etcd and an API server that know nothing of the operator's, with a namespace in
// which people are viewers and deployers. scim-controller reaches it by a kubeconfig, with the rights of docs/connectors/kubernetes.md.
//
// A cluster has no accounts and no passwords. People are who their certificate says, which Welcome issues, and what RoleBindings let them
// be: a login is an attempt to do what one of the roles is for, and it is refused when the API server forbids all of it.
package kubernetes
