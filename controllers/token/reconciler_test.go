// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
)

var start = time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)

func directory() *v1alpha1.ScimDirectory {
	return &v1alpha1.ScimDirectory{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "acme"},
		Status:     v1alpha1.ScimDirectoryStatus{URL: "https://scim.example/scim/v2/ns/acme"},
	}
}

func scimToken() *v1alpha1.ScimToken {
	return &v1alpha1.ScimToken{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "okta", Generation: 1},
		Spec:       v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}},
	}
}

func newReconciler(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) *Reconciler {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.ScimToken{}, &v1alpha1.ScimDirectory{}).WithInterceptorFuncs(funcs).
		WithIndex(&v1alpha1.ScimTokenUse{}, index.ByOwner, func(o client.Object) []string { return []string{o.(*v1alpha1.ScimTokenUse).Spec.TokenRef.Name} }).
		WithIndex(&v1alpha1.ScimToken{}, index.ByDirectory, func(o client.Object) []string { return []string{o.(*v1alpha1.ScimToken).Spec.DirectoryRef.Name} }).Build()
	return &Reconciler{
		Client: c, Live: c, Clock: clocktesting.NewFakePassiveClock(start), Recorder: events.NewFakeRecorder(100), Metrics: NewMetrics(prometheus.NewRegistry()),
	}
}

func round(t *testing.T, r *Reconciler) (*v1alpha1.ScimToken, error) {
	t.Helper()
	tok := &v1alpha1.ScimToken{}
	key := client.ObjectKey{Namespace: "ns", Name: "okta"}
	if err := r.Client.Get(t.Context(), key, tok); err != nil {
		t.Fatal(err)
	}
	_, err := r.Reconcile(t.Context(), tok)
	after := &v1alpha1.ScimToken{}
	if client.IgnoreNotFound(r.Client.Get(t.Context(), key, after)) != nil {
		t.Fatal(err)
	}
	return after, err
}

func secret(t *testing.T, r *Reconciler, name string) *corev1.Secret {
	t.Helper()
	s := &corev1.Secret{}
	if err := r.Client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: name}, s); err != nil {
		return nil
	}
	return s
}

func reason(tok *v1alpha1.ScimToken) string {
	for _, c := range tok.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason
		}
	}
	return ""
}

func TestIssuesOnceAndForAll(t *testing.T) {
	r := newReconciler(t, interceptor.Funcs{}, directory(), scimToken())
	tok, err := round(t, r)
	if err != nil || reason(tok) != v1alpha1.ReasonIssued {
		t.Fatalf("%v, reason %q", err, reason(tok))
	}
	first := string(secret(t, r, "okta").Data[SecretKeyToken])
	parsed, err := token.Parse(first)
	if err != nil || tok.Status.Credentials[0].SHA256 != parsed.SHA256() || tok.Status.Credentials[0].KeyID != parsed.KeyID() {
		t.Fatalf("the status does not speak of the token in the Secret (%v)", err)
	}
	again, err := round(t, r)
	if err != nil || again.ResourceVersion != tok.ResourceVersion || string(secret(t, r, "okta").Data[SecretKeyToken]) != first {
		t.Errorf("a second look changed something (%v)", err)
	}
}

// TestCrashBetweenSecretAndHash: the token of the Secret is the one that gets published, not another one.
func TestCrashBetweenSecretAndHash(t *testing.T) {
	crash := errors.New("crash")
	broken := true
	r := newReconciler(t, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			if broken {
				return crash
			}
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	}, directory(), scimToken())
	if _, err := round(t, r); !errors.Is(err, crash) {
		t.Fatalf("%v, want the crash", err)
	}
	made := string(secret(t, r, "okta").Data[SecretKeyToken])
	broken = false
	tok, err := round(t, r)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := token.Parse(made)
	if err != nil || tok.Status.Credentials[0].SHA256 != parsed.SHA256() {
		t.Errorf("the published hash is not of the token that was handed out (%v)", err)
	}
}

func TestLeavesForeignSecretsAlone(t *testing.T) {
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "okta"}, Data: map[string][]byte{"token": []byte("theirs")}}
	r := newReconciler(t, interceptor.Funcs{}, directory(), scimToken(), foreign)
	tok, err := round(t, r)
	if err != nil || reason(tok) != v1alpha1.ReasonSecretConflict || len(tok.Status.Credentials) != 0 {
		t.Fatalf("%v, reason %q, credentials %v", err, reason(tok), tok.Status.Credentials)
	}
	if err := r.Client.Delete(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	if _, err := round(t, r); err != nil {
		t.Fatal(err)
	}
	if got := secret(t, r, "okta"); got == nil || string(got.Data["token"]) != "theirs" {
		t.Error("the Secret of somebody else was touched")
	}
}

func TestDeletionRevokes(t *testing.T) {
	r := newReconciler(t, interceptor.Funcs{}, directory(), scimToken())
	tok, err := round(t, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Client.Delete(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	if left, err := round(t, r); err != nil || left.Name != "" || secret(t, r, "okta") != nil {
		t.Errorf("ScimToken %q and Secret %v are left (%v)", left.Name, secret(t, r, "okta") != nil, err)
	}
}

func TestTheTokenOutlivesItsSecret(t *testing.T) {
	r := newReconciler(t, interceptor.Funcs{}, directory(), scimToken())
	tok, err := round(t, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Client.Delete(t.Context(), secret(t, r, "okta")); err != nil {
		t.Fatal(err)
	}
	after, err := round(t, r)
	if err != nil || len(after.Status.Credentials) != 1 || after.Status.Credentials[0] != tok.Status.Credentials[0] || secret(t, r, "okta") != nil {
		t.Errorf("after its Secret was deleted the token is %v (%v)", after.Status.Credentials, err)
	}
}

func TestWhatIsNoTokenIsNeverAccepted(t *testing.T) {
	for name, data := range map[string]map[string][]byte{"empty": {"token": {}}, "missing": {}, "weak": {"token": []byte("hunter2")}} {
		t.Run(name, func(t *testing.T) {
			r := newReconciler(t, interceptor.Funcs{}, directory(), scimToken(), &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "okta", Annotations: map[string]string{v1alpha1.AnnotationToken: "okta"}},
				Type:       v1alpha1.SecretTypeToken, Data: data,
			})
			tok, err := round(t, r)
			if err != nil || reason(tok) != v1alpha1.ReasonInvalidSecret || len(tok.Status.Credentials) != 0 {
				t.Errorf("%v, reason %q, credentials %v", err, reason(tok), tok.Status.Credentials)
			}
		})
	}
}

func TestWaitsForItsDirectory(t *testing.T) {
	r := newReconciler(t, interceptor.Funcs{}, scimToken())
	tok, err := round(t, r)
	if err != nil || reason(tok) != v1alpha1.ReasonDirectoryNotFound || secret(t, r, "okta") != nil {
		t.Errorf("%v, reason %q", err, reason(tok))
	}
}
