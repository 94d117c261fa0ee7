// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// BasePath begins every path of scim-server that belongs to a directory. A proxy must let through what is below it.
const BasePath = "/scim/v2/"

// Path is where the directory is below the public URL of scim-server.
func (d *ScimDirectory) Path() string { return BasePath + d.Namespace + "/" + d.Name }
