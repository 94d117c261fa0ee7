// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/transport"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

const userAgent = "scim-server"

// cluster is the API server, live and cached.
type cluster struct {
	live   client.Client
	cached cache.Cache
	// model is what lists are made of.
	model *directory.Model
	// confirming is a client with a connection of its own, for what must not wait for any other.
	confirming client.Reader
	// credentials are those of all directories that are served.
	credentials *auth.Table
	// namespaces are those that are served; cache.AllNamespaces alone if all are.
	namespaces []string
}

// connect prepares clients and caches, all of which go through wrap. It sends nothing yet, so that the process starts while the API server is away.
func connect(ctx context.Context, o options, wrap transport.WrapperFunc) (*cluster, error) {
	config, err := restConfig(o.kubeconfig)
	if err != nil {
		return nil, err
	}
	config.Wrap(wrap)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register kinds: %w", err)
	}
	mapper := restMapper()
	live, err := client.New(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	confirming, err := client.New(apart(config), client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	cached, err := cache.New(config, cacheOptions(o.namespaces, scheme, mapper))
	if err != nil {
		return nil, fmt.Errorf("make a cache: %w", err)
	}
	c := &cluster{live: live, confirming: confirming, cached: cached, namespaces: o.namespaces}
	if len(c.namespaces) == 0 {
		c.namespaces = []string{cache.AllNamespaces}
	}
	c.credentials = auth.NewTable(c.namespaces, time.Now)
	return c, c.watch(ctx)
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	load := rest.InClusterConfig
	if kubeconfig != "" {
		load = func() (*rest.Config, error) { return clientcmd.BuildConfigFromFlags("", kubeconfig) }
	}
	config, err := load()
	if err != nil {
		return nil, fmt.Errorf("load the configuration of the API server: %w", err)
	}
	config.UserAgent = userAgent
	config.QPS = -1 // the API server has its own priorities and fairness; a queue in here would only hide them
	// Warnings quote what was sent.
	config.WarningHandlerWithContext = rest.NoWarnings{}
	return config, nil
}

// apart is config for connections that are shared with nobody. Over HTTP/1.1 a request that nobody answers keeps its connection to itself,
// so the next one goes over another; over HTTP/2 it would go into the same dead one, for up to 45 s.
func apart(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.NextProtos = []string{"http/1.1"}
	return config
}

// restMapper knows the kinds that we use, so that no request waits for discovery. A cache of several namespaces asks for the
// kind of a list too; discovery would have told it.
func restMapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.GroupVersion})
	for _, kind := range []string{"ScimDirectory", "ScimToken", "ScimUser", "ScimGroup", "ScimMemberSlice", "ScimName", "ScimTokenUse"} {
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind+"List"), meta.RESTScopeNamespace)
	}
	return mapper
}

func cacheOptions(namespaces []string, scheme *runtime.Scheme, mapper meta.RESTMapper) cache.Options {
	o := cache.Options{
		Scheme: scheme,
		Mapper: mapper,
		// Whatever is read from the cache must have been waited for before the process is ready.
		ReaderFailOnMissingInformer: true,
		DefaultTransform:            slim,
	}
	if len(namespaces) > 0 {
		o.DefaultNamespaces = map[string]cache.Config{}
		for _, namespace := range namespaces {
			o.DefaultNamespaces[namespace] = cache.Config{}
		}
	}
	return o
}

// slim drops what nobody here reads, before the cache keeps it: every user and group is in it. Whatever is written back is read from the API
// server itself, so nothing is lost there.
func slim(in any) (any, error) {
	switch o := in.(type) {
	case *v1alpha1.ScimUser:
		o.Status = v1alpha1.ScimUserStatus{}
		o.Annotations = only(o.Annotations, v1alpha1.AnnotationLastModified, v1alpha1.AnnotationProtected)
	case *v1alpha1.ScimGroup:
		o.Status = v1alpha1.ScimGroupStatus{}
		o.Annotations = only(o.Annotations, v1alpha1.AnnotationLastModified)
	case *v1alpha1.ScimMemberSlice:
		o.Annotations = nil
	}
	return cache.TransformStripManagedFields()(in)
}

// only keeps these annotations.
func only(annotations map[string]string, keys ...string) (kept map[string]string) {
	for _, key := range keys {
		value, annotated := annotations[key]
		if annotated && kept == nil {
			kept = make(map[string]string, len(keys))
		}
		if annotated {
			kept[key] = value
		}
	}
	return kept
}

// watch declares what the cache holds: what auth and directory index, and users and groups. Nobody needs a cache of the
// reservations, which are as many as the users.
func (c *cluster) watch(ctx context.Context) (err error) {
	if err := c.credentials.Watch(ctx, c.cached); err != nil {
		return err
	}
	if err := directory.IndexFields(ctx, c.cached); err != nil {
		return fmt.Errorf("index members: %w", err)
	}
	c.model, err = directory.NewModel(ctx, c.cached)
	return err
}

// waitReady waits until the caches and the model are filled, the credentials are confirmed and one read of each kind from the API server itself succeeded: a server that was
// only just told of our kinds, or that we may not read, would answer 503 to everything. It returns false if ctx ended before.
func (c *cluster) waitReady(ctx context.Context) bool {
	if !c.cached.WaitForCacheSync(ctx) {
		return false
	}
	filled := func(context.Context) (bool, error) { return c.model.Synced() && c.credentials.Confirmed(), nil }
	if err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, filled); err != nil {
		return false
	}
	return wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		return c.canList(ctx), nil
	}) == nil
}

func (c *cluster) canList(ctx context.Context) bool {
	for _, namespace := range c.namespaces {
		for _, list := range []client.ObjectList{
			&v1alpha1.ScimUserList{}, &v1alpha1.ScimGroupList{}, &v1alpha1.ScimMemberSliceList{}, &v1alpha1.ScimNameList{},
		} {
			if err := c.live.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
				return false
			}
		}
	}
	return true
}
