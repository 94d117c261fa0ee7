// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSort(t *testing.T) {
	rt := UserResourceType()
	type object = map[string]any
	emails := func(list ...any) Resource { return Resource{"emails": list} }
	for name, tc := range map[string]struct {
		by     string
		first  Resource
		second Resource
		order  int // of first and second
		reason string
	}{
		"text":              {"userName", Resource{"userName": "a"}, Resource{"userName": "b"}, -1, "§3.4.2.3"},
		"case":              {"userName", Resource{"userName": "B"}, Resource{"userName": "a"}, 1, "case does not count"},
		"case, equal":       {"title", Resource{"title": "É"}, Resource{"title": "é"}, 0, "case does not count"},
		"exact":             {"externalId", Resource{"externalId": "B"}, Resource{"externalId": "a"}, -1, "case-exact"},
		"prefix":            {"title", Resource{"title": "a"}, Resource{"title": "a b"}, -1, "shorter first"},
		"empty text":        {"title", Resource{"title": ""}, Resource{"title": "a"}, -1, "a value"},
		"missing":           {"title", Resource{}, Resource{"title": "\U0010ffff"}, 1, "last"},
		"both missing":      {"title", Resource{}, Resource{}, 0, "neither"},
		"boolean":           {"active", Resource{"active": false}, Resource{"active": true}, -1, "false first"},
		"sub":               {"name.familyName", Resource{"name": object{"familyName": "a"}}, Resource{"name": object{"familyName": "b"}}, -1, "a path"},
		"no sub":            {"name.familyName", Resource{"name": object{"givenName": "a"}}, Resource{"name": object{"familyName": "b"}}, 1, "missing"},
		"primary":           {"emails", emails(object{"value": "z"}, object{"value": "a", "primary": true}), emails(object{"value": "b"}), -1, "primary before first"},
		"first":             {"emails.value", emails(object{"value": "b"}, object{"value": "a"}), emails(object{"value": "a"}), 1, "else the first"},
		"sub of first":      {"emails.type", emails(object{"value": "b", "type": "home"}), emails(object{"value": "a", "type": "work"}), -1, "a path"},
		"extension":         {EnterpriseUserURN + ":department", Resource{EnterpriseUserURN: object{"department": "a"}}, Resource{EnterpriseUserURN: object{"department": "b"}}, -1, "a URN"},
		"bare extension":    {"manager", Resource{EnterpriseUserURN: object{"manager": object{"value": "a"}}}, Resource{}, -1, "its value"},
		"beyond the bound":  {"title", Resource{"title": strings.Repeat("a", 256) + "b"}, Resource{"title": strings.Repeat("a", 256) + "a"}, 0, "the beginning counts"},
		"within the bound":  {"title", Resource{"title": strings.Repeat("a", 255) + "b"}, Resource{"title": strings.Repeat("a", 255) + "a"}, 1, "the beginning counts"},
		"with the core URN": {UserURN + ":userName", Resource{"userName": "a"}, Resource{"userName": "b"}, -1, "a URN"},
	} {
		t.Run(name, func(t *testing.T) {
			for order, sign := range map[string]int{"": 1, "Ascending": 1, "descending": -1} {
				s, err := ParseSort(rt, tc.by, order)
				if err != nil {
					t.Fatal(err)
				}
				if got := s.Compare(tc.first, tc.second, Common{}, Common{}); got != tc.order*sign {
					t.Errorf("%s: %q gives %d, want %d", tc.reason, order, got, tc.order*sign)
				}
				if got := s.Compare(tc.second, tc.first, Common{}, Common{}); got != -tc.order*sign {
					t.Errorf("%s: the other way round %q gives %d", tc.reason, order, got)
				}
			}
		})
	}
}

