// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

func lessonsOnIdentity() []lesson {
	return []lesson{
		{"Grafana CVE-2025-41115", "an externalId of digits became the id of the account inside, so that 1 was the administrator (SEC-01)", externalIDIsNoID},
		{"GitLab CVE-2022-1680", "a POST with the name and address of somebody who was there linked their account (SEC-02)", noAdoptionByPost},
		{"better-auth GHSA-rjg6", "a token reached accounts that it never provisioned (SEC-03)", directoriesShareNothing},
		{"better-auth GHSA-j8v8", "an object without an owner passed the check of ownership (SEC-04)", ownerlessIsInvisible},
		{"Rancher users of other providers", "reading and writing by id did not look at the provider (SEC-06)", foreignIDsOnEveryVerb},
		{"Snipe-IT CVE-2025-15602", "a PATCH could set the attribute that makes an administrator (SEC-07)", attributesGrantNothing},
		{"scim-patch CVE-2026-61834", "the path of a PATCH left the schema and reached the object's own machinery (SEC-08)", pathsStayInTheSchema},
		{"Keycloak 51155", "what was declared readOnly or immutable was not kept so by PATCH and PUT (SEC-09)", readOnlyStays},
		{"Keycloak 50985", "a filter told what the answer did not show (SEC-11)", filtersTellNothing},
		{"Keycloak 52642", "one of the ways to deactivate left access alive (SEC-12)", everyWayOutIsOneWay},
		{"Rancher PUT without active", "an absent boolean was read as false, and disabled the user (SEC-14)", absentIsNotFalse},
	}
}

func externalIDIsNoID(t *testing.T, v *victim) {
	id, _ := v.somebody(t)
	v.unchanged(t, id, func() {
		for _, external := range []string{"1", "0", "admin", "system:masters", id} {
			body := fmt.Sprintf(`{"userName":"%s@acme.test","externalId":%q,"id":%q,"meta":{"location":%q}}`, uuid.NewString(), external, id, id)
			answer := v.raw(t, attempt{method: http.MethodPost, path: "/Users", body: body})
			if answer.Status != http.StatusCreated || answer.ID() == id || answer.ID() == external || uuid.Validate(answer.ID()) != nil {
				t.Errorf("externalId %q: got %s, want a user with a new id", external, answer)
			}
		}
	})
}

func noAdoptionByPost(t *testing.T, v *victim) {
	id, userName := v.somebody(t)
	v.unchanged(t, id, func() {
		answer, err := v.idp[0].Post(t.Context(), idp.EntraUser(idp.Person{UserName: strings.ToUpper(userName), ExternalID: "thief"}))
		if expect(t, http.StatusConflict, answer, err).ScimType() != "uniqueness" {
			t.Errorf("got %s, want uniqueness", answer)
		}
		// The address alone links nothing either: it is another user.
		body := fmt.Sprintf(`{"userName":"thief-%s","emails":[{"value":%q,"primary":true}]}`, uuid.NewString(), userName)
		if answer := v.raw(t, attempt{method: http.MethodPost, path: "/Users", body: body}); answer.Status != http.StatusCreated || answer.ID() == id {
			t.Errorf("the same address: got %s, want another user", answer)
		}
	})
}

func directoriesShareNothing(t *testing.T, v *victim) {
	id, userName := v.somebody(t)
	v.unchanged(t, id, func() {
		theirs := v.other.create(t, userName)
		if theirs == id {
			t.Error("two directories gave the same id")
		}
		answer, err := v.other.idp[0].Patch(t.Context(), id, idp.EntraPatch("active", false))
		expect(t, http.StatusNotFound, answer, err)
		answer, err = v.other.idp[0].PostGroup(t.Context(), idp.Group("thieves-"+uuid.NewString(), id))
		expect(t, http.StatusBadRequest, answer, err) // no such member
	})
}

