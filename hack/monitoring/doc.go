// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package monitoring holds the alert rules and the dashboard of the chart against what the programs really export, so that neither names a
// metric or a label that is not there. The queries are read by the parser of Prometheus, in hack/promcheck, a module of its own.
//
// The rules themselves are tested here with promtool; hack/e2e compares with two programs that run.
package monitoring
