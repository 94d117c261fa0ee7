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

// TestDeletedUserKeepsSuspendedAccounts: where the directory keeps deleted users, a DELETE takes access away and leaves the account, and
// whoever gets the userName next is somebody else.
func TestDeletedUserKeepsSuspendedAccounts(t *testing.T) {
	tn := newTenant(t, shared.get(t), func(spec *v1alpha1.ScimApplicationSpec) { spec.Lifecycle = v1alpha1.Lifecycle{} }) // that of the API server
	okta, other := tn.idp[0], tn.idp[1]
	const userName = "ada@acme.test"
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) {
		spec.Deletion = v1alpha1.DirectoryDeletion{Policy: v1alpha1.DeactivateUsers, RetentionDays: 1}
	})
	id := tn.create(t, userName)
	tn.waitBound(t, userName)
	answer, err := okta.Delete(t.Context(), id)
	expect(t, http.StatusNoContent, answer, err)
	tn.waitBound(t)
	tn.waitMay(t, userName, false)
	for _, server := range tn.idp {
		answer, err = server.Get(t.Context(), idp.UserPath(id))
		expect(t, http.StatusNotFound, answer, err)
		answer, err = server.Delete(t.Context(), id)
		expect(t, http.StatusNotFound, answer, err)
	}
	kept := &v1alpha1.ScimUser{}
	if err := tn.Client.Get(t.Context(), client.ObjectKey{Namespace: tn.namespace, Name: id}, kept); err != nil {
		t.Fatal(err)
	}
	if kept.Spec.State != v1alpha1.StateSuspended || kept.Spec.DeletedAt == nil {
		t.Errorf("got state %s and deletedAt %v of the deleted user", kept.Spec.State, kept.Spec.DeletedAt)
	}
	accounts, err := list(t.Context(), tn, &v1alpha1.ScimAccountList{})
	if err != nil || len(accounts.Items) != 1 || accounts.Items[0].Spec.State != v1alpha1.AccountSuspended {
		t.Errorf("got accounts %v (%v), want a suspended one", accounts.Items, err)
	}

	answer, err = other.Post(t.Context(), idp.OktaUser(idp.Person{UserName: userName}))
	expect(t, http.StatusCreated, answer, err)
	if answer.Body["id"] == id {
		t.Errorf("the id %s was used again", id)
	}
	tn.waitBound(t, userName)
	answer, err = other.Find(t.Context(), userName)
	if expect(t, http.StatusOK, answer, err); answer.Body["totalResults"] != 1. {
		t.Errorf("got %s, want the new user alone", answer)
	}
}
