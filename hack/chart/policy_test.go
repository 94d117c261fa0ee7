// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	byServer     = "Only scim-server creates, changes and deletes this kind"
	byController = "Only scim-controller creates, changes and deletes ScimAccounts"
	statusOnly   = "Only scim-controller writes the status"
	ownBindings  = "scim-controller touches only role bindings that carry the label"
	advice       = "make a ScimGrant"
	garbage      = "system:serviceaccount:kube-system:generic-garbage-collector"
	namespaces   = "system:serviceaccount:kube-system:namespace-controller"
	someHolder   = "5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11"
)

func userSpec() v1alpha1.ScimUserSpec {
	return v1alpha1.ScimUserSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, UserName: "jane", State: v1alpha1.StateActive,
		Attributes: &runtime.RawExtension{Raw: []byte(`{"displayName":"Jane","emails":[{"value":"jane@example.com"}]}`)},
	}
}

func accountSpec() v1alpha1.ScimAccountSpec {
	return v1alpha1.ScimAccountSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: "demo"}, UserRef: v1alpha1.LocalReference{Name: someHolder},
		UserName: "jane", State: v1alpha1.AccountActive, Roles: []v1alpha1.RoleName{"viewer"},
	}
}

func groupSpec() v1alpha1.ScimGroupSpec {
	return v1alpha1.ScimGroupSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, DisplayName: "Engineers"}
}

func sliceSpec() v1alpha1.ScimMemberSliceSpec {
	return v1alpha1.ScimMemberSliceSpec{GroupRef: v1alpha1.LocalReference{Name: "sample"}, Users: []string{someHolder}}
}

func nameSpec() v1alpha1.ScimNameSpec {
	return v1alpha1.ScimNameSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, Attribute: v1alpha1.NameAttributeUserName,
		Value: "jane", Holder: someHolder, State: v1alpha1.NameReserved,
	}
}

func tokenUseSpec() v1alpha1.ScimTokenUseSpec {
	used := metav1.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return v1alpha1.ScimTokenUseSpec{TokenRef: v1alpha1.LocalReference{Name: "acme"}, KeyID: "abc", LastUsedAt: used}
}

// written are the kinds that programs write, each with the user who may and a field of its spec to change.
type written struct {
	object client.Object
	writer string
	change map[string]any
	// wantErr is what others are told.
	wantErr string
	// tidied says that scim-controller may delete it although it is not its own.
	tidied bool
}

func writtenKinds(namespace string) map[string]written {
	meta := metav1.ObjectMeta{Name: "sample", Namespace: namespace}
	return map[string]written{
		"ScimUser": {
			&v1alpha1.ScimUser{ObjectMeta: meta, Spec: userSpec()}, serverUser,
			map[string]any{"state": "Suspended"}, byServer, false,
		},
		"ScimGroup": {
			&v1alpha1.ScimGroup{ObjectMeta: meta, Spec: groupSpec()}, serverUser,
			map[string]any{"membersRevision": int64(1)}, byServer, false,
		},
		"ScimMemberSlice": {
			&v1alpha1.ScimMemberSlice{ObjectMeta: meta, Spec: sliceSpec()}, serverUser,
			map[string]any{"users": []any{"somebody-else"}}, byServer, false,
		},
		"ScimName": {
			&v1alpha1.ScimName{ObjectMeta: meta, Spec: nameSpec()}, serverUser,
			map[string]any{"state": "Bound"}, byServer, false,
		},
		"ScimTokenUse": {
			&v1alpha1.ScimTokenUse{ObjectMeta: meta, Spec: tokenUseSpec()}, serverUser,
			map[string]any{"lastUsedAt": "2026-02-01T00:00:00Z"}, byServer, true,
		},
		"ScimAccount": {
			&v1alpha1.ScimAccount{ObjectMeta: meta, Spec: accountSpec()}, controllerUser,
			map[string]any{"roles": []any{"admin"}}, byController, false,
		},
	}
}

