// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// harm is what a wire does to a request: it may answer, which ends it, or change the request.
type harm func(rw http.ResponseWriter, r *http.Request, forward http.Handler) bool

func refuse(rw http.ResponseWriter, status int) bool {
	rw.Header().Set("Content-Type", "application/scim+json")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"]}`)
	return true
}

// without answers a request that is meant with a status.
func without(status int, meant func(*http.Request) bool) harm {
	return func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		return meant(r) && refuse(rw, status)
	}
}

func isConfig(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig") }
func isPatch(r *http.Request) bool  { return r.Method == http.MethodPatch }
func isFilter(r *http.Request) bool { return r.URL.Query().Has("filter") }

// bodyOf reads the body and leaves it to be read again.
func bodyOf(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

func removesByFilter(r *http.Request) bool {
	return isPatch(r) && strings.Contains(bodyOf(r), "members[")
}

// ignoresFilters answers with everything, whatever is asked for.
func ignoresFilters(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	query := r.URL.Query()
	query.Del("filter")
	r.URL.RawQuery = query.Encode()
	return false
}

// findsNobody knows no filter on externalId and does not say so.
func findsNobody(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	if !strings.HasPrefix(r.URL.Query().Get("filter"), attrExternalID) {
		return false
	}
	_, _ = io.WriteString(rw, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"Resources":[]}`)
	return true
}

// emptiesGroups takes a list of values in a removal for nothing, as RFC 7644 does, and knows no filter there.
func emptiesGroups(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	if !isPatch(r) {
		return false
	}
	body := bodyOf(r)
	if strings.Contains(body, "members[") {
		return refuse(rw, http.StatusBadRequest)
	}
	if strings.Contains(body, `"op":"remove","path":"members"`) {
		text, _ := json.Marshal(patchBody(operation{Op: "remove", Path: attrMembers}))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	}
	return false
}

// ignoresRemovals says that it removed a member and did not.
func ignoresRemovals(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	if !removesByFilter(r) {
		return false
	}
	rw.WriteHeader(http.StatusNoContent)
	return true
}

// hidesGroups shows no groups on users.
func hidesGroups(rw http.ResponseWriter, r *http.Request, forward http.Handler) bool {
	if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, usersPath) {
		return false
	}
	query := r.URL.Query()
	query.Set("excludedAttributes", attrGroups)
	r.URL.RawQuery = query.Encode()
	forward.ServeHTTP(rw, r)
	return true
}

// silent answers changes of users with 204.
func silent(rw http.ResponseWriter, r *http.Request, forward http.Handler) bool {
	if !isPatch(r) {
		return false
	}
	forward.ServeHTTP(&discarding{header: http.Header{}}, r)
	rw.WriteHeader(http.StatusNoContent)
	return true
}

type discarding struct{ header http.Header }

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarding) WriteHeader(int)             {}

func all(harms ...harm) harm {
	return func(rw http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		for _, h := range harms {
			if h(rw, r, forward) {
				return true
			}
		}
		return false
	}
}

// TestFallbacks takes accounts through their lives at servers that can do less than SCIMMY.
func TestFallbacks(t *testing.T) {
	s := serverNamed(t, "scimmy")
	noConfig := without(http.StatusNotFound, isConfig)
	for name, h := range map[string]harm{
		"no ServiceProviderConfig":        noConfig,
		"no PATCH":                        without(http.StatusMethodNotAllowed, isPatch),
		"no PATCH, and says so by 501":    without(http.StatusNotImplemented, isPatch),
		"no PATCH and no config, by 404":  all(noConfig, without(http.StatusNotFound, isPatch)),
		"no filter":                       without(http.StatusNotImplemented, isFilter),
		"no filter, by 400":               without(http.StatusBadRequest, isFilter),
		"no filter, no PATCH":             all(without(http.StatusBadRequest, isFilter), without(http.StatusMethodNotAllowed, isPatch)),
		"filters are ignored":             ignoresFilters,
		"externalId is never found":       findsNobody,
		"members are removed by value":    without(http.StatusBadRequest, removesByFilter),
		"members are all removed":         emptiesGroups,
		"removals are ignored":            ignoresRemovals,
		"users show no groups":            hidesGroups,
		"PATCH is answered with no body":  silent,
		"page of HTML in place of config": func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool { return isConfig(r) && htmlPage(rw) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, s.url)
			conn := openWith(t, config(w.url, s.token))
			w.harm = h
			live(t, s, conn)
		})
	}
}

func htmlPage(rw http.ResponseWriter) bool {
	_, _ = io.WriteString(rw, "<html>Please log in</html>")
	return true
}

// live takes an account through its life, beside another one that nothing happens to.
func live(t *testing.T, s *server, conn *Connector) {
	t.Helper()
	neighbour := settle(t, conn, someone("reader", "writer"))
	want := settle(t, conn, someone("auditor", "reader"))
	want.Profile = map[string]string{"title": "Chief", "email": "chief@example.org"}
	settle(t, conn, want)
	want.Roles = []string{"writer"}
	settle(t, conn, want)
	wantRoles(t, s, want, "writer")
	want.State = connector.Suspended
	settle(t, conn, want)
	wantRoles(t, s, want)
	want.State, want.UserName = connector.Active, "new-"+want.UserName
	settle(t, conn, want)
	wantRoles(t, s, want, "writer")
	wantRoles(t, s, neighbour, "reader", "writer")
	again := want
	again.ExternalID = ""
	if observed, err := conn.Observe(t.Context(), again); err != nil || !connector.InSync(observed, want) {
		t.Errorf("without its id: %+v, %v", observed, err)
	}
	if err := conn.Delete(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	wantRoles(t, s, want)
	wantRoles(t, s, neighbour, "reader", "writer")
}

func someone(roles ...string) connector.Account {
	id := rand.Text()[:10]
	return connector.Account{
		Owner: "test/" + id, UserName: "user-" + id + "@example.com", State: connector.Active, Roles: roles,
		Profile: map[string]string{"title": "Boss"},
	}
}

// settle does what the reconciler does, a few times if need be.
func settle(t testing.TB, conn *Connector, want connector.Account) connector.Account {
	t.Helper()
	var err error
	for range 6 {
		var applied connector.Account
		applied, err = conn.Apply(t.Context(), nil, want)
		if err == nil && connector.InSync(&applied, want) {
			want.ExternalID = applied.ExternalID
			return want
		}
		if kind := connector.KindOf(err); err != nil && kind != connector.KindUnavailable {
			break
		}
	}
	t.Fatalf("it does not settle: %v", err)
	return want
}

func wantRoles(t *testing.T, s *server, acct connector.Account, roles ...string) {
	t.Helper()
	for _, role := range []string{"auditor", "reader", "writer"} {
		want := strings.Contains(strings.Join(roles, " "), role)
		if has, err := s.hasAccess(t.Context(), acct.UserName, role); has != want || err != nil {
			t.Errorf("role %s: %v, %v, want %v", role, has, err, want)
		}
	}
}

// TestBetterAuth is a whole application, where people sign in. The suite is not for it: a user name without an address must be one, and names
// of people are kept without the space around them.
func TestBetterAuth(t *testing.T) {
	s := serverNamed(t, "better-auth")
	live(t, s, openWith(t, config(s.url, s.token)))
}

// TestRolesAttribute keeps roles in the user.
func TestRolesAttribute(t *testing.T) {
	s := serverNamed(t, "scimmy")
	cfg := config(s.url, s.token)
	cfg.RolesAs = RolesAttribute
	cfg.Roles[0].Value = "chief auditor"
	conn := openWith(t, cfg)
	want := settle(t, conn, someone("auditor", "reader"))
	s.must(t, http.MethodPatch, usersPath+"/"+want.ExternalID, patchBody(operation{Op: "add", Path: attrRoles, Value: []any{map[string]any{attrValue: "of others"}}}))
	want.Roles = []string{"writer"}
	settle(t, conn, want)
	r := s.must(t, http.MethodGet, usersPath+"/"+want.ExternalID, nil)
	var values []string
	for _, entry := range r.entries(attrRoles) {
		values = append(values, entry.text(attrValue))
	}
	if got := strings.Join(values, ","); got != "of others,writer" {
		t.Errorf("roles are %q", got)
	}
	want.Roles = []string{}
	settle(t, conn, want)
}

// TestSuspensionDelete deletes who is suspended, and makes them anew.
func TestSuspensionDelete(t *testing.T) {
	s := serverNamed(t, "scimmy")
	cfg := config(s.url, s.token)
	cfg.Suspension = Delete
	conn := openWith(t, cfg)
	want := settle(t, conn, someone("reader"))
	want.State = connector.Suspended
	if applied, err := conn.Apply(t.Context(), nil, want); err != nil || applied.State != connector.Suspended {
		t.Fatalf("%+v, %v", applied, err)
	}
	if left, err := s.userNamed(t.Context(), want.UserName); left != nil || err != nil {
		t.Errorf("there still is %v, %v", left, err)
	}
	want.State = connector.Active
	settle(t, conn, want)
	wantRoles(t, s, want, "reader")
}

// TestInactiveIsIgnored is an application that says it deactivated somebody.
func TestInactiveIsIgnored(t *testing.T) {
	s := serverNamed(t, "scimmy")
	w := newWire(t, s.url)
	conn := openWith(t, config(w.url, s.token))
	want := settle(t, conn, someone("reader"))
	w.harm = func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if isPatch(r) {
			rw.WriteHeader(http.StatusNoContent)
		}
		return isPatch(r)
	}
	want.State = connector.Suspended
	if _, err := conn.Apply(t.Context(), nil, want); connector.KindOf(err) != connector.KindUnavailable || !strings.Contains(err.Error(), "still active") {
		t.Errorf("Apply returned %v", err)
	}
}

// TestAdoptExternalIDs takes over users of an identity provider that kept them itself, and nobody else's.
func TestAdoptExternalIDs(t *testing.T) {
	s := serverNamed(t, "scimmy")
	cfg := config(s.url, s.token)
	cfg.AdoptExternalIDs = true
	conn := openWith(t, cfg)
	like := someone()
	s.must(t, http.MethodPost, usersPath, map[string]any{attrSchemas: []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, attrUserName: like.UserName, attrExternalID: "00u-" + like.UserName})
	if _, err := conn.Observe(t.Context(), like); !errors.Is(err, connector.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	found, err := conn.Find(t.Context(), connector.KeyExternalID, "00u-"+like.UserName)
	if err != nil || len(found) != 1 || found[0].Owner != "" {
		t.Fatalf("found %+v, %v", found, err)
	}
	wrong := found[0]
	wrong.Profile = map[string]string{profileExternalID: "00u-other"}
	if _, err := conn.Adopt(t.Context(), wrong, like.Owner); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("another externalId: %v", err)
	}
	for range 2 {
		if adopted, err := conn.Adopt(t.Context(), found[0], like.Owner); err != nil || adopted.Owner != like.Owner {
			t.Fatalf("adopted %+v, %v", adopted, err)
		}
	}
}

// TestReader is a token that may read and not write.
func TestReader(t *testing.T) {
	s := serverNamed(t, "better-auth")
	conn := openWith(t, config(s.url, s.reader))
	if err := conn.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	if _, err := conn.Apply(t.Context(), nil, someone("reader")); connector.KindOf(err) != connector.KindDenied {
		t.Errorf("Apply returned %v, want Denied", err)
	}
}