// ownerlessIsInvisible lets an admin who broke the glass write a user that names a directory which is not there.
func ownerlessIsInvisible(t *testing.T, v *victim) {
	config := rest.CopyConfig(v.Admin)
	config.Impersonate = rest.ImpersonationConfig{UserName: "admin", Groups: []string{"system:masters", "scim-operator:break-glass"}}
	glass, err := client.New(config, client.Options{Scheme: v.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	orphan := &v1alpha1.ScimUser{ObjectMeta: v.meta(uuid.NewString()), Spec: v1alpha1.ScimUserSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "nobody"}, UserName: "orphan@acme.test", State: v1alpha1.StateActive,
	}}
	if err := glass.Create(t.Context(), orphan); err != nil {
		t.Fatal(err)
	}
	for _, client := range v.idp {
		answer, err := client.Get(t.Context(), idp.UserPath(orphan.Name))
		expect(t, http.StatusNotFound, answer, err)
		answer, err = client.Find(t.Context(), orphan.Spec.UserName)
		if found := expect(t, http.StatusOK, answer, err).Resources(); len(found) > 0 {
			t.Errorf("found %v", found)
		}
		answer, err = client.Delete(t.Context(), orphan.Name)
		expect(t, http.StatusNotFound, answer, err)
	}
	if err := glass.Delete(t.Context(), orphan); err != nil {
		t.Errorf("the orphan is gone before the one who made it took it away: %v", err)
	}
}

func foreignIDsOnEveryVerb(t *testing.T, v *victim) {
	foreign, _ := v.somebody(t)
	answer, err := v.idp[0].PostGroup(t.Context(), idp.Group("g-"+uuid.NewString(), foreign))
	group := expect(t, http.StatusCreated, answer, err).ID()
	v.unchanged(t, foreign, func() {
		for _, path := range []string{"/Users/" + foreign, "/Groups/" + group} {
			for method, body := range map[string]any{
				http.MethodGet: nil, http.MethodHead: nil, http.MethodDelete: nil,
				http.MethodPut:   idp.Object{"userName": "x", "displayName": "x"},
				http.MethodPatch: idp.EntraPatch("displayName", "x"),
			} {
				answer, err := v.other.idp[0].Do(t.Context(), idp.Request{Method: method, Path: path, Body: body})
				expect(t, http.StatusNotFound, answer, err)
			}
		}
	})
}

