// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// testSelectableFields is `kubectl get --field-selector` for every field that a CRD declares.
func testSelectableFields(t *testing.T, api *api) {
	for kind, crd := range crds(t) {
		t.Run(kind, func(t *testing.T) {
			object := api.create(t, api.namespace(t), decode(t, samples()[kind]))
			for _, field := range crd.Spec.Versions[0].SelectableFields {
				path := strings.TrimPrefix(field.JSONPath, ".")
				value := get(object.Object, dotted(path))
				for selected, want := range map[string]int{fmt.Sprint(value): 1, "nothing-has-this": 0} {
					if got := countSelected(t, api, object, path, selected); got != want {
						t.Errorf("%s=%s: got %d objects, want %d", path, selected, got, want)
					}
				}
			}
		})
	}
}

func dotted(path string) fieldPath {
	var steps fieldPath
	for step := range strings.SplitSeq(path, ".") {
		steps = append(steps, step)
	}
	return steps
}

func countSelected(t *testing.T, api *api, like *unstructured.Unstructured, path, value string) int {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(like.GroupVersionKind())
	selector := client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector(path, value)}
	if err := api.List(t.Context(), list, client.InNamespace(like.GetNamespace()), selector); err != nil {
		t.Fatalf("list by %s: %v", path, err)
	}
	return len(list.Items)
}

// testDiscovery: `kubectl get scim` shows every kind, and each is namespaced.
func testDiscovery(t *testing.T, api *api) {
	d, err := discovery.NewDiscoveryClientForConfig(api.config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, resource := range list.APIResources {
		if !resource.Namespaced {
			t.Errorf("%s is not namespaced", resource.Name)
		}
		if strings.Contains(resource.Name, "/") {
			continue
		}
		seen = append(seen, resource.Kind)
		if !slices.Contains(resource.Categories, "scim") {
			t.Errorf("%s is not in the category scim", resource.Name)
		}
	}
	want := []string{"ScimAccount", "ScimApplication", "ScimDirectory", "ScimGrant", "ScimGroup", "ScimMemberSlice", "ScimName", "ScimToken", "ScimTokenUse", "ScimUser"}
	slices.Sort(seen)
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// testPrintColumns asks for the table that kubectl prints, wide columns too.
func testPrintColumns(t *testing.T, api *api) {
	// Age, the last column of each, is left out.
	want := map[string]string{
		"ScimDirectory":   "Name=sample Users=3 Ready=True URL=https://scim.example.com/prefix/scim/v2/default/sample Reason=InSync",
		"ScimToken":       "Name=sample Directory=acme Secret=acme-token Ready=True Reason=InSync Used=long ago Key ID=abcdefgh Expires=2027-01-01T00:00:00Z",
		"ScimTokenUse":    "Name=sample Token=acme-okta Key ID=abcdefgh Used=long ago",
		"ScimUser":        "Name=sample User=jane@example.com State=Active Accounts=2 Ready=True Directory=acme Display Name=Jane External ID=0042 Deleted=<nil>",
		"ScimGroup":       "Name=sample Group=Engineers Members=3 Directory=acme External ID=g-42",
		"ScimMemberSlice": "Name=sample Group=8d4b7c1e-3f57-4f0b-8c65-2a9f2b1d7e90",
		"ScimName":        "Name=sample Value=jane@example.com Holder=5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11 State=Reserved Directory=acme",
		"ScimApplication": "Name=sample Connector=Kubernetes Directory=acme Accounts=2 In Sync=1 Held=1 Mode=Active Orphans=2 Ready=True Reason=InSync",
		"ScimGrant":       `Name=sample Application=demo-cluster Roles=["viewer"] Users=1 Ready=True Reason=InSync`,
		"ScimAccount":     `Name=sample Application=demo-cluster User=jane@example.com State=Active Roles=["viewer"] Why=Granted Held=Suspend Pending=Change Ready=True Reason=InSync Message=all is well`,
	}
	for kind, crd := range crds(t) {
		t.Run(kind, func(t *testing.T) {
			object := api.create(t, api.namespace(t), decode(t, samples()[kind]))
			table := fetchTable(t, api, object, crd.Spec.Names.Plural)
			var cells []string
			for i, cell := range table.Rows[0].Cells {
				column := table.ColumnDefinitions[i]
				if column.Type == "date" && strings.HasSuffix(fmt.Sprint(cell), "d") { // it grows every day
					cell = "long ago"
				}
				if column.Name != "Age" {
					cells = append(cells, fmt.Sprintf("%s=%v", column.Name, cell))
				}
			}
			if diff := cmp.Diff(want[kind], strings.Join(cells, " ")); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

func fetchTable(t *testing.T, api *api, object *unstructured.Unstructured, plural string) *metav1.Table {
	t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(api.config)
	if err != nil {
		t.Fatal(err)
	}
	content, err := d.RESTClient().Get().
		AbsPath("/apis", v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, "namespaces", object.GetNamespace(), plural).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").
		DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table := &metav1.Table{}
	if err := json.Unmarshal(content, table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 1 {
		t.Fatalf("got %d rows, want 1", len(table.Rows))
	}
	return table
}
