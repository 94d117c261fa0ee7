// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the kinds of scim-operator.dev.
//
// Three parties write, and each kind has one of them as the author of its spec:
//
//	people, GitOps    ScimDirectory  ScimToken  ScimApplication  ScimGrant
//	scim-server       ScimUser  ScimGroup  ScimMemberSlice  ScimName
//	scim-controller   ScimAccount, and the status of every kind
//
// Every kind is namespaced and a reference never leaves its namespace.
// The package imports nothing but apimachinery and the scheme builder. Only ScimAccounts are written by server-side apply, so only
// they have apply configurations.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package="applyconfiguration"
// +groupName=scim-operator.dev
package v1alpha1
