// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// attributes are 30 paths that can be set without regard to each other.
func attributes() []string {
	paths := []string{
		"displayName", "nickName", "title", "userType", "externalId",
		"name.formatted", "name.familyName", "name.givenName", "name.middleName", "name.honorificPrefix", "name.honorificSuffix",
	}
	for _, attribute := range []string{"employeeNumber", "costCenter", "organization", "division", "department"} {
		paths = append(paths, idp.EnterpriseSchema+":"+attribute)
	}
	for _, kind := range []string{"work", "home", "other"} {
		paths = append(paths, `emails[type eq "`+kind+`"].value`, `addresses[type eq "`+kind+`"].locality`, `addresses[type eq "`+kind+`"].postalCode`)
	}
	for _, kind := range []string{"work", "home", "mobile", "fax", "pager"} {
		paths = append(paths, `phoneNumbers[type eq "`+kind+`"].value`)
	}
	return paths
}

// TestConcurrentPatches sets 30 attributes of one user by 30 requests at once, over both servers.
func TestConcurrentPatches(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	id, paths := tn.create(t, "many@acme.test"), attributes()
	value := func(i int) string { return fmt.Sprintf("value-%d@acme.test", i) }
	outcomes := tn.race(t.Context(), len(paths), func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
		return client.Patch(ctx, id, idp.EntraPatch(paths[i], value(i)))
	})
	for i, o := range outcomes {
		if o.err != nil || o.answer.Status != http.StatusOK {
			t.Errorf("PATCH of %s: got %s, %v", paths[i], o.answer, o.err)
		}
	}
	answer, err := tn.idp[1].Get(t.Context(), idp.UserPath(id))
	user := expect(t, http.StatusOK, answer, err).Body
	for i, path := range paths {
		if !contains(user, value(i)) {
			t.Errorf("%s was lost", path)
		}
	}
	if len(paths) != 30 {
		t.Errorf("got %d paths, want 30", len(paths))
	}
}

// contains looks for a string anywhere in a JSON value.
func contains(value any, wanted string) bool {
	switch v := value.(type) {
	case string:
		return v == wanted
	case []any:
		for _, entry := range v {
			if contains(entry, wanted) {
				return true
			}
		}
	case map[string]any:
		for _, entry := range v {
			if contains(entry, wanted) {
				return true
			}
		}
	}
	return false
}

func TestIfMatch(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	id := tn.create(t, "versions@acme.test")
	answer, err := tn.idp[0].Get(t.Context(), idp.UserPath(id))
	stale := expect(t, http.StatusOK, answer, err).Header.Get("ETag")
	if stale == "" {
		t.Fatal("no ETag")
	}
	tn.waitBound(t, "versions@acme.test") // the status was written meanwhile, which must not move the version
	patch := idp.Request{Method: http.MethodPatch, Path: idp.UserPath(id), Body: idp.EntraPatch("title", "one"), IfMatch: stale}
	answer, err = tn.idp[1].Do(t.Context(), patch)
	expect(t, http.StatusOK, answer, err)
	for name, request := range map[string]idp.Request{
		"PATCH":  {Method: http.MethodPatch, Body: idp.EntraPatch("title", "two")},
		"PUT":    {Method: http.MethodPut, Body: idp.OktaUser(idp.Person{UserName: "versions@acme.test"})},
		"DELETE": {Method: http.MethodDelete},
	} {
		t.Run(name, func(t *testing.T) {
			request.Path, request.IfMatch = idp.UserPath(id), stale
			answer, err := tn.idp[0].Do(t.Context(), request)
			expect(t, http.StatusPreconditionFailed, answer, err)
		})
	}
	answer, err = tn.idp[0].Get(t.Context(), idp.UserPath(id))
	if got := expect(t, http.StatusOK, answer, err).Body["title"]; got != "one" {
		t.Errorf("got title %v, want that of the one request that was accepted", got)
	}
}

// TestReadYourWrites creates users on one server and finds each on the other at once.
func TestReadYourWrites(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	for i := range 200 {
		writer, reader := tn.idp[i%2], tn.idp[(i+1)%2]
		name := fmt.Sprintf("new-%d@acme.test", i)
		answer, err := writer.Post(t.Context(), idp.EntraUser(idp.Person{UserName: name}))
		id := expect(t, http.StatusCreated, answer, err).ID()
		answer, err = reader.Get(t.Context(), idp.UserPath(id))
		expect(t, http.StatusOK, answer, err)
		answer, err = reader.Find(t.Context(), inCase(name, i))
		if found := expect(t, http.StatusOK, answer, err).Resources(); len(found) != 1 || found[0]["id"] != id {
			t.Fatalf("user %d: found %v by its name, want id %s", i, found, id)
		}
	}
}

func TestPutWithoutActive(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	okta := tn.idp[0]
	const name = "put@acme.test"
	id := tn.create(t, name)
	for _, active := range []bool{true, false, true} {
		answer, err := okta.Patch(t.Context(), id, idp.EntraPatch("active", active))
		expect(t, http.StatusOK, answer, err)
		user := idp.OktaUser(idp.Person{UserName: name, GivenName: fmt.Sprint(active)})
		delete(user, "active")
		answer, err = okta.Put(t.Context(), id, user)
		if got := expect(t, http.StatusOK, answer, err).Body["active"]; got != active {
			t.Errorf("after a PUT without active: got active %v, want %t as before", got, active)
		}
		if active {
			tn.waitBound(t, name)
		} else {
			tn.waitBound(t)
		}
	}
}
