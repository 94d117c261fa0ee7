// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
)

const credentialCanary = "canary-cr3dential-do-not-tell"

// credentialFor is a Secret that may be sent to those hosts.
func credentialFor(hosts string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "credential",
			Labels: map[string]string{v1alpha1.LabelCredential: "true"}, Annotations: map[string]string{v1alpha1.AnnotationHosts: hosts},
		},
		Data: map[string][]byte{"username": []byte("scim"), "password": []byte(credentialCanary)},
	}
}

// database is an application whose credential is that Secret.
func database() *v1alpha1.ScimApplication {
	a := app()
	a.Spec.Connector = v1alpha1.Connector{Type: v1alpha1.ConnectorPostgreSQL, PostgreSQL: &v1alpha1.PostgreSQLConnector{
		Host: "db.example.com", Port: 5432, CredentialSecretRef: v1alpha1.LocalReference{Name: "credential"},
	}}
	return a
}

// opening remembers what connectors were opened with, and which are closed.
type opening struct {
	passwords []string
	closed    []string
}

// opened is one of those connectors.
type opened struct {
	*connectortest.Memory
	password string
	opening  *opening
}

func (o *opened) Close() error {
	o.opening.closed = append(o.opening.closed, o.password)
	return nil
}

func (o *opening) open(_ context.Context, _ *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
	password := string(credential["password"])
	o.passwords = append(o.passwords, password)
	return &opened{connectortest.NewMemory(), password, o}, nil
}

func connections(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) (*Connections, *opening, client.Client) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(funcs).Build()
	o := &opening{}
	return &Connections{Secrets: c, Openers: map[v1alpha1.ConnectorType]Opener{v1alpha1.ConnectorPostgreSQL: o.open}}, o, c
}

// TestSecretsMustOptIn wants a Secret to be opened with only if it says itself that it is for connectors, and for this host (OPS-03, OPS-04).
func TestSecretsMustOptIn(t *testing.T) {
	changed := func(change func(*corev1.Secret)) *corev1.Secret {
		secret := credentialFor("db.example.com")
		change(secret)
		return secret
	}
	label, hosts := v1alpha1.LabelCredential, v1alpha1.AnnotationHosts
	for name, tc := range map[string]struct {
		secret *corev1.Secret
		kind   connector.Kind
		says   []string // what the error tells people to do
	}{
		"Good":              {credentialFor("db.example.com"), "", nil},
		"GoodWithPort":      {credentialFor("other.example.com, db.example.com:5432"), "", nil},
		"NoLabel":           {changed(func(s *corev1.Secret) { s.Labels = nil }), connector.KindInvalid, []string{`"credential"`, label + "=true"}},
		"LabelIsFalse":      {changed(func(s *corev1.Secret) { s.Labels[label] = "false" }), connector.KindInvalid, []string{label + "=true"}},
		"LabelIsTRUE":       {changed(func(s *corev1.Secret) { s.Labels[label] = "TRUE" }), connector.KindInvalid, []string{label + "=true"}},
		"LabelAsAnnotation": {changed(func(s *corev1.Secret) { s.Labels, s.Annotations[label] = nil, "true" }), connector.KindInvalid, []string{label + "=true"}},
		"HostsAsLabel":      {changed(func(s *corev1.Secret) { s.Annotations, s.Labels[hosts] = nil, "db.example.com" }), connector.KindInvalid, []string{"db.example.com:5432", hosts}},
		"NoHosts":           {changed(func(s *corev1.Secret) { s.Annotations = nil }), connector.KindInvalid, []string{`"credential"`, "db.example.com:5432", hosts}},
		"EmptyHosts":        {credentialFor(""), connector.KindInvalid, []string{"db.example.com:5432", hosts}},
		"OtherHost":         {credentialFor("other.example.com"), connector.KindInvalid, []string{"db.example.com:5432", hosts}},
		"OtherPort":         {credentialFor("db.example.com:5433"), connector.KindInvalid, []string{"db.example.com:5432", hosts}},
		"AnyHost":           {credentialFor("*"), connector.KindInvalid, []string{hosts}},
		"OtherNamespace":    {changed(func(s *corev1.Secret) { s.Namespace = "other" }), connector.KindInvalid, []string{`no Secret "credential"`}},
		"OtherName":         {changed(func(s *corev1.Secret) { s.Name = "other" }), connector.KindInvalid, []string{`no Secret "credential"`}},
	} {
		t.Run(name, func(t *testing.T) {
			c, o, _ := connections(t, interceptor.Funcs{}, tc.secret)
			conn, release, err := c.Connect(t.Context(), database())
			if connector.KindOf(err) != tc.kind {
				t.Fatalf("err = %v, want %s", err, tc.kind)
			}
			if err == nil {
				release()
				return
			}
			if conn != nil || release != nil || len(o.passwords) > 0 {
				t.Errorf("it was opened: %v", o.passwords)
			}
			for _, text := range tc.says {
				if !strings.Contains(connector.Message(err), text) {
					t.Errorf("the message %q does not say %q", connector.Message(err), text)
				}
			}
			if text := fmt.Sprintf("%+v %s", err, connector.Message(err)); strings.Contains(text, credentialCanary) {
				t.Errorf("the credential is in the error %q", text)
			}
		})
	}
}

