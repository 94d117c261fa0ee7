// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package main

// raceEnabled has the programs built with the race detector when the tests are.
const raceEnabled = false
