// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const (
	// namespace is where the roles are bound.
	namespace = "shop"
	// viewer may look at Pods, deployer may create ConfigMaps.
	viewer, deployer = "viewer", "deployer"
	// secretName is where [apps.App] wants the credential to be.
	secretName = "application-credential"
)

// App is another cluster.
type App struct {
	cluster    *cluster.Cluster
	title      string
	kubeconfig []byte
	rbac       *rbacv1client.RbacV1Client

	mu sync.Mutex
	// people are those who have a certificate.
	people map[string]*corev1client.CoreV1Client
}

// Start starts a cluster and makes the namespace, the roles and the identity of scim-controller in it.
func Start(ctx context.Context, o apps.Options) (apps.App, error) {
	o.Say("start another control plane")
	c, err := cluster.Start(ctx, cluster.Options{})
	if err != nil {
		return nil, err
	}
	a := &App{cluster: c, people: map[string]*corev1client.CoreV1Client{}}
	if err := a.prepare(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return a, nil
}

// Title implements [apps.App].
func (a *App) Title() string { return a.title }

// Stop implements [apps.App].
func (a *App) Stop() error { return a.cluster.Stop() }

// Application implements [apps.App].
func (a *App) Application() v1alpha1.ScimApplicationSpec {
	role := func(name v1alpha1.RoleName) v1alpha1.KubernetesRole {
		return v1alpha1.KubernetesRole{
			Name: name, RoleRef: v1alpha1.KubernetesRoleRef{Kind: "Role", Name: string(name)}, Namespaces: []string{namespace},
		}
	}
	return v1alpha1.ScimApplicationSpec{Connector: v1alpha1.Connector{
		Type: v1alpha1.ConnectorKubernetes,
		Kubernetes: &v1alpha1.KubernetesConnector{
			KubeconfigSecretRef: &v1alpha1.LocalReference{Name: secretName},
			Roles:               []v1alpha1.KubernetesRole{role(viewer), role(deployer)},
		},
	}}
}

// Credential implements [apps.App]. A kubeconfig names its host itself.
func (a *App) Credential() (data map[string][]byte, hosts string) {
	return map[string][]byte{"kubeconfig": a.kubeconfig}, ""
}

// Roles implements [apps.App].
func (a *App) Roles() []v1alpha1.RoleName { return []v1alpha1.RoleName{viewer, deployer} }

// Welcome implements [apps.App]: it issues a certificate.
func (a *App) Welcome(_ context.Context, userName string) error {
	config, err := a.cluster.UserConfig(userName, nil, 0)
	if err != nil {
		return err
	}
	person, err := corev1client.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.people[userName] = person
	return nil
}

// Login implements [apps.App].
func (a *App) Login(ctx context.Context, userName string) error {
	for _, role := range a.Roles() {
		if may, err := a.HasRole(ctx, userName, role); may || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: neither role is of any use", apps.ErrRefused)
}

// HasRole implements [apps.App]: it tries.
func (a *App) HasRole(ctx context.Context, userName string, role v1alpha1.RoleName) (bool, error) {
	a.mu.Lock()
	person := a.people[userName]
	a.mu.Unlock()
	if person == nil {
		return false, nil
	}
	return attempt(ctx, person, role)
}

// Open implements [apps.App]: the session is a client, which the API server asks about every request.
func (a *App) Open(ctx context.Context, userName string) (alive func(context.Context) bool, err error) {
	alive = func(ctx context.Context) bool { return a.Login(ctx, userName) == nil }
	return alive, a.Login(ctx, userName)
}

// Exists implements [apps.App]: an account is nothing but its bindings.
func (a *App) Exists(ctx context.Context, userName string) (bool, error) {
	bindings, err := a.bindings(ctx)
	for _, b := range bindings {
		for _, s := range b.Subjects {
			if s.Kind == rbacv1.UserKind && s.Name == userName {
				return true, err
			}
		}
	}
	return false, err
}

// Show implements [apps.App].
func (a *App) Show(ctx context.Context) (command, table string, err error) {
	bindings, err := a.bindings(ctx)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tROLE\tUSERS")
	for _, binding := range bindings {
		var users []string
		for _, s := range binding.Subjects {
			users = append(users, s.Name)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s/%s\t%s\n", binding.Name, binding.RoleRef.Kind, binding.RoleRef.Name, strings.Join(users, ","))
	}
	_ = w.Flush()
	return "kubectl get rolebindings -n " + namespace + " -o wide", b.String(), err
}

// bindings are those of people.
func (a *App) bindings(ctx context.Context) ([]rbacv1.RoleBinding, error) {
	list, err := a.rbac.RoleBindings(namespace).List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.LabelManagedBy + "=" + v1alpha1.ManagedBy})
	if err != nil {
		return nil, fmt.Errorf("list RoleBindings: %w", err)
	}
	return list.Items, nil
}
