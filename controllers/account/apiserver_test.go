// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/gate"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// TestAPIServer takes an adopted account through its life on a real API server, which checks every status, moves generations as it does,
// and holds what is being deleted.
func TestAPIServer(t *testing.T) {
	control := cluster.ForTest(t, cluster.Options{CRDDirs: []string{"../../config/crd"}})
	types := runtime.NewScheme()
	if err := scheme.AddToScheme(types); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(types); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(control.AdminConfig(0), client.Options{Scheme: types})
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, Client: c, memory: connectortest.NewMemory("viewer", "admin")}
	s.furnish()
	s.live()
}

// served is an account on a real API server.
type served struct {
	client.Client
	t         *testing.T
	memory    *connectortest.Memory
	namespace string
}

func (s *served) furnish() {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "account-"}}
	s.create(namespace)
	s.namespace = namespace.Name
	s.create(&v1alpha1.ScimUser{ObjectMeta: s.metadata("id"), Spec: v1alpha1.ScimUserSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "dir"}, UserName: "ann", State: v1alpha1.StateActive,
	}})
	s.create(&v1alpha1.ScimApplication{ObjectMeta: s.metadata("app"), Spec: v1alpha1.ScimApplicationSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "dir"},
		Connector: v1alpha1.Connector{Type: "Kubernetes", Kubernetes: &v1alpha1.KubernetesConnector{Roles: []v1alpha1.KubernetesRole{
			{Name: "viewer", RoleRef: v1alpha1.KubernetesRoleRef{Kind: "ClusterRole", Name: "view"}},
		}}},
		Adoption: v1alpha1.Adoption{Policy: v1alpha1.AdoptionByKey, Key: v1alpha1.AdoptionKeyEmail, PrivilegedRoles: []v1alpha1.RoleName{"admin"}},
	}})
	acct := account(v1alpha1.AccountActive, "viewer")
	acct.ObjectMeta = s.metadata("app-id")
	acct.Finalizers = []string{v1alpha1.FinalizerAccount}
	acct.Spec.Email, acct.Spec.Reason = "ann@example.com", v1alpha1.StateGranted
	acct.Spec.Grants = []v1alpha1.AccountGrant{{Name: "everyone", Roles: []v1alpha1.RoleName{"viewer"}}}
	s.create(acct)
	s.memory.Put(legacy("1", connector.Active, "admin"))
}

func (s *served) metadata(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

func (s *served) create(o client.Object) {
	s.t.Helper()
	if err := s.Create(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
}

// live goes through pending adoption, adoption, change, suspension and deletion.
func (s *served) live() {
	digest := s.round(v1alpha1.ReasonAdoptionPending).Status.Adoption.Digest
	s.change(func(a *v1alpha1.ScimAccount) { a.Annotations = map[string]string{v1alpha1.AnnotationApprove: digest} })
	adopted := s.round(v1alpha1.ReasonInSync)
	if adopted.Status.Adoption.Generation != adopted.Generation || adopted.Status.Roles[0] != "admin" {
		s.t.Errorf("adopted: %+v", adopted.Status)
	}
	s.change(func(a *v1alpha1.ScimAccount) { a.Spec.DisplayName = "Ann" })
	if got := s.round(v1alpha1.ReasonInSync).Status; got.Roles[0] != "viewer" || got.Sources[0].Grants[0] != "everyone" || s.memory.Get("ann") == nil {
		s.t.Errorf("after a change: %+v", got)
	}
	s.change(func(a *v1alpha1.ScimAccount) {
		a.Spec.State, a.Spec.Reason = v1alpha1.AccountSuspended, v1alpha1.StateDeactivated
	})
	if got := s.round(v1alpha1.ReasonInSync).Status; got.Revocation == nil || got.State != v1alpha1.AccountSuspended || got.Reason != v1alpha1.StateDeactivated {
		s.t.Errorf("suspended: %+v", got)
	}
	if err := s.Delete(s.t.Context(), s.get()); err != nil {
		s.t.Fatal(err)
	}
	s.round(v1alpha1.ReasonDeleting)
	s.change(func(a *v1alpha1.ScimAccount) { a.Spec.State = v1alpha1.AccountDeleted })
	if left := s.round(""); left != nil || len(s.memory.Accounts()) != 0 {
		s.t.Errorf("left %+v and %v", left, s.memory.Accounts())
	}
}

func (s *served) get() *v1alpha1.ScimAccount {
	s.t.Helper()
	a := &v1alpha1.ScimAccount{}
	err := s.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "app-id"}, a)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *served) change(change func(*v1alpha1.ScimAccount)) {
	s.t.Helper()
	a := s.get()
	change(a)
	if err := s.Update(s.t.Context(), a); err != nil {
		s.t.Fatal(err)
	}
}

// round reconciles with a new reconciler, as after a restart, twice: the second time nothing is written.
func (s *served) round(reason string) *v1alpha1.ScimAccount {
	s.t.Helper()
	r := &Reconciler{
		Client: s.Client, Live: s.Client, Resync: time.Hour, Recorder: silent{}, Gates: &gate.Gates{},
		Connect: func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
			return s.memory, func() {}, nil
		},
	}
	var versions []string
	for range 2 {
		a := s.get()
		if _, err := r.Reconcile(s.t.Context(), a); err != nil {
			s.t.Fatal(err)
		}
		if a = s.get(); a == nil {
			return nil
		}
		versions = append(versions, a.ResourceVersion)
	}
	a := s.get()
	if got := conditionOf(a.Status.Conditions).Reason; got != reason || versions[0] != versions[1] {
		s.t.Fatalf("reason %s, want %s; versions %v, stalled %v", got, reason, versions, status.IsStalled(a.Status.Conditions, a.Generation))
	}
	return a
}
