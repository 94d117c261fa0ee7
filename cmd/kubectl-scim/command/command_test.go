// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
)

// expect wants an exit code and parts of what is said, wherever.
func (r result) expect(t *testing.T, code int, parts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("got exit code %d, want %d:\n%s", r.code, code, r.both)
	}
	for _, part := range parts {
		if !strings.Contains(r.both, part) {
			t.Errorf("%q is missing:\n%s", part, r.both)
		}
	}
}

// TestEveryCommandExplainsItself: help, a short text and, for what does something, examples that call it.
func TestEveryCommandExplainsItself(t *testing.T) {
	var check func(c *cobra.Command, path string)
	seen := 0
	check = func(c *cobra.Command, path string) {
		seen++
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: got the short text %q, want one without a full stop", path, c.Short)
		}
		if c.Runnable() && !c.HasSubCommands() && !strings.Contains(c.Example, "kubectl scim "+path) {
			t.Errorf("%s: no example calls it", path)
		}
		for _, below := range c.Commands() {
			check(below, strings.TrimSpace(path+" "+below.Name()))
		}
	}
	check(New(cli.NewEnv(genericiooptions.NewTestIOStreamsDiscard(), clocktesting.NewFakePassiveClock(now))), "")
	if seen < 15 {
		t.Errorf("there are %d commands only", seen)
	}
}

func TestArguments(t *testing.T) {
	for name, c := range map[string]struct{ args, want []string }{
		"Plugin":    {[]string{"/usr/bin/kubectl-scim", "users", "-A"}, []string{"users", "-A"}},
		"Completer": {[]string{"/usr/bin/kubectl_complete-scim", "users", ""}, []string{"__complete", "users", ""}},
		"Windows":   {[]string{"kubectl_complete-scim.exe", ""}, []string{"__complete", ""}},
		"Nothing":   {nil, nil},
	} {
		if diff := cmp.Diff(c.want, arguments(c.args)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestVersion(t *testing.T) {
	got := versionOf(func() (*debug.BuildInfo, bool) {
		return &debug.BuildInfo{GoVersion: "go1", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}}, true
	})
	if want := (version{"v1.2.3", "abc", "go1", "scim-operator.dev/v1alpha1"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := versionOf(func() (*debug.BuildInfo, bool) { return nil, false }); got.Version != "unknown" {
		t.Errorf("got %+v without build information", got)
	}
}

// TestMistakes: what is wrong, what to do, and nothing happens.
func TestMistakes(t *testing.T) {
	w := theWorld(t)
	w.namespace(t, "mistakes", "acme.yaml")
	w.publish(t, "mistakes")
	us := w.as(t, "mistakes", "")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"NoSuchCommand":  {[]string{"usrs"}, "unknown command"},
		"NoSuchFormat":   {[]string{"users", "-o", "xml"}, "the formats are [table wide csv name json yaml]"},
		"NoSuchUser":     {[]string{"explain", "nobody", "demo-cluster"}, "nobody in the namespace \"mistakes\" is called \"nobody\""},
		"NoSuchApp":      {[]string{"access", "none"}, "there is no scimapplication \"none\""},
		"NoSuchGroup":    {[]string{"groups", "none"}, "no group in the namespace"},
		"AllOfOne":       {[]string{"groups", "Engineers", "-A"}, "use -n instead of -A"},
		"NoSuchColumn":   {[]string{"access", "demo-cluster", "--sort", "shoe"}, "no column \"shoe\""},
		"NothingWaits":   {[]string{"approve", "demo-cluster"}, "nothing waits for application/demo-cluster; the guard of its directory may hold something: directory/acme"},
		"NoSuchTarget":   {[]string{"approve", "none"}, "there is no application or directory or account \"none\""},
		"NoSuchKind":     {[]string{"reject", "user/ada"}, "nothing waits for a decision on a \"user\""},
		"ByGuard":        {[]string{"approve", "account/demo-cluster-8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90"}, "held with others by the guard of its directory"},
		"NoReason":       {[]string{"suspend", "ada@acme.test"}, "required flag(s) \"reason\" not set"},
		"BlankReason":    {[]string{"suspend", "ada@acme.test", "--reason", " "}, "--reason must say why"},
		"NoKey":          {[]string{"token", "revoke", "acme-okta"}, "[key-id all]"},
		"NoSuchKey":      {[]string{"token", "revoke", "acme-okta", "--key-id", "X", "--yes"}, "it has KTEFVQ7C"},
		"NotYes":         {[]string{"token", "revoke", "acme-okta", "--all"}, "say --yes where nobody can"},
		"NoSuchScope":    {[]string{"token", "create", "x", "--scopes", "users:all"}, "users:all"},
		"BadName":        {[]string{"token", "create", "No_Name"}, "No_Name"},
		"NoSuchToken":    {[]string{"token", "rotate", "none"}, "there is no scimtoken \"none\""},
		"NoSuchContext":  {[]string{"users", "--context", "none"}, "context \"none\" does not exist"},
		"NoSuchFile":     {[]string{"users", "--kubeconfig", "/does/not/exist"}, "/does/not/exist"},
		"TooManyAnswers": {[]string{"users", "a", "b"}, "accepts at most 1 arg(s), received 2"},
	} {
		t.Run(name, func(t *testing.T) { us.call(t, "", c.args...).expect(t, 1, "error: ", c.want) })
	}
	var tokens v1alpha1.ScimTokenList
	if err := w.List(t.Context(), &tokens, client.InNamespace("mistakes")); err != nil || len(tokens.Items) != 2 || tokens.Items[0].Annotations[v1alpha1.AnnotationRevoke] != "" {
		t.Errorf("something happened: %v %+v", err, tokens.Items)
	}
}

// TestMissingRights: each error names the right, and status shows what it may.
func TestMissingRights(t *testing.T) {
	w := theWorld(t)
	w.namespace(t, "rights", "acme.yaml")
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "rights", Name: "some"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.Group}, Resources: []string{"scimusers", "scimdirectories", "scimapplications", "scimgrants", "scimaccounts"}, Verbs: []string{"get", "list"}},
	}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "some"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "eve"}},
	}
	for _, o := range []client.Object{role, binding} {
		if err := w.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	eve := w.as(t, "rights", "eve")
	for deadline := 0; eve.call(t, "", "users").code != 0; deadline++ { // an API server learns of a binding a moment later
		if deadline > 500 {
			t.Fatal("the role has no effect")
		}
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"Elsewhere": {[]string{"users", "-A"}, "you may not list scimusers.scim-operator.dev in all namespaces"},
		"Tokens":    {[]string{"token", "list"}, "you may not list scimtokens.scim-operator.dev in the namespace \"rights\""},
		"Patch":     {[]string{"suspend", "ada@acme.test", "--reason", "x"}, "you may not patch scimusers.scim-operator.dev"},
		"Groups":    {[]string{"explain", "ada@acme.test", "demo-cluster"}, "you may not list scimgroups.scim-operator.dev"},
		"Check":     {[]string{"status", "--check"}, "not everything could be looked at: you may not list scimtokens"},
		"Create":    {[]string{"token", "create", "x"}, "you may not create scimtokens.scim-operator.dev"},
	} {
		t.Run(name, func(t *testing.T) { eve.call(t, "", c.args...).expect(t, 1, c.want) })
	}
	eve.call(t, "", "status").expect(t, 0, "NOT LOOKED AT", "you may not list scimtokens", "demo-cluster")
}

