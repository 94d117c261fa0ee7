// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// Config is everything that a connector is opened with. Expressions are CEL; the comment of each field names the variables that it sees,
// and doc.go says what they are.
type Config struct {
	// Client is where the application is, and who we are there.
	Client outbound.Config
	// Roles are the roles that can be wanted.
	Roles []Role
	// Ownership says how an account is known to be ours; empty means [OwnershipMark].
	Ownership Ownership
	// Find says how an account is found.
	Find Find
	// Details are asked for beside an account that is ours and active: what the application tells only elsewhere.
	Details []Detail
	// Account says what an account of the application is in our words.
	Account Mapping
	// Requests are what changes accounts.
	Requests Requests
	// List reads all accounts, nil if the application cannot.
	List *Lookup
	// Revocation says what becomes of sessions and tokens.
	Revocation Revocation
	// IdempotencyKeyHeader is a header with a key for each change, the same key when a change is repeated whose fate is not known. Empty for none.
	IdempotencyKeyHeader string
}

// Role is a role of the application.
type Role struct {
	// Name is what grants call it.
	Name string
	// Parameters are what requests need to know about it.
	Parameters map[string]string
}

// Ownership says how an account is known to be ours.
type Ownership string

const (
	// OwnershipMark keeps the mark in the application: an account is ours if it bears it.
	OwnershipMark Ownership = "Mark"
	// OwnershipExternalID is for applications without a place for a mark: an account is ours if it has the externalID that we remember from having
	// created or adopted it.
	OwnershipExternalID Ownership = "ExternalID"
)

// Find says how an account is found. The lookups are made in this order, until one yields an account that is ours.
type Find struct {
	// ExternalID finds the account of account.externalID. It is made when that is known. Optional.
	ExternalID *Lookup
	// UserName finds the account that has, or would stand in the way of, account.userName. Required.
	UserName *Lookup
	// Mark finds the accounts that bear the mark account.owner, whatever they are called now, or all accounts where the application cannot
	// search. Optional; without it a renamed account is found by ExternalID only.
	Mark *Lookup
}

// Encoding says how a body is written.
type Encoding string

// The encodings of a body.
const (
	EncodingJSON Encoding = "JSON"
	EncodingForm Encoding = "Form"
	EncodingText Encoding = "Text"
)

// Request is one request as a template.
type Request struct {
	// Method is the HTTP method.
	Method string
	// Path begins with a slash and is put behind the URL. "{expression}" in it is a value within one segment.
	Path string
	// Query and Headers are expressions by name. One that yields nothing is left out.
	Query, Headers map[string]string
	// Body is an expression, empty for none.
	Body string
	// Encoding is that of the body; empty means JSON.
	Encoding Encoding
	// Success, NotFound and Conflict are conditions on the response. Empty means a 2xx, 404 and 409.
	Success, NotFound, Conflict string
}

// Lookup is a request for accounts.
type Lookup struct {
	Request
	// Items is an expression on the response: the list of accounts in it. Empty means that the body is the one account.
	Items string
	// Pagination says how further pages are asked for.
	Pagination Pagination
}

// PaginationType says how further pages are asked for.
type PaginationType string

const (
	// PaginationNone means that there is one page.
	PaginationNone PaginationType = ""
	// PaginationPage counts page.number until a page is empty.
	PaginationPage PaginationType = "Page"
	// PaginationOffset counts page.offset until a page is empty.
	PaginationOffset PaginationType = "Offset"
	// PaginationCursor takes page.cursor from Next until that yields nothing.
	PaginationCursor PaginationType = "Cursor"
	// PaginationLink follows the header Link with rel=next (RFC 8288).
	PaginationLink PaginationType = "Link"
	// PaginationNextURL follows the URL that Next yields.
	PaginationNextURL PaginationType = "NextURL"
)

// Pagination says how further pages are asked for.
type Pagination struct {
	Type PaginationType
	// Size is page.size, and First the first page.number.
	Size, First int
	// Next is an expression on the response, for Cursor and NextURL.
	Next string
}

// Detail is what the application tells about an account elsewhere. It is details.<Name>: the body, or the list of all items.
type Detail struct {
	Name   string
	Lookup Lookup
}

// Mapping says what an account of the application, the variable observed, is in our words. All but Owner and Profile are required.
type Mapping struct {
	// ExternalID and UserName are texts or numbers, Owner the mark: empty or absent where there is none.
	ExternalID, UserName, Owner string
	// Active is a condition: the account can be used.
	Active string
	// Roles are names of roles. It also sees details.
	Roles string
	// Profile are further attributes by their canonical names. They also see details.
	Profile map[string]string
}

// Requests change accounts. Create, Suspend, Delete and Probe are required.
type Requests struct {
	Create, Update, Rename, Suspend, Restore, Delete *Request
	// SetRoles replaces all roles; AddRole and RemoveRole see role. Without any of them Update does it.
	SetRoles, AddRole, RemoveRole *Request
	// Adopt puts the mark on an account that bears none. Without it no account is taken over.
	Adopt *Request
	// Probe changes nothing and needs the rights that the others need.
	Probe *Request
	// Revoke ends what an account has opened.
	Revoke *Request
}

// Revocation says what becomes of sessions and tokens when the request Revoke was made, or without it. Empty means NotSupported.
type Revocation struct {
	Sessions, Tokens connector.RevocationState
}
