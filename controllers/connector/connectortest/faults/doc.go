// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package faults breaks the way between a connector and the real system behind it, on demand.
//
//	connector ──> Proxy ──> HTTP ──> the system
//	              bytes     requests
//
// A [Proxy] knows bytes only, so it stands before anything that speaks TCP, with TLS or without. It can be slow, silent, down, or break a
// connection at the n-th exchange: before the system heard of it, in the middle of the answer, or after the system did what it was asked
// and before anybody was told. It counts connections and exchanges.
//
// An [HTTP] stands before a plain HTTP server and answers requests in its place: with a status, or with 200 and a body that is none. It can do
// so before the server has seen the request or after.
//
// Each has a table of ready-made [Fault]s, which is what a connector's conformance test gives to the suite. The package imports the standard
// library only.
package faults
