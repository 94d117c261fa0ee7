// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/kubernetes"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const (
	// languageObjects and languageValues follow the fence of examples.
	languageObjects = "yaml"
	languageValues  = "yaml values"

	fieldOwner = client.FieldOwner("scim-operator-docs")
)

// objects decodes the objects of a block.
func objects(b block) (found []*unstructured.Unstructured, err error) {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(b.text), len(b.text))
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, err
		}
		found = append(found, object)
	}
}

// blocksOf are the blocks of a page in that language. One that only begins like it is a mistake.
func blocksOf(t *testing.T, p page, language string) (found []block) {
	t.Helper()
	for _, b := range p.blocks {
		if b.language == language {
			found = append(found, b)
		}
		known := []string{languageObjects, languageValues, languageUser, languageAccount, "sh", "console", "text", "json", "go", "http", "sql", ""}
		if !slices.Contains(known, b.language) && !strings.HasPrefix(b.language, languageRecipe) {
			t.Errorf("%s:%d: unknown language %q: an example in it would be tested by nobody", p.path, b.line, b.language)
		}
	}
	return found
}

// world is a real API server with the CRDs of this repository.
type world struct {
	*cluster.Cluster
	client.Client
}

func newWorld(t *testing.T) world {
	t.Helper()
	c := cluster.ForTest(t, cluster.Options{CRDDirs: []string{filepath.Join(root, "config/crd")}})
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(c.AdminConfig(0), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return world{c, admin}
}

// TestOnCluster is everything that needs an API server. It is started once; the commands come last, since they need the admission policies, which
// would let no example of what the programs write be applied.
func TestOnCluster(t *testing.T) {
	w := newWorld(t)
	t.Run("ExamplesApply", w.testExamplesApply)
	t.Run("RightsOfTheOtherCluster", w.testRightsOfTheOtherCluster)
	t.Run("Commands", w.testCommands)
}

func (w world) createNamespace(t *testing.T, name string) {
	t.Helper()
	if err := w.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Fatal(err)
	}
}

// apply applies the examples of a page in their order, into a new namespace where they name none. Server-side apply refuses fields that the
// schema does not know.
func (w world) apply(t *testing.T, p page, namespace string) (applied []*unstructured.Unstructured) {
	t.Helper()
	w.createNamespace(t, namespace)
	for _, b := range blocksOf(t, p, languageObjects) {
		found, err := objects(b)
		if err != nil || len(found) == 0 {
			t.Errorf("%s:%d: holds no objects: %v", p.path, b.line, err)
		}
		for _, object := range found {
			if err := w.applyOne(t, object, namespace, fieldOwner); err != nil {
				t.Errorf("%s:%d: apply %s %q: %v", p.path, b.line, object.GetKind(), object.GetName(), err)
				continue
			}
			applied = append(applied, object)
		}
	}
	return applied
}

func (w world) applyOne(t *testing.T, object *unstructured.Unstructured, namespace string, owner client.FieldOwner) error {
	t.Helper()
	namespaced, err := w.IsObjectNamespaced(object)
	if err != nil {
		return err
	}
	if namespaced && object.GetNamespace() == "" {
		object.SetNamespace(namespace)
	}
	whole := object.DeepCopy()
	if err := w.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), owner, client.ForceOwnership); err != nil {
		return err
	}
	if _, shown := whole.Object["status"]; !shown {
		return nil
	}
	if err := w.Status().Apply(t.Context(), client.ApplyConfigurationFromUnstructured(whole), owner, client.ForceOwnership); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	return nil
}

func (w world) testExamplesApply(t *testing.T) {
	kinds := map[string]bool{}
	for path, p := range pages(t) {
		t.Run(path, func(t *testing.T) {
			namespace := strings.ToLower(strings.NewReplacer("/", "-", ".", "-").Replace(path))
			for _, object := range w.apply(t, p, namespace) {
				kinds[object.GetKind()] = true
				if object.GetLabels()[v1alpha1.LabelCredential] == "true" {
					checkCredential(t, object)
				}
			}
		})
	}
	for _, p := range kindPages(t) {
		kind := p.headings("#")[0]
		if !kinds[kind] {
			t.Errorf("%s has no example of a %s", p.path, kind)
		}
	}
}

