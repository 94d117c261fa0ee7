// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// plane is one etcd with two API servers, for all tests of the package.
var plane *cluster.Cluster

func TestMain(m *testing.M) {
	os.Exit(func() int {
		c, err := cluster.Start(context.Background(), cluster.Options{APIServers: 2})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer c.Stop() //nolint:errcheck // the processes die with us anyway
		if err := c.InstallCRDs(context.Background(), "../../config/crd"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		plane = c
		ctrllog.SetLogger(logr.Discard())
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		if informers, err = startInformers(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// informers are caches of everything, one for each API server.
var informers [2]cache.Cache

func startInformers(ctx context.Context) (caches [2]cache.Cache, err error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return caches, err
	}
	for i := range caches {
		if caches[i], err = cache.New(plane.AdminConfig(i), cache.Options{Scheme: scheme}); err != nil {
			return caches, err
		}
		go func() { _ = caches[i].Start(ctx) }()
	}
	return caches, nil
}

// leaving are informers whose handlers are removed when a test ends.
type leaving struct {
	cache.Informers
	t testing.TB
}

func (l leaving) GetInformer(ctx context.Context, o client.Object, opts ...cache.InformerGetOption) (cache.Informer, error) {
	informer, err := l.Informers.GetInformer(ctx, o, opts...)
	return leavingInformer{informer, l.t}, err
}

type leavingInformer struct {
	cache.Informer
	t testing.TB
}

func (l leavingInformer) AddEventHandler(h toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	registration, err := l.Informer.AddEventHandler(h)
	l.t.Cleanup(func() { _ = l.RemoveEventHandler(registration) })
	return registration, err
}

// modelOf returns a model as a process has it that talks to that API server.
func modelOf(t testing.TB, server int) *Model {
	t.Helper()
	m, err := NewModel(t.Context(), leaving{informers[server], t})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the model is synced", m.Synced)
	return m
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// admin returns a client of one of the two API servers.
func admin(t testing.TB, server int) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c, err := client.NewWithWatch(plane.AdminConfig(server), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// uncached answers the queries that a cache with our indexes answers, by selectable fields.
type uncached struct{ client.Client }

func (u uncached) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	o.UnsafeDisableDeepCopy = nil
	if member, asked := requirement(o.FieldSelector, indexMember); asked {
		return u.withMember(ctx, list, o.Namespace, member)
	}
	if name, asked := requirement(o.FieldSelector, indexProtected); asked {
		return u.protected(ctx, list, o.Namespace, name)
	}
	if o.FieldSelector == nil {
		o.FieldSelector = fields.Everything()
	}
	return u.Client.List(ctx, list, &o)
}

func requirement(selector fields.Selector, field string) (string, bool) {
	if selector == nil {
		return "", false
	}
	return selector.RequiresExactMatch(field)
}

// withMember lists the slices of a member, as the index of a cache does.
func (u uncached) withMember(ctx context.Context, list client.ObjectList, namespace, member string) error {
	slicesOf := list.(*v1alpha1.ScimMemberSliceList)
	var all v1alpha1.ScimMemberSliceList
	if err := u.Client.List(ctx, &all, client.InNamespace(namespace)); err != nil {
		return err
	}
	for _, s := range all.Items {
		if slices.Contains(membersOf(&s), member) {
			slicesOf.Items = append(slicesOf.Items, s)
		}
	}
	return nil
}

// protected lists the protected users of a directory, as the index of a cache does.
func (u uncached) protected(ctx context.Context, list client.ObjectList, namespace, directory string) error {
	users := list.(*v1alpha1.ScimUserList)
	if err := u.Client.List(ctx, users, client.InNamespace(namespace)); err != nil {
		return err
	}
	users.Items = slices.DeleteFunc(users.Items, func(user v1alpha1.ScimUser) bool { return !slices.Contains(protectedIn(&user), directory) })
	return nil
}

// newUsers returns a store as another process has it: with a model of its own.
func newUsers(t testing.TB, live client.Client, cached client.Client) *Store {
	t.Helper()
	s := newStore(userKind(), live, uncached{cached}, modelOf(t, 0))
	s.log = slog.New(slog.DiscardHandler)
	return s
}

func newGroups(t testing.TB, live client.Client, cached client.Client) *Groups {
	t.Helper()
	g := NewGroups(live, uncached{cached}, modelOf(t, 0))
	g.log = slog.New(slog.DiscardHandler)
	g.users.log = g.log
	return g
}

// inNamespace makes a namespace for the test and returns a directory in it.
func inNamespace(t testing.TB, c client.Client) Directory {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "directory-"}}
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	return Directory{Namespace: ns.Name, Name: "acme", BaseURL: "https://scim.example/scim/v2/" + ns.Name + "/acme"}
}

func named(userName string) scim.Resource { return scim.Resource{"userName": userName} }

func rename(to string) func(scim.Resource) (scim.Resource, error) {
	return func(r scim.Resource) (scim.Resource, error) {
		next := scim.Resource{}
		for k, v := range r {
			next[k] = v
		}
		next["userName"] = to
		return next, nil
	}
}

func statusOf(err error) int {
	var e *scim.Error
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &e):
		return e.Status
	default:
		return -1
	}
}

func wantStatus(t *testing.T, what string, err error, want int) {
	t.Helper()
	if got := statusOf(err); got != want {
		t.Fatalf("%s = %d (%v), want %d", what, got, err, want)
	}
}

// world is everything that is stored in a namespace.
type world struct {
	users map[string]v1alpha1.ScimUser
	names []v1alpha1.ScimName
}

func look(t *testing.T, c client.Client, namespace string) world {
	t.Helper()
	var users v1alpha1.ScimUserList
	var names v1alpha1.ScimNameList
	if err := errors.Join(c.List(t.Context(), &users, client.InNamespace(namespace)), c.List(t.Context(), &names, client.InNamespace(namespace))); err != nil {
		t.Fatal(err)
	}
	w := world{users: map[string]v1alpha1.ScimUser{}, names: names.Items}
	for _, u := range users.Items {
		w.users[u.Name] = u
	}
	return w
}

// check holds w against what must always be so: no two users of one canonical name, and each user holds its reservation.
func (w world) check(t *testing.T) {
	t.Helper()
	byName := map[string]string{}
	for id, u := range w.users {
		if u.Spec.DeletedAt != nil {
			continue // holds nothing
		}
		value, err := scim.CanonicalUserName(u.Spec.UserName)
		if err != nil {
			t.Errorf("user %s has a name that cannot be reserved: %v", id, err)
		}
		if other, twice := byName[value]; twice {
			t.Errorf("users %s and %s both have the name %q", id, other, value)
		}
		byName[value] = id
		if !w.reserved(value, id) {
			t.Errorf("user %s does not hold the reservation of its name %q", id, value)
		}
	}
}

func (w world) reserved(value, holder string) bool {
	for _, n := range w.names {
		if n.Spec.Value == value {
			return n.Spec.Holder == holder
		}
	}
	return false
}
