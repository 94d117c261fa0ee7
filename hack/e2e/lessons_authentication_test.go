// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/stack"
)

func lessonsOnAuthentication() []lesson {
	return []lesson{
		{"Casdoor CVE-2025-4210", "the SCIM endpoint was reachable without a credential (SEC-15)", nothingWithoutCredential},
		{"ToolJet 16217", "a token that was never set was accepted when it was sent empty (SEC-16)", emptyIsNoCredential},
		{"Atlas-Workforce 175", "any valid token of a user of the platform was accepted by SCIM (TOK-08)", platformTokensOpenNothing},
		{"Rancher answers before authentication", "what was configured could be told from the answers to strangers (SEC-17)", strangersLearnNothing},
		{"Argo CD CVE-2025-55190", "a details endpoint handed out credentials (SEC-18)", secretsAreOnlyInSecrets},
		{"golang-jwt CVE-2025-30204", "a bearer token of dots made the server allocate before it knew anybody (SEC-24)", dotsCostNothing},
		{"Host header", "links in answers were made of what the request said (SEC-38)", linksAreOurs},
		{"query strings in access logs", "what was searched for ended up in logs (SEC-19, SEC-32, SEC-34)", logsTellNothing},
	}
}

// strangePaths are ways to write a path that a router and an authenticator may read differently.
func strangePaths() []string {
	return []string{
		"", "/", "/Users", "/Users/", "//Users", "/Users/../Users", "/./Users", "/%2e%2e/Users", "/Users%2f1", "/Users/%2e%2e", "/Users;x=1", "/Users?x", "/users",
		"/Groups", "/Bulk", "/Me", "/.search", "/Users/.search", "/ServiceProviderConfig", "/Schemas", "/ResourceTypes", "/nothing", "/metrics", "/healthz", "/debug/pprof",
		"/Users/" + uuid.NewString(), "/Groups/" + uuid.NewString(),
	}
}

func nothingWithoutCredential(t *testing.T, v *victim) {
	for _, path := range strangePaths() {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"} {
			for reason, header := range map[string][]string{"none": nil, "another scheme": {"Digest username=admin"}, "garbage": {"Bearer canary"}} {
				answer := v.raw(t, attempt{method: method, path: path, header: http.Header{"Authorization": header}})
				if answer.Status != http.StatusUnauthorized || !strings.HasPrefix(answer.Header.Get("Www-Authenticate"), "Bearer ") {
					t.Errorf("%s %s with credential %s: got %s, %q", method, path, reason, answer, answer.Header.Get("Www-Authenticate"))
				}
			}
		}
	}
}

func emptyIsNoCredential(t *testing.T, v *victim) {
	for _, value := range []string{"", " ", "Bearer", "Bearer ", "Bearer  ", "bearer \t", "Basic", "Basic ", "Basic Og==", "Bearer null", "Bearer undefined", "Bearer [token]"} {
		answer := v.raw(t, attempt{method: http.MethodGet, path: "/Users", header: http.Header{"Authorization": {value}}})
		if answer.Status != http.StatusUnauthorized && answer.Status != http.StatusBadRequest {
			t.Errorf("Authorization %q: got %s", value, answer)
		}
	}
}

// platformTokensOpenNothing tries what opens the cluster, and what opens another directory.
func platformTokensOpenNothing(t *testing.T, v *victim) {
	config, err := v.Cluster.ServiceAccountConfig(t.Context(), stack.Namespace, "scim-controller", 0)
	if err != nil {
		t.Fatal(err)
	}
	for reason, token := range map[string]string{
		"a ServiceAccount": config.BearerToken, "an admin": v.Admin.BearerToken, "another directory": v.other.token,
		"the hash of the token": v.credential(t).SHA256, "its key id": v.credential(t).KeyID,
	} {
		for _, header := range []string{"Bearer " + token, "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+token))} {
			answer := v.raw(t, attempt{method: http.MethodGet, path: "/Users", header: http.Header{"Authorization": {header}}})
			refused(t, "the token of "+reason, answer, http.StatusUnauthorized)
		}
	}
}

func (v *victim) credential(t *testing.T) v1alpha1.TokenCredential {
	t.Helper()
	token := &v1alpha1.ScimToken{ObjectMeta: v.meta(tokenName)}
	if err := v.Client.Get(t.Context(), client.ObjectKeyFromObject(token), token); err != nil || len(token.Status.Credentials) == 0 {
		t.Fatalf("get ScimToken: %+v, %v", token.Status, err)
	}
	return token.Status.Credentials[0]
}

