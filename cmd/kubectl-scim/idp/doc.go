// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package idp plays an identity provider: a SCIM client that sends what Okta, Microsoft Entra ID and OneLogin really send. `kubectl scim
// verify`, the demo, the end-to-end tests and the benchmarks speak through it. It knows nothing of Kubernetes, and it decides nothing:
// statuses other than 2xx are answers, not errors.
package idp
