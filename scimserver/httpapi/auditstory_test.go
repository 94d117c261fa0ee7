// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// The examples of docs/audit.md that the tests put something real in the place of.
const (
	exampleKey   = "7Yq2mZ4kPd"
	exampleSince = "2026-01-02T03:00"
	exampleID    = "5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11"
	exampleFile  = "audit.jsonl"
)

// did is what the audit log says of one change, apart from when, where and by whom.
type did struct {
	Operation, Kind, ID string
	Attributes          []string
	Members             map[string]int
	Status              int
	SCIMType            string
}

// agent is an identity provider with a token of its own, and what it did.
type agent struct {
	*idp.Client
	keyID string
	did   []did
}

// newAgent gives an identity provider one more token of a directory.
func newAgent(t *testing.T, s *stack.Stack, directory, name string) *agent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tok := &v1alpha1.ScimToken{ObjectMeta: metav1.ObjectMeta{Namespace: programNamespace, Name: name}}
	tok.Spec.DirectoryRef.Name = directory
	if err := s.Client.Create(ctx, tok); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitReady(ctx, &v1alpha1.ScimToken{ObjectMeta: tok.ObjectMeta}); err != nil {
		t.Fatal(err)
	}
	secret, err := s.Token(ctx, programNamespace, name)
	if err == nil {
		err = s.WaitServed(ctx, programNamespace, directory, secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := token.Parse(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &agent{Client: idp.New(s.Servers[0].BaseURL(programNamespace, directory), secret), keyID: parsed.KeyID()}
}

// does checks an answer and writes down what the audit log must say of it. It returns the id of what was created.
func (a *agent) does(t *testing.T, d did) func(idp.Response, error) string {
	return func(r idp.Response, err error) string {
		t.Helper()
		if err != nil || r.Status != d.Status {
			t.Fatalf("%s %s: %v, %s", d.Operation, d.Kind, err, r)
		}
		if d.Operation == "create" && r.Status == http.StatusCreated {
			d.ID = r.ID()
		}
		a.did = append(a.did, d)
		return d.ID
	}
}

// testAudit: two identity providers with a token each change the same directory, each in its dialect, and the commands of docs/audit.md
// answer for each of them with exactly what it did.
func testAudit(t *testing.T, s *stack.Stack) {
	newTenant(t, s, "audited")
	okta, entra := newAgent(t, s, "audited", "audited-okta"), newAgent(t, s, "audited", "audited-entra")
	ada := okta.does(t, did{Operation: "create", Kind: "User", Status: 201, Attributes: []string{"active", "displayName", "emails", "externalId", "locale", "name.familyName", "name.givenName", "userName"}})(
		okta.Post(t.Context(), idp.OktaUser(idp.Person{UserName: "Zz9-Canary@example.com", ExternalID: "Zz9-Canary", GivenName: "Zz9-Canary", FamilyName: "Zz9-Canary"})))
	eve := entra.does(t, did{Operation: "create", Kind: "User", Status: 201, Attributes: []string{"active", "emails", "externalId", "name.familyName", "name.formatted", "name.givenName", "userName"}})(
		entra.Post(t.Context(), idp.EntraUser(idp.Person{UserName: "Zz9-Canary-eve@example.com", ExternalID: "Zz9-Canary-2", GivenName: "E", FamilyName: "V"})))
	team := okta.does(t, did{Operation: "create", Kind: "Group", Status: 201, Attributes: []string{"displayName", "members"}, Members: map[string]int{"added": 1, "removed": 0}})(
		okta.PostGroup(t.Context(), idp.Group("Zz9-Canary team", ada)))
	entra.does(t, did{Operation: "patch", Kind: "Group", ID: team, Status: 204, Attributes: []string{"members"}, Members: map[string]int{"added": 1, "removed": 0}})(
		entra.PatchGroup(t.Context(), team, idp.EntraAdd(eve, ada)))
	okta.does(t, did{Operation: "patch", Kind: "User", ID: ada, Status: 200, Attributes: []string{"active"}})(okta.Patch(t.Context(), ada, idp.OktaPatch(false)))
	okta.does(t, did{Operation: "patch", Kind: "User", ID: ada, Status: 200})(okta.Patch(t.Context(), ada, idp.OktaPatch(false)))
	entra.does(t, did{Operation: "patch", Kind: "User", ID: ada, Status: 200, Attributes: []string{"name.familyName"}})(entra.Patch(t.Context(), ada, idp.EntraPatch("name.familyName", "Zz9-Canary-b")))

	half := time.Now().UTC().Add(time.Millisecond) // times are cut to milliseconds
	for !time.Now().After(half.Add(time.Millisecond)) {
		<-time.After(time.Millisecond) // until what follows has another time
	}
	before := map[string]int{okta.keyID: len(okta.did), entra.keyID: len(entra.did)}
	okta.does(t, did{Operation: "create", Kind: "User", Status: 409, SCIMType: "uniqueness"})(okta.Post(t.Context(), idp.OktaUser(idp.Person{UserName: "zz9-canary@EXAMPLE.com"})))
	okta.does(t, did{Operation: "patch", Kind: "Group", ID: team, Status: 204, Attributes: []string{"displayName", "members"}, Members: map[string]int{"added": 0, "removed": 1}})(
		okta.PatchGroup(t.Context(), team, idp.OktaRename(team, "Zz9-Canary crew"), idp.RemoveSelected(ada)))
	doInBulk(t, entra, eve, team)
	okta.does(t, did{Operation: "delete", Kind: "User", Status: 404})(okta.Delete(t.Context(), "Zz9-Canary@example.com"))
	bob := okta.does(t, did{Operation: "create", Kind: "User", Status: 201, Attributes: []string{"active", "userName"}})(okta.Post(t.Context(), idp.Object{"userName": "Zz9-Canary-bob"}))
	if _, err := okta.Find(t.Context(), "Zz9-Canary@example.com"); err != nil {
		t.Fatal(err)
	}

	lines := auditFile(t, s.Servers[0])
	ask := commands(t)
	for name, a := range map[string]*agent{"okta": okta, "entra": entra} {
		all, since := ask[0].run(t, lines, a.keyID, "2000", ""), ask[0].run(t, lines, a.keyID, half.Format("2006-01-02T15:04:05.000Z"), "")
		wantDone(t, name+" did", a.did, all)
		wantDone(t, name+" did since", a.did[before[a.keyID]:], since)
		done := slices.DeleteFunc(slices.Clone(a.did), func(d did) bool { return d.Status >= 300 || d.Operation != "delete" && len(d.Attributes) == 0 })
		wantDone(t, name+" changed", done, ask[2].run(t, lines, a.keyID, "2000", ""))
	}
	if got := string(ask[3].run(t, lines, okta.keyID, "2000", "")); !strings.Contains(got, "1 User patch active\n") || strings.Contains(got, "name.formatted") {
		t.Errorf("counted: %s", got)
	}
	wantDone(t, "what happened to eve", []did{entra.did[0], entra.did[3], entra.did[5]}, ask[4].run(t, lines, "", "", eve))
	if refused := ask[6].run(t, lines, "", "", ""); len(refused) > 0 {
		t.Errorf("refused: %s", refused)
	}
	wantMarkedObjects(t, s, ask[5], okta.keyID, "ScimUser "+bob)
	wantMarkedObjects(t, s, ask[5], entra.keyID, "ScimUser "+ada, "ScimGroup "+team)
	if text, err := os.ReadFile(lines); err != nil || bytes.Contains(bytes.ToLower(text), []byte("zz9-canary")) {
		t.Errorf("a canary is in the audit log, or the log: %v", err)
	}
}

// doInBulk has entra change and delete in one request.
func doInBulk(t *testing.T, entra *agent, eve, team string) {
	t.Helper()
	var r idp.Response
	var err error
	r, err = entra.Do(t.Context(), idp.Request{Method: http.MethodPost, Path: "/Bulk", Body: idp.Object{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
		"Operations": []idp.Object{
			{"method": "PATCH", "path": "/Users/" + eve, "data": idp.EntraPatch("active", false)},
			{"method": "PATCH", "path": "/Groups/" + team, "data": idp.Patch(idp.EntraRemove(eve))},
			{"method": "DELETE", "path": "/Users/" + eve},
		},
	}})
	if err != nil || r.Status != http.StatusOK {
		t.Fatalf("Bulk: %v %s", err, r)
	}
	entra.did = append(entra.did,
		did{Operation: "patch", Kind: "User", ID: eve, Status: 200, Attributes: []string{"active"}},
		did{Operation: "patch", Kind: "Group", ID: team, Status: 204, Attributes: []string{"members"}, Members: map[string]int{"added": 0, "removed": 1}},
		did{Operation: "delete", Kind: "User", ID: eve, Status: 204})
}

func wantDone(t *testing.T, what string, want []did, lines []byte) {
	t.Helper()
	var got []did
	for line := range strings.Lines(string(lines)) {
		var d did
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%s: %v: %s", what, err, line)
		}
		got = append(got, d)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// auditFile is what a server wrote, log and audit log together as a container runtime may keep them, with a line that was cut off.
func auditFile(t *testing.T, from *stack.Program) string {
	t.Helper()
	text, err := os.ReadFile(from.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	// Each line says which process it is of.
	text = bytes.ReplaceAll(text, []byte("scim-server-0: "), nil)
	path := filepath.Join(t.TempDir(), exampleFile)
	if err := os.WriteFile(path, append([]byte("{\"time\":\"2026-\n17\n\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// command is one of docs/audit.md.
type command string

// commands are those of docs/audit.md that read the audit log or objects, in their order there.
func commands(t *testing.T) (all []command) {
	t.Helper()
	if err := apps.Debian(t.Context(), apps.Options{}, "jq"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(text), "```") {
		if language, code, _ := strings.Cut(block, "\n"); i%2 == 1 && language == "sh" {
			for line := range strings.Lines(code) {
				all = append(all, command(strings.TrimSpace(line)))
			}
		}
	}
	if len(all) != 7 {
		t.Fatalf("%d commands in docs/audit.md, 7 are known: %q", len(all), all)
	}
	return all
}

// run runs a command on a file in place of the example's.
func (c command) run(t *testing.T, file, key, since, id string) []byte {
	t.Helper()
	line := strings.NewReplacer(exampleKey, key, exampleSince, since, exampleID, id, exampleFile, file).Replace(string(c))
	out, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", c, err, out)
	}
	return out
}

// wantMarkedObjects runs the command that asks the objects, with the same list from the API server in place of kubectl's, and wants it to
// name these users and groups of the directory and no others.
func wantMarkedObjects(t *testing.T, s *stack.Stack, c command, key string, want ...string) {
	t.Helper()
	var all []client.Object
	var users v1alpha1.ScimUserList
	var groups v1alpha1.ScimGroupList
	for _, list := range []client.ObjectList{&users, &groups} {
		if err := s.Client.List(t.Context(), list, client.InNamespace(programNamespace)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range users.Items {
		users.Items[i].Kind, all = "ScimUser", append(all, &users.Items[i])
	}
	for i := range groups.Items {
		groups.Items[i].Kind, all = "ScimGroup", append(all, &groups.Items[i])
	}
	text, err := json.Marshal(map[string]any{"items": all})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "objects.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl, jq, _ := strings.Cut(string(c), " | ")
	if !strings.HasPrefix(kubectl, "kubectl get scimusers,scimgroups,scimmemberslices -n acme -o json") {
		t.Fatalf("not the command that asks the objects: %s", c)
	}
	got := strings.Split(strings.TrimSpace(string(command(jq+" "+exampleFile).run(t, file, key, "", ""))), "\n")
	for i, line := range got {
		got[i] = line[:max(0, strings.LastIndex(line, " "))]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objects of %s (-want +got):\n%s", key, diff)
	}
}

// testProtected (SEC-10): over HTTP, alone and in Bulk requests, nothing that leads to a protected user is done.
func testProtected(t *testing.T, s *stack.Stack, tn tenant) {
	king := tn.post(t, "/Users", `{"userName":"king","title":"King"}`)
	pawn := tn.post(t, "/Users", `{"userName":"pawn"}`)
	court := tn.post(t, "/Groups", `{"displayName":"court","members":[{"value":"`+king+`"},{"value":"`+pawn+`"}]}`)
	realm := tn.post(t, "/Groups", `{"displayName":"realm","members":[{"value":"`+court+`"}]}`)
	field := tn.post(t, "/Groups", `{"displayName":"field"}`)
	u := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: programNamespace, Name: king}}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"`+v1alpha1.AnnotationProtected+`":"canary reason"}}}`))
	if err := s.Client.Patch(t.Context(), u, patch); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ { // until the server's cache knows
		if got := tn.sendOnce(t, "POST", tn.base+"/Groups", fmt.Sprintf(`{"displayName":"wait %d","members":[{"value":%q}]}`, i, king)); got.status == 403 {
			break
		}
	}
	before := versions(t, s)
	member := func(op, id string) string {
		return patchBody(`{"op":"` + op + `","path":"members","value":[{"value":"` + id + `"}]}`)
	}
	for _, q := range []struct{ method, path, body string }{
		{"PUT", "/Users/" + king, `{"userName":"king"}`},
		{"PATCH", "/Users/" + king, patchBody(`{"op":"replace","path":"active","value":"False"}`)},
		{"PATCH", "/Users/" + king, patchBody(`{"op":"replace","value":{"userName":"jester"}}`)},
		{"DELETE", "/Users/" + king, ""},
		{"POST", "/Groups", `{"displayName":"new","members":[{"value":"` + king + `"}]}`},
		{"POST", "/Groups", `{"displayName":"new","members":[{"value":"` + court + `"}]}`},
		{"PUT", "/Groups/" + court, `{"displayName":"court","members":[{"value":"` + pawn + `"}]}`},
		{"PUT", "/Groups/" + court, `{"displayName":"court","members":[]}`},
		{"PUT", "/Groups/" + field, `{"displayName":"field","members":[{"value":"` + king + `"}]}`},
		{"PATCH", "/Groups/" + field, member("Add", king)},
		{"PATCH", "/Groups/" + field, patchBody(`{"op":"replace","value":{"members":[{"value":"` + king + `"}]}}`)},
		{"PATCH", "/Groups/" + field, member("add", realm)},
		{"PATCH", "/Groups/" + court, member("Remove", king)},
		{"PATCH", "/Groups/" + court, patchBody(`{"op":"remove","path":"members[value eq \"` + king + `\"]"}`)},
		{"PATCH", "/Groups/" + court, patchBody(`{"op":"remove","path":"members"}`)},
		{"PATCH", "/Groups/" + court, patchBody(`{"op":"remove","path":"members[type eq \"User\"]"}`)},
		{"PATCH", "/Groups/" + realm, member("remove", court)},
		{"PATCH", "/Groups/" + court, patchBody(`{"op":"replace","path":"displayName","value":"admins"}`)},
		{"DELETE", "/Groups/" + court, ""},
		{"DELETE", "/Groups/" + realm, ""},
	} {
		alone := tn.sendOnce(t, q.method, tn.base+q.path, q.body)
		if alone.status != 403 || !strings.Contains(alone.body, "protected") || strings.Contains(alone.body, "canary") {
			t.Errorf("%s %s %s: %d %s", q.method, q.path, q.body, alone.status, alone.body)
		}
		operation := fmt.Sprintf(`{"method":%q,"path":%q,"bulkId":"x"`, q.method, q.path)
		if q.body != "" {
			operation += `,"data":` + q.body
		}
		inBulk := tn.sendOnce(t, "POST", tn.base+"/Bulk", `{"Operations":[`+operation+`}]}`)
		if inBulk.status != 200 || !strings.Contains(inBulk.body, `"status":"403"`) || strings.Contains(inBulk.body, "canary") {
			t.Errorf("in Bulk: %s %s %s: %d %s", q.method, q.path, q.body, inBulk.status, inBulk.body)
		}
	}
	if diff := cmp.Diff(before, versions(t, s)); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
	if got := tn.sendOnce(t, "PUT", tn.base+"/Users/"+king, `{"userName":"king","title":"King","active":true}`); got.status != 200 {
		t.Errorf("a PUT that changes nothing: %d %s", got.status, got.body)
	}
}

// versions are the resource versions of all users, groups and members.
func versions(t *testing.T, s *stack.Stack) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, kind := range []string{"ScimUserList", "ScimGroupList", "ScimMemberSliceList", "ScimNameList"} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		if err := s.Client.List(t.Context(), list, client.InNamespace(programNamespace)); err != nil {
			t.Fatal(err)
		}
		maps.Insert(found, func(yield func(string, string) bool) {
			for _, o := range list.Items {
				if !yield(kind+"/"+o.Name, fmt.Sprint(o.Generation, o.Annotations)) {
					return
				}
			}
		})
	}
	return found
}
