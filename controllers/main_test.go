// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// theCluster is the control plane that the tests share, each in a namespace of its own.
var theCluster struct {
	once sync.Once
	*cluster.Cluster
	err error
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := m.Run()
	if theCluster.Cluster != nil {
		if err := theCluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func adminConfig(t testing.TB) *rest.Config {
	t.Helper()
	theCluster.once.Do(func() {
		ctx := context.WithoutCancel(t.Context()) // it outlives the test that happens to be first
		theCluster.Cluster, theCluster.err = cluster.Start(ctx, cluster.Options{CRDDirs: []string{filepath.Join("..", "config", "crd")}})
	})
	if theCluster.err != nil {
		t.Fatal(theCluster.err)
	}
	config := rest.CopyConfig(theCluster.AdminConfig(0))
	config.QPS = -1
	return config
}

// patience bounds every wait. Nothing takes that long.
const patience = 60 * time.Second

// world is one namespace with all controllers at work on it. Its applications live in memory.
type world struct {
	testing.TB
	client.WithWatch
	namespace string
	scheme    *runtime.Scheme
	config    *rest.Config
	resync    time.Duration

	mu   sync.Mutex
	apps map[string]*connectortest.Memory
	stop func()
}

// begin makes a namespace and starts the controllers. Every role of the applications is one of admin, editor, viewer.
func begin(t *testing.T) *world {
	t.Helper()
	w := &world{TB: t, config: adminConfig(t), scheme: runtime.NewScheme(), resync: time.Hour, apps: map[string]*connectortest.Memory{}}
	w.must(clientgoscheme.AddToScheme(w.scheme))
	w.must(v1alpha1.AddToScheme(w.scheme))
	var err error
	w.WithWatch, err = client.NewWithWatch(w.config, client.Options{Scheme: w.scheme})
	w.must(err)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "world-"}}
	w.must(w.Create(t.Context(), namespace))
	w.namespace = namespace.Name
	w.must(w.Create(t.Context(), &v1alpha1.ScimDirectory{ObjectMeta: w.meta("acme")}))
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start runs the controllers as the program does; stop ends them.
func (w *world) start() {
	w.Helper()
	mgr, err := ctrl.NewManager(w.config, ctrl.Options{
		Scheme:     w.scheme,
		Cache:      cache.Options{DefaultNamespaces: map[string]cache.Config{w.namespace: {}}, DefaultTransform: cache.TransformStripManagedFields()},
		Client:     client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	w.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	w.must(controllers.Setup(ctx, mgr, controllers.Options{
		PublicURL: "https://scim.example.com", Resync: w.resync, Egress: egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
		Openers: map[v1alpha1.ConnectorType]application.Opener{v1alpha1.ConnectorKubernetes: w.open},
	}))
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the controllers ended: %v", err)
		}
	})
}

func (w *world) open(_ context.Context, app *v1alpha1.ScimApplication, _ map[string][]byte) (connector.Connector, error) {
	return w.memory(app.Name), nil
}

// memory is what stands behind an application. It outlives the controllers.
func (w *world) memory(app string) *connectortest.Memory {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.apps[app] == nil {
		w.apps[app] = connectortest.NewMemory("admin", "editor", "viewer")
	}
	return w.apps[app]
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name}
}

func (w *world) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.namespace, Name: name}
}

// make creates objects.
func (w *world) make(objects ...client.Object) {
	w.Helper()
	for _, o := range objects {
		w.must(w.Create(w.Context(), o))
	}
}

// app is a ScimApplication of the directory, changed by some.
func (w *world) app(name string, some ...func(*v1alpha1.ScimApplicationSpec)) *v1alpha1.ScimApplication {
	role := func(name v1alpha1.RoleName) v1alpha1.KubernetesRole {
		return v1alpha1.KubernetesRole{Name: name, RoleRef: v1alpha1.KubernetesRoleRef{Kind: "ClusterRole", Name: "any"}}
	}
	app := &v1alpha1.ScimApplication{ObjectMeta: w.meta(name), Spec: v1alpha1.ScimApplicationSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"},
		Connector: v1alpha1.Connector{
			Type: v1alpha1.ConnectorKubernetes, Kubernetes: &v1alpha1.KubernetesConnector{Roles: []v1alpha1.KubernetesRole{role("admin"), role("editor"), role("viewer")}},
		},
	}}
	for _, change := range some {
		change(&app.Spec)
	}
	return app
}

// grant gives roles of an application to everyone; change it for others.
func (w *world) grant(name, app string, roles ...v1alpha1.RoleName) *v1alpha1.ScimGrant {
	return &v1alpha1.ScimGrant{ObjectMeta: w.meta(name), Spec: v1alpha1.ScimGrantSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: app}, Roles: roles, Subjects: []v1alpha1.Subject{{Kind: v1alpha1.SubjectEveryone}},
	}}
}

// user is an active user whose SCIM id, userName and externalId are made of name.
func (w *world) user(name string) *v1alpha1.ScimUser {
	return &v1alpha1.ScimUser{ObjectMeta: w.meta(name), Spec: v1alpha1.ScimUserSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, UserName: name + "@acme.test", ExternalID: "ext-" + name, State: v1alpha1.StateActive,
	}}
}

// change reads an object, changes it and writes it, again when somebody else was faster.
func change[T client.Object](w *world, o T, how func(T)) {
	w.Helper()
	w.eventually("change an object", func() bool {
		w.must(w.Get(w.Context(), client.ObjectKeyFromObject(o), o))
		how(o)
		return w.Update(w.Context(), o) == nil
	})
}

// account reads the ScimAccount of a user in an application, nil if there is none.
func (w *world) account(app, user string) *v1alpha1.ScimAccount {
	w.Helper()
	var account v1alpha1.ScimAccount
	err := w.Get(w.Context(), w.key(app+"-"+user), &account)
	if client.IgnoreNotFound(err) != nil {
		w.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return &account
}

// accounts reads all ScimAccounts.
func (w *world) accounts() []v1alpha1.ScimAccount {
	w.Helper()
	var list v1alpha1.ScimAccountList
	w.must(w.List(w.Context(), &list, client.InNamespace(w.namespace)))
	return list.Items
}

// eventually waits until something is so.
func (w *world) eventually(what string, is func() bool) {
	w.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !is() {
		select {
		case <-deadline.C:
			w.Fatalf("not within %s: %s", patience, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
