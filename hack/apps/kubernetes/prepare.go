// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// operator is who scim-controller is in the other cluster.
const operator = "scim-operator"

func (a *App) prepare(ctx context.Context) error {
	admin := a.cluster.AdminConfig(0)
	d, err := discovery.NewDiscoveryClientForConfig(admin)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	version, err := d.ServerVersion()
	if err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	a.title = "Kubernetes " + version.GitVersion
	if a.rbac, err = rbacv1client.NewForConfig(admin); err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	c, err := client.New(admin, client.Options{})
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	for _, o := range objects() {
		if err := c.Create(ctx, o); err != nil {
			return fmt.Errorf("prepare the other cluster: %w", err)
		}
	}
	a.kubeconfig, err = kubeconfigOf(a.cluster)
	return err
}

// objects are the namespace, its roles, and the rights that docs/connectors/kubernetes.md asks for.
func objects() []client.Object {
	bindings := []string{"rolebindings", "clusterrolebindings"}
	own := metav1.ObjectMeta{Namespace: namespace, Name: operator}
	subject := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: operator}}
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		role(viewer, rule("", "list", "pods")),
		role(deployer, rule("", "create", "configmaps")),
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: operator}, Rules: []rbacv1.PolicyRule{rule(rbacv1.GroupName, "list", bindings...)}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: operator}, Subjects: subject,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: operator},
		},
		&rbacv1.Role{ObjectMeta: own, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{rbacv1.GroupName}, Resources: bindings[:1], Verbs: []string{"get", "create", "delete"}},
			{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"roles"}, ResourceNames: []string{viewer, deployer}, Verbs: []string{"bind"}},
		}},
		&rbacv1.RoleBinding{ObjectMeta: own, Subjects: subject, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: operator}},
	}
}

func role(name string, r rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Rules: []rbacv1.PolicyRule{r}}
}

func rule(group, verb string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{verb}}
}

// kubeconfigOf is the credential of scim-controller.
func kubeconfigOf(c *cluster.Cluster) ([]byte, error) {
	config, err := c.UserConfig(operator, nil, 0)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "scim-operator-kubeconfig-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "kubeconfig")
	if err := cluster.WriteKubeconfig(path, config); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// attempt does what the role is for, without any effect.
func attempt(ctx context.Context, person *corev1client.CoreV1Client, role v1alpha1.RoleName) (bool, error) {
	var err error
	switch role {
	case viewer:
		_, err = person.Pods(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	case deployer:
		o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "attempt-"}}
		_, err = person.ConfigMaps(namespace).Create(ctx, o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	default:
		return false, fmt.Errorf("there is no role %q", role)
	}
	if apierrors.IsForbidden(err) {
		return false, nil
	}
	return err == nil, err
}
