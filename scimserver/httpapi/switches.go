// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"slices"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// kind is a kind of resource that a directory has, or has switched off. The zero kind is none.
type kind int

const (
	userKind kind = iota + 1
	groupKind
)

// typeIn is the resource type of k in a directory. What was parsed for that of one profile means nothing to another's.
func (k kind) typeIn(p *directory.Profile) *scim.ResourceType {
	if k == groupKind {
		return p.Group
	}
	return p.User
}

// endpoint is the path of k, which is the same in every directory.
func (k kind) endpoint() string {
	if k == groupKind {
		return "/Groups"
	}
	return "/Users"
}

func (k kind) on(p *directory.Profile) bool {
	if k == groupKind {
		return p.Groups
	}
	return p.Users
}

// verb is what a request does with resources of one kind.
type verb int

const (
	reads verb = iota // one, by its id
	lists
	creates
	changes
	deletes
)

// operation is what a request wants, as far as the switches of a directory care. The zero operation concerns none of them.
type operation struct {
	kind kind
	verb verb
	// known says of a list that its filter demands somebody whom the client knows already: see demandsKnown.
	known bool
}

// decide applies the switches of a directory (api/v1alpha1, DirectoryOperations):
//
//	               read   list    create  change  delete
//	kind is off    404    empty   501     501     501
//	deletes off    -      -       -       -       501
//	imports off    -      empty*  -       -       -
//
// Empty lists and not errors, because the connection tests of identity providers are lists. * unless the operation is known.
func decide(p *directory.Profile, o operation) (empty bool, err error) {
	switch {
	case o.kind == 0:
		return false, nil
	case !o.kind.on(p):
		return decideOff(o)
	case o.verb == deletes && !p.Deletes:
		return false, errSwitchedOff("deletes")
	}
	return o.verb == lists && !p.Imports && !o.known, nil
}

// decideOff is decide for a kind that is off.
func decideOff(o operation) (empty bool, err error) {
	name, label := "users", "user"
	if o.kind == groupKind {
		name, label = "groups", "group"
	}
	switch o.verb {
	case lists:
		return true, nil
	case reads:
		return false, scim.Errorf(http.StatusNotFound, "", "there is no such %s in this directory", label)
	default:
		return false, errSwitchedOff(name)
	}
}

// takes says whether a directory takes this operation at all, for the Allow header. What is never found may be asked for.
func takes(p *directory.Profile, o operation) bool {
	_, err := decide(p, o)
	return err == nil || toldOf(err).Status != http.StatusNotImplemented
}

// demandsKnown says whether every match of f has an id, a name or a member that the client has named: whoever asks so learns of
// nobody whom they did not know.
func demandsKnown(f *scim.Filter, k kind) bool {
	return f != nil && slices.ContainsFunc(knownBy(k), func(attribute string) bool {
		_, ok := f.Demands(attribute)
		return ok
	})
}

// knownBy are the attributes by which a client can know a resource.
func knownBy(k kind) []string {
	if k == groupKind {
		return []string{"id", "externalId", "displayName", "members.value"}
	}
	return []string{"id", "externalId", "userName", "emails.value"}
}
