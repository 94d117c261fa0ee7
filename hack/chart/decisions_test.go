// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// testDecisions: what people decided about a user stays, whatever scim-server is made to do; everything else about that user is as before.
func (i *installation) testDecisions(t *testing.T) {
	own := i.namespace(t)
	server := i.as(t, serverUser, masters)
	for name, annotations := range map[string]map[string]string{
		"protected": {v1alpha1.AnnotationProtected: "break glass"},
		"suspended": {v1alpha1.AnnotationSuspend: "laptop stolen"},
		"ordinary":  nil,
	} {
		user := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: name}, Spec: userSpec()}
		if err := server.Create(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		user.Annotations = annotations
		if err := i.admin.Update(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		merge := func(c client.Client, patch string) error {
			return c.Patch(t.Context(), user.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.DryRunAll)
		}
		const byHand, isProtected = "does not decide who is protected or suspended", "The user is protected"
		for what, try := range map[string]struct {
			err  error
			deny map[string]string // by user
		}{
			"drop protected": {merge(server, `{"metadata":{"annotations":{"scim-operator.dev/protected":null}}}`), map[string]string{"protected": byHand}},
			"drop suspend":   {merge(server, `{"metadata":{"annotations":{"scim-operator.dev/suspend":null}}}`), map[string]string{"suspended": byHand}},
			"empty suspend":  {merge(server, `{"metadata":{"annotations":{"scim-operator.dev/suspend":""}}}`), map[string]string{"protected": byHand, "suspended": byHand, "ordinary": byHand}},
			"set protected":  {merge(server, `{"metadata":{"annotations":{"scim-operator.dev/protected":"mine"}}}`), map[string]string{"protected": byHand, "suspended": byHand, "ordinary": byHand}},
			"change spec":    {merge(server, `{"spec":{"state":"Suspended"}}`), map[string]string{"protected": isProtected}},
			"delete":         {server.Delete(t.Context(), user.DeepCopy(), client.DryRunAll), map[string]string{"protected": isProtected}},
			"mark":           {merge(server, `{"metadata":{"annotations":{"scim-operator.dev/request-id":"x"}}}`), nil},
			"by an admin":    {merge(i.admin, `{"metadata":{"annotations":{"scim-operator.dev/protected":null,"scim-operator.dev/suspend":null}}}`), nil},
		} {
			checkDenied(t, name+": "+what, try.err, try.deny[name])
		}
	}
}
