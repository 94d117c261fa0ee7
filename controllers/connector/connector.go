// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector

import (
	"context"
	"errors"
	"iter"
)

// State says whether an account may be used.
type State string

const (
	// Active lets the account be used.
	Active State = "Active"
	// Suspended takes every access away and, where the system can, keeps the account itself.
	Suspended State = "Suspended"
)

// DamagedPrefix begins an observed role that is there but not as it should be: only part of what the role stands for
// exists, or it was changed behind our back, or it belongs to a role that is no longer configured. What follows is
// the name of the role, or [UnknownRole] when that is not known. No role that can be wanted begins like this, so a damaged role never
// compares equal and the next Apply repairs it.
const DamagedPrefix = "!"

// UnknownRole follows [DamagedPrefix] when the damaged thing belongs to no configured role.
const UnknownRole = "unknown"

// ErrNotFound is what Observe returns when there is no such account.
var ErrNotFound = errors.New("account not found")

// Account is an account in one downstream system, as wanted or as observed.
type Account struct {
	// Owner is the opaque mark that says for whom the account is kept: "<namespace>/<name>" of the account object. It
	// is stored downstream and decides what may be changed or deleted, so it must be unique among all that write to
	// the same system, and it must not be personal data. Wanted accounts always have one; empty in an observed account
	// means that nobody of ours keeps it.
	Owner string
	// ExternalID is the identifier downstream. The connector sets it, the reconciler stores it and gives it back as a
	// hint; it may be empty or outdated.
	ExternalID string
	// UserName is the login name. Wanting another name for the same Owner is a rename: the connector does it or
	// returns Invalid. It is personal data and appears in no error.
	UserName string
	// State is what the account may do.
	State State
	// Roles are the names of the application's roles, sorted and without duplicates. Wanted: nil means that roles are
	// not managed here and stay as they are, empty means none. Observed: as found, damaged ones with [DamagedPrefix].
	Roles []string
	// Profile holds further attributes under canonical names. Wanted: attributes that are not named stay as they are.
	Profile map[string]string
}

// Connector keeps accounts in one downstream system. The account reconciler is its only caller, from many goroutines
// at once, though rarely twice at once for one account. Every method returns promptly when ctx ends, with an error for which
// errors.Is finds ctx's. Errors are of a [Kind] where one fits, and hold neither secrets nor personal data.
type Connector interface {
	// Observe returns the account that bears want.Owner's mark. If there is none, but somebody else's account stands
	// where ours would be made, it may return that one with its own Owner; otherwise it returns ErrNotFound. It changes
	// nothing and does not judge want: an account with an unknown role or a bad name can still be observed.
	// Where an account is nothing but its roles, one that is wanted active and without roles always exists.
	Observe(ctx context.Context, want Account) (*Account, error)

	// Apply makes the account equal to want and returns it as now stored. observed is what Observe just returned, or
	// nil after ErrNotFound; it is a hint and may be stale. Apply takes access away before it gives any, does nothing
	// where nothing differs, and can be repeated after any error: applying twice is the same as once.
	//
	// An account that bears another mark is never changed: that is a Conflict. A role that is not configured, or a
	// name that cannot be represented, is Invalid and changes nothing. Suspending is never refused for either, never
	// creates an account, and may leave name, roles and attributes as they are until the account is active again.
	Apply(ctx context.Context, observed *Account, want Account) (Account, error)

	// Delete removes what bears observed.Owner's mark, and nothing else. An account that is already gone is no error.
	Delete(ctx context.Context, observed Account) error
}

// Prober is a connector that can tell whether it would work. The application reconciler asks it from time to time.
type Prober interface {
	// Probe changes nothing. It returns Denied with what is missing when the credential is refused or not sufficient,
	// Unavailable when the system does not answer, and nil when accounts can be kept.
	Probe(ctx context.Context) error
}

// Profiled is a connector whose accounts have a Profile. Others are told of none, and their accounts are compared without.
type Profiled interface {
	// Keeps reports whether the system keeps an attribute of that name. "displayName" and "email" are those of [Account.Profile] that every mapping has.
	Keeps(attribute string) bool
}

// Key says by what an account is known to be that of a person.
type Key string

const (
	// KeyUserName is the login name.
	KeyUserName Key = "UserName"
	// KeyEmail is the address.
	KeyEmail Key = "Email"
	// KeyExternalID is the externalId that the identity provider has for the person, where the system keeps it.
	KeyExternalID Key = "ExternalID"
)

// Adopter is a connector that can take over accounts that were there before.
type Adopter interface {
	// Find returns the accounts that bear nobody's mark and have that value of the key, in the system's own sense of equality. It changes
	// nothing. A key that the system does not know is Invalid. More than one means that nobody can tell whose they are.
	Find(ctx context.Context, key Key, value string) ([]Account, error)

	// Adopt puts owner's mark on an account that Find returned, and changes nothing else of it. It returns the account as now stored.
	// One that bears another mark by now, or is gone, is a Conflict. Adopting twice for the same owner is the same as once.
	Adopt(ctx context.Context, found Account, owner string) (Account, error)
}

// Lister is a connector that can list the accounts of the system.
type Lister interface {
	// List yields every account, ours and those that bear nobody's mark, in no order. An error ends it and means that the list is not
	// complete: whoever sees it throws away what came before. It reads in pages and changes nothing.
	List(ctx context.Context) iter.Seq2[Account, error]
}

// Revoker is a connector that can end what an account has opened, or knows that there is no need. Of others it is not supported.
type Revoker interface {
	// Revoke ends the sessions and tokens of the account that bears acct.Owner's mark, and says what became of each. It is called after
	// the access was taken away and can be repeated. An account that does not exist has nothing to revoke.
	Revoke(ctx context.Context, acct Account) (Revocation, error)
}

// RevocationState says what became of sessions or tokens.
type RevocationState string

const (
	// Revoked means that all that there were have been ended.
	Revoked RevocationState = "Revoked"
	// NotNeeded means that they are worth nothing without the access, because the system asks at every use.
	NotNeeded RevocationState = "NotNeeded"
	// NotSupported means that they live until they end by themselves.
	NotSupported RevocationState = "NotSupported"
)

// Revocation says what became of what an account had opened.
type Revocation struct {
	Sessions, Tokens RevocationState
}
