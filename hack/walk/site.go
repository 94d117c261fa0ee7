// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// Names of the objects of a site.
const (
	directoryName = "corp"
	tokenName     = "idp"
	secretName    = "remote"
	// keepsName is the application that suspends, by a kubeconfig that can be broken; deletesName the one that deletes.
	keepsName, deletesName = "keeps", "deletes"
	// connectorUser is whom the kubeconfig is of, and nobodyUser somebody without any right.
	connectorUser, nobodyUser = "scim-walk:connector", "scim-walk:nobody"
)

// ControllerArgs are the flags that a stack needs for walks: the kubeconfig leads to loopback, and a Lease would have to run out
// after each kill.
func ControllerArgs() []string {
	return []string{"--allow-egress=127.0.0.1/32", "--leader-elect=false"}
}

// Ground is a stack on which walks are taken, several at a time.
type Ground struct {
	*stack.Stack
	// good and bad are kubeconfigs: with the rights that a connector needs, without any, and of a server that is not there.
	good []byte
	bad  [][]byte
	// restart is held while the controller is killed: one walker does so at a time.
	restart sync.Mutex
}

// NewGround prepares a stack.
func NewGround(ctx context.Context, s *stack.Stack) (*Ground, error) {
	g := &Ground{Stack: s}
	if err := g.giveRights(ctx); err != nil {
		return nil, err
	}
	for _, user := range []string{connectorUser, nobodyUser} {
		config, err := s.Cluster.UserConfig(user, nil, 0)
		if err != nil {
			return nil, err
		}
		kubeconfig, err := kubeconfigOf(config)
		if err != nil {
			return nil, err
		}
		g.bad = append(g.bad, kubeconfig)
		if user == connectorUser {
			g.good = kubeconfig
			g.bad[0] = bytes.ReplaceAll(kubeconfig, []byte(config.Host), []byte("https://127.0.0.1:9")) // nothing listens there
		}
	}
	return g, nil
}

func kubeconfigOf(config *rest.Config) ([]byte, error) {
	file, err := os.CreateTemp("", "scim-walk-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if err := file.Close(); err != nil {
		return nil, err
	}
	if err := cluster.WriteKubeconfig(file.Name(), config); err != nil {
		return nil, err
	}
	return os.ReadFile(file.Name())
}

// giveRights gives the user of the kubeconfig what docs/connectors/kubernetes.md asks for.
func (g *Ground) giveRights(ctx context.Context) error {
	meta := metav1.ObjectMeta{Name: "scim-walk"}
	for _, o := range []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"rolebindings", "clusterrolebindings"}, Verbs: []string{"get", "list", "create", "delete"}},
			{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterroles"}, ResourceNames: []string{"view"}, Verbs: []string{"bind"}},
		}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: connectorUser}},
		},
	} {
		if err := g.Client.Create(ctx, o); err != nil {
			return fmt.Errorf("give rights: %w", err)
		}
	}
	return nil
}

// Restart kills the controller as kill -9 does and starts it again.
func (g *Ground) Restart(ctx context.Context) error {
	g.restart.Lock()
	defer g.restart.Unlock()
	return g.Controller.Restart(ctx)
}

// site is a directory with two applications, in namespaces of its own.
type site struct {
	*Ground
	namespace string
	layout    []app
	idp       *idp.Client
}

// setupTimeout bounds the setting up of a site, which takes about two seconds.
const setupTimeout = 2 * time.Minute

func (g *Ground) newSite(ctx context.Context, namespace string) (*site, error) {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	s := &site{Ground: g, namespace: namespace}
	first, second := namespace+"-a", namespace+"-b"
	s.layout = []app{
		{name: keepsName, roles: map[string][]string{"viewer": {first}, "operator": {first, second}, "auditor": {second}}},
		{name: deletesName, deletes: true, roles: map[string][]string{"viewer": {second}, "operator": {second}, "auditor": {first, second}}},
	}
	for _, name := range []string{namespace, first, second} {
		if err := g.CreateNamespace(ctx, name); err != nil {
			return nil, err
		}
	}
	for _, o := range s.objects() {
		if err := g.Client.Create(ctx, o); err != nil {
			return nil, fmt.Errorf("create %T: %w", o, err)
		}
	}
	return s, s.connect(ctx)
}

func (s *site) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

// objects of the site. The guards are off: a walk has more removals than any window.
func (s *site) objects() []client.Object {
	off := v1alpha1.RemovalGuard{Policy: v1alpha1.GuardDisabled}
	directory := v1alpha1.LocalReference{Name: directoryName}
	all := []client.Object{
		&v1alpha1.ScimDirectory{ObjectMeta: s.meta(directoryName), Spec: v1alpha1.ScimDirectorySpec{RemovalGuard: off, Limits: stack.Unlimited()}},
		&v1alpha1.ScimToken{ObjectMeta: s.meta(tokenName), Spec: v1alpha1.ScimTokenSpec{DirectoryRef: directory}},
		s.secret(s.good, true),
	}
	for _, a := range s.layout {
		spec := v1alpha1.ScimApplicationSpec{
			DirectoryRef: directory, RemovalGuard: off, Lifecycle: lifecycle(a),
			Connector: v1alpha1.Connector{Type: v1alpha1.ConnectorKubernetes, Kubernetes: &v1alpha1.KubernetesConnector{}},
		}
		for role, namespaces := range a.roles {
			spec.Connector.Kubernetes.Roles = append(spec.Connector.Kubernetes.Roles, v1alpha1.KubernetesRole{
				Name: v1alpha1.RoleName(role), RoleRef: v1alpha1.KubernetesRoleRef{Kind: "ClusterRole", Name: "view"}, Namespaces: namespaces,
			})
		}
		if a.name == keepsName {
			spec.Connector.Kubernetes.KubeconfigSecretRef = &v1alpha1.LocalReference{Name: secretName}
		}
		all = append(all, &v1alpha1.ScimApplication{ObjectMeta: s.meta(a.name), Spec: spec})
	}
	return all
}

func lifecycle(a app) v1alpha1.Lifecycle {
	if !a.deletes {
		return v1alpha1.Lifecycle{OnDeactivation: v1alpha1.RemovalSuspend, OnLostAccess: v1alpha1.RemovalSuspend}
	}
	return v1alpha1.Lifecycle{OnDeactivation: v1alpha1.RemovalDelete, OnLostAccess: v1alpha1.RemovalDelete, GraceHours: new(int32)}
}

func (s *site) secret(kubeconfig []byte, labelled bool) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: s.meta(secretName), Data: map[string][]byte{"kubeconfig": kubeconfig}}
	if labelled {
		secret.Labels = map[string]string{v1alpha1.LabelCredential: "true"}
	}
	return secret
}

// connect waits until the site can be used.
func (s *site) connect(ctx context.Context) error {
	for _, o := range []client.Object{
		&v1alpha1.ScimDirectory{ObjectMeta: s.meta(directoryName)}, &v1alpha1.ScimToken{ObjectMeta: s.meta(tokenName)},
		&v1alpha1.ScimApplication{ObjectMeta: s.meta(keepsName)}, &v1alpha1.ScimApplication{ObjectMeta: s.meta(deletesName)},
	} {
		if err := s.WaitReady(ctx, o); err != nil {
			return err
		}
	}
	token, err := s.Token(ctx, s.namespace, tokenName)
	if err != nil {
		return err
	}
	s.idp = idp.New(s.Servers[0].BaseURL(s.namespace, directoryName), token)
	return s.WaitServed(ctx, s.namespace, directoryName, token)
}
