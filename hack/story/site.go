// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// Names of the objects of a site.
const (
	directoryName = "acme"
	tokenName     = "idp"
	secretName    = "application-credential"
)

// readyTimeout bounds the wait for the objects, which takes about two seconds.
const readyTimeout = time.Minute

// ControllerArgs are the flags that a stack needs: the applications are on loopback, where connectors do not go otherwise.
func ControllerArgs() []string {
	return []string{"--allow-egress=127.0.0.0/8", "--allow-egress=::1/128"}
}

// Options say what Set makes.
type Options struct {
	// Namespace is created and holds everything.
	Namespace string
	// Application is the name of the ScimApplication.
	Application string
	// Unguarded takes the removal guards away, for whoever has many leave.
	Unguarded bool
}

// Site is an application with a directory whose users get accounts in it.
type Site struct {
	Options

	stack *stack.Stack
	app   apps.App
	token string
	idp   *idp.Client
	// seen are the login names that accounts had.
	seen map[string]bool
}

// Set makes a directory, its token, the Secret with the credential, the ScimApplication and the two grants, and waits until all are ready.
func Set(ctx context.Context, s *stack.Stack, app apps.App, o Options) (*Site, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	site := &Site{Options: o, stack: s, app: app, seen: map[string]bool{}}
	if err := s.CreateNamespace(ctx, o.Namespace); err != nil {
		return nil, err
	}
	objects, err := site.objects()
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		if err := s.Client.Create(ctx, object); err != nil {
			return nil, fmt.Errorf("create %T: %w", object, err)
		}
	}
	for _, object := range objects {
		if _, plain := object.(*corev1.Secret); plain {
			continue
		}
		if err := s.WaitReady(ctx, object); err != nil {
			return nil, site.Explain(err)
		}
	}
	if site.token, err = s.Token(ctx, o.Namespace, tokenName); err != nil {
		return nil, err
	}
	site.idp = idp.New(s.Servers[0].BaseURL(o.Namespace, directoryName), site.token)
	return site, s.WaitServed(ctx, o.Namespace, directoryName, site.token)
}

// objects are all of them, in the order in which they are made.
func (s *Site) objects() ([]client.Object, error) {
	roles := s.app.Roles()
	if len(roles) < 2 {
		return nil, fmt.Errorf("the application declares the roles %q: the story needs two", roles)
	}
	directory := &v1alpha1.ScimDirectory{ObjectMeta: s.meta(directoryName), Spec: v1alpha1.ScimDirectorySpec{Limits: stack.Unlimited()}}
	application := &v1alpha1.ScimApplication{ObjectMeta: s.meta(s.Application), Spec: s.app.Application()}
	application.Spec.DirectoryRef.Name = directoryName
	application.Spec.Lifecycle = v1alpha1.Lifecycle{
		OnDeactivation: v1alpha1.RemovalSuspend, OnLostAccess: v1alpha1.RemovalDelete, GraceHours: new(int32),
	}
	if s.Unguarded {
		unguarded := v1alpha1.RemovalGuard{Policy: v1alpha1.GuardDisabled}
		directory.Spec.RemovalGuard, application.Spec.RemovalGuard = unguarded, unguarded
	}
	objects := []client.Object{directory, &v1alpha1.ScimToken{
		ObjectMeta: s.meta(tokenName), Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: directoryName}},
	}}
	if data, hosts := s.app.Credential(); data != nil {
		objects = append(objects, s.secret(data, hosts))
	}
	return append(objects, application,
		s.grant("everyone", v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}, roles[0]),
		s.grant(Group, v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Group: &v1alpha1.GroupSubject{DisplayName: Group}}, roles[1]),
	), nil
}

func (s *Site) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.Namespace, Name: name}
}

// secret is the credential, which opts in to being read, and names where it may be sent.
func (s *Site) secret(data map[string][]byte, hosts string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: s.meta(secretName), Data: data}
	secret.Labels = map[string]string{v1alpha1.LabelCredential: "true"}
	if hosts != "" {
		secret.Annotations = map[string]string{v1alpha1.AnnotationHosts: hosts}
	}
	return secret
}

func (s *Site) grant(name string, subject v1alpha1.Subject, role v1alpha1.RoleName) *v1alpha1.ScimGrant {
	return &v1alpha1.ScimGrant{ObjectMeta: s.meta(name), Spec: v1alpha1.ScimGrantSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: s.Application}, Subjects: []v1alpha1.Subject{subject}, Roles: []v1alpha1.RoleName{role},
	}}
}

// Account reads the ScimAccount of the user with that id.
func (s *Site) Account(ctx context.Context, id string) (*v1alpha1.ScimAccount, error) {
	account := &v1alpha1.ScimAccount{}
	key := client.ObjectKey{Namespace: s.Namespace, Name: s.Application + "-" + id}
	if err := s.stack.Client.Get(ctx, key, account); err != nil {
		return nil, fmt.Errorf("read ScimAccount: %w", err)
	}
	s.seen[account.Spec.UserName] = true
	return account, nil
}

// IDP is the identity provider's client of the directory.
func (s *Site) IDP() *idp.Client { return s.idp }
