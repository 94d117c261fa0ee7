// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// TestExplanation follows requests from the header of the answer through user or group and grant to the event about the account, and asks
// the account which grant is behind each role.
func TestExplanation(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(100, 100))
	people, group := tn.staff(t, 2)
	ada := people[0]
	tn.mustCreate(t, tn.grant("also", v1alpha1.Subject{Kind: v1alpha1.SubjectCondition, Condition: `user.userName.startsWith("staff-0")`}))
	tn.waitSources(t, ada, v1alpha1.RoleSource{Role: roleName, Grants: []string{"also", "staff"}})

	answer, err := tn.idp[0].Patch(t.Context(), ada.id, idp.EntraPatch("active", false))
	id := expect(t, http.StatusOK, answer, err).Header.Get("X-Request-Id")
	tn.waitRequestID(t, id, &v1alpha1.ScimUser{ObjectMeta: tn.meta(ada.id)}, tn.accountOf(t, ada))
	tn.waitEvent(t, ada, "Suspended", id)

	other := people[1]
	answer, err = tn.idp[1].PatchGroup(t.Context(), group, idp.EntraRemove(other.id))
	id = expect(t, http.StatusNoContent, answer, err).Header.Get("X-Request-Id")
	tn.waitRequestID(t, id, &v1alpha1.ScimGroup{ObjectMeta: tn.meta(group)}, tn.accountOf(t, other))
	tn.waitEvent(t, other, "Suspended", id)
	if reason := tn.accountOf(t, other).Spec.Reason; reason != v1alpha1.StateAccessLost {
		t.Errorf("got the reason %s, want %s", reason, v1alpha1.StateAccessLost)
	}
}

func (tn *tenant) waitSources(t *testing.T, p somebody, want ...v1alpha1.RoleSource) {
	t.Helper()
	eventually(t, func(context.Context) error {
		if diff := cmp.Diff(want, tn.accountOf(t, p).Status.Sources); diff != "" {
			return fmt.Errorf("sources of the roles (-want +got):\n%s", diff)
		}
		return nil
	})
}

// waitRequestID waits until these objects bear the id of a request.
func (tn *tenant) waitRequestID(t *testing.T, id string, objects ...client.Object) {
	t.Helper()
	if id == "" {
		t.Fatal("the answer had no X-Request-Id")
	}
	for _, o := range objects {
		eventually(t, func(ctx context.Context) error {
			err := tn.Client.Get(ctx, client.ObjectKeyFromObject(o), o)
			if got := o.GetAnnotations()[v1alpha1.AnnotationRequestID]; err == nil && got != id {
				err = fmt.Errorf("%T %s has the request id %q, want %q", o, o.GetName(), got, id)
			}
			return err
		})
	}
}