// testSpecPolicies tries every write by everybody. All have every right that RBAC can give, so that a policy decides;
// every write is a dry run, so that none depends on another.
func (i *installation) testSpecPolicies(t *testing.T) {
	own := i.namespace(t)
	for kind, w := range writtenKinds(own) {
		if err := i.as(t, w.writer, masters).Create(t.Context(), w.object); err != nil {
			t.Fatal(err)
		}
		for actor, c := range map[string]struct {
			reason string
			client client.Client
			// write, label and remove say what is allowed.
			write, label, remove bool
		}{
			"ClusterAdmin":        {"an admin is no identity provider", i.admin, false, true, false},
			"Server":              {"", i.as(t, serverUser, masters), w.writer == serverUser, true, w.writer == serverUser},
			"Controller":          {"", i.as(t, controllerUser, masters), w.writer == controllerUser, true, w.writer == controllerUser || w.tidied},
			"BreakGlass":          {"emergencies", i.as(t, "jane", breakGlass, masters), true, true, true},
			"ServerOfElsewhere":   {"the namespace is part of its name", i.as(t, "system:serviceaccount:default:scim-server", masters), false, true, false},
			"GarbageCollector":    {"it cleans up and no more", i.as(t, garbage, masters), false, true, true},
			"NamespaceController": {"it cleans up and no more", i.as(t, namespaces, masters), false, true, true},
		} {
			t.Run(kind+"/"+actor, func(t *testing.T) {
				for verb, try := range map[string]struct {
					err     error
					allowed bool
				}{
					"create": {tryCreate(t, c.client, w), c.write},
					"update": {tryUpdate(t, c.client, w, map[string]any{"spec": w.change}), c.write},
					"label":  {tryUpdate(t, c.client, w, map[string]any{"metadata": map[string]any{"labels": map[string]any{"team": "a"}}}), c.label},
					"delete": {c.client.Delete(t.Context(), w.object.DeepCopyObject().(client.Object), client.DryRunAll), c.remove},
				} {
					wantErr := map[bool]string{false: w.wantErr}[try.allowed]
					checkDenied(t, verb+": "+c.reason, try.err, wantErr)
				}
			})
		}
	}
}

func tryCreate(t *testing.T, c client.Client, w written) error {
	t.Helper()
	object := w.object.DeepCopyObject().(client.Object)
	object.SetName("another")
	object.SetResourceVersion("")
	object.SetUID("")
	return c.Create(t.Context(), object, client.DryRunAll)
}

// tryUpdate replaces the object, as a PUT does, with the merge of it and the change.
func tryUpdate(t *testing.T, c client.Client, w written, change map[string]any) error {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(w.object)
	if err != nil {
		t.Fatal(err)
	}
	for section, values := range change {
		for name, value := range values.(map[string]any) {
			fields[section].(map[string]any)[name] = value
		}
	}
	gvk, err := c.GroupVersionKindFor(w.object)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: fields}
	object.SetGroupVersionKind(gvk)
	return c.Update(t.Context(), object, client.DryRunAll)
}

// checkDenied wants success, or 403 with the words of the policy and what to do instead.
func checkDenied(t *testing.T, reason string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: got %v, want success", reason, err)
	case want == "":
	case !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), want):
		t.Errorf("%s: got %v, want 403 with %q", reason, err, want)
	case want == byServer || want == byController:
		for _, help := range []string{advice, breakGlass} {
			if !strings.Contains(err.Error(), help) {
				t.Errorf("%s: %q does not help: it lacks %q", reason, err, help)
			}
		}
	}
}