// TestSecretThatCannotBeRead is another thing than one that is not there: it comes back by itself.
func TestSecretThatCannotBeRead(t *testing.T) {
	c, o, _ := connections(t, interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
		return errors.New("etcd says " + credentialCanary)
	}})
	_, _, err := c.Connect(t.Context(), database())
	if connector.KindOf(err) != connector.KindUnavailable || len(o.passwords) > 0 || strings.Contains(connector.Message(err), credentialCanary) {
		t.Errorf("err = %v, opened with %v", err, o.passwords)
	}
}

// TestSecretThatMayNotBeRead: scim-controller has the Secrets of a namespace by a RoleBinding in it. Without one, nothing is given up: somebody may
// make it. But a namespace that is being deleted took it along, and would never end if we waited.
func TestSecretThatMayNotBeRead(t *testing.T) {
	now := metav1.Now()
	for name, tc := range map[string]struct {
		reason                 string
		appGoes, namespaceGoes bool
		kind                   connector.Kind
		says                   string
	}{
		"Alive":         {"the binding can be made", false, false, connector.KindUnavailable, "bind the ClusterRole scim-controller-secrets"},
		"AppGoes":       {"the accounts are to be removed, so the binding is still wanted", true, false, connector.KindUnavailable, "bind the ClusterRole"},
		"NamespaceGoes": {"the application is not deleted yet, but will be", false, true, connector.KindUnavailable, "bind the ClusterRole"},
		"BothGo":        {"nobody can make a binding there", true, true, connector.KindInvalid, "the namespace is being deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			namespace, app := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ns"}}, database()
			if tc.namespaceGoes {
				namespace.DeletionTimestamp, namespace.Finalizers = &now, []string{"kubernetes"}
			}
			if tc.appGoes {
				app.DeletionTimestamp = &now
			}
			forbid := func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if _, is := o.(*corev1.Secret); is {
					return apierrors.NewForbidden(corev1.Resource("secrets"), key.Name, errors.New(credentialCanary))
				}
				return c.Get(ctx, key, o, opts...)
			}
			c, o, _ := connections(t, interceptor.Funcs{Get: forbid}, namespace)
			_, _, err := c.Connect(t.Context(), app)
			message := connector.Message(err)
			if connector.KindOf(err) != tc.kind || !strings.Contains(message, tc.says) || strings.Contains(message, credentialCanary) || len(o.passwords) > 0 {
				t.Errorf("%s: got %v, opened with %v, want %s with %q", tc.reason, err, o.passwords, tc.kind, tc.says)
			}
		})
	}
}

func use(t *testing.T, c *Connections) (connector.Connector, func()) {
	t.Helper()
	conn, release, err := c.Connect(t.Context(), database())
	if err != nil {
		t.Fatal(err)
	}
	return conn, release
}

