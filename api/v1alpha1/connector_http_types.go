// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// HTTPConnector keeps accounts by requests to an HTTP API of the application's own. docs/connectors/http.md says what the expressions see.
// +kubebuilder:validation:XValidation:rule="self.find.exists(f, f.by == 'UserName')",message="find must say how an account is found by its UserName"
// +kubebuilder:validation:XValidation:rule="['Create', 'Suspend', 'Delete', 'Probe'].all(v, self.requests.exists(r, r.to == v))",message="requests must have Create, Suspend, Delete and Probe"
// +kubebuilder:validation:XValidation:rule="self.requests.exists(r, r.to == 'AddRole') == self.requests.exists(r, r.to == 'RemoveRole') && !(self.requests.exists(r, r.to == 'AddRole') && self.requests.exists(r, r.to == 'SetRoles'))",message="requests must have either AddRole and RemoveRole, or SetRoles, or none of them"
// +kubebuilder:validation:XValidation:rule="!has(self.account.profile) || self.requests.exists(r, r.to == 'Update')",message="account.profile needs a request Update"
// +kubebuilder:validation:XValidation:rule="(self.ownership == 'Mark') == has(self.account.owner)",message="account.owner must be set with ownership Mark, and only then"
// +kubebuilder:validation:XValidation:rule="self.ownership == 'Mark' || self.find.exists(f, f.by == 'ExternalID') && !self.find.exists(f, f.by == 'Mark') && !has(self.list)",message="ownership ExternalID needs a find by ExternalID, and can have neither a find by Mark nor a list"
type HTTPConnector struct {
	// endpoint is where the API is.
	// +required
	Endpoint HTTPEndpoint `json:"endpoint,omitzero"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []HTTPRole `json:"roles,omitempty"`

	// ownership says how an account is known to be ours. With Mark the application keeps our mark, which is the safe way. ExternalID is for
	// applications that have no place for one: an account is ours if it has the externalID that its ScimAccount remembers from having created
	// or adopted it, so whoever can write the status of ScimAccounts decides whose accounts are changed.
	// +optional
	// +kubebuilder:default=Mark
	Ownership HTTPOwnership `json:"ownership,omitempty"`

	// find says how an account is found: by its externalID where that is known, else by its userName, else by its mark.
	// +required
	// +listType=map
	// +listMapKey=by
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Find []HTTPFind `json:"find,omitempty"`

	// details are asked for beside an account that is ours and active, for its roles and profile: details.<name> in expressions.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Details []HTTPDetail `json:"details,omitempty"`

	// account says what an account of the application is in the words of a ScimAccount.
	// +required
	Account HTTPAccount `json:"account,omitzero"`

	// requests change accounts.
	// +required
	// +listType=map
	// +listMapKey=to
	// +kubebuilder:validation:MinItems=4
	// +kubebuilder:validation:MaxItems=12
	Requests []HTTPChange `json:"requests,omitempty"`

	// list reads all accounts, so that those that nobody of ours keeps are reported.
	// +optional
	List *HTTPLookup `json:"list,omitempty"`

	// revocation says what becomes of sessions and tokens when the request Revoke is made, or without one.
	// +optional
	Revocation HTTPRevocation `json:"revocation,omitzero"`

	// idempotencyKeyHeader is a header with a random key for each change. A change whose fate is not known is repeated with the same key.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9-]+$`
	IdempotencyKeyHeader string `json:"idempotencyKeyHeader,omitempty"`
}

// HTTPOwnership says how an account is known to be ours.
// +kubebuilder:validation:Enum=Mark;ExternalID
type HTTPOwnership string

const (
	// HTTPOwnershipMark keeps our mark in the application.
	HTTPOwnershipMark HTTPOwnership = "Mark"
	// HTTPOwnershipExternalID trusts the externalID in the status of the ScimAccount.
	HTTPOwnershipExternalID HTTPOwnership = "ExternalID"
)

// HTTPExpression is a CEL expression about a request or a response.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=4096
type HTTPExpression string

