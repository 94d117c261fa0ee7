// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Confirm asks the API server, through live, whether a user whom the cache c knows in groups is in them still, and returns those
// of which that cannot be said. It is asked before access is given, since the cache may be late.
//
// It reads each group, and the one slice that names the member, on the way that the cache knows there: two reads for a direct
// membership. What is above that slice needs no reading, since a slice that was split stays as it is. A slice that was split
// since, a group that is called otherwise since, or another way there that the cache does not know yet, counts as gone: the cache will
// know soon and wake whoever asked.
func Confirm(ctx context.Context, live client.Reader, c client.Reader, namespace, user string, groups []string) (gone []string, err error) {
	if len(groups) == 0 {
		return nil, nil
	}
	ways, err := in(c, namespace).ways(ctx, user)
	if err != nil {
		return nil, err
	}
	asked := confirmer{live: in(live, namespace), ways: ways, answers: map[string]bool{}}
	for _, group := range groups {
		member, err := asked.confirm(ctx, group)
		if err != nil {
			return nil, err
		}
		if !member {
			gone = append(gone, group)
		}
	}
	return gone, nil
}

// confirmer asks about each group once.
type confirmer struct {
	live    reader
	ways    map[string]way
	answers map[string]bool
}

// confirm reports whether all of the way into a group is there. Ways do not go in circles: each level is one further.
func (c confirmer) confirm(ctx context.Context, group string) (bool, error) {
	answer, known := c.answers[group]
	if known {
		return answer, nil
	}
	w, known := c.ways[group]
	if !known {
		return false, nil
	}
	answer, err := c.step(ctx, w)
	if answer && !w.direct {
		answer, err = c.confirm(ctx, w.member)
	}
	if err == nil {
		c.answers[group] = answer
	}
	return answer, err
}

// step reports whether the last step of a way is there: the slice still names the member, and the group is not going.
func (c confirmer) step(ctx context.Context, w way) (bool, error) {
	slice := &v1alpha1.ScimMemberSlice{}
	found, err := c.live.get(ctx, w.slice, slice)
	if !found {
		return false, err
	}
	names := slice.Spec.Groups
	if w.direct {
		names = slice.Spec.Users
	}
	if !slices.Contains(names, w.member) || slice.Spec.GroupRef.Name != w.group.Name {
		return false, nil
	}
	group, err := c.live.group(ctx, w.group.Name)
	return group != nil && group.Spec.DirectoryRef == w.group.Spec.DirectoryRef && !GroupChanged(w.group, group), err
}
