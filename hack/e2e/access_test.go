// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// TestServerReadsNoSecret asks as scim-server for Secrets in every way and everywhere.
func TestServerReadsNoSecret(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	config, err := tn.Cluster.ServiceAccountConfig(t.Context(), stack.Namespace, "scim-server", 0)
	if err != nil {
		t.Fatal(err)
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{tn.namespace, tn.target, stack.Namespace, "default", "kube-system", metav1.NamespaceAll} {
		secrets := core.Secrets(namespace)
		attempts := map[string]func() error{
			"list":  func() error { _, err := secrets.List(t.Context(), metav1.ListOptions{}); return err },
			"watch": func() error { _, err := secrets.Watch(t.Context(), metav1.ListOptions{}); return err },
		}
		if namespace != metav1.NamespaceAll {
			attempts["get"] = func() error { _, err := secrets.Get(t.Context(), tokenName, metav1.GetOptions{}); return err }
			attempts["create"] = func() error {
				secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "x"}}
				_, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{})
				return err
			}
			attempts["delete"] = func() error { return secrets.Delete(t.Context(), tokenName, metav1.DeleteOptions{}) }
		}
		for verb, attempt := range attempts {
			if err := attempt(); !apierrors.IsForbidden(err) {
				t.Errorf("%s Secrets in %q: got %v, want Forbidden", verb, namespace, err)
			}
		}
	}
}

// TestTokens: a token opens its directory and nothing else.
func TestTokens(t *testing.T) {
	s := shared.get(t)
	tn, stranger := newTenant(t, s), newTenant(t, s)
	const other = "other"
	otherToken := tn.addDirectory(t, other, "other-idp")
	base := s.Servers[0].BaseURL(tn.namespace, directoryName)
	for name, c := range map[string]struct{ reason, base, token string }{
		"None":            {"nobody", base, ""},
		"Garbage":         {"no token of ours", base, "garbage"},
		"OtherDirectory":  {"a token of another directory in the namespace", base, otherToken},
		"OtherNamespace":  {"a token of a directory of the same name in another namespace", base, stranger.token},
		"NoSuchDirectory": {"a good token where there is no directory", s.Servers[0].BaseURL(tn.namespace, "none"), tn.token},
	} {
		t.Run(name, func(t *testing.T) {
			client := idp.New(c.base, c.token)
			for _, path := range []string{"/Users", "/Users/" + uuid.NewString(), "/ServiceProviderConfig"} {
				answer, err := client.Get(t.Context(), path)
				expect(t, http.StatusUnauthorized, answer, err)
				if answer.Body["status"] != "401" {
					t.Errorf("%s: %s: got %s, want a SCIM error", c.reason, path, answer)
				}
			}
			answer, err := client.Post(t.Context(), idp.EntraUser(idp.Person{UserName: "thief@acme.test"}))
			expect(t, http.StatusUnauthorized, answer, err)
		})
	}
	tn.waitEmpty(t, &v1alpha1.ScimUserList{})
}

// TestForeignID: a user of another directory looks like one who never was.
func TestForeignID(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	const other = "other"
	client := idp.New(tn.Servers[0].BaseURL(tn.namespace, other), tn.addDirectory(t, other, "other-idp"))
	foreign, random := tn.create(t, "mine@acme.test"), uuid.NewString()
	for name, request := range map[string]idp.Request{
		"GET":    {Method: http.MethodGet},
		"PUT":    {Method: http.MethodPut, Body: idp.OktaUser(idp.Person{UserName: "mine@acme.test"})},
		"PATCH":  {Method: http.MethodPatch, Body: idp.EntraPatch("active", false)},
		"DELETE": {Method: http.MethodDelete},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for _, id := range []string{foreign, random} {
				request.Path = idp.UserPath(id)
				answer, err := client.Do(t.Context(), request)
				expect(t, http.StatusNotFound, answer, err)
				for _, changing := range []string{"Date", "X-Request-Id"} {
					answer.Header.Del(changing)
				}
				got[id] = strings.ReplaceAll(fmt.Sprintln(answer, answer.Header), id, "ID")
			}
			if diff := cmp.Diff(got[random], got[foreign]); diff != "" {
				t.Errorf("answers differ (-random id +id of another directory):\n%s", diff)
			}
		})
	}
	answer, err := tn.idp[0].Get(t.Context(), idp.UserPath(foreign))
	if user := expect(t, http.StatusOK, answer, err).Body; user["active"] != true {
		t.Errorf("got active %v after attempts through another directory, want true", user["active"])
	}
}