// everyKind has an object of each kind that has a status.
func everyKind(namespace string) map[string]client.Object {
	meta := metav1.ObjectMeta{Name: "sample", Namespace: namespace}
	application := &v1alpha1.ScimApplication{ObjectMeta: meta, Spec: v1alpha1.ScimApplicationSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"},
		Connector: v1alpha1.Connector{Type: v1alpha1.ConnectorKubernetes, Kubernetes: &v1alpha1.KubernetesConnector{Roles: []v1alpha1.KubernetesRole{{
			Name: "viewer", RoleRef: v1alpha1.KubernetesRoleRef{Kind: "ClusterRole", Name: "view"}, Namespaces: []string{"demo"},
		}}}},
	}}
	return map[string]client.Object{
		"ScimDirectory":   &v1alpha1.ScimDirectory{ObjectMeta: meta},
		"ScimToken":       &v1alpha1.ScimToken{ObjectMeta: meta, Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}}},
		"ScimApplication": application,
		"ScimGrant": &v1alpha1.ScimGrant{ObjectMeta: meta, Spec: v1alpha1.ScimGrantSpec{
			ApplicationRef: v1alpha1.LocalReference{Name: "demo"}, Subjects: []v1alpha1.Subject{{Kind: v1alpha1.SubjectEveryone}}, Roles: []v1alpha1.RoleName{"viewer"},
		}},
		"ScimUser":    writtenKinds(namespace)["ScimUser"].object,
		"ScimGroup":   writtenKinds(namespace)["ScimGroup"].object,
		"ScimAccount": writtenKinds(namespace)["ScimAccount"].object,
	}
}

func forgedStatus() client.Patch {
	return client.RawPatch(types.MergePatchType, []byte(`{"status":{"observedGeneration":7}}`))
}

// testStatusPolicy: a status decides who is let in and what is cleaned up, so nobody but its author writes it.
func (i *installation) testStatusPolicy(t *testing.T) {
	objects := everyKind(i.namespace(t))
	writer := i.as(t, "jane", breakGlass, masters)
	for kind, object := range objects {
		if err := writer.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		for actor, c := range map[string]struct {
			client  client.Client
			wantErr string
		}{
			"ClusterAdmin":        {i.admin, statusOnly},
			"BreakGlass":          {writer, statusOnly},
			"Server":              {i.as(t, serverUser, masters), statusOnly},
			"ServerWithItsRights": {i.program(t, "scim-server"), "cannot patch resource"},
			"Controller":          {i.program(t, "scim-controller"), ""},
		} {
			t.Run(kind+"/"+actor, func(t *testing.T) {
				copied := object.DeepCopyObject().(client.Object)
				checkDenied(t, "status", c.client.Status().Patch(t.Context(), copied, forgedStatus(), client.DryRunAll), c.wantErr)
			})
		}
	}
}

func binding(name, role string, labels map[string]string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", Labels: labels},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "jane"}},
	}
}

// mayUpdateBindings gives scim-controller a right that the chart does not give it, so that the policy is all that stands in
// the way.
func (i *installation) mayUpdateBindings(t *testing.T) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: "test-update-bindings"}
	role := &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{rbacv1.GroupName}, Resources: []string{"rolebindings"}, Verbs: []string{"update"},
	}}}
	given := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "scim-controller"}},
	}
	for _, o := range []client.Object{role, given} {
		if err := i.admin.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = i.admin.Delete(context.Background(), o) })
	}
	allowed := func(ctx context.Context) (bool, error) {
		ours := binding("nothing", "view", map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy})
		err := i.program(t, "scim-controller").Update(ctx, ours, client.DryRunAll)
		return !apierrors.IsForbidden(err), nil // once the right is known
	}
	if err := wait.PollUntilContextTimeout(t.Context(), interval, patience, true, allowed); err != nil {
		t.Fatal(err)
	}
}

