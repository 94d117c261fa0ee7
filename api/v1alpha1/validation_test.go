// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// TestAPIServer runs everything that needs an API server against one.
func TestAPIServer(t *testing.T) {
	control := cluster.ForTest(t, cluster.Options{CRDDirs: []string{crdDir}})
	api := newAPI(t, control.AdminConfig(0))
	t.Run("Bounds", func(t *testing.T) { testBounds(t, api) })
	t.Run("Limits", func(t *testing.T) { testLimits(t, api) })
	t.Run("Rules", func(t *testing.T) { testRules(t, api) })
	t.Run("Defaults", func(t *testing.T) { testDefaults(t, api) })
	t.Run("PolicyDefaults", func(t *testing.T) { testPolicyDefaults(t, api) })
	t.Run("TokenDefaults", func(t *testing.T) { testTokenDefaults(t, api) })
	t.Run("ReadableTimes", func(t *testing.T) { testReadableTimes(t, api) })
	t.Run("DirectoryWithoutSpec", func(t *testing.T) { testDirectoryWithoutSpec(t, api) })
	t.Run("EarlierObjects", func(t *testing.T) { testEarlierObjects(t, api) })
	t.Run("TypedObjects", func(t *testing.T) { testTypedObjects(t, api) })
	t.Run("SelectableFields", func(t *testing.T) { testSelectableFields(t, api) })
	t.Run("Discovery", func(t *testing.T) { testDiscovery(t, api) })
	t.Run("PrintColumns", func(t *testing.T) { testPrintColumns(t, api) })
}

// api talks to the API server as its administrator.
type api struct {
	client.Client
	config *rest.Config
}

func newAPI(t *testing.T, config *rest.Config) *api {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &api{client.WithFieldValidation(c, metav1.FieldValidationStrict), config}
}

// namespace makes one of its own for a test.
func (a *api) namespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := a.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// create stores the object with its status.
func (a *api) create(t *testing.T, namespace string, object *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	object.SetNamespace(namespace)
	status, hasStatus := object.Object["status"]
	if err := a.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if hasStatus {
		object.Object["status"] = status
		if err := a.Status().Update(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	return object
}

// tryChange asks whether the sample would be accepted with another value at path, and stores nothing.
func (a *api) tryChange(t *testing.T, namespace, sample string, path fieldPath, value any) error {
	t.Helper()
	object := decode(t, sample)
	object.SetNamespace(namespace)
	if path[0] != "status" {
		object.SetName("other")
		set(t, object.Object, path, value)
		return a.Create(t.Context(), object, client.DryRunAll)
	}
	current := &unstructured.Unstructured{}
	current.SetGroupVersionKind(object.GroupVersionKind())
	if err := a.Get(t.Context(), client.ObjectKeyFromObject(object), current); err != nil {
		t.Fatal(err)
	}
	object.SetResourceVersion(current.GetResourceVersion())
	set(t, object.Object, path, value)
	return a.Status().Update(t.Context(), object, client.DryRunAll)
}

// rule is a change of a sample, at creation or afterwards.
type rule struct {
	reason string
	kind   string
	// create and update are what differs from the sample, by path; nil removes. Without update, only the creation is tried.
	create, update []change
	// wantErr is a part of the error, empty for success; at is the path in it, needed where a kind has several rules that say the same.
	wantErr, at string
	// hides is the message of a CEL rule that cannot fail yet: an enum with one value refuses every change before it.
	hides string
}

type change struct {
	path  fieldPath
	value any
}

func spec(value any, path ...any) change { return change{append(fieldPath{"spec"}, path...), value} }

// testRules checks every CEL rule, and that no rule is without a case that it refuses.
func testRules(t *testing.T, api *api) {
	refused := map[string]bool{}
	for name, c := range rules() {
		refused[c.kind+": "+c.wantErr], refused[c.kind+": "+c.hides] = true, true
		refused[c.kind+": "+c.at+": "+c.wantErr] = true
		t.Run(name, func(t *testing.T) {
			object := decode(t, samples()[c.kind])
			object.SetNamespace(api.namespace(t))
			delete(object.Object, "status")
			apply(t, object, c.create)
			err := api.Create(t.Context(), object)
			if c.update != nil {
				if err != nil {
					t.Fatalf("create: %v", err)
				}
				apply(t, object, c.update)
				err = api.Update(t.Context(), object)
			}
			if !matches(err, c.wantErr) || c.at != "" && !matches(err, c.at) {
				t.Errorf("%s: got error %v, want %q", c.reason, err, c.wantErr)
			}
		})
	}
	for kind, rules := range celRules(t) {
		saying := map[string]int{}
		for _, rule := range rules {
			saying[rule.message]++
		}
		for _, rule := range rules {
			if refused[kind+": "+rule.path+": "+rule.message] || saying[rule.message] == 1 && refused[kind+": "+rule.message] {
				continue
			}
			t.Errorf("no case is refused by the rule of %s at %s that says %q", kind, rule.path, rule.message)
		}
	}
}

func apply(t *testing.T, object *unstructured.Unstructured, changes []change) {
	t.Helper()
	for _, c := range changes {
		set(t, object.Object, c.path, c.value)
	}
}

func matches(err error, want string) bool {
	if want == "" || err == nil {
		return want == "" && err == nil
	}
	return strings.Contains(err.Error(), want)
}

// testDefaults: a new object says that nobody has looked at it yet, so that `kubectl wait` and kstatus do not take it
// for done.
func testDefaults(t *testing.T, api *api) {
	for kind := range samples() {
		t.Run(kind, func(t *testing.T) {
			object := decode(t, samples()[kind])
			_, hasStatus := object.Object["status"]
			object.SetNamespace(api.namespace(t))
			if err := api.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
				t.Fatal(err)
			}
			first := fieldPath{"status", "conditions", 0}
			ready := []any{get(object.Object, first.with("type")), get(object.Object, first.with("status")), get(object.Object, first.with("reason"))}
			want := []any{v1alpha1.ConditionReady, "Unknown", v1alpha1.ReasonPending}
			if !hasStatus {
				want = []any{nil, nil, nil}
			}
			for i := range want {
				if ready[i] != want[i] {
					t.Errorf("got condition %v, want %v", ready, want)
				}
			}
		})
	}
	t.Run("GroupMembers", func(t *testing.T) {
		object := decode(t, samples()["ScimGroup"])
		object.SetNamespace(api.namespace(t))
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		if got := get(object.Object, fieldPath{"status", "members"}); got != int64(0) {
			t.Errorf("got %v members of a group that nobody has counted, want 0", got)
		}
	})
	t.Run("DeletionPolicy", func(t *testing.T) {
		object := decode(t, samples()["ScimApplication"])
		object.SetNamespace(api.namespace(t))
		set(t, object.Object, fieldPath{"spec", "deletionPolicy"}, nil)
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		if got := get(object.Object, fieldPath{"spec", "deletionPolicy"}); got != string(v1alpha1.DeletionPolicyDelete) {
			t.Errorf("got deletionPolicy %v, want %s", got, v1alpha1.DeletionPolicyDelete)
		}
	})
}
