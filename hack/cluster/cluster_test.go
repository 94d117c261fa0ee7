// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestCluster shares one control plane. The subtests that break it come last and mend it again.
func TestCluster(t *testing.T) {
	begin := time.Now()
	c := ForTest(t, Options{APIServers: 2, ControllerManager: true, CRDDirs: []string{"testdata/crds"}})
	t.Logf("started two API servers and the controller manager in %v", time.Since(begin).Round(time.Millisecond))

	for _, test := range []struct {
		name string
		run  func(*testing.T, *Cluster)
	}{
		{"Version", testVersion},
		{"UserConfig", testUserConfig},
		{"ServiceAccountConfig", testServiceAccountConfig},
		{"WriteKubeconfig", testWriteKubeconfig},
		{"WriteIsSeenByTheOtherServer", testWriteIsSeen},
		{"WritesAreCounted", testWrites},
		{"ControllersRun", testControllers},
		{"FreezeAPIServer", testFreezeAPIServer},
		{"KillAPIServer", testKillAPIServer},
		{"FreezeEtcd", testFreezeEtcd},
		{"KillEtcd", testKillEtcd},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, c) })
	}
}

func testVersion(t *testing.T, c *Cluster) {
	for server := range 2 {
		api, err := discovery.NewDiscoveryClientForConfig(c.AdminConfig(server))
		if err != nil {
			t.Fatal(err)
		}
		version, err := api.ServerVersionWithContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if version.Major != "1" || strings.HasPrefix(version.GitVersion, "v0.") {
			t.Errorf("API server %d is of version %s, want v1.x: feature gates depend on it", server, version.GitVersion)
		}
	}
}

func testUserConfig(t *testing.T, c *Cluster) {
	config, err := c.UserConfig("jane", []string{"blue", "green"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	review := &authenticationv1.SelfSubjectReview{}
	if err := newClient(t, config).Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	got := append([]string{review.Status.UserInfo.Username}, review.Status.UserInfo.Groups...)
	if diff := cmp.Diff([]string{"jane", "blue", "green", "system:authenticated"}, got); diff != "" {
		t.Errorf("the API server knows another user (-want +got):\n%s", diff)
	}
	var secrets corev1.SecretList
	if err := newClient(t, config).List(t.Context(), &secrets); !apierrors.IsForbidden(err) {
		t.Errorf("list Secrets without a role: %v, want Forbidden", err)
	}
}

func testServiceAccountConfig(t *testing.T, c *Cluster) {
	admin := newClient(t, c.AdminConfig(0))
	create(t, admin, &corev1.ServiceAccount{ObjectMeta: named("reader")})
	for server := range 2 {
		config, err := c.ServiceAccountConfig(t.Context(), "default", "reader", server)
		if err != nil {
			t.Fatal(err)
		}
		if err := listConfigMaps(t.Context(), newClient(t, config)); !apierrors.IsForbidden(err) {
			t.Fatalf("list ConfigMaps without a role: %v, want Forbidden", err)
		}
	}
	create(t, admin, &rbacv1.Role{ObjectMeta: named("reader"), Rules: []rbacv1.PolicyRule{
		{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"configmaps"}},
	}})
	create(t, admin, &rbacv1.RoleBinding{
		ObjectMeta: named("reader"),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "default", Name: "reader"}},
	})
	for server := range 2 {
		config, err := c.ServiceAccountConfig(t.Context(), "default", "reader", server)
		if err != nil {
			t.Fatal(err)
		}
		reader := newClient(t, config)
		eventually(t, "the role has effect", func() error { return listConfigMaps(t.Context(), reader) })
	}
	if _, err := c.ServiceAccountConfig(t.Context(), "default", "nobody", 0); !apierrors.IsNotFound(err) {
		t.Errorf("token of a ServiceAccount that does not exist: %v, want NotFound", err)
	}
}

func testWriteKubeconfig(t *testing.T, c *Cluster) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte("readable by all"), 0o644); err != nil {
		t.Fatal(err)
	}
	token, err := c.ServiceAccountConfig(t.Context(), "default", "reader", 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]*rest.Config{"certificate": c.AdminConfig(1), "token": token} {
		if err := WriteKubeconfig(path, config); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode %o, want 600", got)
		}
		loaded, err := clientcmd.BuildConfigFromFlags("", path)
		if err != nil {
			t.Fatal(err)
		}
		if err := listConfigMaps(t.Context(), newClient(t, loaded)); err != nil {
			t.Errorf("use kubeconfig with %s: %v", name, err)
		}
	}
}

func testWriteIsSeen(t *testing.T, c *Cluster) {
	create(t, newClient(t, c.AdminConfig(0)), &corev1.ConfigMap{ObjectMeta: named("shared")})
	if err := getConfigMap(t.Context(), newClient(t, c.AdminConfig(1)), "shared"); err != nil {
		t.Errorf("read from server 1 what server 0 wrote: %v", err)
	}
}

