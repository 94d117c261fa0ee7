// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Opener opens the connector of an application. credential is the data of the Secret that the application names, nil if it
// names none.
type Opener func(ctx context.Context, app *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error)

// Connections opens connectors and keeps them open. One is shared by all reconcilers.
type Connections struct {
	// Secrets reads Secrets, and namespaces, from the API server.
	Secrets client.Reader
	// Openers has an entry for each connector type.
	Openers map[v1alpha1.ConnectorType]Opener
	// Called, if set, is told of the calls to the connector of an application that are made in this package.
	Called func(app types.NamespacedName) connector.Called

	cache connector.Cache
}

// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get

// Connect returns the connector of app, and what to call when done with it. It costs one read when the application names a
// Secret, so that a changed credential is used at once. Errors are of the kinds of package connector.
func (c *Connections) Connect(ctx context.Context, app *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
	open, known := c.Openers[app.Spec.Connector.Type]
	if !known {
		return nil, nil, connector.Invalidf("this scim-controller has no connector of type %s", app.Spec.Connector.Type)
	}
	secret, err := c.credential(ctx, app)
	if err != nil {
		return nil, nil, err
	}
	version := fmt.Sprintf("%s/%d/%s/%s", app.UID, app.Generation, secret.UID, secret.ResourceVersion)
	return c.cache.Acquire(ctx, key(app.Namespace, app.Name), version, func(ctx context.Context) (connector.Connector, error) {
		return open(ctx, app, secret.Data)
	})
}

// called is told of the calls to app.
func (c *Connections) called(app *v1alpha1.ScimApplication) connector.Called {
	if c.Called == nil {
		return nil
	}
	return c.Called(client.ObjectKeyFromObject(app))
}

// Forget closes the connector of an application that is gone.
func (c *Connections) Forget(namespace, name string) { c.cache.Forget(key(namespace, name)) }

func key(namespace, name string) string { return namespace + "/" + name }

// credential reads the Secret that app names; the empty Secret if it names none.
func (c *Connections) credential(ctx context.Context, app *v1alpha1.ScimApplication) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	ref := app.Spec.Connector.SecretRef()
	if ref == nil {
		return secret, nil
	}
	err := c.Secrets.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: ref.Name}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, connector.Invalidf("there is no Secret %q", ref.Name).Because(err)
	case apierrors.IsForbidden(err):
		return nil, c.forbidden(ctx, app).Because(err)
	case err != nil:
		return nil, connector.Unavailablef(time.Second, "the Secret %q cannot be read now", ref.Name).Because(err)
	case secret.Labels[v1alpha1.LabelCredential] != "true":
		return nil, connector.Invalidf("the Secret %q is not meant for connectors: label it %s=true if it is", ref.Name, v1alpha1.LabelCredential)
	}
	return secret, mayBeSent(secret, destinations(&app.Spec.Connector))
}

// forbidden says why a Secret may not be read. Nobody gave us those of the namespace, or took them away again: that can be mended, and nothing is given
// up for it. But where the namespace is being deleted, its RoleBindings go with it, in any order, and nobody can make a new one.
func (c *Connections) forbidden(ctx context.Context, app *v1alpha1.ScimApplication) *connector.Error {
	namespace := &corev1.Namespace{}
	if !app.DeletionTimestamp.IsZero() {
		err := c.Secrets.Get(ctx, client.ObjectKey{Name: app.Namespace}, namespace)
		if err == nil && !namespace.DeletionTimestamp.IsZero() {
			return connector.Invalidf("the namespace is being deleted, and the right to read its Secrets went first")
		}
	}
	return connector.Unavailablef(probeAgain, "scim-controller may not read the Secrets of this namespace: bind the ClusterRole scim-controller-secrets in it")
}

// Offers reports whether app declares a role of that name.
func Offers(app *v1alpha1.ScimApplication, role v1alpha1.RoleName) bool {
	return slices.Contains(app.Spec.Connector.RoleNames(), role)
}
