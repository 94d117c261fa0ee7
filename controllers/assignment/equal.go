// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Most decisions change nothing, so these comparisons are most of the work: they are written by hand, and sort only what is not in order.

// isEqual reports whether two specs are the same but for what belongs to the removal guard, and for the order of sets.
func isEqual(a, b *v1alpha1.ScimAccountSpec) bool {
	return a.ApplicationRef == b.ApplicationRef && a.UserRef == b.UserRef && a.ExternalID == b.ExternalID &&
		a.UserName == b.UserName && a.DisplayName == b.DisplayName && a.Email == b.Email &&
		a.State == b.State && a.Reason == b.Reason && isSameTime(a.DeleteAfter, b.DeleteAfter) &&
		slices.Equal(ordered(a.Roles, byRole), ordered(b.Roles, byRole)) &&
		slices.Equal(ordered(a.Attributes, attributesByName), ordered(b.Attributes, attributesByName)) &&
		slices.EqualFunc(ordered(a.Grants, grantsByName), ordered(b.Grants, grantsByName), isSameGrant)
}

func isSameTime(a, b *metav1.Time) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Equal(b))
}

func isSameGrant(a, b v1alpha1.AccountGrant) bool {
	return a.Name == b.Name && slices.Equal(ordered(a.Roles, byRole), ordered(b.Roles, byRole))
}

// decided is the part of a spec that [Decide] decides about, each list in order. It shares the lists that are so already.
func decided(spec *v1alpha1.ScimAccountSpec) v1alpha1.ScimAccountSpec {
	part := *spec
	part.LostAccessAt, part.DeletedAt, part.Held = nil, nil, nil
	part.Roles = ordered(spec.Roles, byRole)
	part.Attributes = ordered(spec.Attributes, attributesByName)
	part.Grants = ordered(spec.Grants, grantsByName)
	for i := range part.Grants {
		if !slices.IsSorted(part.Grants[i].Roles) {
			part.Grants = slices.Clone(part.Grants) // it may be the cache's
			part.Grants[i].Roles = ordered(part.Grants[i].Roles, byRole)
		}
	}
	return part
}

// ordered is all in order, itself where it is so, and nil where there is nothing.
func ordered[T any](all []T, compare func(a, b T) int) []T {
	switch {
	case len(all) == 0:
		return nil
	case slices.IsSortedFunc(all, compare):
		return all
	}
	all = slices.Clone(all)
	slices.SortFunc(all, compare)
	return all
}

func byRole(a, b v1alpha1.RoleName) int { return strings.Compare(string(a), string(b)) }

func attributesByName(a, b v1alpha1.AccountAttribute) int { return strings.Compare(a.Name, b.Name) }

func grantsByName(a, b v1alpha1.AccountGrant) int { return strings.Compare(a.Name, b.Name) }