// TestRotation changes a credential while it is in use: the next one to ask gets the new one, and the old one ends with its last user.
func TestRotation(t *testing.T) {
	c, o, api := connections(t, interceptor.Funcs{}, credentialFor("db.example.com"))
	_, inUse := use(t, c)
	_, release := use(t, c)
	release()
	rotate(t, api, func(s *corev1.Secret) { s.Data["password"] = []byte("new") })
	for range 2 {
		_, release := use(t, c)
		release()
	}
	if diff := cmp.Diff([]string{credentialCanary, "new"}, o.passwords); diff != "" {
		t.Errorf("opened: -want +got:\n%s", diff)
	}
	if len(o.closed) > 0 {
		t.Errorf("closed while in use: %v", o.closed)
	}
	inUse()
	if diff := cmp.Diff([]string{credentialCanary}, o.closed); diff != "" {
		t.Errorf("closed: -want +got:\n%s", diff)
	}
}

// TestSecretIsReplaced deletes a Secret and makes another of its name.
func TestSecretIsReplaced(t *testing.T) {
	c, o, api := connections(t, interceptor.Funcs{}, credentialFor("db.example.com"))
	_, release := use(t, c)
	release()
	if err := api.Delete(t.Context(), credentialFor("")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Connect(t.Context(), database()); connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("without a Secret: %v, although the connector was open before", err)
	}
	another := credentialFor("db.example.com")
	another.UID, another.Data["password"] = "another", []byte("another")
	if err := api.Create(t.Context(), another); err != nil {
		t.Fatal(err)
	}
	_, release = use(t, c)
	release()
	if diff := cmp.Diff([]string{credentialCanary, "another"}, o.passwords); diff != "" {
		t.Errorf("opened: -want +got:\n%s", diff)
	}
}

// TestPermissionIsTakenBack wants a connector that is open to be out of reach at once when its Secret does not permit it any more.
func TestPermissionIsTakenBack(t *testing.T) {
	for name, take := range map[string]func(*corev1.Secret){
		"Label": func(s *corev1.Secret) { s.Labels = nil },
		"Hosts": func(s *corev1.Secret) { s.Annotations[v1alpha1.AnnotationHosts] = "other.example.com" },
	} {
		t.Run(name, func(t *testing.T) {
			c, o, api := connections(t, interceptor.Funcs{}, credentialFor("db.example.com"))
			_, release := use(t, c)
			release()
			rotate(t, api, take)
			if _, _, err := c.Connect(t.Context(), database()); connector.KindOf(err) != connector.KindInvalid {
				t.Errorf("err = %v", err)
			}
			rotate(t, api, func(s *corev1.Secret) { *s = *withVersion(credentialFor("db.example.com"), s) })
			_, release = use(t, c)
			release()
			if len(o.passwords) != 2 {
				t.Errorf("opened %d times, want again after it was permitted again", len(o.passwords))
			}
		})
	}
}

// TestAddressChanges wants an application that points elsewhere to ask the Secret again.
func TestAddressChanges(t *testing.T) {
	c, o, _ := connections(t, interceptor.Funcs{}, credentialFor("db.example.com"))
	_, release := use(t, c)
	release()
	moved := database()
	moved.Generation++
	moved.Spec.Connector.PostgreSQL.Host = "attacker.example.net"
	if _, _, err := c.Connect(t.Context(), moved); connector.KindOf(err) != connector.KindInvalid || len(o.passwords) != 1 {
		t.Errorf("err = %v, opened %d times", err, len(o.passwords))
	}
}

func rotate(t *testing.T, api client.Client, change func(*corev1.Secret)) {
	t.Helper()
	secret := &corev1.Secret{}
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "credential"}, secret); err != nil {
		t.Fatal(err)
	}
	change(secret)
	if err := api.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

func withVersion(secret, of *corev1.Secret) *corev1.Secret {
	secret.ResourceVersion = of.ResourceVersion
	return secret
}
