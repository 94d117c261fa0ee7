// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	applyv1alpha1 "github.com/scim-operator/scim-operator/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
	"github.com/scim-operator/scim-operator/controllers/membership"
)

const namespace = "ns"

// cluster is an API server and a cache of it that may lag behind. It is the client of a controller: it reads from the cache and writes
// to the API server.
type cluster struct {
	client.Client // the API server
	t             *testing.T
	cache         client.Client
	r             *Reconciler
	// applied counts the ScimAccounts that were written.
	applied int
	// broken is what writes and lists of the API server fail with.
	brokenWrites, brokenLists error
}

// indexed adds the indexes of a cache to a fake client.
type indexed struct{ *fake.ClientBuilder }

// IndexField implements client.FieldIndexer.
func (i indexed) IndexField(_ context.Context, o client.Object, field string, values client.IndexerFunc) error {
	i.WithIndex(o, field, values)
	return nil
}

// begin has the same objects in the API server and in the cache.
func begin(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	c := &cluster{t: t}
	c.Client = c.builder().WithInterceptorFuncs(interceptor.Funcs{Apply: c.apply, List: c.list}).Build()
	for _, o := range objects {
		o.SetNamespace(namespace)
		o.SetUID(types.UID(o.GetName()))
		c.must(c.Create(t.Context(), o.DeepCopyObject().(client.Object)))
	}
	c.r = &Reconciler{
		Client: cached{c}, Live: c.Client, Programs: &expression.Cache{}, Ledger: &guard.Ledger{}, Clock: clocktesting.NewFakePassiveClock(noon()),
	}
	c.sync()
	return c
}

func (c *cluster) builder() *fake.ClientBuilder {
	scheme := runtime.NewScheme()
	c.must(v1alpha1.AddToScheme(scheme))
	b := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&user{}, &account{})
	c.must(index.Register(c.t.Context(), indexed{b}))
	c.must(membership.Register(c.t.Context(), indexed{b}))
	return b
}

// apply does what an API server does besides: it names new objects and counts generations.
func (c *cluster) apply(ctx context.Context, api client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	if c.applied++; c.brokenWrites != nil {
		return c.brokenWrites
	}
	if err := api.Apply(ctx, o, opts...); err != nil {
		return err
	}
	written := &account{}
	c.must(api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: *o.(*applyv1alpha1.ScimAccountApplyConfiguration).GetName()}, written))
	if written.UID == "" {
		written.UID = types.UID(written.Name)
	}
	written.Generation++
	return api.Update(ctx, written)
}

func (c *cluster) list(ctx context.Context, api client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
	if c.brokenLists != nil {
		return c.brokenLists
	}
	return api.List(ctx, list, opts...)
}

// sync lets the cache catch up.
func (c *cluster) sync() {
	c.t.Helper()
	b := c.builder()
	for _, list := range []client.ObjectList{
		&v1alpha1.ScimUserList{}, &v1alpha1.ScimGroupList{}, &v1alpha1.ScimMemberSliceList{}, &v1alpha1.ScimGrantList{},
		&v1alpha1.ScimApplicationList{}, &v1alpha1.ScimAccountList{}, &v1alpha1.ScimDirectoryList{},
	} {
		c.must(c.List(c.t.Context(), list))
		b.WithLists(list)
	}
	c.cache = b.Build()
}

// cached is the client of a controller.
type cached struct{ *cluster }

// Get implements client.Reader.
func (c cached) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	return c.cache.Get(ctx, key, o, opts...)
}

// List implements client.Reader.
func (c cached) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	return c.cache.List(ctx, list, opts...)
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// reconcile decides about a user, once.
func (c *cluster) reconcile(user string) (reconcile.Result, error) {
	return c.r.Reconcile(c.t.Context(), requestFor(user))
}

func requestFor(user string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: user}}
}

// settle reconciles a user until there is nothing to write, with a cache that keeps up.
func (c *cluster) settle(user string) {
	c.t.Helper()
	for before := -1; before != c.applied; c.sync() {
		before = c.applied
		_, err := c.reconcile(user)
		c.must(err)
	}
}

// edit changes an object in the API server.
func edit[T client.Object](c *cluster, o T, how func(T)) {
	c.t.Helper()
	o.SetNamespace(namespace)
	c.must(c.Get(c.t.Context(), client.ObjectKeyFromObject(o), o))
	how(o)
	c.must(c.Update(c.t.Context(), o))
}

