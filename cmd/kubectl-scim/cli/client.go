// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// chunk is how many objects are asked for at a time, as kubectl does.
	chunk = 500
	// perSecond and burst bound the requests of one command; those of kubectl are 50 and 300.
	perSecond, burst = 50, 300
)

// Client acts as the caller. What goes wrong is said in words that tell what to do.
type Client struct {
	// Namespace to look at; empty means all.
	Namespace string
	c         client.Client
}

func (e *Env) client(all bool) (*Client, error) {
	namespace, _, err := e.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config, err := e.Config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS, config.Burst = perSecond, burst
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme, Mapper: mapper(scheme)})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	if all {
		namespace = ""
	}
	return &Client{Namespace: namespace, c: c}, nil
}

// mapper knows the kinds that the commands use, so that nobody has to ask the API server which there are.
func mapper(scheme *runtime.Scheme) meta.RESTMapper {
	m := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.GroupVersion, corev1.SchemeGroupVersion})
	for kind := range scheme.KnownTypes(v1alpha1.GroupVersion) {
		if strings.HasPrefix(kind, "Scim") && !strings.HasSuffix(kind, "List") {
			m.Add(v1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
		}
	}
	m.Add(corev1.SchemeGroupVersion.WithKind("Secret"), meta.RESTScopeNamespace)
	return m
}

// Get reads an object of the namespace.
func (c *Client) Get(ctx context.Context, name string, o client.Object) error {
	return c.explain(c.c.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, o), "get", o)
}

// Find reads an object of the namespace and reports whether there is one.
func (c *Client) Find(ctx context.Context, name string, o client.Object) (bool, error) {
	err := c.c.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, o)
	if apierrors.IsNotFound(err) && !isNoSuchKind(err) {
		return false, nil
	}
	return err == nil, c.explain(err, "get", o)
}

// Create creates an object.
func (c *Client) Create(ctx context.Context, o client.Object) error {
	return c.explain(c.c.Create(ctx, o), "create", o)
}

// Delete deletes an object that need not be there.
func (c *Client) Delete(ctx context.Context, o client.Object) error {
	return c.explain(client.IgnoreNotFound(c.c.Delete(ctx, o)), "delete", o)
}

// Annotate sets one annotation. With a resourceVersion, nobody may have changed the object since.
func (c *Client) Annotate(ctx context.Context, o client.Object, annotation, value, resourceVersion string) error {
	metadata := map[string]any{"annotations": map[string]string{annotation: value}}
	if resourceVersion != "" {
		metadata["resourceVersion"] = resourceVersion
	}
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	return c.explain(c.c.Patch(ctx, o, client.RawPatch(types.MergePatchType, patch)), "patch", o)
}

// Each lists the kind of list in chunks and hands over one object after the other, until each returns false.
func Each[T client.Object](ctx context.Context, c *Client, kind client.ObjectList, each func(T) bool, options ...client.ListOption) error {
	asked := (&client.ListOptions{Namespace: c.Namespace, Limit: chunk}).ApplyOptions(options)
	for {
		page := kind.DeepCopyObject().(client.ObjectList) // a copy of a list is one
		err := c.c.List(ctx, page, asked)
		if again := continuation(err); again != "" {
			asked.Continue = again
			continue
		}
		if err != nil {
			return c.explain(err, "list", kind)
		}
		more := true
		err = meta.EachListItem(page, func(o runtime.Object) error {
			more = more && each(o.(T)) // the caller says what the list holds
			return nil
		})
		if asked.Continue = page.GetContinue(); err != nil || !more || asked.Continue == "" {
			return err
		}
	}
}

// continuation is where a list goes on that took longer than the API server remembers; what comes then is as it is now.
func continuation(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return ""
	}
	return status.Status().Continue
}

// All are all objects that Each hands over.
func All[T client.Object](ctx context.Context, c *Client, kind client.ObjectList, options ...client.ListOption) (all []T, err error) {
	err = Each(ctx, c, kind, func(o T) bool { all = append(all, o); return true }, options...)
	return all, err
}

// Where selects by a field of the kind.
func Where(field, value string) client.ListOption { return client.MatchingFields{field: value} }