func attributesGrantNothing(t *testing.T, v *victim) {
	id, userName := v.somebody(t)
	v.waitMay(t, userName, true)
	answer := v.raw(t, attempt{method: http.MethodPatch, path: "/Users/" + id, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
		{"op":"add","value":{"roles":[{"value":"admin","primary":true}],"entitlements":[{"value":"cluster-admin"}],"userType":"admin",
		"permissions":{"admin":true},"groups":[{"value":"system:masters"}]}}]}`})
	if answer.Status != http.StatusOK {
		t.Fatalf("got %s, want 200", answer)
	}
	eventually(t, v.accountRoles(id, roleName))
	v.checkSubjects(t)
}

func pathsStayInTheSchema(t *testing.T, v *victim) {
	id, _ := v.somebody(t)
	v.unchanged(t, id, func() {
		for _, path := range []string{
			"toString", "__proto__.admin", "constructor.prototype", "metadata.annotations", "status.accounts", "spec.state", "spec", "state", "directoryRef.name",
			"finalizers", "ownerReferences", "../Users", "name.__proto__", "emails[type eq \"work\"].constructor", "meta.location", "schemas[0]",
		} {
			if answer := v.raw(t, attempt{method: http.MethodPatch, path: "/Users/" + id, body: patchText("replace", path, `"canary"`)}); answer.Status >= http.StatusInternalServerError {
				t.Errorf("path %q: got %s", path, answer)
			}
		}
	})
}

func readOnlyStays(t *testing.T, v *victim) {
	id, userName := v.somebody(t)
	v.unchanged(t, id, func() {
		for _, path := range []string{"id", "meta", "meta.created", "groups"} {
			refused(t, "PATCH of "+path, v.raw(t, attempt{method: http.MethodPatch, path: "/Users/" + id, body: patchText("replace", path, `"canary"`)}), http.StatusBadRequest)
		}
		user := idp.OktaUser(idp.Person{UserName: userName, GivenName: "A", FamilyName: "B"})
		user["id"], user["meta"], user["groups"] = uuid.NewString(), idp.Object{"created": "2001-01-01T00:00:00Z"}, []idp.Object{{"value": "admins"}}
		answer, err := v.idp[0].Put(t.Context(), id, user)
		expect(t, http.StatusOK, answer, err)
	})
}

func filtersTellNothing(t *testing.T, v *victim) {
	v.somebody(t)
	for _, attribute := range []string{"password", "spec.state", "metadata.name", "directoryRef", "status.conditions.message"} {
		var answers []string
		for _, value := range []string{"1mz050nq", "canary"} { // the first is what every user was made with
			answer, err := v.idp[0].Get(t.Context(), "/Users?filter="+strings.ReplaceAll(attribute+` eq "`+value+`"`, " ", "%20"))
			answers = append(answers, expect(t, http.StatusBadRequest, answer, err).ScimType())
		}
		if answers[0] != "invalidFilter" || answers[0] != answers[1] {
			t.Errorf("filter on %s: got %q, want invalidFilter, whatever the value", attribute, answers)
		}
	}
}

func everyWayOutIsOneWay(t *testing.T, v *victim) {
	ways := map[string]func(id, userName string) (idp.Response, error){
		"PATCH": func(id, _ string) (idp.Response, error) {
			return v.idp[0].Patch(t.Context(), id, idp.EntraPatch("active", "False"))
		},
		"PUT": func(id, userName string) (idp.Response, error) {
			user := idp.OktaUser(idp.Person{UserName: userName})
			user["active"] = false
			return v.idp[0].Put(t.Context(), id, user)
		},
		"DELETE": func(id, _ string) (idp.Response, error) { return v.idp[0].Delete(t.Context(), id) },
		"Bulk": func(id, _ string) (idp.Response, error) {
			return v.idp[0].Do(t.Context(), idp.Request{Method: http.MethodPost, Path: "/Bulk", Body: idp.Object{
				"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
				"Operations": []idp.Object{{"method": "PATCH", "path": "/Users/" + id, "data": idp.EntraPatch("active", false)}},
			}})
		},
	}
	for name, leave := range ways {
		id, userName := v.somebody(t)
		v.waitMay(t, userName, true)
		if answer, err := leave(id, userName); err != nil || answer.Status >= http.StatusBadRequest {
			t.Errorf("%s: %s, %v", name, answer, err)
		}
		v.waitMay(t, userName, false)
	}
	inactive := "born-suspended@acme.test"
	answer := v.raw(t, attempt{method: http.MethodPost, path: "/Users", body: `{"userName":"` + inactive + `","active":false}`})
	if answer.Status != http.StatusCreated || answer.Body["active"] != false {
		t.Fatalf("POST with active false: got %s", answer)
	}
	v.waitMay(t, inactive, false)
}

func absentIsNotFalse(t *testing.T, v *victim) {
	id, userName := v.somebody(t)
	for reason, active := range map[string]string{"absent": "", "null": `,"active":null`, "true as a string": `,"active":"True"`} {
		answer := v.raw(t, attempt{method: http.MethodPut, path: "/Users/" + id, body: `{"userName":"` + userName + `"` + active + `}`})
		if answer.Status != http.StatusOK || answer.Body["active"] != true {
			t.Errorf("%s: got %s, want a user who is active", reason, answer)
		}
	}
}

// accountRoles says whether the account of a user has exactly these roles.
func (tn *tenant) accountRoles(id string, want ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		account := &v1alpha1.ScimAccount{ObjectMeta: tn.meta(applicationName + "-" + id)}
		if err := tn.Client.Get(ctx, client.ObjectKeyFromObject(account), account); err != nil {
			return err
		}
		if got := fmt.Sprint(account.Spec.Roles); got != fmt.Sprint(want) {
			return fmt.Errorf("roles %s, want %s", got, want)
		}
		return nil
	}
}

// object is a JSON object, or nil.
func object(text []byte) (o idp.Object) {
	_ = json.Unmarshal(text, &o) // what is no object leaves it nil
	return o
}
