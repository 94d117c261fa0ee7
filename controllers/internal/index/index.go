// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package index names the cache indexes by which controllers find what refers to what.
package index

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// The indexes: "find by what the key says". They are also selectable fields of the kinds, so the same names select live.
const (
	// ByDirectory finds ScimTokens, ScimUsers and ScimApplications by the name of their directory.
	ByDirectory = "spec.directoryRef.name"
	// ByApplication finds ScimGrants and ScimAccounts by the name of their application.
	ByApplication = "spec.applicationRef.name"
	// ByGroup finds ScimMemberSlices by the name of their group.
	ByGroup = "spec.groupRef.name"
	// ByOwner finds ScimTokenUses by the name of their ScimToken.
	ByOwner = "spec.tokenRef.name"
	// ByHeld finds ScimAccounts with a change that is held, by what holds it: a HeldBy of the API.
	ByHeld = "spec.held.by"
	// ByUser finds ScimAccounts by the name of their ScimUser.
	ByUser = "spec.userRef.name"
	// ByExternalID finds ScimAccounts by the externalId of their user. Those without one are not in it.
	ByExternalID = "spec.externalID"
)

// Register adds every index to a cache. It is called once, before the cache starts.
func Register(ctx context.Context, indexer client.FieldIndexer) error {
	for _, i := range []struct {
		object client.Object
		field  string
		value  func(client.Object) string // "" is not indexed
	}{
		{&v1alpha1.ScimToken{}, ByDirectory, of(func(o *v1alpha1.ScimToken) string { return o.Spec.DirectoryRef.Name })},
		{&v1alpha1.ScimTokenUse{}, ByOwner, of(func(o *v1alpha1.ScimTokenUse) string { return o.Spec.TokenRef.Name })},
		{&v1alpha1.ScimUser{}, ByDirectory, of(func(o *v1alpha1.ScimUser) string { return o.Spec.DirectoryRef.Name })},
		{&v1alpha1.ScimApplication{}, ByDirectory, of(func(o *v1alpha1.ScimApplication) string { return o.Spec.DirectoryRef.Name })},
		{&v1alpha1.ScimMemberSlice{}, ByGroup, of(func(o *v1alpha1.ScimMemberSlice) string { return o.Spec.GroupRef.Name })},
		{&v1alpha1.ScimGrant{}, ByApplication, of(func(o *v1alpha1.ScimGrant) string { return o.Spec.ApplicationRef.Name })},
		{&v1alpha1.ScimAccount{}, ByApplication, of(func(o *v1alpha1.ScimAccount) string { return o.Spec.ApplicationRef.Name })},
		{&v1alpha1.ScimAccount{}, ByUser, of(func(o *v1alpha1.ScimAccount) string { return o.Spec.UserRef.Name })},
		{&v1alpha1.ScimAccount{}, ByExternalID, of(func(o *v1alpha1.ScimAccount) string { return o.Spec.ExternalID })},
		{&v1alpha1.ScimAccount{}, ByHeld, of(heldBy)},
	} {
		err := indexer.IndexField(ctx, i.object, i.field, some(i.value))
		if err != nil {
			return fmt.Errorf("index %T by %s: %w", i.object, i.field, err)
		}
	}
	return nil
}

// some leaves out the objects that have no value.
func some(value func(client.Object) string) func(client.Object) []string {
	return func(o client.Object) []string {
		if v := value(o); v != "" {
			return []string{v}
		}
		return nil
	}
}

func heldBy(account *v1alpha1.ScimAccount) string {
	if account.Spec.Held == nil {
		return ""
	}
	return string(account.Spec.Held.By)
}

// of makes an index function of one kind; the cache calls it with objects of that kind only.
func of[T client.Object](value func(T) string) func(client.Object) string {
	return func(o client.Object) string { return value(o.(T)) } // see above
}
