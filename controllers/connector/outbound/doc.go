// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package outbound is the HTTP client of every connector that speaks HTTP.
//
// It owns what each of them would have to get right again: where it may connect to (package egress), time-outs, a bounded pool, a bounded
// answer, TLS, no redirects, authentication, and errors that are of a kind and quote nothing that the other side said. What the requests mean
// is the connector's own.
//
// A proxy is dialled like everything else, but what is behind it is out of sight: names are resolved there, and what they may stand for is for the
// proxy to decide. Addresses that no connector may connect to are refused as targets in any spelling, whatever --allow-egress says. With an https
// proxy, the Secret's ca.crt must have the proxy's authority too. A proxyURL takes https targets alone: the author of a ScimApplication who chooses
// both would otherwise read the credential.
//
// The flow: Open once for each application and credential → Do for each request → Response.Err, or what the connector makes of the status.
package outbound
