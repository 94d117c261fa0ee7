// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

type (
	user    = v1alpha1.ScimUser
	group   = v1alpha1.ScimGroup
	scimApp = v1alpha1.ScimApplication
	grant   = v1alpha1.ScimGrant
	account = v1alpha1.ScimAccount
	spec    = v1alpha1.ScimAccountSpec
	role    = v1alpha1.RoleName
	subject = v1alpha1.Subject
)

const (
	active    = v1alpha1.AccountActive
	suspended = v1alpha1.AccountSuspended
	deleted   = v1alpha1.AccountDeleted
)

// noon is when tests begin. Times of the API have whole seconds.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func at(hours int) *metav1.Time {
	t := metav1.NewTime(noon().Add(time.Duration(hours) * time.Hour))
	return &t
}

func ref(name string) v1alpha1.LocalReference { return v1alpha1.LocalReference{Name: name} }

// makeUser makes the user "id" of "dir", changed by the functions.
func makeUser(change ...func(*user)) *user {
	return changed(&user{ObjectMeta: metav1.ObjectMeta{Name: "id"}, Spec: v1alpha1.ScimUserSpec{
		DirectoryRef: ref("dir"), UserName: "Ann", ExternalID: "x1", State: v1alpha1.StateActive,
		Attributes: &runtime.RawExtension{Raw: []byte(`{"displayName":"Ann A.","emails":[{"value":"ann@home"},{"value":"ann@work","primary":true}],"title":"chief","level":3}`)},
	}}, change...)
}

func deactivated(u *user)     { u.Spec.State = v1alpha1.StateSuspended }
func deletedByIdP(u *user)    { u.Spec.State, u.Spec.DeletedAt = v1alpha1.StateSuspended, at(-1) }
func lockedBy(u *user)        { u.Annotations = map[string]string{v1alpha1.AnnotationSuspend: "incident 7"} }
func unlocked(u *user)        { u.Annotations = map[string]string{v1alpha1.AnnotationSuspend: ""} }
func going(o metav1.Object)   { o.SetDeletionTimestamp(at(-1)) }
func goingUser(u *user)       { going(u) }
func goingApp(a *scimApp)     { going(a) }
func goingAccount(a *account) { going(a) }

func attributes(raw string) func(*user) {
	return func(u *user) { u.Spec.Attributes = &runtime.RawExtension{Raw: []byte(raw)} }
}

func makeGroup(id, displayName, externalID string) *group {
	return &group{ObjectMeta: metav1.ObjectMeta{Name: id}, Spec: v1alpha1.ScimGroupSpec{DirectoryRef: ref("dir"), DisplayName: displayName, ExternalID: externalID}}
}

func makeApp(change ...func(*scimApp)) *scimApp {
	return changed(&scimApp{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: v1alpha1.ScimApplicationSpec{
		DirectoryRef: ref("dir"),
		Connector:    v1alpha1.Connector{Kubernetes: &v1alpha1.KubernetesConnector{Roles: []v1alpha1.KubernetesRole{{Name: "a"}, {Name: "b"}, {Name: "c"}}}},
		Lifecycle:    v1alpha1.Lifecycle{OnDeactivation: v1alpha1.RemovalSuspend, OnLostAccess: v1alpha1.RemovalSuspend},
	}}, change...)
}

func onDeactivation(is v1alpha1.RemovalAction) func(*scimApp) {
	return func(a *scimApp) { a.Spec.Lifecycle.OnDeactivation = is }
}

func onLostAccess(is v1alpha1.RemovalAction) func(*scimApp) {
	return func(a *scimApp) { a.Spec.Lifecycle.OnLostAccess = is }
}

func grace(hours int32) func(*scimApp) {
	return func(a *scimApp) { a.Spec.Lifecycle.GraceHours = &hours }
}

func mapping(m v1alpha1.AccountMapping) func(*scimApp) {
	return func(a *scimApp) { a.Spec.Account = m }
}

func retained(a *scimApp) { a.Spec.DeletionPolicy = v1alpha1.DeletionPolicyRetain }

func everyone() subject            { return subject{Kind: v1alpha1.SubjectEveryone} }
func everyoneElse() subject        { return subject{Kind: v1alpha1.SubjectEveryoneElse} }
func only(userName string) subject { return subject{Kind: v1alpha1.SubjectUser, UserName: userName} }
func in(g v1alpha1.GroupSubject) subject {
	return subject{Kind: v1alpha1.SubjectGroup, Group: &g}
}

func whoever(condition v1alpha1.Expression) subject {
	return subject{Kind: v1alpha1.SubjectCondition, Condition: condition}
}

// makeGrant makes a grant of "app".
func makeGrant(name string, s subject, roles ...role) *grant {
	return &grant{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ScimGrantSpec{ApplicationRef: ref("app"), Subjects: []subject{s}, Roles: roles}}
}

// of makes the account of the user "id" in "app" as it is when it is granted role a, changed by the functions.
func of(change ...func(*account)) *account {
	return changed(&account{ObjectMeta: metav1.ObjectMeta{Name: "app-id"}, Spec: spec{
		ApplicationRef: ref("app"), UserRef: ref("id"), ExternalID: "x1", UserName: "Ann", DisplayName: "Ann A.", Email: "ann@work",
		State: active, Reason: v1alpha1.StateGranted, Roles: []role{"a"}, Grants: []v1alpha1.AccountGrant{{Name: "g", Roles: []role{"a"}}},
	}}, change...)
}

func is(state v1alpha1.AccountState, reason v1alpha1.StateReason) func(*account) {
	return func(a *account) { a.Spec.State, a.Spec.Reason = state, reason }
}

func withRoles(roles ...role) func(*account) { return func(a *account) { a.Spec.Roles = roles } }
func noGrants(a *account)                    { a.Spec.Grants = nil }

func deleteAfter(t *metav1.Time) func(*account) {
	return func(a *account) { a.Spec.DeleteAfter = t }
}

func changed[T any](o *T, change ...func(*T)) *T {
	for _, f := range change {
		f(o)
	}
	return o
}

// decideNow decides about f at noon, unless it says another time.
func decideNow(t *testing.T, f Facts) Decision {
	t.Helper()
	if f.Now.IsZero() {
		f.Now = noon()
	}
	return Decide(f, &expression.Cache{})
}

// never is for those that are Deleted: their time is not over.
func never(*account) bool { return false }
