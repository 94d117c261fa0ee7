// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// TestEndings ends things in every way, with the garbage collector and without.
func TestEndings(t *testing.T) {
	t.Run("WithControllerManager", func(t *testing.T) { runEndings(t, shared.get(t)) })
	t.Run("WithoutControllerManager", func(t *testing.T) { runEndings(t, ownStack(t, stack.Options{})) })
}

func runEndings(t *testing.T, s *stack.Stack) {
	t.Helper()
	for name, end := range map[string]func(*testing.T, *tenant){
		"UserDeleted":         endUser,
		"GrantRemoved":        endGrant,
		"ApplicationDeleted":  endApplication,
		"ApplicationRetained": retainApplication,
		"ApplicationGone":     stripApplication,
		"TokenDeleted":        endToken,
	} {
		t.Run(name, func(t *testing.T) { end(t, newTenant(t, s)) })
	}
}

const leaver, stayer = "leaver@acme.test", "stayer@acme.test"

// populate makes two users with their accounts and returns the id of leaver.
func populate(t *testing.T, tn *tenant) (id string) {
	t.Helper()
	id = tn.create(t, leaver)
	tn.create(t, stayer)
	tn.waitBound(t, leaver, stayer)
	return id
}

func endUser(t *testing.T, tn *tenant) {
	answer, err := tn.idp[0].Delete(t.Context(), populate(t, tn))
	expect(t, http.StatusNoContent, answer, err)
	tn.waitBound(t, stayer)
	eventually(t, func(ctx context.Context) error {
		accounts, err := list(ctx, tn, &v1alpha1.ScimAccountList{})
		if err == nil && len(accounts.Items) != 1 {
			err = fmt.Errorf("got %d ScimAccounts, want that of the other user", len(accounts.Items))
		}
		return err
	})
	tn.checkNames(t)
}

func endGrant(t *testing.T, tn *tenant) {
	populate(t, tn)
	tn.mustDelete(t, &v1alpha1.ScimGrant{ObjectMeta: tn.meta(grantName)})
	tn.waitBound(t)
	tn.waitEmpty(t, &v1alpha1.ScimAccountList{})
}

func endApplication(t *testing.T, tn *tenant) {
	populate(t, tn)
	tn.mustDelete(t, &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)})
	tn.waitEmpty(t, &v1alpha1.ScimAccountList{}, &v1alpha1.ScimApplicationList{})
	tn.waitBound(t)
}

func retainApplication(t *testing.T, tn *tenant) {
	populate(t, tn)
	app := &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"deletionPolicy":"Retain"}}`))
	if err := tn.Client.Patch(t.Context(), app, patch); err != nil {
		t.Fatal(err)
	}
	tn.mustDelete(t, app)
	tn.waitEmpty(t, &v1alpha1.ScimAccountList{}, &v1alpha1.ScimApplicationList{})
	tn.waitBound(t, leaver, stayer)
}

// stripApplication takes the ScimApplication away behind the controller's back, finalizer and all.
func stripApplication(t *testing.T, tn *tenant) {
	populate(t, tn)
	app := &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)}
	if err := tn.Controller.Freeze(); err != nil {
		t.Fatal(err)
	}
	strip := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	err := errors.Join(tn.Client.Delete(t.Context(), app), tn.Client.Patch(t.Context(), app, strip), tn.Controller.Resume())
	if err != nil {
		t.Fatal(err)
	}
	tn.waitEmpty(t, &v1alpha1.ScimApplicationList{}, &v1alpha1.ScimAccountList{})
	tn.waitBound(t, leaver, stayer) // nobody is left who knows how to take them away
}

func endToken(t *testing.T, tn *tenant) {
	tn.create(t, stayer)
	tn.mustDelete(t, &v1alpha1.ScimToken{ObjectMeta: tn.meta(tokenName)})
	for _, client := range tn.idp {
		eventually(t, func(ctx context.Context) error {
			answer, err := client.Get(ctx, idp.OktaTest)
			if err == nil && answer.Status != http.StatusUnauthorized {
				err = fmt.Errorf("got %s, want status 401", answer)
			}
			return err
		})
	}
	tn.waitEmpty(t, &v1alpha1.ScimTokenList{})
	err := tn.Client.Get(t.Context(), client.ObjectKey{Namespace: tn.namespace, Name: tokenName}, &corev1.Secret{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the Secret: got %v, want NotFound", err)
	}
	tn.waitBound(t, stayer)
}

// TestNamespaceDeleted wants nothing to hold up the deletion of a namespace while the controller runs.
func TestNamespaceDeleted(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	populate(t, tn)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tn.namespace}}
	tn.mustDelete(t, namespace)
	eventually(t, func(ctx context.Context) error {
		live := &corev1.Namespace{}
		err := tn.Client.Get(ctx, client.ObjectKeyFromObject(namespace), live)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(fmt.Errorf("the namespace is still there: %v", live.Status.Conditions), err)
	})
	tn.waitBound(t)
}

func (tn *tenant) mustDelete(t *testing.T, object client.Object) {
	t.Helper()
	if err := tn.Client.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}
