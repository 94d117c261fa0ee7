// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "embed"

// programs are the applications and the versions of what they are made of.
//
//go:embed server/*.mjs server/package.json server/package-lock.json
var programs embed.FS
