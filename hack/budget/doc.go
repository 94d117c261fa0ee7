// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package budget has only a test: it keeps functions and files of this module short and exceptions from the linters few.
// It reads every Go file that is neither generated nor a test, and nothing imports it.
package budget
