// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/assignment"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// verdictOf says how the grant stands: what somebody has to repair comes first, then time, then what fails for some users.
func verdictOf(grant *v1alpha1.ScimGrant, app *v1alpha1.ScimApplication, c count, programs *expression.Cache, now time.Time) status.Verdict {
	invalid, unknown := invalidIn(grant, programs), unknownRoles(grant, app)
	switch {
	case invalid != "":
		return status.Stalled(v1alpha1.ReasonInvalidExpression, invalid)
	case unknown != "":
		return status.Stalled(v1alpha1.ReasonUnknownRole, "the ScimApplication declares no role "+unknown)
	case assignment.IsOver(grant, now):
		return status.Ready(v1alpha1.ReasonExpired, "the grant was in effect until notAfter")
	case assignment.IsAhead(grant, now):
		return status.Ready(v1alpha1.ReasonNotYetInEffect, "the grant will be in effect from notBefore on")
	case c.failed > 0:
		return status.Waiting(v1alpha1.ReasonExpressionFailed, "an expression fails for some users, who keep what they have from the grant: "+c.said())
	}
	return status.Ready(v1alpha1.ReasonInEffect, "the grant is in effect")
}

// invalidIn says which expressions of the grant cannot be compiled, and why.
func invalidIn(grant *v1alpha1.ScimGrant, programs *expression.Cache) string {
	var said []string
	for i, subject := range grant.Spec.Subjects {
		if subject.Kind != v1alpha1.SubjectCondition {
			continue
		}
		if _, err := programs.Condition(subject.Condition); err != nil {
			said = append(said, fmt.Sprintf("subjects[%d].condition: %v", i, err))
		}
	}
	if grant.Spec.RolesFrom != "" {
		if _, err := programs.Roles(grant.Spec.RolesFrom); err != nil {
			said = append(said, fmt.Sprintf("rolesFrom: %v", err))
		}
	}
	return strings.Join(said, "; ")
}

// unknownRoles are the roles of the grant that the application does not declare, sorted.
func unknownRoles(grant *v1alpha1.ScimGrant, app *v1alpha1.ScimApplication) string {
	var unknown []string
	for _, role := range grant.Spec.Roles {
		if !application.Offers(app, role) {
			unknown = append(unknown, string(role))
		}
	}
	slices.Sort(unknown)
	return strings.Join(unknown, ", ")
}

// nextEdge is when the next one of grants begins or ends; zero if none does.
func nextEdge(grants []*v1alpha1.ScimGrant, now time.Time) (next time.Time) {
	for _, grant := range grants {
		for _, edge := range assignment.Edges(grant, now) {
			if next.IsZero() || edge.Before(next) {
				next = edge
			}
		}
	}
	return next
}