// checkCredential opens the connector with what the Secret holds, if that is a kubeconfig.
func checkCredential(t *testing.T, secret *unstructured.Unstructured) {
	t.Helper()
	var typed corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(secret.Object, &typed); err != nil {
		t.Fatal(err)
	}
	kubeconfig, ok := typed.Data["kubeconfig"]
	if !ok {
		return
	}
	if _, err := kubernetes.RESTConfigFromKubeconfig(kubeconfig, nil); err != nil {
		t.Errorf("Secret %q: %v", secret.GetName(), err)
	}
}

// testRightsOfTheOtherCluster: with the rights of the example, and no others, the connector keeps an account with every role
// of the example.
func (w world) testRightsOfTheOtherCluster(t *testing.T) {
	app, account := &v1alpha1.ScimApplication{}, &unstructured.Unstructured{}
	for _, object := range w.apply(t, pages(t)["docs/connectors/kubernetes.md"], "rights") {
		switch {
		case object.GetKind() == "ServiceAccount":
			account = object
		case object.GetKind() == "ScimApplication" && object.GetName() == "other-cluster":
			if err := w.Get(t.Context(), client.ObjectKeyFromObject(object), app); err != nil {
				t.Fatal(err)
			}
		}
	}
	as, err := w.ServiceAccountConfig(t.Context(), account.GetNamespace(), account.GetName(), 0)
	if err != nil {
		t.Fatal(err)
	}
	config := kubernetes.Config{RESTConfig: as}
	want := connector.Account{Owner: "acme/other-cluster-ada", UserName: "ada@acme.test", State: connector.Active}
	for _, role := range app.Spec.Connector.Kubernetes.Roles {
		config.Roles = append(config.Roles, kubernetes.Role{
			Name: string(role.Name), Kind: role.RoleRef.Kind, RoleName: role.RoleRef.Name, Namespaces: role.Namespaces,
		})
		want.Roles = append(want.Roles, string(role.Name))
	}
	conn, err := kubernetes.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	prober, _ := conn.(connector.Prober)
	if err := prober.Probe(t.Context()); err != nil {
		t.Errorf("probe: %v", err)
	}
	applied, err := conn.Apply(t.Context(), nil, want)
	if err != nil || !connector.InSync(&applied, want) {
		t.Fatalf("apply: %+v, %v", applied, err)
	}
	if err := conn.Delete(t.Context(), applied); err != nil {
		t.Errorf("delete: %v", err)
	}
}

// TestChartValuesExist compares the examples of values with those of the chart.
func TestChartValuesExist(t *testing.T) {
	defaults := map[string]any{}
	content, err := os.ReadFile(filepath.Join(root, "charts/scim-operator/values.yaml"))
	if err := errors.Join(err, sigsyaml.Unmarshal(content, &defaults)); err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		for _, b := range blocksOf(t, p, languageValues) {
			values := map[string]any{}
			if err := yaml.NewYAMLOrJSONDecoder(bytes.NewBufferString(b.text), len(b.text)).Decode(&values); err != nil {
				t.Errorf("%s:%d: %v", p.path, b.line, err)
			}
			for _, key := range unknownKeys(values, defaults) {
				t.Errorf("%s:%d: the chart has no value %s", p.path, b.line, key)
			}
		}
	}
}

// unknownKeys are those that defaults do not have. A default without keys takes any.
func unknownKeys(values, defaults map[string]any) (unknown []string) {
	for key, value := range values {
		is, known := defaults[key]
		if !known {
			unknown = append(unknown, key)
			continue
		}
		below, isMap := value.(map[string]any)
		if of, defaultIsMap := is.(map[string]any); isMap && defaultIsMap && len(of) > 0 {
			for _, deeper := range unknownKeys(below, of) {
				unknown = append(unknown, key+"."+deeper)
			}
		}
	}
	return unknown
}