// TestNotInstalled: a cluster without the kinds.
func TestNotInstalled(t *testing.T) {
	w := theWorld(t)
	us := w.as(t, "default", "")
	text, err := os.ReadFile(us.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := caller{filepath.Join(w.dir, "elsewhere"), "default"}
	// The API server has nothing below this path, as one without the kinds has nothing below theirs.
	text = []byte(strings.Replace(string(text), w.AdminConfig(0).Host, w.AdminConfig(0).Host+"/elsewhere", 1))
	if err := os.WriteFile(elsewhere.kubeconfig, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"users"}, {"status"}, {"access", "app"}, {"approve", "app"}} {
		elsewhere.call(t, "", args...).expect(t, 1, "this cluster has no scim", "is not installed there")
	}
}

// TestRotationIsAskedFor: the annotation says when, and whoever waits in vain is told what the token says.
func TestRotationIsAskedFor(t *testing.T) {
	w := theWorld(t)
	w.namespace(t, "rotation", "acme.yaml")
	us := w.as(t, "rotation", "")
	us.call(t, "", "token", "rotate", "acme-okta", "--timeout", "200ms").expect(t, 1, "in vain: is scim-controller running?", "the ScimToken says")
	key, tok := client.ObjectKey{Namespace: "rotation", Name: "acme-okta"}, &v1alpha1.ScimToken{}
	if err := w.Get(t.Context(), key, tok); err != nil || tok.Annotations[v1alpha1.AnnotationRotate] != "2026-03-02T09:00:00Z" {
		t.Errorf("got %v and the annotations %v", err, tok.Annotations)
	}
	us.call(t, "yes\n", "token", "revoke", "acme-okta", "--all").expect(t, 0, "KTEFVQ7C was used 4m ago", "revoked KTEFVQ7C")
	if err := w.Get(t.Context(), key, tok); err != nil || tok.Annotations[v1alpha1.AnnotationRevoke] != "*" {
		t.Errorf("got %v and the annotations %v", err, tok.Annotations)
	}
	us.call(t, "", "token", "rotate", "acme-okta").expect(t, 1, "every credential of this ScimToken is revoked")
}

