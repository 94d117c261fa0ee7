// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const crdDir = "../../config/crd"

// crds are the generated CustomResourceDefinitions by kind.
func crds(t *testing.T) map[string]*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(crdDir, "scim-operator.dev_*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	byKind := map[string]*apiextensionsv1.CustomResourceDefinition{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(content, crd); err != nil {
			t.Fatalf("decode %s: %v", path, err)
		}
		byKind[crd.Spec.Names.Kind] = crd
	}
	if len(byKind) == 0 {
		t.Fatalf("no CRD in %s", crdDir)
	}
	return byKind
}

// rootSchema is the schema of spec and status; what is above them belongs to Kubernetes.
func rootSchema(crd *apiextensionsv1.CustomResourceDefinition) apiextensionsv1.JSONSchemaProps {
	root := *crd.Spec.Versions[0].Schema.OpenAPIV3Schema.DeepCopy()
	for _, name := range []string{"apiVersion", "kind", "metadata"} {
		delete(root.Properties, name)
	}
	return root
}

// fieldPath leads to a value in an object: names of fields, and indexes of lists.
type fieldPath []any

// String is the path as the API server writes it.
func (p fieldPath) String() string {
	var b strings.Builder
	for _, step := range p {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		default:
			fmt.Fprintf(&b, ".%v", step)
		}
	}
	return strings.TrimPrefix(b.String(), ".")
}

// with is a copy: appending to the path itself would let siblings share memory.
func (p fieldPath) with(step any) fieldPath {
	return append(append(fieldPath{}, p...), step)
}

// walk visits a schema and everything in it; the path goes through the first item of every list.
func walk(schema apiextensionsv1.JSONSchemaProps, path fieldPath, visit func(fieldPath, apiextensionsv1.JSONSchemaProps)) {
	visit(path, schema)
	for name, property := range schema.Properties {
		walk(property, path.with(name), visit)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walk(*schema.Items.Schema, path.with(0), visit)
	}
}

// get returns the value at path, or nil.
func get(object any, path fieldPath) any {
	for _, step := range path {
		switch step := step.(type) {
		case int:
			list, _ := object.([]any)
			if step >= len(list) {
				return nil
			}
			object = list[step]
		case string:
			fields, _ := object.(map[string]any)
			object = fields[step]
		}
	}
	return object
}

// set puts a value at path, whose parents must exist; nil removes it.
func set(t *testing.T, object any, path fieldPath, value any) {
	t.Helper()
	last := path[len(path)-1]
	switch parent := get(object, path[:len(path)-1]).(type) {
	case []any:
		parent[last.(int)] = value
	case map[string]any:
		if value == nil {
			delete(parent, last.(string))
		} else {
			parent[last.(string)] = value
		}
	default:
		t.Fatalf("%s has no parent in the sample object", path)
	}
}

func decode(t *testing.T, document string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	content, err := yaml.YAMLToJSONStrict([]byte(document))
	if err == nil {
		err = object.UnmarshalJSON(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// TestSchemaIsBounded keeps every string and list finite, which bounds the size of objects and the cost of CEL rules.
func TestSchemaIsBounded(t *testing.T) {
	for kind, crd := range crds(t) {
		walk(rootSchema(crd), nil, func(path fieldPath, schema apiextensionsv1.JSONSchemaProps) {
			switch schema.Type {
			case "string":
				if schema.MaxLength == nil && schema.Enum == nil && schema.Format == "" {
					t.Errorf("%s: %s is a string without maxLength, enum or format", kind, path)
				}
			case "array":
				if schema.MaxItems == nil || schema.XListType == nil {
					t.Errorf("%s: %s is a list without maxItems or listType", kind, path)
				}
			}
			if schema.Description == "" && len(path) > 0 && path[len(path)-1] != 0 {
				t.Errorf("%s: %s has no description", kind, path)
			}
			if schema.XPreserveUnknownFields != nil && path.String() != "spec.attributes" {
				t.Errorf("%s: %s keeps unknown fields", kind, path)
			}
		})
	}
}

// TestReferencesStayInTheirNamespace: a reference that could name a namespace would reach into those of others.
func TestReferencesStayInTheirNamespace(t *testing.T) {
	for kind, crd := range crds(t) {
		walk(rootSchema(crd), nil, func(path fieldPath, schema apiextensionsv1.JSONSchemaProps) {
			if _, named := schema.Properties["namespace"]; named {
				t.Errorf("%s: %s has a field namespace", kind, path)
			}
		})
	}
}
