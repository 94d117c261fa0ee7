// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// remoteUser is who scim-controller is in the other cluster.
const remoteUser = "scim-operator"

// TestAnotherCluster gives and takes access in a cluster that a kubeconfig Secret leads to, with exactly the documented rights
// there. A credential without the label is not used; when it is mended nobody has to restart anything; and when Secret and
// application go together nothing stays behind in our cluster.
func TestAnotherCluster(t *testing.T) {
	s := ownStack(t, stack.Options{ControllerArgs: []string{"--allow-egress=127.0.0.1/32", "--leader-elect=false"}})
	remote, kubeconfig := remoteCluster(t, s)
	tn := newTenant(t, s)
	secret := &corev1.Secret{ObjectMeta: tn.meta("remote"), Data: map[string][]byte{"kubeconfig": kubeconfig}}
	app := tn.application()
	app.Name = "remote"
	app.Spec.Connector.Kubernetes.KubeconfigSecretRef = &v1alpha1.LocalReference{Name: secret.Name}
	app.Spec.Connector.Kubernetes.Roles[0].Namespaces = nil // cluster-wide
	tn.mustCreate(t, secret, app, &v1alpha1.ScimGrant{ObjectMeta: tn.meta("remote"), Spec: v1alpha1.ScimGrantSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: app.Name}, Roles: []v1alpha1.RoleName{roleName},
		Subjects: []v1alpha1.Subject{{Kind: v1alpha1.SubjectUser, UserName: "ada@acme.test"}},
	}})
	tn.waitReason(t, app, v1alpha1.ReasonInvalid)
	secret.Labels = map[string]string{v1alpha1.LabelCredential: "true"}
	if err := tn.Client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	tn.waitReason(t, app, v1alpha1.ReasonConnected)

	ada := tn.create(t, "ada@acme.test")
	tn.create(t, "grace@acme.test")
	waitClusterBound(t, remote, "ada@acme.test")
	answer, err := tn.idp[0].Patch(t.Context(), ada, idp.EntraPatch("active", false))
	expect(t, http.StatusOK, answer, err)
	waitClusterBound(t, remote)
	answer, err = tn.idp[0].Patch(t.Context(), ada, idp.EntraPatch("active", true))
	expect(t, http.StatusOK, answer, err)
	waitClusterBound(t, remote, "ada@acme.test")
	tn.mustDelete(t, app)
	waitClusterBound(t, remote)
	tn.waitGone(t, app)
}

// remoteCluster is another cluster, and a kubeconfig of somebody who may there what the documentation asks for.
func remoteCluster(t *testing.T, s *stack.Stack) (client.Client, []byte) {
	t.Helper()
	c := cluster.ForTest(t, cluster.Options{})
	admin, err := client.New(c.AdminConfig(0), client.Options{Scheme: s.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	meta := metav1.ObjectMeta{Name: remoteUser}
	for _, o := range []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"rolebindings"}, Verbs: []string{"list"}},
			{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterrolebindings"}, Verbs: []string{"get", "list", "create", "delete"}},
			{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterroles"}, ResourceNames: []string{"view"}, Verbs: []string{"bind"}},
		}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: remoteUser},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: remoteUser}},
		},
	} {
		if err := admin.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	config, err := c.UserConfig(remoteUser, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := cluster.WriteKubeconfig(path, config); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return admin, kubeconfig
}

// waitClusterBound waits until the ClusterRoleBindings of ours in another cluster are for exactly those users.
func waitClusterBound(t *testing.T, remote client.Client, users ...string) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		var bindings rbacv1.ClusterRoleBindingList
		if err := remote.List(ctx, &bindings, client.MatchingLabels{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy}); err != nil {
			return err
		}
		var bound []string
		for _, b := range bindings.Items {
			bound = append(bound, b.Subjects[0].Name)
		}
		if fmt.Sprint(bound) != fmt.Sprint(users) {
			return fmt.Errorf("bound there: %v, want %v", bound, users)
		}
		return nil
	})
}

func (tn *tenant) waitReason(t *testing.T, app *v1alpha1.ScimApplication, want string) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		if err := tn.Client.Get(ctx, client.ObjectKeyFromObject(app), app); err != nil {
			return err
		}
		for _, c := range app.Status.Conditions {
			if c.Type == v1alpha1.ConditionReady && c.Reason == want {
				return nil
			}
		}
		return fmt.Errorf("conditions of the application: %+v, want the reason %s", app.Status.Conditions, want)
	})
}

func (tn *tenant) waitGone(t *testing.T, o client.Object) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		err := tn.Client.Get(ctx, client.ObjectKeyFromObject(o), o)
		if err == nil {
			return fmt.Errorf("%s is still there, with the finalizers %v", o.GetName(), o.GetFinalizers())
		}
		return client.IgnoreNotFound(err)
	})
}
