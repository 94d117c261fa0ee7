// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// plugin is kubectl-scim as somebody calls it who has the roles of docs/kubectl.md in the namespace of a tenant, and no other right.
type plugin struct {
	path, kubeconfig, namespace string
}

// rolesOfPlugin are all that docs/kubectl.md has.
var rolesOfPlugin = []string{"scim-viewer", "scim-oncall", "scim-tokens", "scim-verify"}

// builtPlugin builds the plugin once, into bin/ of the repository, where go build finds it up to date the next time.
var builtPlugin = sync.OnceValues(func() (root string, err error) {
	if root, err = stack.Root(); err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", "kubectl-scim")
	build := exec.Command("go", "build", "-o", path, "./cmd/kubectl-scim")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the plugin: %w\n%s", err, output)
	}
	return root, nil
})

// newPlugin makes a kubeconfig of a user with some of the roles.
func newPlugin(t *testing.T, tn *tenant, user string, roles ...string) plugin {
	t.Helper()
	root, err := builtPlugin()
	if err != nil {
		t.Fatal(err)
	}
	p := plugin{path: filepath.Join(root, "bin", "kubectl-scim"), kubeconfig: filepath.Join(t.TempDir(), user), namespace: tn.namespace}
	config, err := tn.Cluster.UserConfig(user, nil, 0)
	if err == nil {
		err = cluster.WriteKubeconfig(p.kubeconfig, config)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range documentedRoles(t, "docs/kubectl.md") {
		if !slices.Contains(roles, role.Name) {
			continue
		}
		role.Namespace = tn.namespace
		binding := &rbacv1.RoleBinding{
			ObjectMeta: tn.meta(user + "-" + role.Name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		}
		if err := client.IgnoreAlreadyExists(tn.Client.Create(t.Context(), role)); err != nil {
			t.Fatal(err)
		}
		tn.mustCreate(t, binding)
	}
	// An API server learns of a role binding a moment after it was written.
	eventually(t, func(context.Context) error {
		if out := p.run(t, "", "users"); len(roles) > 0 && out.code != 0 {
			return errors.New(out.stderr)
		}
		return nil
	})
	return p
}

func documentedRoles(t *testing.T, page string) (roles []*rbacv1.Role) {
	t.Helper()
	for _, block := range strings.Split(readPage(t, page), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for document := range strings.SplitSeq(block, "---\n") {
			role := &rbacv1.Role{}
			if err := yaml.UnmarshalStrict([]byte(document), role); err != nil {
				t.Fatal(err)
			}
			roles = append(roles, role)
		}
	}
	if len(roles) != len(rolesOfPlugin) {
		t.Fatalf("%s has %d roles, want %v", page, len(roles), rolesOfPlugin)
	}
	return roles
}

// result is what a process left.
type result struct {
	stdout, stderr string
	code           int
}

func (p plugin) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, p.path, append(args, "-n", p.namespace)...)
	c.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig)
	return c
}

