// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const root = "../../.."

// now is when the fixtures are looked at.
var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// world is an API server with the kinds, and nothing that acts on them.
type world struct {
	*cluster.Cluster
	client.Client
	dir string
}

var (
	once   sync.Once
	shared *world
	broken error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		if err := errors.Join(shared.Stop(), os.RemoveAll(shared.dir)); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func theWorld(t testing.TB) *world {
	t.Helper()
	once.Do(func() { shared, broken = newWorld(context.WithoutCancel(t.Context())) })
	if broken != nil {
		t.Fatal(broken)
	}
	return shared
}

func newWorld(ctx context.Context) (*world, error) {
	c, err := cluster.Start(ctx, cluster.Options{CRDDirs: []string{filepath.Join(root, "config/crd")}})
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), rbacv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	admin, err := client.New(c.AdminConfig(0), client.Options{Scheme: scheme})
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	dir, err := os.MkdirTemp("", "kubectl-scim-")
	return &world{c, admin, dir}, err
}

// namespace makes one, with the objects of a file of testdata.
func (w *world) namespace(t testing.TB, name string, files ...string) {
	t.Helper()
	if err := w.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), len(content))
		for {
			object := &unstructured.Unstructured{}
			if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if len(object.Object) > 0 {
				w.create(t, name, object)
			}
		}
	}
}

// create creates an object with its status.
func (w *world) create(t testing.TB, namespace string, object *unstructured.Unstructured) {
	t.Helper()
	object.SetNamespace(namespace)
	status, has := object.Object["status"]
	if err := w.Create(t.Context(), object); err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
	if !has {
		return
	}
	object.Object["status"] = status
	if err := w.Status().Update(t.Context(), object); err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
}

// publish says on the directory what its guard holds, as scim-controller would.
func (w *world) publish(t testing.TB, namespace string) (digest string) {
	t.Helper()
	var accounts v1alpha1.ScimAccountList
	directory := &v1alpha1.ScimDirectory{}
	err := errors.Join(w.List(t.Context(), &accounts, client.InNamespace(namespace)), w.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "acme"}, directory))
	if err != nil {
		t.Fatal(err)
	}
	set := guard.HeldSet(guard.HeldAmong(accounts.Items), v1alpha1.HeldByDirectory, nil)
	directory.Status.Removals = v1alpha1.HeldRemovals{Count: set.Count, Digest: set.Digest}
	if err := w.Status().Update(t.Context(), directory); err != nil {
		t.Fatal(err)
	}
	return set.Digest
}

// caller is somebody who calls the plugin.
type caller struct {
	kubeconfig, namespace string
}

// as makes the kubeconfig of a user; none is the administrator.
func (w *world) as(t testing.TB, namespace, user string) caller {
	t.Helper()
	config, err := w.AdminConfig(0), error(nil)
	if user != "" {
		config, err = w.UserConfig(user, nil, 0)
	}
	c := caller{filepath.Join(w.dir, "kubeconfig-"+namespace+user), namespace}
	if err == nil {
		err = cluster.WriteKubeconfig(c.kubeconfig, config)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// result is what a call left.
type result struct {
	stdout, stderr, both string
	code                 int
}

// call runs the plugin in this process, with an answer to what it asks.
func (c caller) call(t testing.TB, answer string, args ...string) result {
	t.Helper()
	var stdout, stderr, both bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(answer), Out: io.MultiWriter(&stdout, &both), ErrOut: io.MultiWriter(&stderr, &both)}
	args = append([]string{"kubectl-scim", "--kubeconfig", c.kubeconfig}, args...)
	if c.namespace != "" {
		args = append(args, "-n", c.namespace)
	}
	code := Run(t.Context(), args, streams, clocktesting.NewFakePassiveClock(now))
	return result{stdout.String(), stderr.String(), both.String(), code}
}
