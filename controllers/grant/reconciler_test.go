// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
)

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "ns", Name: name, Generation: 1}
}

func offering(roles ...v1alpha1.RoleName) *v1alpha1.ScimApplication {
	k := &v1alpha1.KubernetesConnector{}
	for _, r := range roles {
		k.Roles = append(k.Roles, v1alpha1.KubernetesRole{Name: r})
	}
	return &v1alpha1.ScimApplication{ObjectMeta: meta("app"), Spec: v1alpha1.ScimApplicationSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, Connector: v1alpha1.Connector{Kubernetes: k},
	}}
}

func user(id, directory, userName string) *v1alpha1.ScimUser {
	return &v1alpha1.ScimUser{ObjectMeta: meta(id), Spec: v1alpha1.ScimUserSpec{DirectoryRef: v1alpha1.LocalReference{Name: directory}, UserName: userName}}
}

func TestReconcile(t *testing.T) {
	everyone, ann := v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}, v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: "ANN"}
	type outcome struct {
		Reason, Message string
		Stalled         bool
		Users           int64
	}
	for name, tc := range map[string]struct {
		subject v1alpha1.Subject
		roles   []v1alpha1.RoleName
		app     *v1alpha1.ScimApplication
		want    outcome
	}{
		"everyone":       {everyone, []v1alpha1.RoleName{"viewer"}, offering("viewer"), outcome{v1alpha1.ReasonInEffect, "the grant is in effect", false, 2}},
		"one user":       {ann, []v1alpha1.RoleName{"viewer"}, offering("viewer"), outcome{v1alpha1.ReasonInEffect, "the grant is in effect", false, 1}},
		"unknown roles":  {everyone, []v1alpha1.RoleName{"z", "viewer", "a"}, offering("viewer"), outcome{v1alpha1.ReasonUnknownRole, "the ScimApplication declares no role a, z", true, 2}},
		"no application": {everyone, nil, nil, outcome{v1alpha1.ReasonApplicationNotFound, "waiting for the ScimApplication that applicationRef names", false, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			grant := &v1alpha1.ScimGrant{ObjectMeta: meta("grant"), Spec: v1alpha1.ScimGrantSpec{
				ApplicationRef: v1alpha1.LocalReference{Name: "app"}, Subjects: []v1alpha1.Subject{tc.subject}, Roles: tc.roles,
			}}
			objects := []client.Object{grant, user("1", "acme", "ann"), user("2", "acme", "bob"), user("3", "other", "cy")}
			if tc.app != nil {
				objects = append(objects, tc.app)
			}
			c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(grant).
				WithIndex(&v1alpha1.ScimUser{}, index.ByDirectory, func(o client.Object) []string {
					return []string{o.(*v1alpha1.ScimUser).Spec.DirectoryRef.Name}
				}).Build()
			if _, err := (&Reconciler{Client: c}).Reconcile(t.Context(), grant); err != nil {
				t.Fatal(err)
			}
			var got outcome
			got.Users = grant.Status.MatchedUsers
			for _, condition := range grant.Status.Conditions {
				if condition.Type == v1alpha1.ConditionStalled {
					got.Stalled = true
				} else {
					got.Reason, got.Message = condition.Reason, condition.Message
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