func (p plugin) run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := p.command(t.Context(), args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// must runs the plugin and wants that exit code, and these parts in what it says on stdout or, unless the code is 0, on stderr.
func (p plugin) must(t *testing.T, code int, args []string, parts ...string) string {
	t.Helper()
	out := p.run(t, "", args...)
	where := out.stdout
	if code == 1 {
		where = out.stderr
	}
	missing := slices.DeleteFunc(slices.Clone(parts), func(part string) bool { return strings.Contains(where, part) })
	if out.code != code || len(missing) > 0 {
		t.Errorf("kubectl scim %s: got exit code %d, want %d; missing %q\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), out.code, code, missing, out.stdout, out.stderr)
	}
	return out.stdout
}

// TestPluginLooks: what there is, and why, with the right to look and no other.
func TestPluginLooks(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, shared.get(t), guarded(100, 100))
	people, _ := tn.staff(t, 3)
	p := newPlugin(t, tn, "viewer", "scim-viewer")
	ada := people[0]
	p.must(t, 0, []string{"users", ada.userName}, ada.userName, ada.id, "Active")
	p.must(t, 0, []string{"users", "STAFF-"}, people[0].id, people[1].id, people[2].id)
	p.must(t, 0, []string{"groups", "staff"}, people[0].userName, people[1].userName, people[2].userName)
	p.must(t, 0, []string{"access", applicationName, "-o", "csv"}, ada.userName+",Active,Granted,viewer,staff,Staff,InSync")
	p.must(t, 0, []string{"explain", ada.userName, applicationName}, "Active, Granted", "staff", "member of Staff", "InSync")
	answer, err := tn.idp[1].PatchGroup(t.Context(), tn.groupNamed(t, "Staff"), idp.EntraRemove(ada.id))
	id := expect(t, http.StatusNoContent, answer, err).Header.Get("X-Request-Id")
	tn.waitSuspended(t, ada)
	p.must(t, 0, []string{"explain", ada.userName, applicationName}, "Suspended, AccessLost", "for members of the group staff", id)
	p.must(t, 0, []string{"status", "--check"}, "All is well.", directoryName, applicationName)
	p.must(t, 1, []string{"suspend", ada.userName, "--reason", "x"}, "you may not patch scimusers.scim-operator.dev", tn.namespace)
	nobody := newPlugin(t, tn, "nobody")
	nobody.must(t, 1, []string{"users"}, "you may not list scimusers.scim-operator.dev")
	p.completes(t, ada)
}

// completes asks for what Tab would offer, as a shell does and as kubectl does by the name kubectl_complete-scim.
func (p plugin) completes(t *testing.T, ada somebody) {
	t.Helper()
	link := filepath.Join(t.TempDir(), "kubectl_complete-scim")
	if err := os.Symlink(p.path, link); err != nil {
		t.Fatal(err)
	}
	asKubectl := plugin{path: link, kubeconfig: p.kubeconfig, namespace: p.namespace}
	for want, args := range map[string][]string{"access\t": {"acc"}, ada.userName: {"explain", "staff-0"}, applicationName: {"explain", ada.userName, ""}} {
		for _, c := range []*exec.Cmd{exec.CommandContext(t.Context(), p.path, append([]string{"__complete", "-n", p.namespace}, args...)...), exec.CommandContext(t.Context(), asKubectl.path, append([]string{"-n", p.namespace}, args...)...)} {
			c.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig)
			if out, err := c.Output(); err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%v: got %q, %v; want %q among it", c.Args, out, err, want)
			}
		}
	}
}

func (tn *tenant) groupNamed(t *testing.T, name string) (id string) {
	t.Helper()
	groups, err := list(t.Context(), tn, &v1alpha1.ScimGroupList{})
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range groups.Items {
		if group.Spec.DisplayName == name {
			return group.Name
		}
	}
	t.Fatalf("there is no group %q", name)
	return ""
}

// TestPluginDecides: what is approved is exactly what was shown.
func TestPluginDecides(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, shared.get(t), guarded(1, 100))
	people, _ := tn.staff(t, 5)
	p := newPlugin(t, tn, "oncall", "scim-viewer", "scim-oncall")
	tn.activate(t, people[:3], false)
	tn.waitHeld(t, 2)
	p.must(t, 2, []string{"status", "--check"}, "WAITS", "the removal guard holds 2 accounts", "kubectl scim approve application/"+applicationName)
	if out := p.run(t, "no\n", "approve", applicationName); out.code != 1 || !strings.Contains(out.stderr, "nothing was done") {
		t.Errorf("got %+v, want a refusal", out)
	}
	tn.overtaken(t, p, people[3])
	if out := p.run(t, "yes\n", "approve", applicationName); out.code != 0 || !strings.Contains(out.stdout, "3 people: suspend 3 accounts") {
		t.Errorf("got %+v, want an approval", out)
	}
	tn.waitBoundOf(t, people, 1)
	p.must(t, 1, []string{"approve", applicationName}, "nothing waits for application/"+applicationName)
	tn.activate(t, people[4:], false)
	tn.waitHeld(t, 1)
	p.must(t, 0, []string{"reject", "app/" + applicationName, "--yes"}, people[4].userName, "rejected")
	tn.waitBoundOf(t, people, 1)
	p.must(t, 0, []string{"explain", people[4].userName, applicationName}, "somebody rejected it")
}

