// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// violation is one value that one constraint of the schema forbids.
type violation struct {
	// path of the value that is put into the sample, nil to remove it.
	path  fieldPath
	value any
	// wantErr is what the API server says about the value; it names the path too.
	wantErr string
}

// testBounds breaks every constraint of the schema, one at a time: spec by a dry-run create, status by a dry-run update.
func testBounds(t *testing.T, api *api) {
	for kind, crd := range crds(t) {
		t.Run(kind, func(t *testing.T) {
			unset := map[string]int{}
			for _, sample := range samplesOf(kind) {
				namespace := api.namespace(t)
				stored := api.create(t, namespace, decode(t, sample))
				walk(rootSchema(crd), nil, func(path fieldPath, schema apiextensionsv1.JSONSchemaProps) {
					if !isSet(stored.Object, path) {
						unset[path.String()]++
						return
					}
					for _, v := range violations(stored.Object, path, schema) {
						err := api.tryChange(t, namespace, sample, v.path, v.value)
						if !matches(err, v.path.String()) || !matches(err, v.wantErr) {
							t.Errorf("%s = %.40v: got error %.300v, want one with %q", v.path, v.value, err, v.wantErr)
						}
					}
				})
			}
			for path, times := range unset {
				if times == len(samplesOf(kind)) {
					t.Errorf("no sample sets %s: its constraints are not tested", path)
				}
			}
		})
	}
}

// isSet reports whether the object has something at path. The status as a whole is dropped by a create and cannot be of
// another shape.
func isSet(object any, path fieldPath) bool {
	return len(path) == 0 || path.String() == "status" || get(object, path) != nil
}

func violations(sample any, path fieldPath, schema apiextensionsv1.JSONSchemaProps) []violation {
	var found []violation
	for _, name := range schema.Required {
		required := path.with(name)
		found = append(found, violation{required, nil, "Required value"})
	}
	switch schema.Type {
	case "string":
		found = append(found, stringViolations(path, schema)...)
	case "integer":
		if schema.Minimum != nil {
			found = append(found, violation{path, int64(*schema.Minimum) - 1, "in body should be greater than or equal to"})
		}
		if schema.Maximum != nil {
			found = append(found, violation{path, int64(*schema.Maximum) + 1, "in body should be less than or equal to"})
		}
		found = append(found, violation{path, "1", "in body must be of type integer"})
	case "boolean":
		found = append(found, violation{path, "yes", "in body must be of type boolean"})
	case "array":
		found = append(found, listViolations(sample, path, schema)...)
	}
	return found
}

func stringViolations(path fieldPath, schema apiextensionsv1.JSONSchemaProps) []violation {
	var found []violation
	if schema.MaxLength != nil {
		found = append(found, violation{path, strings.Repeat("a", int(*schema.MaxLength)+1), "Too long: may not be more than"})
	}
	if schema.MinLength != nil {
		found = append(found, violation{path, strings.Repeat("a", int(*schema.MinLength)-1), "in body should be at least"})
	}
	if schema.Pattern != "" {
		found = append(found, violation{path, "-\n", "in body should match"})
	}
	if schema.Enum != nil {
		found = append(found, violation{path, "Nonsense", `Unsupported value: "Nonsense"`})
	}
	if schema.Format != "" {
		found = append(found, violation{path, "yesterday", "in body must be of type " + schema.Format})
	}
	return found
}

func listViolations(sample any, path fieldPath, schema apiextensionsv1.JSONSchemaProps) []violation {
	var found []violation
	list, _ := runtime.DeepCopyJSONValue(get(sample, path)).([]any)
	if len(list) == 0 {
		return nil
	}
	if schema.MaxItems != nil {
		tooMany := slices.Repeat(list[:1], int(*schema.MaxItems)+1)
		found = append(found, violation{path, tooMany, "Too many"})
	}
	if schema.MinItems != nil {
		found = append(found, violation{path, []any{}, "in body should have at least"})
	}
	if *schema.XListType != "atomic" {
		twice := slices.Repeat(list[:1], 2)
		found = append(found, violation{path, twice, path.with(1).String() + ": Duplicate value"})
	}
	return found
}

// testLimits proves that the longest string and list that are allowed do pass.
func testLimits(t *testing.T, api *api) {
	for kind, crd := range crds(t) {
		t.Run(kind, func(t *testing.T) {
			for _, sample := range samplesOf(kind) {
				namespace := api.namespace(t)
				stored := api.create(t, namespace, decode(t, sample))
				walk(rootSchema(crd), nil, func(path fieldPath, schema apiextensionsv1.JSONSchemaProps) {
					if schema.Type != "string" || schema.MaxLength == nil || !isSet(stored.Object, path) {
						return
					}
					// The value may break another constraint, a CEL rule for one: only the length is looked at.
					err := api.tryChange(t, namespace, sample, path, strings.Repeat("a", int(*schema.MaxLength)))
					if err != nil && strings.Contains(err.Error(), path.String()+": Too long") {
						t.Errorf("%s: %d characters are refused: %v", path, *schema.MaxLength, err)
					}
				})
			}
		})
	}
}
