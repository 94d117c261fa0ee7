// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package images has only tests: of the container images that `make images` builds by ko with .ko.yaml. Without a registry and without the base
// image of .ko.yaml they prove what is ours: they build on an empty base from a registry on loopback. Not part of -short: four programs are compiled.
package images
