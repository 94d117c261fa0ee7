// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/gate"
)

// bench is a reconciler between a fake API server and an application in memory.
type bench struct {
	*Reconciler
	memory *connectortest.Memory
	open   error // what Connect returns
	writes int   // to the API server
}

func newBench(t testing.TB, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	b := &bench{memory: connectortest.NewMemory("viewer", "editor", "admin")}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.ScimAccount{}, &v1alpha1.ScimApplication{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				b.writes++
				return c.Patch(ctx, o, p, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				b.writes++
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		}).Build()
	b.Reconciler = &Reconciler{
		Client: c, Live: c, Resync: time.Hour, Gates: &gate.Gates{Clock: clocktesting.NewFakeClock(time.Unix(1e9, 0))}, Recorder: events.NewFakeRecorder(100),
		Connect: func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
			return b.memory, func() {}, b.open
		},
	}
	return b
}

func metadata(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "ns", Name: name, Generation: 1}
}

func application() *v1alpha1.ScimApplication {
	return &v1alpha1.ScimApplication{ObjectMeta: metadata("app")}
}

func person(state v1alpha1.State) *v1alpha1.ScimUser {
	return &v1alpha1.ScimUser{ObjectMeta: metadata("id"), Spec: v1alpha1.ScimUserSpec{UserName: "ann", State: state}}
}

func account(state v1alpha1.AccountState, roles ...v1alpha1.RoleName) *v1alpha1.ScimAccount {
	a := &v1alpha1.ScimAccount{ObjectMeta: metadata("app-id"), Spec: v1alpha1.ScimAccountSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: "app"}, UserRef: v1alpha1.LocalReference{Name: "id"}, UserName: "ann", State: state, Roles: roles,
	}}
	a.Finalizers = []string{v1alpha1.FinalizerAccount}
	return a
}

// shallBe changes the account as assignment does: the fake API server moves no generation.
func (b *bench) shallBe(t *testing.T, change func(*v1alpha1.ScimAccount)) {
	t.Helper()
	a := b.current(t)
	change(a)
	a.Generation++
	if err := b.Client.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// configure changes the application as people do.
func (b *bench) configure(t *testing.T, change func(*v1alpha1.ScimApplication)) {
	t.Helper()
	app := &v1alpha1.ScimApplication{}
	if err := b.Client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "app"}, app); err != nil {
		t.Fatal(err)
	}
	change(app)
	app.Generation++
	if err := b.Client.Update(t.Context(), app); err != nil {
		t.Fatal(err)
	}
}

// events returns what was told since the last time.
func (b *bench) events() (told []string) {
	for recorded := b.Recorder.(*events.FakeRecorder).Events; ; {
		select {
		case event := <-recorded:
			told = append(told, event)
		default:
			return told
		}
	}
}

// mended ends every fault, and tells the gate as the probe of the application does.
func (b *bench) mended() {
	b.memory.Fail(nil)
	b.memory.Before(nil)
	b.Gates.Open(client.ObjectKey{Namespace: "ns", Name: "app"})
}

// round reconciles the account once, as it now is.
func (b *bench) round(t *testing.T) (reconcile.Result, error) {
	t.Helper()
	a := b.current(t)
	if a == nil {
		t.Fatal("the account is gone")
	}
	return b.Reconcile(t.Context(), a)
}

func (b *bench) current(t *testing.T) *v1alpha1.ScimAccount {
	t.Helper()
	a := &v1alpha1.ScimAccount{}
	err := b.Client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "app-id"}, a)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) reason(t *testing.T) string {
	t.Helper()
	for _, c := range b.current(t).Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason
		}
	}
	return ""
}