// testBindingsPolicy: scim-controller, with the rights it has, touches its own bindings only.
func (i *installation) testBindingsPolicy(t *testing.T) {
	i.mayUpdateBindings(t)
	ours := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}
	theirs := map[string]string{v1alpha1.LabelManagedBy: "Helm"}
	const rbac = "attempting to grant RBAC permissions not currently held"
	for name, c := range map[string]struct {
		reason string
		// before exists already, made by an administrator; after is what the controller makes of it, nil to delete it.
		before, after *rbacv1.RoleBinding
		wantErr       string
	}{
		"CreateOurs":      {"its trade", nil, binding("a", "view", ours), ""},
		"CreateUnmarked":  {"it could not be told apart later", nil, binding("b", "view", nil), ownBindings},
		"CreateAsOthers":  {"it carries the mark of another", nil, binding("c", "view", theirs), ownBindings},
		"CreateUnlisted":  {"the role is not listed", nil, binding("d", "cluster-admin", ours), rbac},
		"ChangeOurs":      {"its trade", binding("e", "view", ours), withSubject(binding("e", "view", ours), "joe"), ""},
		"ChangeTheirs":    {"not ours", binding("f", "view", theirs), withSubject(binding("f", "view", theirs), "joe"), ownBindings},
		"ChangeUnmarked":  {"not ours", binding("g", "view", nil), withSubject(binding("g", "view", nil), "joe"), ownBindings},
		"TakeOver":        {"not ours, even if we say so", binding("h", "view", nil), binding("h", "view", ours), ownBindings},
		"Disown":          {"it would be lost", binding("i", "view", ours), binding("i", "view", nil), ownBindings},
		"DeleteOurs":      {"its trade", binding("j", "view", ours), nil, ""},
		"DeleteTheirs":    {"not ours", binding("k", "view", theirs), nil, ownBindings},
		"DeleteUnmarked":  {"not ours", binding("l", "cluster-admin", nil), nil, ownBindings},
		"ChangeTheirRole": {"the role is not listed", binding("m", "cluster-admin", ours), withSubject(binding("m", "cluster-admin", ours), "joe"), rbac},
	} {
		t.Run(name, func(t *testing.T) {
			if c.before != nil {
				if err := i.admin.Create(t.Context(), c.before); err != nil {
					t.Fatal(err)
				}
			}
			err := transform(t, i.program(t, "scim-controller"), c.before, c.after)
			checkDenied(t, c.reason, err, c.wantErr)
		})
	}
}

// testClusterBindingsPolicy: what is true in a namespace is true in the whole cluster.
func (i *installation) testClusterBindingsPolicy(t *testing.T) {
	controller := i.program(t, "scim-controller")
	for name, c := range map[string]struct {
		labels  map[string]string
		wantErr string
	}{
		"Ours":     {map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}, ""},
		"Unmarked": {nil, ownBindings},
	} {
		t.Run(name, func(t *testing.T) {
			like := binding("whole-cluster", "view", c.labels)
			try := &rbacv1.ClusterRoleBinding{ObjectMeta: like.ObjectMeta, RoleRef: like.RoleRef, Subjects: like.Subjects}
			try.Namespace = ""
			checkDenied(t, name, controller.Create(t.Context(), try, client.DryRunAll), c.wantErr)
		})
	}
}

func withSubject(b *rbacv1.RoleBinding, user string) *rbacv1.RoleBinding {
	b.Subjects[0].Name = user
	return b
}

func transform(t *testing.T, c client.Client, before, after *rbacv1.RoleBinding) error {
	t.Helper()
	switch {
	case before == nil:
		return c.Create(t.Context(), after)
	case after == nil:
		return c.Delete(t.Context(), before)
	}
	after.ResourceVersion = before.ResourceVersion
	return c.Update(t.Context(), after)
}

// testNamespaceDeletion: the namespace controller itself gets past the policies.
func (i *installation) testNamespaceDeletion(t *testing.T) {
	own := i.namespace(t)
	for _, w := range writtenKinds(own) {
		if err := i.as(t, w.writer, masters).Create(t.Context(), w.object); err != nil {
			t.Fatal(err)
		}
	}
	doomed := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: own}}
	if err := i.admin.Delete(t.Context(), doomed); err != nil {
		t.Fatal(err)
	}
	gone := func(ctx context.Context) (bool, error) {
		err := i.admin.Get(ctx, client.ObjectKeyFromObject(doomed), doomed)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}
	if err := wait.PollUntilContextTimeout(t.Context(), interval, patience, true, gone); err != nil {
		t.Errorf("namespace %s is still there: %v: %+v", own, err, doomed.Status)
	}
}
