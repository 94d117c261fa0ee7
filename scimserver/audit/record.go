// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Operation is what a client asked for.
type Operation string

// The operations. Those of a Bulk request (RFC 7644 §3.7) are recorded one by one; Bulk itself stands only for one that was refused as
// a whole.
const (
	Create  Operation = "create"
	Replace Operation = "replace"
	Patch   Operation = "patch"
	Delete  Operation = "delete"
	Bulk    Operation = "bulk"
)

// Record is one change that an authenticated client asked for, and what became of it.
type Record struct {
	// Time is when it was decided, before it was answered.
	Time time.Time
	// Namespace and Directory name the ScimDirectory.
	Namespace, Directory string
	// TokenKeyID is the public name of the credential.
	TokenKeyID string
	// RequestID is the X-Request-Id of the answer; all operations of a Bulk request have the same.
	RequestID string
	// Source is the address that the request came from, as far as proxies are trusted; the zero Addr if it is not known.
	Source netip.Addr
	// Operation that was asked for.
	Operation Operation
	// Kind is "User" or "Group"; empty for Bulk.
	Kind string
	// ID of the resource; empty where nothing was created, and where the client named none that could be one of ours.
	ID string
	// Attributes are the paths of the attributes that differ since, sorted; none where nothing does. With a Status of 500 or more they
	// are those that may differ: the change may have been done, or a part of it.
	Attributes []string
	// MembersAdded and MembersRemoved are how many members of a group there are more and less; with a Status of 500 or more, at most.
	MembersAdded, MembersRemoved int
	// Status is that of the answer, and SCIMType the scimType of one that is a failure, if it has one.
	Status   int
	SCIMType string
}

// members is the attribute that MembersAdded and MembersRemoved are about.
const members = "members"

// line is a Record as it is written: a contract with whoever reads it, in docs/audit.md.
type line struct {
	Time       string       `json:"time"`
	Namespace  string       `json:"namespace"`
	Directory  string       `json:"directory"`
	TokenKeyID string       `json:"tokenKeyID"`
	RequestID  string       `json:"requestID"`
	Source     string       `json:"source,omitempty"`
	Operation  Operation    `json:"operation"`
	Kind       string       `json:"kind,omitempty"`
	ID         string       `json:"id,omitempty"`
	Attributes []string     `json:"attributes"`
	Members    *memberCount `json:"members,omitempty"`
	Status     int          `json:"status"`
	SCIMType   string       `json:"scimType,omitempty"`
}

type memberCount struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
}

// encode returns r as one line, with its end. Whatever is in r, there is no other end of a line in it.
func (r Record) encode() ([]byte, error) {
	l := line{
		Time:      r.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		Namespace: r.Namespace, Directory: r.Directory, TokenKeyID: r.TokenKeyID, RequestID: r.RequestID,
		Operation: r.Operation, Kind: r.Kind, ID: r.ID, Attributes: r.Attributes, Status: r.Status, SCIMType: r.SCIMType,
	}
	if r.Source.IsValid() {
		l.Source = r.Source.Unmap().WithZone("").String()
	}
	if r.MembersAdded > 0 || r.MembersRemoved > 0 {
		l.Members = &memberCount{r.MembersAdded, r.MembersRemoved}
		l.Attributes = append(l.Attributes[:len(l.Attributes):len(l.Attributes)], members)
	}
	if l.Attributes == nil {
		l.Attributes = []string{} // an array for whoever reads it, never null
	}
	text, err := json.Marshal(l)
	return append(text, '\n'), err
}
