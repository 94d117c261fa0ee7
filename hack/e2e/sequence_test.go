// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// sequence is what one client sends to one directory, in its order: a file of scimserver/scim/testdata/sequences, whose
// README says what the members mean.
type sequence struct {
	Client    string                     `json:"client"`
	Directory v1alpha1.ScimDirectorySpec `json:"directory"`
	Headers   map[string]string          `json:"headers"`
	Steps     []step                     `json:"steps"`
	Final     final                      `json:"final"`
}

// step is one request and what must come back.
type step struct {
	Why        string            `json:"why"`
	Request    string            `json:"request"`
	Headers    map[string]string `json:"headers"`
	From       string            `json:"from"`
	Body       idp.Object        `json:"body"`
	Status     int               `json:"status"`
	Answer     map[string]string `json:"answer"`
	Want       any               `json:"want"`
	Eventually bool              `json:"eventually"`
	Save       map[string]string `json:"save"`
}

// final is the whole directory when everything was done.
type final struct {
	Users  map[string]idp.Object `json:"users"`
	Groups map[string]idp.Object `json:"groups"`
}

func readSequence(t *testing.T, file string) sequence {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s sequence
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for i, st := range s.Steps {
		if st.Why == "" || st.Request == "" || st.Status < 200 || st.Status >= 500 && st.Status != 501 {
			t.Fatalf("%s: step %d has no why, no request, or a status that nobody shall expect", file, i+1)
		}
	}
	return s
}

// variables are what earlier answers said: texts, and whole bodies.
type variables map[string]any

// expand replaces every ${name} in a text, and in all texts and names of a JSON value.
func (v variables) expand(x any) any {
	switch x := x.(type) {
	case string:
		for name, value := range v {
			if text, ok := value.(string); ok {
				x = strings.ReplaceAll(x, "${"+name+"}", text)
			}
		}
		return x
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = v.expand(e)
		}
		return out
	case idp.Object:
		out := idp.Object{}
		for key, e := range x {
			out[v.text(key)] = v.expand(e)
		}
		return out
	}
	return x
}

func (v variables) text(s string) string {
	out, _ := v.expand(s).(string)
	return out
}

// body is that of a step: the body that was saved under From, if there is one, with the members of Body instead of its own.
func (v variables) body(t *testing.T, s step) any {
	t.Helper()
	if s.From == "" && s.Body == nil {
		return nil
	}
	out := idp.Object{}
	if s.From != "" {
		from, ok := v[s.From].(idp.Object)
		if !ok {
			t.Fatalf("no body was saved as %s", s.From)
		}
		maps.Copy(out, from)
	}
	expanded, _ := v.expand(s.Body).(idp.Object)
	maps.Copy(out, expanded)
	return out
}

// save keeps what later steps refer to: an attribute, an element of a list as "Resources.0.id", or the body for an empty path.
func (v variables) save(t *testing.T, s step, body idp.Object) {
	t.Helper()
	for name, path := range s.Save {
		var value any = body
		for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
			if list, ok := value.([]any); ok && part == "0" && len(list) > 0 {
				value = list[0]
				continue
			}
			object, _ := value.(idp.Object)
			value = object[part]
		}
		if value == nil {
			t.Fatalf("the answer has no %s", path)
		}
		v[name] = value
	}
}

// mismatch says where got is not what is wanted, or nothing. An object may have more members than are wanted; a list has its
// elements in any order and no other; null wants nothing there, and "*" anything.
func mismatch(at string, want, got any) string {
	switch want := want.(type) {
	case nil:
		if got != nil {
			return fmt.Sprintf("%s is there", at)
		}
		return ""
	case string:
		if want == "*" && got != nil && got != "" {
			return ""
		}
	case idp.Object:
		object, ok := got.(idp.Object)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", at, got)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if m := mismatch(at+"/"+key, want[key], object[key]); m != "" {
				return m
			}
		}
		return ""
	case []any:
		list, _ := got.([]any)
		return mismatchOfLists(at, want, list, got != nil)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Sprintf("%s (-want +got):\n%s", at, diff)
	}
	return ""
}

func mismatchOfLists(at string, want, got []any, there bool) string {
	if !there || len(got) != len(want) {
		return fmt.Sprintf("%s has %d values (present: %t), want %d: %v", at, len(got), there, len(want), got)
	}
	rest := slices.Clone(got)
	for i, w := range want {
		found := slices.IndexFunc(rest, func(g any) bool { return mismatch("", w, g) == "" })
		if found < 0 {
			return fmt.Sprintf("%s: no value is as number %d, %v, in %v", at, i, w, rest)
		}
		rest = slices.Delete(rest, found, found+1)
	}
	return ""
}

// personal are the texts of a body by which people and groups could be recognised in a log.
func personal(x any, name string, into map[string]bool) {
	switch x := x.(type) {
	case string:
		names := []string{"userName", "givenName", "familyName", "formatted", "display", "displayName", "nickName", "password", "title"}
		if len(x) > 5 && (slices.Contains(names, name) || strings.Contains(x, "@") || strings.HasPrefix(x, "tel:")) {
			into[x] = true
		}
	case []any:
		for _, e := range x {
			personal(e, name, into)
		}
	case idp.Object:
		for key, e := range x {
			personal(e, key, into)
		}
	}
}
