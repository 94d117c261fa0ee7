// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	chartDir    = "charts/scim-operator"
	toolsModule = "hack/tools/go.mod"
	release     = "scim-operator"
	// SecretsRole is the ClusterRole of scim-controller for the Secrets of a namespace.
	SecretsRole = "scim-controller-secrets"
	// fieldOwner of what is applied here.
	fieldOwner = client.FieldOwner("scim-operator-stack")
)

// chart is the rendered chart.
type chart struct {
	// objects are to be applied, in Helm's order of installation.
	objects []*unstructured.Unstructured
	// deployments say how the programs are to be run, by name.
	deployments map[string]*appsv1.Deployment
}

// Root is the directory of this repository, found from the working directory.
func Root() (string, error) {
	output, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", explain(err))
	}
	return filepath.Dir(strings.TrimSpace(string(output))), nil
}

// explain adds what a failed command wrote to stderr.
func explain(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}

// Helm is the path of the one that hack/tools pins; go builds it once and keeps it.
func Helm(ctx context.Context) (path string, err error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	find := exec.CommandContext(ctx, "go", "tool", "-modfile="+toolsModule, "-n", "helm")
	find.Dir = root
	output, err := find.Output()
	if err != nil {
		return "", fmt.Errorf("build helm: %w", explain(err))
	}
	return strings.TrimSpace(string(output)), nil
}

// render makes of the chart what is to be applied and run.
func (s *Stack) render(ctx context.Context) (*chart, error) {
	helm, err := Helm(ctx)
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp(s.dir, "helm-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	template := exec.CommandContext(ctx, helm, s.helmArgs()...)
	template.Dir = s.root
	// Helm looks into the home of whoever runs it otherwise.
	template.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	documents, err := template.Output()
	if err = errors.Join(explain(err), os.RemoveAll(home)); err != nil {
		return nil, fmt.Errorf("render chart: %w", err)
	}
	return parseChart(documents)
}

func (s *Stack) helmArgs() []string {
	args := []string{
		"template", release, chartDir, "--namespace", Namespace,
		"--set=publicURL=" + loopbackURL(s.ports[0]),
		"--set=kubernetesConnector.enabled=true", "--set=kubernetesConnector.clusterRoles={view}",
	}
	if len(s.options.Namespaces) > 0 {
		args = append(args, "--set=watchNamespaces={"+strings.Join(s.options.Namespaces, ",")+"}")
	}
	for _, value := range s.options.Values {
		args = append(args, "--set="+value)
	}
	return args
}

// parseChart leaves out what nothing here could run.
func parseChart(documents []byte) (*chart, error) {
	c := &chart{deployments: map[string]*appsv1.Deployment{}}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(documents), len(documents))
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		switch {
		case errors.Is(err, io.EOF):
			return c, nil
		case err != nil:
			return nil, fmt.Errorf("decode chart: %w", err)
		case len(object.Object) == 0, slices.Contains([]string{"Service", "Ingress"}, object.GetKind()):
		case object.GetKind() == "Deployment":
			deployment := &appsv1.Deployment{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, deployment); err != nil {
				return nil, fmt.Errorf("decode Deployment %q: %w", object.GetName(), err)
			}
			c.deployments[deployment.Name] = deployment
		default:
			c.objects = append(c.objects, object)
		}
	}
}

// install applies the chart. Its CustomResourceDefinitions came with the control plane.
func (s *Stack) install(ctx context.Context) error {
	if s.options.Install != nil {
		return s.options.Install(ctx, s)
	}
	for _, name := range append([]string{Namespace}, s.options.Namespaces...) {
		if err := s.CreateNamespace(ctx, name); err != nil {
			return err
		}
	}
	for _, object := range s.chart.objects {
		if err := s.apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// CreateNamespace creates a namespace that does not exist yet. Where the programs work in all namespaces, its Secrets are given to
// scim-controller, as its owner would do.
func (s *Stack) CreateNamespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := s.Client.Create(ctx, namespace); err != nil {
		return fmt.Errorf("create namespace %q: %w", name, err)
	}
	if len(s.options.Namespaces) > 0 || name == Namespace {
		return nil // the chart has given it
	}
	if err := s.Client.Create(ctx, secretsBinding(name)); err != nil {
		return fmt.Errorf("give scim-controller the Secrets of namespace %q: %w", name, err)
	}
	return nil
}

// secretsBinding is that of config/samples.
func secretsBinding(namespace string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: SecretsRole},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: SecretsRole},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: Namespace, Name: controllerProgram}},
	}
}

func (s *Stack) apply(ctx context.Context, object *unstructured.Unstructured) error {
	err := s.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), fieldOwner, client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("apply %s %q: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// ApplySamples applies config/samples into an existing namespace and returns the objects as they were applied.
func (s *Stack) ApplySamples(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	paths, err := filepath.Glob(filepath.Join(s.root, "config/samples", "*.yaml"))
	if err != nil {
		return nil, err
	}
	var applied []*unstructured.Unstructured
	for _, path := range paths {
		if filepath.Base(path) == "kustomization.yaml" {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read sample: %w", err)
		}
		sample, err := parseChart(content)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		for _, object := range sample.objects {
			object.SetNamespace(namespace)
			if err := s.apply(ctx, object); err != nil {
				return nil, err
			}
			applied = append(applied, object)
		}
	}
	return applied, nil
}