// HTTPRole is a role of the application: whatever the application calls it.
type HTTPRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`

	// parameters are what requests need to know about it, such as the number of a group: role.parameters in expressions.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=8
	Parameters map[string]HTTPRoleParameter `json:"parameters,omitempty"`
}

// HTTPRoleParameter is what requests need to know about a role.
// +kubebuilder:validation:MaxLength=1024
type HTTPRoleParameter string

// HTTPRequest is a request as a template.
type HTTPRequest struct {
	// method of the request.
	// +required
	Method HTTPMethod `json:"method,omitempty"`

	// path is put behind the URL. A CEL expression in braces stands for a value within one segment, which is escaped:
	// /users/{account.userName}. A value that is empty, has slashes or would be a path of its own is refused.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	Path string `json:"path,omitempty"`

	// query has a CEL expression for each parameter. One that yields nothing is left out.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	Query map[string]HTTPExpression `json:"query,omitempty"`

	// headers has a CEL expression for each header. One that yields nothing is left out. Those that authenticate or frame a request cannot be set.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	Headers map[string]HTTPExpression `json:"headers,omitempty"`

	// body is a CEL expression, of any type that JSON has.
	// +optional
	Body HTTPExpression `json:"body,omitempty"`

	// encoding of the body: JSON, Form for a map of texts, or Text.
	// +optional
	// +kubebuilder:default=JSON
	Encoding HTTPEncoding `json:"encoding,omitempty"`

	// success is a condition on the response. The default is a status of 200 to 299.
	// +optional
	Success HTTPExpression `json:"success,omitempty"`

	// notFound is a condition on the response: there is no such account. The default is the status 404.
	// +optional
	NotFound HTTPExpression `json:"notFound,omitempty"`

	// conflict is a condition on the response: something of somebody else is in the way. The default is the status 409.
	// +optional
	Conflict HTTPExpression `json:"conflict,omitempty"`
}

// HTTPMethod is the method of a request.
// +kubebuilder:validation:Enum=GET;POST;PUT;PATCH;DELETE
type HTTPMethod string

// HTTPEncoding says how a body is written.
// +kubebuilder:validation:Enum=JSON;Form;Text
type HTTPEncoding string

// HTTPLookup is a request for accounts, or for what belongs to one.
// +kubebuilder:validation:XValidation:rule="self.method in ['GET', 'POST']",message="a lookup is a GET, or a POST of a search"
// +kubebuilder:validation:XValidation:rule="!has(self.pagination) || has(self.items)",message="pagination needs items"
type HTTPLookup struct {
	HTTPRequest `json:",inline"`

	// items is a CEL expression on the response: the list of accounts in it. Without it the body is the one account.
	// +optional
	Items HTTPExpression `json:"items,omitempty"`

	// pagination says how further pages are asked for. Without it there are none.
	// +optional
	Pagination *HTTPPagination `json:"pagination,omitempty"`
}

// HTTPFind is one way to find an account.
type HTTPFind struct {
	// by says what is known: ExternalID, UserName or Mark. By Mark may as well yield all accounts, where the application cannot search.
	// +required
	By HTTPFindBy `json:"by,omitempty"`

	HTTPLookup `json:",inline"`
}

// HTTPFindBy says by what an account is found.
// +kubebuilder:validation:Enum=ExternalID;UserName;Mark
type HTTPFindBy string

const (
	// HTTPFindByExternalID finds the account of account.externalID.
	HTTPFindByExternalID HTTPFindBy = "ExternalID"
	// HTTPFindByUserName finds the account of account.userName.
	HTTPFindByUserName HTTPFindBy = "UserName"
	// HTTPFindByMark finds the account with the mark account.owner.
	HTTPFindByMark HTTPFindBy = "Mark"
)

// HTTPDetail is what the application tells about an account elsewhere.
type HTTPDetail struct {
	// name of the detail in expressions.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z][A-Za-z0-9]*$`
	Name string `json:"name,omitempty"`

	HTTPLookup `json:",inline"`
}

// HTTPChange is a request that changes an account, or Probe.
// +kubebuilder:validation:XValidation:rule="self.to == 'Probe' ? self.method in ['GET', 'POST'] : self.method != 'GET'",message="only Probe reads, and only by GET or POST"
type HTTPChange struct {
	// to says what the request does.
	// +required
	To HTTPVerb `json:"to,omitempty"`

	HTTPRequest `json:",inline"`
}