// TestAdoption is decided by the digest that was shown.
func TestAdoption(t *testing.T) {
	w := theWorld(t)
	w.namespace(t, "adoption", "acme.yaml")
	us := w.as(t, "adoption", "")
	key, account := client.ObjectKey{Namespace: "adoption", Name: "demo-cluster-5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11"}, &v1alpha1.ScimAccount{}
	if err := w.Get(t.Context(), key, account); err != nil {
		t.Fatal(err)
	}
	account.Status.Adoption = &v1alpha1.AdoptionStatus{ExternalID: "4711", Key: v1alpha1.AdoptionKeyEmail, Digest: "abc"}
	account.Status.Conditions[0].Status, account.Status.Conditions[0].Reason = metav1.ConditionFalse, v1alpha1.ReasonAdoptionPending
	if err := w.Status().Update(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	us.call(t, "yes\n", "approve", key.Name, "--wait=false").expect(t, 0, "4711", "ada@acme.test", "Digest abc", "account/"+key.Name+" approved")
	if err := w.Get(t.Context(), key, account); err != nil || account.Annotations[v1alpha1.AnnotationApprove] != "abc" {
		t.Errorf("got %v and the annotations %v", err, account.Annotations)
	}
	us.call(t, "yes\n", "reject", "account/"+key.Name).expect(t, 1, "somebody said the contrary of exactly this")
}

// TestPages: lists come in chunks, and what is cut says so.
func TestPages(t *testing.T) {
	w := theWorld(t)
	w.namespace(t, "pages")
	w.crowd(t, "pages", 620)
	us := w.as(t, "pages", "")
	lines := func(r result) int { return strings.Count(r.stdout, "\n") }
	if r := us.call(t, "", "users", "--no-headers"); lines(r) != 500 || !strings.Contains(r.stderr, "There are more than these 500") {
		t.Errorf("got %d lines and %q", lines(r), r.stderr)
	}
	if r := us.call(t, "", "users", "--no-headers", "--limit", "0"); lines(r) != 620 || r.stderr != "" {
		t.Errorf("got %d lines and %q", lines(r), r.stderr)
	}
	if r := us.call(t, "", "users", "-o", "name"); lines(r) != 620 {
		t.Errorf("got %d names", lines(r))
	}
	var list struct{ Items []v1alpha1.ScimUser }
	r := us.call(t, "", "users", "ada", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list.Items) != 2 || list.Items[0].Kind != "ScimUser" {
		t.Errorf("got %v and %d users, want 2", err, len(list.Items))
	}
	if r := us.call(t, "", "groups", "Everybody", "--no-headers", "--limit", "0"); lines(r) != 200 {
		t.Errorf("got %d members, want 200", lines(r))
	}
}

// crowd makes n users, of whom two have ada in their name, and a group of the first two hundred.
func (w *world) crowd(t testing.TB, namespace string, n int) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(16)
	create := func(o client.Object) { group.Go(func() error { return w.Create(ctx, o) }) }
	var members []string
	for i := range n {
		userName := fmt.Sprintf("user-%d@acme.test", i)
		if i == n/2 || i == n-1 {
			userName = fmt.Sprintf("Ada-%d@acme.test", i)
		}
		name := fmt.Sprintf("user-%d", i)
		create(&v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.ScimUserSpec{
			DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, UserName: userName, State: v1alpha1.StateActive,
		}})
		if len(members) < 200 {
			members = append(members, name)
		}
	}
	ref := v1alpha1.LocalReference{Name: "everybody"}
	create(&v1alpha1.ScimGroup{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "everybody"}, Spec: v1alpha1.ScimGroupSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, DisplayName: "Everybody"}})
	for name, spec := range map[string]v1alpha1.ScimMemberSliceSpec{
		"everybody": {Children: []string{"everybody-0", "everybody-1"}}, "everybody-0": {Users: members[:100]}, "everybody-1": {Users: members[100:]},
	} {
		spec.GroupRef = ref
		create(&v1alpha1.ScimMemberSlice{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkUsers searches among 10,000 users: for somebody by the userName, and for a part of a name.
func BenchmarkUsers(b *testing.B) {
	w := theWorld(b)
	w.namespace(b, "many")
	w.crowd(b, "many", 10000)
	us := w.as(b, "many", "")
	for name, args := range map[string][]string{"Exactly": {"users", "Ada-5000@acme.test"}, "Part": {"users", "ada"}, "Members": {"groups", "Everybody"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if r := us.call(b, "", args...); r.code != 0 || r.stdout == "" {
					b.Fatal(r.both)
				}
			}
		})
	}
}