func testWrites(t *testing.T, c *Cluster) {
	before := widgetWrites(t, c)
	admins := []client.Client{newClient(t, c.AdminConfig(0)), newClient(t, c.AdminConfig(1))}
	for i, admin := range admins {
		writeWidget(t, admin, fmt.Sprintf("widget-%d", i))
	}
	refused(t, c)
	// Once for each server: create, refused create, update, patch, apply, delete, and a status.
	want := map[string]int{"example.test/widgets": 2 * 6, "example.test/widgets/status": 2 * 1}
	eventually(t, "the writes are counted", func() error {
		got := widgetWrites(t, c)
		for key := range got {
			got[key] -= before[key]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("writes differ (-want +got):\n%s", diff)
		}
		return nil
	})
}

// writeWidget makes six writes to a widget and one to its status, and two requests that write nothing.
func writeWidget(t *testing.T, admin client.Client, name string) {
	t.Helper()
	ctx, widget := t.Context(), newWidget(name, 1)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(admin.Create(ctx, widget))
	if err := admin.Create(ctx, newWidget(name+"-too-large", 10)); !apierrors.IsInvalid(err) {
		t.Fatalf("create invalid widget: %v, want Invalid", err)
	}
	check(unstructured.SetNestedField(widget.Object, int64(2), "spec", "size"))
	check(admin.Update(ctx, widget))
	check(admin.Patch(ctx, widget, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"size":3}}`))))
	check(unstructured.SetNestedField(widget.Object, true, "status", "ready"))
	check(admin.Status().Update(ctx, widget))
	check(admin.Apply(ctx, client.ApplyConfigurationFromUnstructured(newWidget(name, 4)), fieldOwner, client.ForceOwnership))
	check(admin.Patch(ctx, widget, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"size":5}}`)), client.DryRunAll))
	check(admin.Get(ctx, client.ObjectKeyFromObject(widget), widget))
	check(admin.Delete(ctx, widget))
}

// refused is a write that authorization refuses, which is not counted.
func refused(t *testing.T, c *Cluster) {
	t.Helper()
	config, err := c.UserConfig("jane", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := newClient(t, config).Create(t.Context(), newWidget("refused", 1)); !apierrors.IsForbidden(err) {
		t.Fatalf("create a widget without a role: %v, want Forbidden", err)
	}
}

func testControllers(t *testing.T, c *Cluster) {
	admin := newClient(t, c.AdminConfig(0))
	create(t, admin, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "short-lived"}})
	key := client.ObjectKey{Namespace: "short-lived", Name: "default"}
	eventually(t, "the namespace has its ServiceAccount", func() error {
		return admin.Get(t.Context(), key, &corev1.ServiceAccount{})
	})
	if err := admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "short-lived"}}); err != nil {
		t.Fatal(err)
	}
	owner, owned := newWidget("owner", 1), newWidget("owned", 1)
	create(t, admin, owner)
	owned.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(owner, owner.GroupVersionKind())})
	create(t, admin, owned)
	if err := admin.Delete(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	for name, gone := range map[string]client.Object{
		"owned widget": owned, "namespace": &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "short-lived"}},
	} {
		eventually(t, "the "+name+" is gone", func() error {
			err := admin.Get(t.Context(), client.ObjectKeyFromObject(gone), gone)
			if err == nil {
				return fmt.Errorf("%s exists", name)
			}
			return client.IgnoreNotFound(err)
		})
	}
}

func testFreezeAPIServer(t *testing.T, c *Cluster) {
	frozen, other := newClient(t, c.AdminConfig(1)), newClient(t, c.AdminConfig(0))
	if err := c.APIServer(1).Freeze(); err != nil {
		t.Fatal(err)
	}
	wantTimeout(t, "a frozen API server", func(ctx context.Context) error { return getConfigMap(ctx, frozen, "shared") })
	if err := getConfigMap(t.Context(), other, "shared"); err != nil {
		t.Errorf("read from the other API server: %v", err)
	}
	if err := c.APIServer(1).Resume(); err != nil {
		t.Fatal(err)
	}
	if err := getConfigMap(t.Context(), frozen, "shared"); err != nil {
		t.Errorf("read after Resume: %v", err)
	}
}

func testKillAPIServer(t *testing.T, c *Cluster) {
	killed := newClient(t, c.AdminConfig(1))
	if err := c.APIServer(1).Kill(); err != nil {
		t.Fatal(err)
	}
	if err := getConfigMap(t.Context(), killed, "shared"); err == nil || c.APIServer(1).Running() {
		t.Errorf("killed API server answers (%v) or runs (%t)", err, c.APIServer(1).Running())
	}
	if _, err := c.Writes(t.Context()); err != nil {
		t.Errorf("count the writes to the other API server: %v", err)
	}
	begin := time.Now()
	if err := c.APIServer(1).Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("restarted in %v", time.Since(begin).Round(time.Millisecond))
	if err := getConfigMap(t.Context(), killed, "shared"); err != nil {
		t.Errorf("read after Restart, at the same address: %v", err)
	}
}

