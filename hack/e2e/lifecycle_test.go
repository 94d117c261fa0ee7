// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// TestLifeCycle follows one user from the first POST to the reuse of the name.
func TestLifeCycle(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	okta := tn.idp[0]
	const first, second = "Ada@acme.test", "ada.king@acme.test"

	id := tn.create(t, first)
	tn.waitBound(t, first)
	tn.waitMay(t, first, true)
	tn.checkObjects(t, id, first, v1alpha1.StateActive)

	answer, err := okta.Patch(t.Context(), id, idp.EntraPatch("active", false))
	if expect(t, http.StatusOK, answer, err); answer.Body["active"] != false {
		t.Errorf("after the deactivation: got %s, want active false", answer)
	}
	tn.waitBound(t)
	tn.waitMay(t, first, false)
	tn.checkObjects(t, id, first, v1alpha1.StateSuspended)

	answer, err = okta.Patch(t.Context(), id, idp.OktaPatch(true))
	expect(t, http.StatusOK, answer, err)
	tn.waitBound(t, first)
	tn.waitMay(t, first, true)

	answer, err = okta.Patch(t.Context(), id, idp.EntraPatch("userName", second))
	expect(t, http.StatusOK, answer, err)
	tn.waitBound(t, second)
	tn.waitMay(t, second, true)
	tn.waitMay(t, first, false)
	tn.checkObjects(t, id, second, v1alpha1.StateActive)

	answer, err = okta.Delete(t.Context(), id)
	expect(t, http.StatusNoContent, answer, err)
	tn.waitBound(t)
	tn.waitMay(t, second, false)
	tn.waitEmpty(t, &v1alpha1.ScimUserList{}, &v1alpha1.ScimNameList{}, &v1alpha1.ScimAccountList{})
	answer, err = okta.Get(t.Context(), idp.UserPath(id))
	expect(t, http.StatusNotFound, answer, err)

	again := tn.create(t, second)
	if again == id {
		t.Errorf("the id %s was used again", id)
	}
	tn.waitBound(t, second)
	answer, err = okta.Get(t.Context(), idp.UserPath(id))
	expect(t, http.StatusNotFound, answer, err)
}

// checkObjects wants one user, one reservation and one account, all of that id.
func (tn *tenant) checkObjects(t *testing.T, id, userName string, state v1alpha1.State) {
	t.Helper()
	user := &v1alpha1.ScimUser{}
	if err := tn.Client.Get(t.Context(), client.ObjectKey{Namespace: tn.namespace, Name: id}, user); err != nil {
		t.Fatal(err)
	}
	if user.Spec.UserName != userName || user.Spec.State != state {
		t.Errorf("got ScimUser %q %s, want %q %s", user.Spec.UserName, user.Spec.State, userName, state)
	}
	tn.checkNames(t)
	accounts, err := list(t.Context(), tn, &v1alpha1.ScimAccountList{})
	if err != nil {
		t.Fatal(err)
	}
	if len(accounts.Items) != 1 {
		t.Fatalf("got %d ScimAccounts, want 1", len(accounts.Items))
	}
	spec := accounts.Items[0].Spec
	if spec.UserRef.Name != id || spec.UserName != userName || string(spec.State) != string(state) {
		t.Errorf("got ScimAccount of %s with %q %s, want that of %s with %q %s", spec.UserRef.Name, spec.UserName, spec.State, id, userName, state)
	}
	tn.waitReady(t, user, &accounts.Items[0])
}