// spec reads a ScimAccount from the API server, nil if there is none.
func (c *cluster) spec(name string) *spec {
	c.t.Helper()
	a := &account{}
	err := c.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, a)
	c.must(client.IgnoreNotFound(err))
	if err != nil {
		return nil
	}
	return &a.Spec
}

func makeSlice(group string, users ...string) *v1alpha1.ScimMemberSlice {
	return &v1alpha1.ScimMemberSlice{ObjectMeta: metav1.ObjectMeta{Name: group}, Spec: v1alpha1.ScimMemberSliceSpec{GroupRef: ref(group), Users: users}}
}

func directory() *v1alpha1.ScimDirectory {
	return &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Name: "dir"}}
}

// TestStaleCacheNeverGives: what the cache says is not enough to get an account.
func TestStaleCacheNeverGives(t *testing.T) {
	ops := makeGrant("ops", in(v1alpha1.GroupSubject{DisplayName: "ops"}), "a")
	otherwise := makeGrant("otherwise", everyoneElse(), "c")
	boss := makeGrant("boss", whoever(`user.title == "boss"`), "b")
	for reason, tc := range map[string]struct {
		now   func(c *cluster) // what the API server says
		roles []role           // nil: no account
		// otherwise says that there is a grant for everyone else.
		otherwise bool
	}{
		"all is so":              {func(*cluster) {}, []role{"a"}, false},
		"not a member any more":  {func(c *cluster) { edit(c, makeSlice("g1"), func(s *v1alpha1.ScimMemberSlice) { s.Spec.Users = nil }) }, nil, false},
		"the group has left":     {func(c *cluster) { c.must(c.Delete(c.t.Context(), placed(makeGroup("g1", "", "")))) }, nil, false},
		"the group was renamed":  {func(c *cluster) { edit(c, makeGroup("g1", "", ""), func(g *group) { g.Spec.DisplayName = "Dev" }) }, nil, false},
		"the grant was deleted":  {func(c *cluster) { c.must(c.Delete(c.t.Context(), placed(ops.DeepCopy()))) }, nil, false},
		"the grant is narrower":  {func(c *cluster) { edit(c, ops.DeepCopy(), func(g *grant) { g.Spec.Subjects = []subject{only("bob")} }) }, nil, false},
		"the grant gives less":   {func(c *cluster) { edit(c, ops.DeepCopy(), func(g *grant) { g.Spec.Roles = nil }) }, []role{}, false},
		"the user was suspended": {func(c *cluster) { edit(c, makeUser(), deactivated) }, nil, false},
		"the user was deleted":   {func(c *cluster) { c.must(c.Delete(c.t.Context(), placed(makeUser()))) }, nil, false},
		"the user was locked":    {func(c *cluster) { edit(c, makeUser(), lockedBy) }, nil, false},
		"the user is another one now, for whom a grant is that was deleted": {func(c *cluster) {
			edit(c, makeUser(), attributes(`{"title":"boss"}`))
			c.must(c.Delete(c.t.Context(), placed(boss.DeepCopy())))
		}, []role{"a"}, false},
		"no grant gives, so one would for everyone else that was deleted too": {func(c *cluster) {
			for _, g := range []*grant{ops, otherwise} {
				c.must(c.Delete(c.t.Context(), placed(g.DeepCopy())))
			}
		}, nil, true},
		"no grant gives, so one does for everyone else": {func(c *cluster) { c.must(c.Delete(c.t.Context(), placed(ops.DeepCopy()))) }, []role{"c"}, true},
	} {
		t.Run(reason, func(t *testing.T) {
			c := begin(t, directory(), makeApp(), makeUser(), makeGroup("g1", "Ops", ""), makeSlice("g1", "id"), ops.DeepCopy(), boss.DeepCopy())
			if tc.otherwise {
				c.must(c.Create(t.Context(), placed(otherwise.DeepCopy())))
				c.sync()
			}
			tc.now(c)
			_, err := c.reconcile("id")
			c.must(err)
			got := c.spec("app-id")
			if usable := got != nil && got.State == active; usable != (tc.roles != nil) {
				t.Fatalf("it has %+v", got)
			}
			if tc.roles != nil && !slices.Equal(got.Roles, tc.roles) {
				t.Errorf("it has the roles %v, want %v", got.Roles, tc.roles)
			}
		})
	}
}

// placed is o in the namespace.
func placed[T client.Object](o T) T {
	o.SetNamespace(namespace)
	return o
}