// strangersLearnNothing compares what a stranger is told of a directory that is there, of one that is suspended, and of one that never was.
func strangersLearnNothing(t *testing.T, v *victim) {
	suspended := &v1alpha1.ScimDirectory{ObjectMeta: v.meta("away"), Spec: v1alpha1.ScimDirectorySpec{Suspended: true, RemovalGuard: unguarded()}}
	v.mustCreate(t, suspended)
	v.waitReady(t, suspended)
	var first string
	for _, directory := range []string{directoryName, "away", "never"} {
		for _, token := range []string{"canary", v.other.token} {
			answer := v.raw(t, attempt{method: http.MethodGet, path: "/Users", directory: directory, header: http.Header{"Authorization": {"Bearer " + token}}})
			refused(t, directory, answer, http.StatusUnauthorized)
			for _, changing := range []string{"Date", "X-Request-Id"} {
				answer.Header.Del(changing)
			}
			told := fmt.Sprintln(answer, answer.Header)
			if first == "" {
				first = told
			}
			if diff := cmp.Diff(first, told); diff != "" {
				t.Errorf("directory %s: a stranger is told something else (-first +here):\n%s", directory, diff)
			}
		}
	}
}

// secretsAreOnlyInSecrets looks for the token in every object of every kind of ours and in what the programs wrote.
func secretsAreOnlyInSecrets(t *testing.T, v *victim) {
	v.somebody(t)
	secret := strings.Split(v.token, "_")[2]
	for _, kind := range []string{"ScimDirectory", "ScimToken", "ScimUser", "ScimGroup", "ScimMemberSlice", "ScimName", "ScimApplication", "ScimGrant", "ScimAccount", "ScimTokenUse"} {
		v.holdsNothing(t, v1alpha1.GroupVersion.WithKind(kind+"List"), secret)
	}
	v.holdsNothing(t, schema.GroupVersionKind{Group: "events.k8s.io", Version: "v1", Kind: "EventList"}, secret)
	if strings.Contains(v.logs(t), secret) {
		t.Error("a log holds the token")
	}
}

func (v *victim) holdsNothing(t *testing.T, kind schema.GroupVersionKind, secret string) {
	t.Helper()
	all := &unstructured.UnstructuredList{}
	all.SetGroupVersionKind(kind)
	if err := v.Client.List(t.Context(), all, client.InNamespace(v.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, object := range all.Items {
		text, err := object.MarshalJSON()
		if err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%s %s holds the token: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

func dotsCostNothing(t *testing.T, v *victim) {
	for _, credential := range []string{strings.Repeat(".", 4000), strings.Repeat("e30.", 1000), strings.Repeat(".", 12_000)} {
		answer := v.raw(t, attempt{method: http.MethodGet, path: "/Users", header: http.Header{"Authorization": {"Bearer " + credential}}})
		if answer.Status != http.StatusUnauthorized && answer.Status != http.StatusBadRequest {
			t.Errorf("%d dots: got %s", strings.Count(credential, "."), answer)
		}
	}
}

func linksAreOurs(t *testing.T, v *victim) {
	id, _ := v.somebody(t)
	answer := v.raw(t, attempt{method: http.MethodGet, path: "/Users/" + id, header: http.Header{
		"Host": {"canary.example"}, "X-Forwarded-Host": {"canary.example"}, "X-Forwarded-Proto": {"gopher"}, "Forwarded": {"host=canary.example"},
	}})
	if answer.Status != http.StatusOK || strings.Contains(fmt.Sprint(answer, answer.Header), "canary") {
		t.Errorf("got %s, %v", answer, answer.Header)
	}
}

func logsTellNothing(t *testing.T, v *victim) {
	canary := "canary-" + uuid.NewString()
	v.raw(t, attempt{method: http.MethodGet, path: "/Users?filter=userName%20eq%20%22" + canary + "%22"})
	v.raw(t, attempt{method: http.MethodGet, path: "/" + canary, header: http.Header{"User-Agent": {canary}, "X-Request-Id": {canary}}})
	v.raw(t, attempt{method: http.MethodPost, path: "/.search", body: `{"filter":"userName sw \"` + canary + `\""}`})
	v.raw(t, attempt{method: http.MethodPost, path: "/Users", body: `{"userName":"` + canary + `","emails":[{"value":"` + canary + `@acme.test"}],"password":"` + canary + `"}`})
	v.raw(t, attempt{method: http.MethodPost, path: "/Users", body: `{"userName":"` + canary + `\n{\"level\":\"ERROR\"}\u001b[31m"}`})
	v.raw(t, attempt{method: "CANARY" + canary, path: "/Users"})
	if logs := v.logs(t); strings.Contains(logs, canary) {
		t.Error("a log holds what a client sent")
	}
}
