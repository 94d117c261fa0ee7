// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/webhook"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/story"
)

// restoredNamespace is the one of the page: it is part of the URL, and of every mark downstream.
const restoredNamespace = "acme"

// TestBackupIsRestored runs the commands of docs/operations.md: what is backed up from one cluster is restored into another, which is empty. The
// identity provider finds its users under the ids that it knows with the token that it has, the accounts stay as they are, and nothing at all is
// written downstream.
func TestBackupIsRestored(t *testing.T) {
	app, err := webhook.Launch(t.Context(), apps.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Stop(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	first := ownStack(t, stack.Options{ControllerArgs: story.ControllerArgs()})
	site, err := story.Set(t.Context(), first, app, story.Options{Namespace: restoredNamespace, Application: "webhook"})
	if err != nil {
		t.Fatal(err)
	}
	ids := someLife(t, site)
	token, err := first.Token(t.Context(), restoredNamespace, "idp")
	if err != nil {
		t.Fatal(err)
	}
	before := waitAccounts(t, first.Client)
	shell(t, first, dir, commandsOf(t, "Backup"))
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	changes := app.Changes()

	second := ownStack(t, stack.Options{ControllerArgs: story.ControllerArgs()})
	programs := append(slices.Clone(second.Servers), second.Controller)
	for _, p := range programs {
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, second, dir, commandsOf(t, "Restore"))
	for _, p := range programs {
		if err := p.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, waitAccounts(t, second.Client)); diff != "" {
		t.Errorf("accounts (-backup +restored):\n%s", diff)
	}
	if err := second.WaitServed(t.Context(), restoredNamespace, "acme", token); err != nil {
		t.Fatal(err)
	}
	asTheIdentityProviderSees(t, idp.New(second.Servers[0].BaseURL(restoredNamespace, "acme"), token), ids)
	if now := app.Changes(); now != changes {
		t.Errorf("%d changes downstream because of the restore, want none", now-changes)
	}
}

// someLife gives the directory joiners, a group, a leaver, and somebody who was deleted, and returns the ids of who is there.
func someLife(t *testing.T, site *story.Site) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for _, name := range []string{"ada", "grace", "alan", "edsger"} {
		id, _, _, err := site.Join(t.Context(), idp.Person{UserName: name + "@acme.test", GivenName: name, FamilyName: "B", ExternalID: "ext-" + name})
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = id
	}
	answer, err := site.IDP().PostGroup(t.Context(), idp.Group(story.Group, ids["ada"], ids["grace"]))
	expect(t, http.StatusCreated, answer, err)
	if _, err := site.Activate(t.Context(), ids["grace"], false); err != nil {
		t.Fatal(err)
	}
	answer, err = site.IDP().Delete(t.Context(), ids["edsger"])
	expect(t, http.StatusNoContent, answer, err)
	delete(ids, "edsger")
	return ids
}

// waitAccounts waits until every user's account is as it shall be, and says how that is.
func waitAccounts(t *testing.T, c client.Client) (accounts []string) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		var list v1alpha1.ScimAccountList
		if err := c.List(ctx, &list, client.InNamespace(restoredNamespace)); err != nil {
			return err
		}
		accounts = nil
		for _, a := range list.Items {
			ready := apimeta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Reason != v1alpha1.ReasonInSync || ready.ObservedGeneration != a.Generation {
				return fmt.Errorf("account %s: %+v", a.Name, ready)
			}
			accounts = append(accounts, fmt.Sprintln(a.Name, a.Spec.State, a.Spec.Roles, a.Status.ExternalID))
		}
		// Of Edsger there is a ScimAccount that remembers him, and no account.
		all := strings.Join(accounts, "")
		if len(accounts) != 4 || strings.Count(all, " Suspended ") != 1 || strings.Count(all, " Deleted ") != 1 {
			return fmt.Errorf("accounts %q, want two that are active, one suspended and one deleted", accounts)
		}
		return nil
	})
	return accounts
}

// asTheIdentityProviderSees looks up who is there by name and by the id that it remembers, and the group with its members.
func asTheIdentityProviderSees(t *testing.T, client *idp.Client, ids map[string]string) {
	t.Helper()
	for name, id := range ids {
		answer, err := client.Find(t.Context(), name+"@acme.test")
		expect(t, http.StatusOK, answer, err)
		if found := answer.Resources(); len(found) != 1 || found[0]["id"] != id {
			t.Errorf("%s: found %v, want the id %s", name, found, id)
		}
	}
	answer, err := client.Get(t.Context(), idp.OktaFindGroup(story.Group))
	expect(t, http.StatusOK, answer, err)
	members, _ := answer.Resources()[0]["members"].([]any)
	if len(members) != 2 {
		t.Errorf("the group has the members %v, want two", members)
	}
	answer, err = client.Post(t.Context(), idp.OktaUser(idp.Person{UserName: "ADA@acme.test"}))
	expect(t, http.StatusConflict, answer, err)
}

// commandsOf are the lines of the first shell block below a heading of docs/operations.md.
func commandsOf(t *testing.T, heading string) string {
	t.Helper()
	_, below, found := strings.Cut(readPage(t, "docs/operations.md"), "\n### "+heading+"\n")
	_, block, fenced := strings.Cut(below, "```sh\n")
	commands, _, closed := strings.Cut(block, "```")
	if !found || !fenced || !closed {
		t.Fatalf("docs/operations.md has no commands below %q", heading)
	}
	return commands
}

// readPage is a file of this repository.
func readPage(t *testing.T, path string) string {
	t.Helper()
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shell runs commands as the admin of the stack's cluster would, in dir.
func shell(t *testing.T, s *stack.Stack, dir, commands string) {
	t.Helper()
	if _, err := s.Run(t.Context(), dir, commands); err != nil {
		t.Fatal(err)
	}
}
