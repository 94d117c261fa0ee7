// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// fill sets every field of a spec to one of few values, also of fields that nobody thought of when this was written.
func fill(r *rand.Rand, v reflect.Value) {
	switch into := v.Addr().Interface().(type) {
	case *metav1.Time:
		*into = metav1.NewTime(noon().Add(time.Duration(r.IntN(2)) * time.Hour).In([]*time.Location{time.UTC, time.Local, time.FixedZone("x", 3600)}[r.IntN(3)]))
		return
	case *metav1.MicroTime:
		*into = metav1.NewMicroTime(noon().Add(time.Duration(r.IntN(2))))
		return
	case *[]v1alpha1.RoleName:
		*into = some(r, []v1alpha1.RoleName{"a", "b"})
		return
	case *[]v1alpha1.AccountAttribute:
		*into = some(r, []v1alpha1.AccountAttribute{{Name: "a", Value: fmt.Sprint(r.IntN(2))}, {Name: "b", Value: "0"}})
		return
	case *[]v1alpha1.AccountGrant:
		*into = some(r, []v1alpha1.AccountGrant{{Name: "g", Roles: some(r, []v1alpha1.RoleName{"a", "b"})}, {Name: "h", Roles: some(r, []v1alpha1.RoleName{"a"})}})
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Pointer:
		if r.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.String:
		v.SetString([]string{"", "x"}[r.IntN(2)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	default:
		panic("a field of a new type: " + v.Type().String())
	}
}

// some are some of all in any order; none is nil or empty.
func some[T any](r *rand.Rand, all []T) []T {
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if n := r.IntN(len(all) + 1); n > 0 || r.IntN(2) == 0 {
		return all[:n]
	}
	return nil
}

// reference is decided without any shortcut.
func reference(spec *v1alpha1.ScimAccountSpec) *v1alpha1.ScimAccountSpec {
	part := spec.DeepCopy()
	part.LostAccessAt, part.DeletedAt, part.Held = nil, nil, nil
	slices.Sort(part.Roles)
	slices.SortFunc(part.Attributes, attributesByName)
	slices.SortFunc(part.Grants, grantsByName)
	for i := range part.Grants {
		slices.Sort(part.Grants[i].Roles)
	}
	return part
}

// TestEqualByHand: isEqual and decided are what equality.Semantic says of sorted copies, and neither touches what it is given. Pairs differ in
// at most one field, since others differ anyway.
func TestEqualByHand(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	equal, different := 0, 0
	for round := range 20_000 {
		var a v1alpha1.ScimAccountSpec
		fill(r, reflect.ValueOf(&a).Elem())
		b := *a.DeepCopy()
		fill(r, reflect.ValueOf(&b).Elem().Field(r.IntN(reflect.TypeFor[v1alpha1.ScimAccountSpec]().NumField())))
		before := a.DeepCopy()
		want := equality.Semantic.DeepEqual(reference(&a), reference(&b))
		if got := isEqual(&a, &b); got != want {
			t.Fatalf("seed %d, round %d: isEqual is %v: %s", seed, round, got, cmp.Diff(a, b))
		}
		if part := decided(&a); !equality.Semantic.DeepEqual(&part, reference(&a)) {
			t.Fatalf("seed %d, round %d: decided: %s", seed, round, cmp.Diff(part, reference(&a)))
		}
		if !reflect.DeepEqual(before, &a) {
			t.Fatalf("seed %d, round %d: the spec was changed: %s", seed, round, cmp.Diff(before, &a))
		}
		if want {
			equal++
		} else {
			different++
		}
	}
	if min(equal, different) < 5000 {
		t.Errorf("%d equal and %d different pairs: one kind is hardly tested", equal, different)
	}
}
