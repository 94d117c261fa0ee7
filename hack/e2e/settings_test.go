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

// changeDirectory changes the spec of the tenant's directory and waits until every server goes by it. It sets the page size, by
// which a server tells what it goes by.
func (tn *tenant) changeDirectory(t *testing.T, change func(*v1alpha1.ScimDirectorySpec)) {
	t.Helper()
	dir := &v1alpha1.ScimDirectory{}
	if err := tn.Client.Get(t.Context(), client.ObjectKey{Namespace: tn.namespace, Name: directoryName}, dir); err != nil {
		t.Fatal(err)
	}
	before := client.MergeFrom(dir.DeepCopy())
	change(&dir.Spec)
	dir.Spec.Paging.MaxPageSize = max(dir.Spec.Paging.MaxPageSize, 300) + 1
	if err := tn.Client.Patch(t.Context(), dir, before); err != nil {
		t.Fatal(err)
	}
	if dir.Spec.Suspended {
		return // nothing tells
	}
	for _, server := range tn.idp {
		eventually(t, func(ctx context.Context) error {
			answer, err := server.Get(ctx, "/ServiceProviderConfig")
			filter, _ := answer.Body["filter"].(map[string]any)
			if err == nil && filter["maxResults"] != float64(dir.Spec.Paging.MaxPageSize) {
				err = fmt.Errorf("got %s, want maxResults %d", answer, dir.Spec.Paging.MaxPageSize)
			}
			return err
		})
	}
}

// TestConnectionTestsPassWithGroupsOff: identity providers probe /Groups before they save a connection.
func TestConnectionTestsPassWithGroupsOff(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	group := tn.group(t, "Engineers", tn.people(t, 1)...)
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) { spec.Operations.Groups = v1alpha1.SwitchDisabled })
	for _, path := range []string{idp.OktaTest, "/Groups?startIndex=1&count=100", idp.EntraFindGroup("Engineers"), idp.OktaFindGroup("Engineers")} {
		answer, err := tn.idp[0].Get(t.Context(), path)
		expect(t, http.StatusOK, answer, err)
		if path != idp.OktaTest && answer.Body["totalResults"] != 0. {
			t.Errorf("%s: got %s, want an empty list", path, answer)
		}
	}
	answer, err := tn.idp[1].PostGroup(t.Context(), idp.Group("Others"))
	expect(t, http.StatusNotImplemented, answer, err)
	answer, err = tn.idp[1].Get(t.Context(), idp.GroupPath(group))
	expect(t, http.StatusNotFound, answer, err)
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) { spec.Operations.Groups = v1alpha1.SwitchEnabled })
	answer, err = tn.idp[1].Get(t.Context(), idp.GroupPath(group))
	if expect(t, http.StatusOK, answer, err); len(membersOf(answer.Body)) != 1 {
		t.Errorf("got %s, want the group as it was", answer)
	}
}

// TestSuspendedDirectory: an identity provider that is told to come back later loses nothing.
func TestSuspendedDirectory(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	const userName = "ada@acme.test"
	id := tn.create(t, userName)
	tn.waitBound(t, userName)
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) { spec.Suspended = true })
	eventually(t, func(ctx context.Context) error {
		answer, err := tn.idp[0].Delete(ctx, "0a3f1c8e-0000-4000-8000-000000000000")
		if err == nil && (answer.Status != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "") {
			err = fmt.Errorf("got %s, want 503 with Retry-After", answer)
		}
		return err
	})
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) { spec.Suspended = false })
	answer, err := tn.idp[1].Get(t.Context(), idp.UserPath(id))
	expect(t, http.StatusOK, answer, err)
	tn.waitBound(t, userName)
}

// TestAccountsAreEchoedAsReceived: a declared complex attribute comes back as Okta sent it, and is stored as objects.
func TestAccountsAreEchoedAsReceived(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) {
		spec.Extensions = []v1alpha1.SchemaExtension{{ResourceType: v1alpha1.ResourceTypeUser, Attributes: []v1alpha1.SchemaAttribute{accountsAttribute()}}}
	})
	for name, sent := range map[string]any{
		"text":    `[{"accountId":"42","roles":["admin"],"status":"active"}]`,
		"texts":   []any{`{"accountId":"42","roles":["admin"],"status":"active"}`},
		"objects": []any{map[string]any{"accountId": "42", "roles": []any{"admin"}, "status": "active"}},
	} {
		t.Run(name, func(t *testing.T) {
			user := idp.OktaUser(idp.Person{UserName: name + "@acme.test"})
			user["accounts"] = sent
			answer, err := tn.idp[0].Post(t.Context(), user)
			expect(t, http.StatusCreated, answer, err)
			read, err := tn.idp[1].Get(t.Context(), idp.UserPath(answer.ID()))
			expect(t, http.StatusOK, read, err)
			if diff := cmp.Diff(sent, read.Body["accounts"]); diff != "" {
				t.Errorf("accounts (-sent +read):\n%s", diff)
			}
			again, err := tn.idp[1].Put(t.Context(), answer.ID(), read.Body)
			expect(t, http.StatusOK, again, err)
			if again.Header.Get("Etag") != read.Header.Get("Etag") {
				t.Error("a PUT of what was read moved the version")
			}
			found, err := tn.idp[1].Get(t.Context(), "/Users?filter=accounts%5BaccountId%20eq%20%2242%22%5D%20and%20userName%20eq%20%22"+name+"@acme.test%22")
			if expect(t, http.StatusOK, found, err); found.Body["totalResults"] != 1. {
				t.Errorf("got %s, want the user", found)
			}
		})
	}
}

func accountsAttribute() v1alpha1.SchemaAttribute {
	accounts := v1alpha1.SchemaAttribute{Type: "complex", AttributeCharacteristics: v1alpha1.AttributeCharacteristics{Name: "accounts", MultiValued: true}}
	for _, name := range []string{"accountId", "roles", "status", "teams"} {
		accounts.SubAttributes = append(accounts.SubAttributes, v1alpha1.SchemaSubAttribute{
			AttributeCharacteristics: v1alpha1.AttributeCharacteristics{Name: name, MultiValued: name == "roles" || name == "teams"},
		})
	}
	return accounts
}