// overtaken has one more person leave between what is shown and the yes: then nobody goes.
func (tn *tenant) overtaken(t *testing.T, p plugin, late somebody) {
	t.Helper()
	c := p.command(t.Context(), "approve", applicationName)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	if asked, err := lines.ReadString(':'); err != nil || !strings.Contains(asked, "Type yes") {
		t.Fatalf("got %q, %v; want the question", asked, err)
	}
	tn.activate(t, []somebody{late}, false)
	tn.waitHeld(t, 3)
	_, _ = io.WriteString(stdin, "yes\n")
	rest, _ := io.ReadAll(lines)
	if err := c.Wait(); err == nil || !strings.Contains(string(rest), "nothing was decided") {
		t.Errorf("got %v, %q; want that nothing was decided", err, rest)
	}
	tn.waitHeld(t, 3)
}

// TestPluginSuspends: the kill switch, seen in the application, and back.
func TestPluginSuspends(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, shared.get(t), guarded(1, 100))
	people, _ := tn.staff(t, 2)
	p := newPlugin(t, tn, "oncall", "scim-viewer", "scim-oncall")
	p.must(t, 1, []string{"suspend", people[0].userName}, "reason")
	p.must(t, 1, []string{"suspend", "staff", "--reason", "x"}, "nobody")
	p.must(t, 0, []string{"suspend", strings.ToUpper(people[0].userName), "--reason", "laptop stolen"}, applicationName, "yes", "Suspended")
	tn.waitBoundOf(t, people, 1)
	p.must(t, 0, []string{"explain", people[0].id, applicationName}, "Suspended, Locked", "laptop stolen")
	p.must(t, 0, []string{"resume", people[0].userName}, applicationName, "yes", "Active")
	tn.waitBoundOf(t, people, 2)
}

// shownOnce is what the plugin prints of a new credential.
type shownOnce struct{ URL, Token, KeyID string }

func (p plugin) credential(t *testing.T, args ...string) (shown shownOnce) {
	t.Helper()
	out := p.must(t, 0, append(args, "-o", "json"))
	if err := json.Unmarshal([]byte(out), &shown); err != nil || shown.Token == "" || shown.KeyID == "" {
		t.Fatalf("%v: %s", err, out)
	}
	return shown
}

// TestPluginTokens makes a token that opens the directory, and never shows it again.
func TestPluginTokens(t *testing.T) {
	t.Parallel()
	tn := newTenant(t, shared.get(t))
	p := newPlugin(t, tn, "tokens", rolesOfPlugin...)
	made := p.credential(t, "token", "create", "second", "--delete-secret")
	if err := tn.WaitServed(t.Context(), tn.namespace, directoryName, made.Token); err != nil {
		t.Fatal(err)
	}
	if want := tn.Servers[0].BaseURL(tn.namespace, directoryName); made.URL != want {
		t.Errorf("got the URL %q, want %q", made.URL, want)
	}
	if err := tn.Client.Get(t.Context(), client.ObjectKey{Namespace: tn.namespace, Name: "second"}, &corev1.Secret{}); !apierrors.IsNotFound(err) {
		t.Errorf("got %v, want no Secret", err)
	}
	shown := p.must(t, 0, []string{"token", "list", "-o", "wide"}, "second", made.KeyID) + p.must(t, 0, []string{"token", "show", "second"}, made.KeyID)
	if strings.Contains(shown, made.Token) {
		t.Error("the token is shown again")
	}
	p.must(t, 1, []string{"token", "create", "second"}, "is there already")
	p.must(t, 1, []string{"token", "create", "third", "-d", "none"}, `no scimdirectory "none"`)
	newest := tn.rotates(t, p, made)
	p.must(t, 1, []string{"token", "revoke", "second", "--key-id", made.KeyID, "--yes"}, "no valid credential", "it has "+newest.KeyID)
	p.must(t, 0, []string{"token", "revoke", "second", "--key-id", newest.KeyID, "--yes"}, "revoked "+newest.KeyID)
	tn.waitStatus(t, newest.Token, http.StatusUnauthorized)
	tok := &v1alpha1.ScimToken{ObjectMeta: tn.meta("second")}
	if err := tn.Client.Get(t.Context(), client.ObjectKeyFromObject(tok), tok); err != nil || tok.Annotations[v1alpha1.AnnotationRevoke] != newest.KeyID {
		t.Errorf("got %v and the annotations %v", err, tok.Annotations)
	}
	p.must(t, 1, []string{"token", "rotate", "third"}, `no scimtoken "third"`)
}

