// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package audit keeps a record of every change that somebody asks for over SCIM, apart from the log: one line of JSON each, of
// names and numbers only. There is no value of an attribute in it, no name of a person and no secret, so whoever may read it
// learns what a credential did and to whom by id, and nothing about them.
//
//	request ──> Record ──Write──> queue ──one goroutine──> the writer
//
// A change is recorded before it is answered: whoever got an answer finds the record. That order is kept as long as the writer
// takes a line within a quarter of a second. One that does not, since a disk is full or nobody reads the pipe, never holds requests
// up for longer than that: they go on, their records wait in the queue, and when that is full, or when writing fails, records are
// lost; each is counted, and once a minute the log says how many. A server that stopped to change anything because its audit log
// is full would keep leavers in.
//
// The package knows neither HTTP nor SCIM nor Kubernetes, and imports nothing of ours.
package audit
