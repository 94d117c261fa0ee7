// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// TestSecretsOutOfReach: scim-controller has the Secrets of a namespace by a RoleBinding in it. Without one it says what to do, takes nothing away, and holds
// up no deletion (OPS-05, OPS-11).
func TestSecretsOutOfReach(t *testing.T) {
	forbidden := true
	r := newReconciler(t, interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
		if _, is := o.(*corev1.Secret); is && forbidden {
			return apierrors.NewForbidden(corev1.Resource("secrets"), key.Name, errors.New("no"))
		}
		return c.Get(ctx, key, o, opts...)
	}}, directory(), scimToken())
	tok, err := round(t, r)
	ready := meta.FindStatusCondition(tok.Status.Conditions, v1alpha1.ConditionReady)
	if err != nil || ready == nil || !strings.Contains(ready.Message, "bind the ClusterRole scim-controller-secrets") {
		t.Fatalf("%v, %+v: want to be told what to do", err, ready)
	}
	forbidden = false
	issued, err := round(t, r)
	if err != nil || reason(issued) != v1alpha1.ReasonIssued {
		t.Fatalf("with the right: %v, reason %q", err, reason(issued))
	}
	forbidden = true
	tok, err = round(t, r)
	if err != nil || len(tok.Status.Credentials) != 1 || tok.Status.Credentials[0].SHA256 != issued.Status.Credentials[0].SHA256 {
		t.Errorf("the right was taken away: %v, credentials %v: want what was accepted before", err, tok.Status.Credentials)
	}
	if err := r.Client.Delete(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	if tok, err = round(t, r); err != nil || tok.Name != "" {
		t.Errorf("it is deleted and held up: %v, finalizers %v", err, tok.Finalizers)
	}
}