// TestStaleCacheNeverEnds: a user whom the cache does not have is not gone, and neither is an application.
func TestStaleCacheNeverEnds(t *testing.T) {
	for reason, tc := range map[string]struct {
		missing client.Object
		gone    bool // from the API server too
		want    func(*account) bool
	}{
		"the cache lacks the user":        {makeUser(), false, func(a *account) bool { return a != nil && a.Spec.State == active }},
		"the user is gone":                {makeUser(), true, func(a *account) bool { return a != nil && a.Spec.Reason == v1alpha1.StateUserDeleted }},
		"the cache lacks the application": {makeApp(), false, func(a *account) bool { return a != nil && a.Spec.State == active }},
		"the application is gone":         {makeApp(), true, func(a *account) bool { return a == nil }},
	} {
		t.Run(reason, func(t *testing.T) {
			c := begin(t, directory(), makeApp(), makeUser(), makeGrant("g", everyone(), "a"), of())
			c.must(c.cache.Delete(t.Context(), placed(tc.missing)))
			if tc.gone {
				c.must(c.Delete(t.Context(), tc.missing))
			}
			if _, err := c.reconcile("id"); (err == nil) != tc.gone {
				t.Errorf("error %v: it is to be tried again exactly when the cache is behind", err)
			}
			got := &account{}
			if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "app-id"}, got); apierrors.IsNotFound(err) {
				got = nil
			}
			if !tc.want(got) {
				t.Errorf("the account is %+v", got)
			}
		})
	}
}

// TestHeldIsWrittenOnce: a change that is held costs one write, and is not lost.
func TestHeldIsWrittenOnce(t *testing.T) {
	app := makeApp()
	app.Spec.RemovalGuard = v1alpha1.RemovalGuard{Reversible: v1alpha1.RemovalLimit{Count: 1}}
	eve := makeUser(func(u *user) { u.Name, u.Spec.ExternalID = "eve", "" })
	c := begin(t, directory(), app, makeUser(), eve, makeGrant("g", everyone(), "a"))
	c.settle("id")
	c.settle("eve")
	for _, u := range []*user{makeUser(), eve.DeepCopy()} {
		edit(c, u, deactivated)
	}
	c.sync()
	c.settle("id")
	c.settle("eve")
	if got := c.spec("app-eve"); got.Held == nil || got.State != active || c.spec("app-id").State != suspended {
		t.Fatalf("one goes and one is held: %+v", got)
	}
	before := c.applied
	for range 3 {
		_, err := c.reconcile("eve")
		c.must(err)
	}
	if c.applied != before {
		t.Errorf("it was written %d times again", c.applied-before)
	}
	u := &user{}
	c.must(c.Get(t.Context(), client.ObjectKeyFromObject(placed(eve)), u))
	if u.Status.Accounts.Held != 1 {
		t.Errorf("status %+v", u.Status)
	}
}

// TestContested: an account that another user may be after is written only as it was read.
func TestContested(t *testing.T) {
	old := of(func(a *account) { a.Name, a.Spec.UserRef = "app-old", ref("old") })
	tombstone := changed(of(is(deleted, v1alpha1.StateUserDeleted), withRoles(), noGrants), func(a *account) {
		a.Name, a.Spec.UserRef, a.Status.State = "app-old", ref("old"), deleted
		status.Ready(v1alpha1.ReasonInSync, "").Set(&a.Status.Conditions, 0)
	})
	for reason, tc := range map[string]struct {
		before *account
		who    string
	}{
		"the former user does not take it back": {old, "old"},
		"the former user does not delete it":    {tombstone, "old"},
		"two do not both take it over":          {old, "id"},
	} {
		t.Run(reason, func(t *testing.T) {
			c := begin(t, directory(), makeApp(), makeUser(), makeGrant("g", everyone(), "a"), tc.before.DeepCopy())
			edit(c, tc.before.DeepCopy(), func(a *account) { a.Spec = of(func(a *account) { a.Spec.UserRef = ref("next") }).Spec })
			if _, err := c.reconcile(tc.who); !apierrors.IsConflict(err) {
				t.Errorf("error %v, want a conflict", err)
			}
			if got := c.spec("app-old"); got == nil || got.UserRef.Name != "next" || got.State != active {
				t.Errorf("it is %+v", got)
			}
		})
	}
}

