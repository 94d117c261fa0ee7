// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// TestContinuity: the account of somebody who was deleted waits for the same externalId. Nobody else gets it with the userName, and who has
// it comes back to it under any userName.
func TestContinuity(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(100, 100))
	const userName, newName = "ada@acme.test", "ada.king@acme.test"
	ada := tn.comes(t, userName, "person-1")
	tn.waitBound(t, userName)
	account := tn.accountOf(t, ada).Name
	tn.goes(t, ada)
	tn.waitBound(t)

	for _, externalID := range []string{"person-2", ""} {
		other := tn.comes(t, userName, externalID)
		tn.waitBound(t, userName)
		if got := tn.accountOf(t, other).Name; got == account {
			t.Fatalf("somebody with the externalId %q got account %s with the userName", externalID, got)
		}
		if spec := tn.accountOf(t, ada).Spec; spec.State != v1alpha1.AccountSuspended || spec.Reason != v1alpha1.StateUserDeleted {
			t.Errorf("the account that waits is %s for the reason %s", spec.State, spec.Reason)
		}
		tn.goes(t, other)
		tn.waitBound(t)
	}

	again := tn.comes(t, newName, "person-1")
	tn.waitBound(t, newName)
	if got := tn.accountOf(t, again).Name; got != account {
		t.Errorf("who came back has the account %s, want %s as before", got, account)
	}
}

// comes posts a user with an externalId, or without any.
func (tn *tenant) comes(t *testing.T, userName, externalID string) somebody {
	t.Helper()
	answer, err := tn.idp[0].Post(t.Context(), idp.EntraUser(idp.Person{UserName: userName, ExternalID: externalID}))
	return somebody{expect(t, http.StatusCreated, answer, err).ID(), userName}
}

func (tn *tenant) goes(t *testing.T, p somebody) {
	t.Helper()
	answer, err := tn.idp[0].Delete(t.Context(), p.id)
	expect(t, http.StatusNoContent, answer, err)
}
