// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package chart has only tests: of the Helm chart in charts/scim-operator and the manifests in config/, which render.sh
// generates from it. They install the chart into a real API server with the helm of hack/tools and try what each
// identity may do there. Nothing imports this package, and it imports no program of this project, only its kinds.
//
// The flow: manifests are rendered and compared without a cluster → one cluster sees an install, an upgrade and an
// uninstall → another keeps an installed chart for the tests of RBAC, admission policies, Pod Security and samples.
package chart
