// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package connectortest holds the conformance suite that every connector passes, and the reference connector that the
// suite itself is tested with.
//
// A connector's test describes its system as a [Subject] and calls [Run]. The suite knows no system: it applies and
// observes accounts, asks the subject whether access is really there, breaks things through the subject's hooks, and
// reads every error for secrets and user names. Its own test runs it against deliberately broken connectors and wants
// it to fail for each.
//
// It imports the connector package and the standard library only, so that connectors outside this repository can use it.
package connectortest
