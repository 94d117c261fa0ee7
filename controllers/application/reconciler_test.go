// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

func app() *v1alpha1.ScimApplication {
	return &v1alpha1.ScimApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "app", Generation: 1, Finalizers: []string{v1alpha1.FinalizerApplication}},
		Spec: v1alpha1.ScimApplicationSpec{
			DirectoryRef: v1alpha1.LocalReference{Name: "acme"},
			Connector:    v1alpha1.Connector{Type: v1alpha1.ConnectorKubernetes, Kubernetes: &v1alpha1.KubernetesConnector{}},
		},
	}
}

func directory() *v1alpha1.ScimDirectory {
	return &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "acme"}}
}

func accountOf(name string) *v1alpha1.ScimAccount {
	return &v1alpha1.ScimAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Generation: 1},
		Spec:       v1alpha1.ScimAccountSpec{ApplicationRef: v1alpha1.LocalReference{Name: "app"}},
	}
}

func newReconciler(t *testing.T, memory *connectortest.Memory, objects ...client.Object) *Reconciler {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.ScimApplication{}, &v1alpha1.ScimAccount{}).
		WithIndex(&v1alpha1.ScimAccount{}, index.ByApplication, func(o client.Object) []string {
			return []string{o.(*v1alpha1.ScimAccount).Spec.ApplicationRef.Name}
		}).Build()
	open := func(context.Context, *v1alpha1.ScimApplication, map[string][]byte) (connector.Connector, error) {
		return memory, nil
	}
	return &Reconciler{
		Client: c, Live: c, Programs: &expression.Cache{}, Resync: time.Hour,
		Connections: &Connections{Secrets: c, Openers: map[v1alpha1.ConnectorType]Opener{v1alpha1.ConnectorKubernetes: open}},
	}
}

func round(t *testing.T, r *Reconciler) *v1alpha1.ScimApplication {
	t.Helper()
	key := client.ObjectKey{Namespace: "ns", Name: "app"}
	a := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(t.Context(), key, a); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reconcile(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	after := &v1alpha1.ScimApplication{}
	if err := client.IgnoreNotFound(r.Client.Get(t.Context(), key, after)); err != nil {
		t.Fatal(err)
	}
	return after
}

func reason(a *v1alpha1.ScimApplication) string {
	for _, c := range a.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason
		}
	}
	return ""
}

func TestProbe(t *testing.T) {
	for name, tc := range map[string]struct {
		err     error
		want    string
		stalled bool
	}{
		"well":        {nil, v1alpha1.ReasonConnected, false},
		"denied":      {connector.Deniedf("no right"), v1alpha1.ReasonDenied, true},
		"invalid":     {connector.Invalidf("bad role"), v1alpha1.ReasonInvalid, true},
		"unavailable": {connector.Unavailablef(0, "down"), v1alpha1.ReasonUnavailable, false},
		"unknown":     {errors.New("boom"), v1alpha1.ReasonUnavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			memory := connectortest.NewMemory()
			memory.Fail(tc.err)
			r := newReconciler(t, memory, app(), directory())
			got := round(t, r)
			if reason(got) != tc.want || status.IsStalled(got.Status.Conditions, 1) != tc.stalled {
				t.Errorf("reason %s, want %s", reason(got), tc.want)
			}
			if again := round(t, r); again.ResourceVersion != got.ResourceVersion {
				t.Error("the same outcome was written twice")
			}
		})
	}
}

func TestWaitsForItsDirectory(t *testing.T) {
	if got := round(t, newReconciler(t, connectortest.NewMemory(), app())); reason(got) != v1alpha1.ReasonDirectoryNotFound {
		t.Errorf("reason %s", reason(got))
	}
}

func TestStaysUntilItsAccountsAreGone(t *testing.T) {
	r := newReconciler(t, connectortest.NewMemory(), app(), directory(), accountOf("one"))
	if err := r.Client.Delete(t.Context(), app()); err != nil {
		t.Fatal(err)
	}
	if got := round(t, r); got.Name == "" || reason(got) != v1alpha1.ReasonDeleting {
		t.Fatalf("with an account left: %q, reason %s", got.Name, reason(got))
	}
	if err := r.Client.Delete(t.Context(), accountOf("one")); err != nil {
		t.Fatal(err)
	}
	if got := round(t, r); got.Name != "" {
		t.Errorf("it stays with reason %s", reason(got))
	}
}

// TestStaysWhileTheCacheIsBehind: the cache shows no account, the API server does.
func TestStaysWhileTheCacheIsBehind(t *testing.T) {
	r := newReconciler(t, connectortest.NewMemory(), app(), directory())
	r.Live = newReconciler(t, nil, accountOf("one")).Client
	if err := r.Client.Delete(t.Context(), app()); err != nil {
		t.Fatal(err)
	}
	if got := round(t, r); got.Name == "" {
		t.Error("the application was let go on the word of a cache")
	}
}

func TestCredentialMustOptIn(t *testing.T) {
	with := app()
	with.Spec.Connector.Kubernetes.KubeconfigSecretRef = &v1alpha1.LocalReference{Name: "kubeconfig"}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "kubeconfig"}, Data: map[string][]byte{"kubeconfig": []byte("canary")}}
	r := newReconciler(t, connectortest.NewMemory(), with, directory(), secret)
	var handed map[string][]byte
	r.Connections.Openers[v1alpha1.ConnectorKubernetes] = func(_ context.Context, _ *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
		handed = credential
		return connectortest.NewMemory(), nil
	}
	if got := round(t, r); reason(got) != v1alpha1.ReasonInvalid || handed != nil {
		t.Fatalf("a Secret that did not opt in: reason %s, handed out: %v", reason(got), handed != nil)
	}
	secret.Labels = map[string]string{v1alpha1.LabelCredential: "true"}
	if err := r.Client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if got := round(t, r); reason(got) != v1alpha1.ReasonConnected || string(handed["kubeconfig"]) != "canary" {
		t.Errorf("a Secret that opted in: reason %s", reason(got))
	}
}
