// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics counts what scim-server does, for Prometheus.
//
// Every label is a name of ours: the namespace and the name of a ScimDirectory, the template of a route, a method of HTTP, a
// status, a rule of scimserver/scim. Nothing of a request is one, so there are as many series as there are directories, times
// constants, whatever anybody sends. Who was not authenticated is counted without a directory.
package metrics
