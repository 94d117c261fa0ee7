// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// testRequestIDs: what a request writes says which one it was, by the id that its answer and its log line have and that no client
// chooses; and nobody sees that over SCIM.
func testRequestIDs(t *testing.T, c client.Client, tn tenant) {
	marks := func() map[string]string { return marksOf(t, c) }
	post := tn.sendOnce(t, http.MethodPost, tn.base+"/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}`)
	ada := idOf(t, post)
	wantMarks(t, "POST", marks(), map[string]string{"ScimUser/" + ada: requestIDOf(t, post)})

	patch := tn.sendOnce(t, http.MethodPatch, tn.base+"/Users/"+ada, patchBody(`{"op":"replace","path":"active","value":false}`))
	wantMarks(t, "PATCH", marks(), map[string]string{"ScimUser/" + ada: requestIDOf(t, patch)})
	again := tn.sendOnce(t, http.MethodPatch, tn.base+"/Users/"+ada, patchBody(`{"op":"replace","path":"active","value":false}`))
	wantMarks(t, "PATCH again", marks(), map[string]string{"ScimUser/" + ada: requestIDOf(t, patch)})

	group := tn.sendOnce(t, http.MethodPost, tn.base+"/Groups",
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g","members":[{"value":"`+ada+`"}]}`)
	g := idOf(t, group)
	wantMarks(t, "POST of a group", marks(), map[string]string{
		"ScimUser/" + ada: requestIDOf(t, patch), "ScimGroup/" + g: requestIDOf(t, group), "ScimMemberSlice/" + g: requestIDOf(t, group),
	})

	bulk := tn.sendOnce(t, http.MethodPost, tn.base+"/Bulk", fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"PATCH","path":"/Users/%s","data":%s},{"method":"PATCH","path":"/Groups/%s","data":%s}]}`,
		ada, patchBody(`{"op":"replace","path":"active","value":true}`), g, patchBody(`{"op":"remove","path":"members"}`)))
	id := requestIDOf(t, bulk)
	wantMarks(t, "Bulk", marks(), map[string]string{"ScimUser/" + ada: id, "ScimGroup/" + g: id, "ScimMemberSlice/" + g: id})

	for _, path := range []string{"/Users/" + ada, "/Groups/" + g, "/Users", "/Groups"} {
		if got := tn.sendOnce(t, http.MethodGet, tn.base+path, ""); strings.Contains(got.body, id) || got.status != http.StatusOK {
			t.Errorf("GET %s: %d, %s", path, got.status, got.body)
		}
	}
	for _, a := range []answered{post, patch, again, group, bulk} {
		if strings.Contains(a.body, requestIDOf(t, a)) {
			t.Errorf("an answer shows the id in its body: %s", a.body)
		}
	}
}

func patchBody(operation string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operation + `]}`
}

// requestIDOf is the id of the request of an answer: a UUID of ours, whatever the client sent.
func requestIDOf(t *testing.T, a answered) string {
	t.Helper()
	id := a.header.Get("X-Request-Id")
	if a.status >= 300 || uuid.Validate(id) != nil || id == clientsID {
		t.Fatalf("answer %d with the request id %q: %s", a.status, id, a.body)
	}
	return id
}

func idOf(t *testing.T, a answered) string {
	t.Helper()
	var body struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.ID == "" {
		t.Fatalf("answer %d: %s", a.status, a.body)
	}
	return body.ID
}

// marksOf are the request ids on all objects of the directory "requests", by kind and name.
func marksOf(t *testing.T, c client.Client) map[string]string {
	t.Helper()
	marks, groups := map[string]string{}, map[string]bool{}
	var users v1alpha1.ScimUserList
	var all v1alpha1.ScimGroupList
	var slices v1alpha1.ScimMemberSliceList
	for _, list := range []client.ObjectList{&users, &all, &slices} {
		if err := c.List(t.Context(), list, client.InNamespace(programNamespace)); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range users.Items {
		if u.Spec.DirectoryRef.Name == "requests" {
			marks["ScimUser/"+u.Name] = u.Annotations[v1alpha1.AnnotationRequestID]
		}
	}
	for _, g := range all.Items {
		if groups[g.Name] = g.Spec.DirectoryRef.Name == "requests"; groups[g.Name] {
			marks["ScimGroup/"+g.Name] = g.Annotations[v1alpha1.AnnotationRequestID]
		}
	}
	for _, s := range slices.Items {
		if groups[s.Spec.GroupRef.Name] {
			marks["ScimMemberSlice/"+s.Name] = s.Annotations[v1alpha1.AnnotationRequestID]
		}
	}
	return marks
}

func wantMarks(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: request ids on objects (-want +got):\n%s", what, diff)
	}
}
