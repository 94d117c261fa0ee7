// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// groupCase is a request about a group that an identity provider sends, literally,
// and what becomes of the group "Old" with the given members. Members that are
// null are not mentioned.
type groupCase struct {
	Name, Method string
	Body         json.RawMessage
	Members      []string
	Want         map[string]any
	WantMembers  []string
	Delta        struct {
		Reset       bool
		Add, Remove []string
	}
	NeedsCurrent bool
}

// TestIdPGroups replays testdata/groups, one file for each identity provider
// (SEC-27).
func TestIdPGroups(t *testing.T) {
	files, err := filepath.Glob("testdata/groups/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var cases []groupCase
		if err := json.Unmarshal(text, &cases); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, tc := range cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+"/"+tc.Name, func(t *testing.T) {
				if tc.Method == "PATCH" {
					tc.testPatch(t)
				} else {
					tc.testBody(t)
				}
			})
		}
	}
}

func (tc groupCase) testBody(t *testing.T) {
	t.Helper()
	rt := GroupResourceType()
	r := parse(t, rt, string(tc.Body))
	if err := rt.CheckRequired(r); err != nil {
		t.Fatal(err)
	}
	rest, members, present := rt.SplitMembers(r)
	diff(t, "group", tc.Want, map[string]any(rest))
	diff(t, "members", tc.WantMembers, valuesOf(members), emptyIsNil()...)
	if present != (tc.WantMembers != nil) {
		t.Errorf("members are present = %v", present)
	}
}

func (tc groupCase) testPatch(t *testing.T) {
	t.Helper()
	rt := GroupResourceType()
	p, err := ParsePatch(rt, decode(t, string(tc.Body)))
	if err != nil {
		t.Fatal(err)
	}
	change, rest, err := p.Members()
	if err != nil {
		t.Fatal(err)
	}
	got, err := rest.Apply(rt, Resource{"displayName": "Old", "externalId": "e0"})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "group", tc.Want, map[string]any(got))
	if change.NeedsCurrent() != tc.NeedsCurrent {
		t.Errorf("needs the current members = %v", change.NeedsCurrent())
	}
	d := change.Delta(nil)
	diff(t, "added", tc.Delta.Add, valuesOf(d.Add), emptyIsNil()...)
	diff(t, "removed", tc.Delta.Remove, d.Remove, emptyIsNil()...)
	if d.Reset != tc.Delta.Reset {
		t.Errorf("reset = %v", d.Reset)
	}
	members := map[string]bool{}
	for _, id := range tc.Members {
		members[id] = true
	}
	diff(t, "members", slices.Sorted(slices.Values(tc.WantMembers)), applyDelta(members, d), emptyIsNil()...)
}
