// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

const (
	root      = "../.."
	chartDir  = root + "/charts/scim-operator"
	namespace = "scim-system"
	release   = "scim-operator"
)

// run returns what the program prints, without its warnings.
func run(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, &stderr)
	}
	return stdout.String(), nil
}

func mustRun(t *testing.T, program string, args ...string) string {
	t.Helper()
	output, err := run(t, program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// helmProgram is the helm that go.mod of hack/tools pins; go builds it once and caches it.
var helmProgram = sync.OnceValues(func() (string, error) {
	path, err := exec.Command("go", "tool", "-modfile="+root+"/hack/tools/go.mod", "-n", "helm").Output()
	return strings.TrimSpace(string(path)), err
})

// helm runs it with its own files in a directory of the test.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program, err := helmProgram()
	if err != nil {
		t.Fatalf("build helm: %v", err)
	}
	for _, name := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		t.Setenv(name, t.TempDir())
	}
	return run(t, program, args...)
}

func mustHelm(t *testing.T, args ...string) string {
	t.Helper()
	output, err := helm(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// kubectl is the one on PATH, or else the one that hack/controlplane built.
func kubectl(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("kubectl")
	if err == nil {
		return program
	}
	built := root + "/bin/controlplane/kubectl"
	if _, statErr := os.Stat(built); statErr != nil {
		t.Fatalf("find kubectl: %v: run `make controlplane`", errors.Join(err, statErr))
	}
	return built
}

// kubeconfig writes a file for the command line tools.
func kubeconfig(t *testing.T, config *rest.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := cluster.WriteKubeconfig(path, config); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// manifests are objects by kind, namespace and name.
type manifests map[string]*unstructured.Unstructured

func parse(t *testing.T, documents string) manifests {
	t.Helper()
	found := manifests{}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(documents), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("decode manifests: %v", err)
		}
		if len(object.Object) == 0 {
			continue
		}
		key := strings.Join([]string{object.GetKind(), object.GetNamespace(), object.GetName()}, "/")
		if found[key] != nil {
			t.Errorf("%s appears twice", key)
		}
		found[key] = object
	}
}

// template renders the chart as render.sh does.
func template(t *testing.T, args ...string) manifests {
	t.Helper()
	return parse(t, mustHelm(t, append([]string{"template", release, chartDir, "--namespace", namespace}, args...)...))
}

func (m manifests) ofKind(kinds ...string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, object := range m {
		if slices.Contains(kinds, object.GetKind()) {
			found = append(found, object)
		}
	}
	return found
}

// args of the only container of a Deployment.
func (m manifests) args(t *testing.T, deployment string) []string {
	t.Helper()
	containers, _, err := unstructured.NestedSlice(m["Deployment/"+namespace+"/"+deployment].Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		t.Fatalf("containers of %s: %v, %v", deployment, containers, err)
	}
	args, _, err := unstructured.NestedStringSlice(containers[0].(map[string]any), "args")
	if err != nil {
		t.Fatal(err)
	}
	return args
}
