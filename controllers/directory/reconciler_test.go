// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

func TestReconcile(t *testing.T) {
	for name, tc := range map[string]struct {
		fallback, own, want string
		ready               bool
	}{
		"its own URL":           {"https://other.example/", "https://scim.example/base", "https://scim.example/base/scim/v2/ns/acme", true},
		"the controller's URL":  {"https://scim.example/", "", "https://scim.example/scim/v2/ns/acme", true},
		"nobody said where":     {"", "", "", false},
		"its own URL is enough": {"", "https://scim.example", "https://scim.example/scim/v2/ns/acme", true},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			dir := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "acme", Generation: 1}, Spec: v1alpha1.ScimDirectorySpec{PublicURL: tc.own}}
			user := func(name, directory string) client.Object {
				return &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: v1alpha1.ScimUserSpec{DirectoryRef: v1alpha1.LocalReference{Name: directory}}}
			}
			kept := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "4"}, Spec: v1alpha1.ScimUserSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, DeletedAt: &metav1.Time{Time: time.Unix(1e9, 0)}}}
			c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(dir, user("1", "acme"), user("2", "acme"), user("3", "other"), kept).WithStatusSubresource(dir).
				WithIndex(&v1alpha1.ScimAccount{}, index.ByHeld, func(client.Object) []string { return nil }).
				WithIndex(&v1alpha1.ScimUser{}, index.ByDirectory, func(o client.Object) []string {
					return []string{o.(*v1alpha1.ScimUser).Spec.DirectoryRef.Name}
				}).Build()
			r := newReconciler(c)
			r.PublicURL = tc.fallback
			for range 2 {
				if dir = round(t, r); dir.ResourceVersion != "1000" {
					t.Errorf("version %s: the same was written twice", dir.ResourceVersion)
				}
			}
			if dir.Status.URL != tc.want || dir.Status.Users != 2 || status.IsReady(dir.Status.Conditions, 1) != tc.ready || status.IsStalled(dir.Status.Conditions, 1) == tc.ready {
				t.Errorf("status %+v, want the URL %q and 2 users", dir.Status, tc.want)
			}
		})
	}
}
