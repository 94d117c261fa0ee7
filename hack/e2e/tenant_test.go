// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// Names of the objects of a tenant.
const (
	directoryName   = "corp"
	tokenName       = "idp"
	applicationName = "cluster"
	grantName       = "everyone"
	roleName        = "viewer"
)

// patience bounds every wait for something that takes milliseconds on an idle machine.
const patience = time.Minute

// tenant is a directory with its token, and an application whose role viewer everyone gets, in namespaces of their own.
type tenant struct {
	*stack.Stack
	// namespace holds the objects of ours, target the RoleBindings.
	namespace, target string
	token             string
	// idp has a client for each server.
	idp []*idp.Client
}

// newTenant makes a tenant. Its guards are off and its accounts end with the user's access; changes may say otherwise for the application.
func newTenant(t *testing.T, s *stack.Stack, changes ...func(*v1alpha1.ScimApplicationSpec)) *tenant {
	t.Helper()
	name := "e2e-" + uuid.NewString()[:8]
	tn := &tenant{Stack: s, namespace: name, target: name + "-target"}
	for _, namespace := range []string{tn.namespace, tn.target} {
		if err := s.CreateNamespace(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
	}
	app := tn.application()
	for _, change := range changes {
		change(&app.Spec)
	}
	tn.mustCreate(t, app, tn.grant(grantName, v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}))
	tn.token = tn.addDirectory(t, directoryName, tokenName)
	for _, server := range s.Servers {
		tn.idp = append(tn.idp, idp.New(server.BaseURL(tn.namespace, directoryName), tn.token))
	}
	tn.waitReady(t, &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)}, &v1alpha1.ScimGrant{ObjectMeta: tn.meta(grantName)})
	return tn
}

func (tn *tenant) application() *v1alpha1.ScimApplication {
	role := v1alpha1.KubernetesRole{
		Name: roleName, RoleRef: v1alpha1.KubernetesRoleRef{Kind: "ClusterRole", Name: "view"}, Namespaces: []string{tn.target},
	}
	return &v1alpha1.ScimApplication{
		ObjectMeta: tn.meta(applicationName),
		Spec: v1alpha1.ScimApplicationSpec{
			DirectoryRef: v1alpha1.LocalReference{Name: directoryName},
			Connector: v1alpha1.Connector{
				Type: v1alpha1.ConnectorKubernetes, Kubernetes: &v1alpha1.KubernetesConnector{Roles: []v1alpha1.KubernetesRole{role}},
			},
			Lifecycle:    v1alpha1.Lifecycle{OnDeactivation: v1alpha1.RemovalSuspend, OnLostAccess: v1alpha1.RemovalDelete, GraceHours: new(int32)},
			RemovalGuard: unguarded(),
		},
	}
}

// unguarded lets all removals go.
func unguarded() v1alpha1.RemovalGuard {
	return v1alpha1.RemovalGuard{Policy: v1alpha1.GuardDisabled}
}

// grant gives the role of the tenant to some.
func (tn *tenant) grant(name string, subjects ...v1alpha1.Subject) *v1alpha1.ScimGrant {
	return &v1alpha1.ScimGrant{ObjectMeta: tn.meta(name), Spec: v1alpha1.ScimGrantSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: applicationName}, Subjects: subjects, Roles: []v1alpha1.RoleName{roleName},
	}}
}

// addDirectory makes a directory and its token, and returns the token once every server accepts it.
func (tn *tenant) addDirectory(t *testing.T, directory, name string) (token string) {
	t.Helper()
	spec := v1alpha1.ScimDirectorySpec{RemovalGuard: unguarded(), Limits: stack.Unlimited()}
	tn.mustCreate(t, &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directory), Spec: spec}, &v1alpha1.ScimToken{
		ObjectMeta: tn.meta(name), Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: directory}},
	})
	tn.waitReady(t, &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directory)}, &v1alpha1.ScimToken{ObjectMeta: tn.meta(name)})
	token, err := tn.Token(t.Context(), tn.namespace, name)
	if err == nil {
		err = tn.WaitServed(t.Context(), tn.namespace, directory, token)
	}
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (tn *tenant) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: tn.namespace, Name: name}
}

func (tn *tenant) mustCreate(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := tn.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

func (tn *tenant) waitReady(t *testing.T, objects ...client.Object) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, object := range objects {
		if err := tn.WaitReady(ctx, object); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually repeats check until it returns nil, and fails the test with its last error when that takes too long.
func eventually(t *testing.T, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var last error
	err := stack.Poll(ctx, func(ctx context.Context) (bool, error) {
		if err := check(ctx); ctx.Err() == nil || last == nil {
			last = err
		}
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%v: %v", err, last)
	}
}

// create posts a user and returns its id.
func (tn *tenant) create(t *testing.T, userName string) (id string) {
	t.Helper()
	answer, err := tn.idp[0].Post(t.Context(), idp.OktaUser(idp.Person{UserName: userName, GivenName: "A", FamilyName: "B"}))
	return expect(t, http.StatusCreated, answer, err).ID()
}

// expect fails the test unless the answer came with that status.
func expect(t *testing.T, status int, answer idp.Response, err error) idp.Response {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != status {
		t.Fatalf("got %s, want status %d", answer, status)
	}
	return answer
}

// waitBound waits until the RoleBindings of the target namespace are for exactly these users, once each.
func (tn *tenant) waitBound(t *testing.T, users ...string) {
	t.Helper()
	slices.Sort(users)
	eventually(t, func(ctx context.Context) error {
		got, err := tn.BoundUsers(ctx, tn.target)
		slices.Sort(got)
		if err == nil && !slices.Equal(got, users) {
			err = errors.New("RoleBindings (-want +got):\n" + cmp.Diff(users, got))
		}
		return err
	})
}

func (tn *tenant) waitMay(t *testing.T, userName string, want bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := tn.WaitMayReadPods(ctx, userName, tn.target, want); err != nil {
		t.Fatal(err)
	}
}

// list reads all objects of a kind in the tenant's namespace from the API server.
func list[T client.ObjectList](ctx context.Context, tn *tenant, into T) (T, error) {
	return into, tn.Client.List(ctx, into, client.InNamespace(tn.namespace))
}

// waitEmpty waits until there is no object of these kinds left.
func (tn *tenant) waitEmpty(t *testing.T, kinds ...client.ObjectList) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		for _, kind := range kinds {
			if err := tn.Client.List(ctx, kind, client.InNamespace(tn.namespace)); err != nil {
				return err
			}
			if left := apimeta.LenList(kind); left > 0 {
				return fmt.Errorf("%d objects of %T left", left, kind)
			}
		}
		return nil
	})
}

// checkNames wants one reservation for each user and no other.
func (tn *tenant) checkNames(t *testing.T) {
	t.Helper()
	users, err := list(t.Context(), tn, &v1alpha1.ScimUserList{})
	if err != nil {
		t.Fatal(err)
	}
	names, err := list(t.Context(), tn, &v1alpha1.ScimNameList{})
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, user := range users.Items {
		// The names of these tests are ASCII, so that this is their canonical form.
		want[strings.ToLower(user.Spec.UserName)] = user.Name
	}
	for _, name := range names.Items {
		got[name.Spec.Value] = name.Spec.Holder
	}
	if len(want) != len(users.Items) {
		t.Errorf("%d ScimUsers have %d names: %v", len(users.Items), len(want), slices.Collect(maps.Keys(want)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reservations and their holders (-users +names):\n%s", diff)
	}
}
