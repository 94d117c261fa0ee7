// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package docs has only tests: what README.md and docs/ say must be true. Links lead somewhere, every flag and every
// condition reason is explained, every page of a kind has the same outline, every example applies to a real API server,
// every command is tried there, and the rights that a connector's page lists are all that the connector needs. Nothing imports this package.
//
// In a page, the fence "yaml" is for Kubernetes objects, "yaml values" for values of the Helm chart, "sh" for commands and "console" for a
// transcript. Code in the prose that begins with the name of a program is a command too. Commands find what testdata/world.yaml and the fixtures of
// the plugin have: a command that names something else needs it there.
package docs