// rotates has a credential beside the first, whose Secret nobody has any more, and then one that ends both. It returns that one.
func (tn *tenant) rotates(t *testing.T, p plugin, first shownOnce) shownOnce {
	t.Helper()
	second := p.credential(t, "token", "rotate", "second")
	if second.Token == first.Token || second.KeyID == first.KeyID || second.URL != first.URL {
		t.Errorf("rotated %s to %s, %s", first.KeyID, second.KeyID, second.URL)
	}
	secret := &corev1.Secret{}
	if err := tn.Client.Get(t.Context(), client.ObjectKey{Namespace: tn.namespace, Name: "second"}, secret); err != nil || string(secret.Data["token"]) != second.Token {
		t.Errorf("%v: the Secret has another token than the one that was shown", err)
	}
	tn.waitStatus(t, second.Token, http.StatusOK)
	for number := range tn.Servers {
		answer, err := tn.with(number, first.Token).Get(t.Context(), idp.OktaTest)
		expect(t, http.StatusOK, answer, err)
	}
	shows := func(accepted ...string) {
		t.Helper()
		_, table, _ := strings.Cut(p.must(t, 0, []string{"token", "show", "second"}), "ACCEPTED\n")
		var keys []string
		for row := range strings.Lines(table) {
			if strings.HasSuffix(strings.TrimSpace(row), " yes") {
				keys = append(keys, strings.Fields(row)[0])
			}
		}
		if !slices.Equal(keys, accepted) {
			t.Errorf("token show says that %v are accepted, want %v:\n%s", keys, accepted, table)
		}
	}
	shows(second.KeyID, first.KeyID)
	p.must(t, 0, []string{"token", "list"}, "rotating (")

	tok := &v1alpha1.ScimToken{ObjectMeta: tn.meta("second")}
	atOnce := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"rotation":{"deadline":"0s"}}}`))
	if err := tn.Client.Patch(t.Context(), tok, atOnce); err != nil {
		t.Fatal(err)
	}
	third := p.credential(t, "token", "rotate", "second")
	tn.waitStatus(t, third.Token, http.StatusOK)
	for _, old := range []shownOnce{first, second} {
		tn.waitStatus(t, old.Token, http.StatusUnauthorized)
	}
	shows(third.KeyID)
	return third
}

// TestPluginThroughKubectl finds the plugin as kubectl does, where there is a kubectl.
func TestPluginThroughKubectl(t *testing.T) {
	t.Parallel()
	kubectl, err := stack.Kubectl()
	if err != nil {
		t.Skip(err)
	}
	tn := newTenant(t, shared.get(t))
	p := newPlugin(t, tn, "viewer", "scim-viewer")
	c := exec.CommandContext(t.Context(), kubectl, "scim", "status", "-n", tn.namespace)
	c.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig, "PATH="+filepath.Dir(p.path)+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), applicationName) {
		t.Errorf("%v: %s", err, out)
	}
}
