// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	fieldOwner = client.FieldOwner("scim-operator-dev")

	// establishTimeout bounds the wait for one new kind; it takes less than a second.
	establishTimeout  = time.Minute
	establishInterval = 50 * time.Millisecond
)

// InstallCRDs applies every object in the *.yaml files of dir (not of its subdirectories), in the order of the files'
// names, and returns when all running API servers serve every kind whose CustomResourceDefinition was among them. It
// may be repeated; fields that the files no longer name are removed.
func (c *Cluster) InstallCRDs(ctx context.Context, dir string) error {
	objects, err := readObjects(dir)
	if err != nil {
		return err
	}
	admin, err := client.New(c.AdminConfig(0), client.Options{})
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	for _, object := range objects {
		config := client.ApplyConfigurationFromUnstructured(object)
		if err := admin.Apply(ctx, config, fieldOwner, client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %q: %w", object.GetKind(), object.GetName(), err)
		}
	}
	for _, object := range objects {
		if object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		if err := c.waitServed(ctx, object); err != nil {
			return fmt.Errorf("wait for %q: %w", object.GetName(), err)
		}
	}
	return nil
}

func readObjects(dir string) ([]*unstructured.Unstructured, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err == nil && len(paths) == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("read *.yaml in %s: %w", dir, err)
	}
	var objects []*unstructured.Unstructured
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read manifests: %w", err)
		}
		more, err := decodeObjects(content)
		if err != nil {
			return nil, fmt.Errorf("decode %s: %w", path, err)
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

// decodeObjects leaves out empty documents and the kustomization file, which lists the others and is no object.
func decodeObjects(content []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), len(content))
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 && object.GroupVersionKind().Group != "kustomize.config.k8s.io" {
			objects = append(objects, object)
		}
	}
}

// waitServed waits until each running API server lists the objects of the new kind and shows it in discovery: each
// learns of it by a watch of its own, and the two come from different controllers in it.
func (c *Cluster) waitServed(ctx context.Context, object *unstructured.Unstructured) error {
	var crd apiextensionsv1.CustomResourceDefinition
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &crd); err != nil {
		return err
	}
	for server, process := range c.apiServers {
		if !process.Running() {
			continue
		}
		api, err := discovery.NewDiscoveryClientForConfig(c.AdminConfig(server))
		if err != nil {
			return err
		}
		var last error
		served := func(ctx context.Context) (bool, error) {
			last = crdServed(ctx, api, &crd)
			return last == nil, nil
		}
		if err := wait.PollUntilContextTimeout(ctx, establishInterval, establishTimeout, true, served); err != nil {
			return errors.Join(err, last)
		}
	}
	return nil
}

func crdServed(ctx context.Context, api *discovery.DiscoveryClient, crd *apiextensionsv1.CustomResourceDefinition) error {
	for _, version := range crd.Spec.Versions {
		if !version.Served {
			continue
		}
		path := []string{"/apis", crd.Spec.Group, version.Name}
		listed := api.RESTClient().Get().AbsPath(append(path, crd.Spec.Names.Plural)...).Param("limit", "1").Do(ctx)
		if err := listed.Error(); err != nil {
			return err
		}
		if !discovered(ctx, api, crd.Spec.Group+"/"+version.Name, crd.Spec.Names.Plural) {
			return fmt.Errorf("%s %s is not in discovery yet", crd.Spec.Names.Plural, version.Name)
		}
	}
	return nil
}

// discovered reads the aggregated document, which is the last to learn of a kind and the one that clients map kinds by.
func discovered(ctx context.Context, api *discovery.DiscoveryClient, groupVersion, plural string) bool {
	_, resources, _, err := api.GroupsAndMaybeResourcesWithContext(ctx)
	if err != nil {
		return false
	}
	for version, list := range resources {
		if version.String() == groupVersion && list != nil {
			return slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == plural })
		}
	}
	return false
}