// TestUncounted: while nobody can say how many have lost access already, nothing is given or taken, but by the kill switch.
func TestUncounted(t *testing.T) {
	c := begin(t, directory(), makeApp(), makeUser(), makeGrant("g", everyone(), "a"))
	c.brokenLists = errors.New("no list")
	for range 2 {
		if _, err := c.reconcile("id"); !errors.Is(err, c.brokenLists) || c.applied != 0 {
			t.Fatalf("%v, with %d writes", err, c.applied)
		}
	}
	c.brokenLists = nil
	c.settle("id")
	if c.applied != 1 || c.spec("app-id").State != active {
		t.Fatalf("%d writes", c.applied)
	}
	c.r.Ledger, c.brokenLists = &guard.Ledger{}, errors.New("no list")
	edit(c, makeUser(), lockedBy)
	broken := c.brokenLists
	c.brokenLists = nil
	c.sync()
	c.brokenLists = broken
	if _, err := c.reconcile("id"); !errors.Is(err, broken) || c.spec("app-id").Reason != v1alpha1.StateLocked {
		t.Errorf("%v, and the account is %+v", err, c.spec("app-id"))
	}
}

// TestTombstoneOfAnApplicationThatIsAway: when its time is over it waits for the application, and not for time.
func TestTombstoneOfAnApplicationThatIsAway(t *testing.T) {
	dead := of(is(deleted, v1alpha1.StateUserDeleted), withRoles(), noGrants, func(a *account) { a.Spec.DeletedAt = &metav1.MicroTime{Time: noon().Add(-2 * time.Hour)} })
	young := of(is(deleted, v1alpha1.StateUserDeleted), withRoles(), noGrants, func(a *account) { a.Spec.DeletedAt = &metav1.MicroTime{Time: noon().Add(-time.Minute)} })
	for reason, tc := range map[string]struct {
		account *account
		want    time.Duration
	}{"its time is over": {dead, 0}, "it still counts": {young, 59 * time.Minute}} {
		c := begin(t, directory(), makeApp(), tc.account)
		if result, err := c.reconcile("id"); err != nil || result.RequeueAfter != tc.want {
			t.Errorf("%s: again after %s, want %s (%v)", reason, result.RequeueAfter, tc.want, err)
		}
	}
}

// TestLapsedCreation: what an account would have taken that could not be made is free once it is not wanted any more.
func TestLapsedCreation(t *testing.T) {
	app := makeApp()
	app.Spec.Invariants = []v1alpha1.Invariant{{Name: "one", Expression: `active['a'] <= 1`}}
	eve := makeUser(func(u *user) { u.Name, u.Spec.ExternalID = "eve", "" })
	c := begin(t, directory(), app, makeUser(), eve, makeGrant("g", everyone(), "a"))
	c.brokenWrites = errors.New("no write")
	if _, err := c.reconcile("id"); !errors.Is(err, c.brokenWrites) {
		t.Fatal(err)
	}
	c.brokenWrites = nil
	if _, err := c.reconcile("eve"); err != nil || c.spec("app-eve").Held == nil {
		t.Fatalf("the place is not taken by who may have it already: %+v (%v)", c.spec("app-eve"), err)
	}
	c.must(c.Delete(t.Context(), placed(makeUser())))
	c.sync()
	c.settle("id")
	c.settle("eve")
	if got := c.spec("app-eve"); got.Held != nil || got.State != active {
		t.Errorf("the place is still taken: %+v", got)
	}
}

// TestCauses: the request that woke a user is on what it changed, also when the first attempt fails, and on nothing that comes later.
func TestCauses(t *testing.T) {
	c := begin(t, directory(), makeApp(), makeUser(func(u *user) { u.Annotations = map[string]string{v1alpha1.AnnotationRequestID: "own"} }), makeGrant("g", everyone(), "a"))
	slice := makeSlice("g1")
	slice.Annotations = map[string]string{v1alpha1.AnnotationRequestID: "group"}
	cause := func() string {
		a := &account{}
		c.must(c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "app-id"}, a))
		return a.Annotations[v1alpha1.AnnotationRequestID]
	}
	c.r.because(slice, []reconcile.Request{requestFor("id")})
	c.brokenWrites = errors.New("no write")
	if _, err := c.reconcile("id"); err == nil {
		t.Fatal("there was a write")
	}
	c.brokenWrites = nil
	c.settle("id")
	if got := cause(); got != "group" {
		t.Errorf("because of %q", got)
	}
	c.r.because(slice, []reconcile.Request{requestFor("id")})
	c.settle("id") // nothing to do
	edit(c, makeUser(), deactivated)
	c.sync()
	c.settle("id")
	if got := cause(); got != "own" || len(c.r.causes.known) != 0 {
		t.Errorf("because of %q, and %d are remembered", got, len(c.r.causes.known))
	}
}
