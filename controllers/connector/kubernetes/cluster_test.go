// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// world is the real control plane that the tests of this package share.
type world struct {
	*cluster.Cluster
	admin *clientset.Clientset
}

// theWorld is started by the first test that needs it, so that the pure ones and the fuzzer do without, and stopped by
// TestMain.
var theWorld struct {
	once sync.Once
	world
	err error
}

// controllerUser has exactly the rights that the package documents.
const controllerUser = "scim-controller-under-test"

const prefix = "oidc:"

func TestMain(m *testing.M) {
	code := m.Run()
	if theWorld.Cluster != nil {
		if err := theWorld.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func inWorld(t testing.TB) world {
	t.Helper()
	theWorld.once.Do(func() {
		ctx := context.WithoutCancel(t.Context()) // it outlives the test that happens to be first
		if theWorld.Cluster, theWorld.err = cluster.Start(ctx, cluster.Options{}); theWorld.err != nil {
			return
		}
		theWorld.admin = clientset.NewForConfigOrDie(theWorld.AdminConfig(0))
		theWorld.err = theWorld.furnish(ctx)
	})
	if theWorld.err != nil {
		t.Fatal(theWorld.err)
	}
	return theWorld.world
}

// testRoles are one of each form: cluster-wide, a ClusterRole in namespaces, a Role.
func testRoles() []Role {
	return []Role{
		{Name: "auditor", Kind: KindClusterRole, RoleName: "test-auditor"},
		{Name: "reader", Kind: KindClusterRole, RoleName: "test-reader", Namespaces: []string{"team-a", "team-b"}},
		{Name: "writer", Kind: KindRole, RoleName: "test-writer", Namespaces: []string{"team-a"}},
	}
}

// probes are what each role allows, and where.
func probes() map[string]struct{ verb, resource, namespace string } {
	return map[string]struct{ verb, resource, namespace string }{
		"auditor": {"list", "nodes", ""}, "reader": {"get", "configmaps", "team-b"}, "writer": {"update", "configmaps", "team-a"},
	}
}

func rule(group, resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
}

func named(r rbacv1.PolicyRule, names ...string) rbacv1.PolicyRule {
	r.ResourceNames = names
	return r
}

// documentedRights are those of doc.go.
func documentedRights() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule(rbacv1.GroupName, "rolebindings", "get", "list", "create", "delete"),
		rule(rbacv1.GroupName, "clusterrolebindings", "get", "list", "create", "delete"),
		named(rule(rbacv1.GroupName, "clusterroles", "bind"), "test-auditor", "test-reader"),
		named(rule(rbacv1.GroupName, "roles", "bind"), "test-writer"),
	}
}

func (w world) furnish(ctx context.Context) error {
	for _, name := range []string{"team-a", "team-b"} {
		if _, err := w.admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	for name, rules := range map[string][]rbacv1.PolicyRule{
		"test-auditor": {rule("", "nodes", "list")}, "test-reader": {rule("", "configmaps", "get")}, controllerUser: documentedRights(),
	} {
		if err := w.createClusterRole(ctx, name, rules); err != nil {
			return err
		}
	}
	writer := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "test-writer"}, Rules: []rbacv1.PolicyRule{rule("", "configmaps", "update")}}
	if _, err := w.admin.RbacV1().Roles("team-a").Create(ctx, writer, metav1.CreateOptions{}); err != nil {
		return err
	}
	return w.bindUser(ctx, controllerUser, controllerUser, "")
}

func (w world) createClusterRole(ctx context.Context, name string, rules []rbacv1.PolicyRule) error {
	_, err := w.admin.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}, metav1.CreateOptions{})
	return err
}

// bindUser gives a ClusterRole to a user, in a namespace or, if that is empty, everywhere.
func (w world) bindUser(ctx context.Context, clusterRole, userName, namespace string) error {
	meta := metav1.ObjectMeta{GenerateName: "test-"}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: KindClusterRole, Name: clusterRole}
	subjects := []rbacv1.Subject{user(userName)}
	if namespace == "" {
		_, err := w.admin.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		return err
	}
	_, err := w.admin.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
	return err
}