// TestUntrustedIdentifiers: what an identity provider calls its users selects nothing here.
func TestUntrustedIdentifiers(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	existing := tn.create(t, "existing@acme.test")
	tn.waitBound(t, "existing@acme.test")
	before := tn.specs(t)
	names := []string{"1", "admin", "system:masters", existing, "system:serviceaccount:kube-system:x", "system:anonymous", "kube-system/admin"}
	ids := map[string]bool{existing: true}
	for _, name := range names {
		answer, err := tn.idp[0].Post(t.Context(), idp.EntraUser(idp.Person{UserName: name, ExternalID: name}))
		id := expect(t, http.StatusCreated, answer, err).ID()
		if ids[id] || uuid.Validate(id) != nil {
			t.Errorf("userName and externalId %q: got id %q, want a new one", name, id)
		}
		ids[id] = true
	}
	tn.waitDecided(t, len(names)+1)
	after := tn.specs(t)
	for id := range before {
		if diff := cmp.Diff(before[id], after[id]); diff != "" {
			t.Errorf("user %s changed (-before +after):\n%s", id, diff)
		}
	}
	tn.checkSubjects(t)
	tn.waitBound(t, "existing@acme.test", "1", "admin", existing, "kube-system/admin")
}

// specs are the ScimUsers as the server wrote them.
func (tn *tenant) specs(t *testing.T) map[string]v1alpha1.ScimUserSpec {
	t.Helper()
	users, err := list(t.Context(), tn, &v1alpha1.ScimUserList{})
	if err != nil {
		t.Fatal(err)
	}
	specs := map[string]v1alpha1.ScimUserSpec{}
	for _, user := range users.Items {
		specs[user.Name] = user.Spec
	}
	return specs
}

// waitDecided waits until the controller has said something about each of n accounts.
func (tn *tenant) waitDecided(t *testing.T, n int) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		accounts, err := list(ctx, tn, &v1alpha1.ScimAccountList{})
		if err != nil {
			return err
		}
		decided := 0
		for _, account := range accounts.Items {
			if account.Status.ObservedGeneration == account.Generation {
				decided++
			}
		}
		if decided != n {
			return fmt.Errorf("%d accounts are decided, want %d", decided, n)
		}
		return nil
	})
}

// checkSubjects looks at every binding of ours in the whole cluster.
func (tn *tenant) checkSubjects(t *testing.T) {
	t.Helper()
	var bindings rbacv1.RoleBindingList
	var clusterBindings rbacv1.ClusterRoleBindingList
	ours := client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
	if err := tn.Client.List(t.Context(), &bindings, ours); err != nil {
		t.Fatal(err)
	}
	if err := tn.Client.List(t.Context(), &clusterBindings, ours); err != nil {
		t.Fatal(err)
	}
	if len(bindings.Items) == 0 || len(clusterBindings.Items) > 0 {
		t.Fatalf("got %d RoleBindings and %d ClusterRoleBindings, want some and none", len(bindings.Items), len(clusterBindings.Items))
	}
	for _, binding := range bindings.Items {
		for _, subject := range binding.Subjects {
			if subject.Kind != rbacv1.UserKind || strings.HasPrefix(subject.Name, "system:") {
				t.Errorf("a RoleBinding has the subject %s %q", subject.Kind, subject.Name)
			}
		}
	}
}