func testFreezeEtcd(t *testing.T, c *Cluster) {
	admin := newClient(t, c.AdminConfig(0))
	if err := c.Etcd().Freeze(); err != nil {
		t.Fatal(err)
	}
	wantTimeout(t, "a frozen etcd", func(ctx context.Context) error {
		return admin.Create(ctx, &corev1.ConfigMap{ObjectMeta: named("frozen")})
	})
	if err := c.Etcd().Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "etcd answers again", func() error { return getConfigMap(t.Context(), admin, "shared") })
}

func testKillEtcd(t *testing.T, c *Cluster) {
	admin := newClient(t, c.AdminConfig(0))
	create(t, admin, &corev1.ConfigMap{ObjectMeta: named("kept")})
	if err := c.Etcd().Kill(); err != nil {
		t.Fatal(err)
	}
	wantTimeout(t, "a killed etcd", func(ctx context.Context) error { return getConfigMap(ctx, admin, "kept") })
	if err := c.Etcd().Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for server := range 2 {
		admin := newClient(t, c.AdminConfig(server))
		eventually(t, "the data are there again", func() error { return getConfigMap(t.Context(), admin, "kept") })
	}
}

func TestStopLeavesNothingAndKeepsData(t *testing.T) {
	o := Options{Dir: filepath.Join(t.TempDir(), "state"), Durable: true, ControllerManager: true}
	first := ForTest(t, o)
	create(t, newClient(t, first.AdminConfig(0)), &corev1.ConfigMap{ObjectMeta: named("kept")})
	processes := []*Process{first.Etcd(), first.APIServer(0), first.ControllerManager()}
	if err := first.APIServer(0).Freeze(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := first.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	for _, p := range processes {
		if alive(p.Pid()) {
			t.Errorf("%s is alive after Stop", p.config.Name)
		}
		if err := p.Restart(t.Context()); err == nil {
			t.Errorf("%s restarted after Stop", p.config.Name)
		}
	}
	second := ForTest(t, o)
	if err := getConfigMap(t.Context(), newClient(t, second.AdminConfig(0)), "kept"); err != nil {
		t.Errorf("read what an earlier cluster in the same directory wrote: %v", err)
	}
}

func TestStopRemovesItsTemporaryDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := &Cluster{options: Options{APIServers: 1}}
	if _, err := c.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}

func TestStartWithoutProgramsTellsHowToGetThem(t *testing.T) {
	t.Setenv("KUBEBUILDER_ASSETS", "")
	t.Chdir(t.TempDir())
	_, err := Start(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "make controlplane") {
		t.Errorf("error %v, want `make controlplane` in it", err)
	}
}

// newClient maps kinds without asking the API server: that question would ignore the context of a request.
func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	mapper := meta.NewDefaultRESTMapper(nil)
	for _, kind := range []schema.GroupVersionKind{
		corev1.SchemeGroupVersion.WithKind("ConfigMap"), corev1.SchemeGroupVersion.WithKind("Secret"),
		corev1.SchemeGroupVersion.WithKind("ServiceAccount"), rbacv1.SchemeGroupVersion.WithKind("Role"),
		rbacv1.SchemeGroupVersion.WithKind("RoleBinding"), newWidget("", 0).GroupVersionKind(),
	} {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	mapper.Add(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), meta.RESTScopeRoot)
	c, err := client.New(config, client.Options{Mapper: mapper})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func create(t *testing.T, c client.Client, object client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "default", Name: name} }

func getConfigMap(ctx context.Context, c client.Client, name string) error {
	return c.Get(ctx, client.ObjectKey{Namespace: "default", Name: name}, &corev1.ConfigMap{})
}

func listConfigMaps(ctx context.Context, c client.Client) error {
	return c.List(ctx, &corev1.ConfigMapList{}, client.InNamespace("default"))
}

func newWidget(name string, size int64) *unstructured.Unstructured {
	widget := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"size": size}}}
	widget.SetGroupVersionKind(schema.GroupVersionKind{Group: "example.test", Version: "v1", Kind: "Widget"})
	widget.SetNamespace("default")
	widget.SetName(name)
	return widget
}

func widgetWrites(t *testing.T, c *Cluster) map[string]int {
	t.Helper()
	all, err := c.Writes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key := range all {
		if !strings.HasPrefix(key, "example.test/") {
			delete(all, key)
		}
	}
	return all
}

// wantTimeout checks that a request gets no answer, for as long as a test can afford to look.
func wantTimeout(t *testing.T, what string, request func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := request(ctx); err == nil {
		t.Errorf("%s answered", what)
	}
}