// as is a client configuration of that user.
func (w world) as(t testing.TB, userName string) *rest.Config {
	t.Helper()
	config, err := w.UserConfig(userName, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// traffic counts requests for bindings by what they do, and those that changed something.
type traffic struct {
	next http.RoundTripper

	mu       sync.Mutex
	requests map[string]int
	writes   int
}

func (c *traffic) RoundTrip(req *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(req)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[req.Method]++
	if err == nil && req.Method != http.MethodGet && response.StatusCode < 300 && strings.Contains(req.URL.Path, "rolebindings") {
		c.writes++
	}
	return response, err
}

func (c *traffic) Writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// since returns the requests since the last call.
func (c *traffic) since() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := c.requests
	c.requests = map[string]int{}
	return counted
}

// open returns a connector of that user, and its traffic.
func (w world) open(t testing.TB, userName string, roles ...Role) (*Connector, *traffic) {
	t.Helper()
	return w.openAt(t, w.AdminConfig(0).Host, userName, roles...)
}

// openAt is open, with another URL of the API server.
func (w world) openAt(t testing.TB, host, userName string, roles ...Role) (*Connector, *traffic) {
	t.Helper()
	config := w.as(t, userName)
	config.Host = host
	count := &traffic{requests: map[string]int{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		count.next = next
		return count
	})
	return openWith(t, Config{Roles: roles, UserNamePrefix: prefix, RESTConfig: config}), count
}

func openWith(t testing.TB, cfg Config) *Connector {
	t.Helper()
	conn, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.(*Connector).Close() })
	return conn.(*Connector)
}

// bindings returns all bindings with the label of the owner, whoever made them, by place.
func (w world) bindings(t testing.TB, owner string) map[place]binding {
	t.Helper()
	all := map[place]binding{}
	opts := metav1.ListOptions{LabelSelector: AccountLabel + "=" + accountLabel(owner)}
	namespaced, err := w.admin.RbacV1().RoleBindings("").List(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range namespaced.Items {
		all[place{b.Namespace, b.Name}] = binding{b.ObjectMeta, b.RoleRef, b.Subjects}
	}
	clusterWide, err := w.admin.RbacV1().ClusterRoleBindings().List(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range clusterWide.Items {
		all[place{"", b.Name}] = binding{b.ObjectMeta, b.RoleRef, b.Subjects}
	}
	return all
}

// create makes a binding as an administrator would, and says what became of it.
func (w world) create(t testing.TB, b binding) binding {
	t.Helper()
	b.ResourceVersion, b.UID = "", ""
	if b.Namespace == "" {
		made, err := w.admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: b.ObjectMeta, RoleRef: b.ref, Subjects: b.subjects}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return binding{made.ObjectMeta, made.RoleRef, made.Subjects}
	}
	made, err := w.admin.RbacV1().RoleBindings(b.Namespace).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: b.ObjectMeta, RoleRef: b.ref, Subjects: b.subjects}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return binding{made.ObjectMeta, made.RoleRef, made.Subjects}
}

func (w world) remove(t testing.TB, at place) {
	t.Helper()
	var err error
	if at.namespace == "" {
		err = w.admin.RbacV1().ClusterRoleBindings().Delete(t.Context(), at.name, metav1.DeleteOptions{})
	} else {
		err = w.admin.RbacV1().RoleBindings(at.namespace).Delete(t.Context(), at.name, metav1.DeleteOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w world) read(t testing.TB, at place) string {
	t.Helper()
	var object any
	var err error
	if at.namespace == "" {
		object, err = w.admin.RbacV1().ClusterRoleBindings().Get(t.Context(), at.name, metav1.GetOptions{})
	} else {
		object, err = w.admin.RbacV1().RoleBindings(at.namespace).Get(t.Context(), at.name, metav1.GetOptions{})
	}
	return fmt.Sprintf("%+v %v", object, err)
}

// unique makes a name that no earlier run of a test has used in this world.
func unique(name string) string { return name + "-" + strings.ToLower(rand.Text()[:10]) }

func active(owner, userName string, roles ...string) connector.Account {
	return connector.Account{Owner: owner, UserName: userName, State: connector.Active, Roles: roles}
}
