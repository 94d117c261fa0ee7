// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package people makes users for the benchmarks: what an identity provider posts, and what scim-server makes of it.
//
// A hundred thousand POSTs would take an hour, so Writer creates the objects itself, as scim-server and with its rights. Check
// compares the two, or the benchmark would measure a state that SCIM never makes.
package people
