// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/assignment"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/membership"
)

// count is what one pass over the users found.
type count struct {
	matched, failed, undeclared int64
	problems                    map[expression.Problem]bool // why it failed, other than that an expression is not valid
}

func (c count) set(grant *v1alpha1.ScimGrant) {
	grant.Status.MatchedUsers, grant.Status.FailedUsers, grant.Status.UndeclaredRoles = c.matched, c.failed, c.undeclared
}

func (c *count) add(m assignment.Match) {
	var failed *expression.EvalError
	switch {
	case errors.As(m.Err, &failed):
		if c.problems == nil {
			c.problems = map[expression.Problem]bool{}
		}
		c.problems[failed.Problem] = true
		c.failed++
	case m.Err != nil:
		c.failed++
	case m.Matched:
		c.matched++
		if m.Undeclared {
			c.undeclared++
		}
	}
}

// said are the problems, sorted.
func (c *count) said() string {
	var said []string
	for _, problem := range slices.Sorted(maps.Keys(c.problems)) {
		said = append(said, string(problem))
	}
	return strings.Join(said, ", ")
}

// count asks for every user of the directory whether the grant is for them. The groups of a user are looked up only where they matter.
func (r *Reconciler) count(ctx context.Context, grant *v1alpha1.ScimGrant, app *v1alpha1.ScimApplication, others []*v1alpha1.ScimGrant, now time.Time) (c count, err error) {
	var users v1alpha1.ScimUserList
	err = r.Client.List(ctx, &users, client.InNamespace(grant.Namespace),
		client.MatchingFields{index.ByDirectory: app.Spec.DirectoryRef.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return count{}, err
	}
	grouped := slices.ContainsFunc(append(others, grant), assignment.SeesGroups)
	for i := range users.Items {
		facts := assignment.Facts{User: &users.Items[i], Grants: others, Now: now}
		if grouped {
			if facts.Groups, err = membership.GroupsOf(ctx, r.Client, grant.Namespace, facts.User.Name); err != nil {
				return count{}, err
			}
		}
		c.add(assignment.MatchOf(grant, app, facts, r.Programs))
	}
	return c, nil
}