// HTTPVerb is what a request does. Create makes an account, best without access until it is Restored; Update sets the attributes of its profile, and
// Rename its login name. Suspend takes every access away, and Restore gives it back. SetRoles replaces all roles; AddRole and RemoveRole change
// one. Adopt puts our mark on an account that was there before, Revoke ends sessions or tokens, and Probe reads something that needs our rights.
// +kubebuilder:validation:Enum=Create;Update;Rename;Suspend;Restore;Delete;SetRoles;AddRole;RemoveRole;Adopt;Probe;Revoke
type HTTPVerb string

// What a request does.
const (
	HTTPCreate     HTTPVerb = "Create"
	HTTPUpdate     HTTPVerb = "Update"
	HTTPRename     HTTPVerb = "Rename"
	HTTPSuspend    HTTPVerb = "Suspend"
	HTTPRestore    HTTPVerb = "Restore"
	HTTPDelete     HTTPVerb = "Delete"
	HTTPSetRoles   HTTPVerb = "SetRoles"
	HTTPAddRole    HTTPVerb = "AddRole"
	HTTPRemoveRole HTTPVerb = "RemoveRole"
	HTTPAdopt      HTTPVerb = "Adopt"
	HTTPProbe      HTTPVerb = "Probe"
	HTTPRevoke     HTTPVerb = "Revoke"
)

// HTTPPagination says how further pages are asked for.
// +kubebuilder:validation:XValidation:rule="(self.type in ['Cursor', 'NextURL']) == has(self.next)",message="next must be set when type is Cursor or NextURL, and only then"
type HTTPPagination struct {
	// type is Page or Offset, which count until a page is empty; Cursor or NextURL, which take it from the response; or Link, the header with
	// rel=next. A URL of another origin is not followed.
	// +required
	Type HTTPPaginationType `json:"type,omitempty"`

	// size is page.size in expressions.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Size int32 `json:"size,omitempty"`

	// first is the first page.number.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1
	First *int32 `json:"first,omitempty"`

	// next is a CEL expression on the response: page.cursor of the next page, or its URL. Nothing or an empty text ends the list.
	// +optional
	Next HTTPExpression `json:"next,omitempty"`
}

// HTTPPaginationType says how further pages are asked for.
// +kubebuilder:validation:Enum=Page;Offset;Cursor;Link;NextURL
type HTTPPaginationType string

// HTTPAccount says what an account of the application, which is observed in expressions, is in the words of a ScimAccount.
type HTTPAccount struct {
	// externalID is what the application knows the account by.
	// +required
	ExternalID HTTPExpression `json:"externalID,omitempty"`

	// userName is the login name.
	// +required
	UserName HTTPExpression `json:"userName,omitempty"`

	// owner is our mark, empty or nothing where there is none. Create and Adopt write account.owner where this reads it.
	// +optional
	Owner HTTPExpression `json:"owner,omitempty"`

	// active is a condition: the account can be used.
	// +required
	Active HTTPExpression `json:"active,omitempty"`

	// roles are the names of the roles that the account has. It also sees details.
	// +required
	Roles HTTPExpression `json:"roles,omitempty"`

	// profile has an expression for each attribute that the application keeps: displayName, email and the names of spec.account.attributes.
	// They also see details.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	Profile map[string]HTTPExpression `json:"profile,omitempty"`
}

// HTTPRevocation says what becomes of what an account has opened.
type HTTPRevocation struct {
	// sessions of a suspended account: Revoked, NotNeeded because the application asks at every use, or NotSupported.
	// +optional
	// +kubebuilder:default=NotSupported
	Sessions HTTPRevocationState `json:"sessions,omitempty"`

	// tokens of a suspended account, likewise.
	// +optional
	// +kubebuilder:default=NotSupported
	Tokens HTTPRevocationState `json:"tokens,omitempty"`
}

// HTTPRevocationState says what becomes of sessions or tokens.
// +kubebuilder:validation:Enum=Revoked;NotNeeded;NotSupported
type HTTPRevocationState string
