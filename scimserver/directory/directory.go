// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"time"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Directory is the ScimDirectory that a request is for.
type Directory struct {
	Namespace, Name string
	// UID of the ScimDirectory. SCIM clients never learn it, and every replica knows it.
	UID string
	// BaseURL is the SCIM base URL of the directory, without a trailing slash; the source of every Location.
	BaseURL string
	// Profile is what the directory asks of the server; nil is that of an empty spec. See Settings.
	Profile *Profile
}

// Settings is the Profile, never nil.
func (d Directory) Settings() *Profile {
	if d.Profile == nil {
		return defaultProfile()
	}
	return d.Profile
}

// Page is one page of a list.
type Page struct {
	// Total is how many resources match, on all pages.
	Total int
	// Resources are those of the page.
	Resources []Stored
	// Next is where a walk by cursor stands after this page, without QueryHash, Count and IssuedAt; nil if nothing follows.
	Next *scim.Position
}

// Stored is a resource as it is stored. Its Resource is the caller's to change.
type Stored struct {
	// ID is the SCIM id, which is the name of the object.
	ID string
	// Generation moves whenever the resource does, and never otherwise.
	Generation int64
	// Created and LastModified are in UTC.
	Created, LastModified time.Time
	Resource              scim.Resource
	// Endpoint is that of its resource type ("/Users").
	Endpoint string
	// Members are those of a group, if they were asked for.
	Members scim.MemberSource
}

// Version is the entity tag of the stored resource (RFC 7644 §3.14).
func (s Stored) Version() string { return version(s.Generation) }