func TestSortByCommon(t *testing.T) {
	early, late := commonOf("b"), commonOf("a")
	late.Created = early.Created.Add(time.Nanosecond).In(time.FixedZone("", -3600))
	for by, want := range map[string]int{"meta.created": -1, "id": 1, "meta.lastModified": 0} {
		s, err := ParseSort(UserResourceType(), by, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Compare(Resource{}, Resource{}, early, late); got != want {
			t.Errorf("%s: got %d, want %d", by, got, want)
		}
	}
}

func TestSortInstants(t *testing.T) {
	s, err := ParseSort(zooType(t), "dateTime-readWrite", "")
	if err != nil {
		t.Fatal(err)
	}
	order := []string{"0001-01-01T00:00:00Z", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00", "2026-01-01T10:00:00+05:00", "2026-01-01T06:00:00Z", "9999-12-31T23:59:59Z"}
	for i := range order[1:] {
		if s.Compare(Resource{"dateTime-readWrite": order[i]}, Resource{"dateTime-readWrite": order[i+1]}, Common{}, Common{}) >= 0 {
			t.Errorf("%s is not before %s", order[i], order[i+1])
		}
	}
}

// TestSortNumbers: keys compare as the numbers do.
func TestSortNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	zoo := zooType(t)
	integers, err := ParseSort(zoo, "integer-readWrite", "")
	if err != nil {
		t.Fatal(err)
	}
	decimals, err := ParseSort(zoo, "decimal-readWrite", "")
	if err != nil {
		t.Fatal(err)
	}
	edges := []int64{math.MinInt64, -1, 0, 1, math.MaxInt64, math.MaxInt64 - 1}
	for range 2000 {
		a, b := int64(random.Uint64()), edges[random.IntN(len(edges))]
		if got := integers.Compare(Resource{"integer-readWrite": a}, Resource{"integer-readWrite": b}, Common{}, Common{}); got != cmp.Compare(a, b) {
			t.Fatalf("%d and %d: %d", a, b, got)
		}
		x, y := random.NormFloat64(), []float64{0, math.Copysign(0, -1), -1e300, 1e300, random.NormFloat64()}[random.IntN(5)]
		if got := decimals.Compare(Resource{"decimal-readWrite": x}, Resource{"decimal-readWrite": y}, Common{}, Common{}); got != cmp.Compare(x, y) {
			t.Fatalf("%g and %g: %d", x, y, got)
		}
	}
	if got := decimals.Compare(Resource{"decimal-readWrite": int64(2)}, Resource{"decimal-readWrite": 1.5}, Common{}, Common{}); got != 1 {
		t.Errorf("a decimal that came back from JSON as an integer: %d", got)
	}
	if got := decimals.Compare(Resource{"decimal-readWrite": 0.0}, Resource{"decimal-readWrite": math.Copysign(0, -1)}, Common{}, Common{}); got != 0 {
		t.Errorf("the zeros differ: %d", got)
	}
}

func TestSortIsAnOrder(t *testing.T) {
	s, err := ParseSort(UserResourceType(), "title", "descending")
	if err != nil {
		t.Fatal(err)
	}
	users := []Resource{{"title": "b"}, {}, {"title": "C"}, {"title": "a"}}
	slices.SortFunc(users, func(a, b Resource) int { return s.Compare(a, b, Common{}, Common{}) })
	diff(t, "missing first when descending", []Resource{{}, {"title": "C"}, {"title": "b"}, {"title": "a"}}, users)
}

func TestParseSortRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		rt        *ResourceType
		by, order string
	}{
		"unknown":    {UserResourceType(), "nobody", ""},
		"hidden":     {UserResourceType(), "password", ""},
		"complex":    {UserResourceType(), "name", ""},
		"addresses":  {UserResourceType(), "addresses", ""},
		"two":        {UserResourceType(), "userName,title", ""},
		"value path": {UserResourceType(), `emails[type eq "work"]`, ""},
		"order":      {UserResourceType(), "userName", "up"},
		"members":    {GroupResourceType(), "members", ""},
		"member":     {GroupResourceType(), "members.value", ""},
	} {
		if _, err := ParseSort(tc.rt, tc.by, tc.order); typeOf(t, err) != ErrorInvalidValue {
			t.Errorf("%s: %v, want invalidValue", name, err)
		}
	}
	if s, err := ParseSort(UserResourceType(), "", "descending"); s != nil || err != nil {
		t.Errorf("an order of nothing: %v, %v", s, err)
	}
}
