// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	owner   = "acme/jane"
	whole   = `{"id":"7","owner":"acme/jane","userName":"jane","state":"Active","roles":["reader"],"profile":{}}`
	finding = `{"key":"UserName","value":"jane","accounts":[`
	nobodys = `{"id":"7","owner":"","userName":"jane","state":"Active","roles":["reader"],"profile":{}}`
)

func jane() connector.Account {
	return connector.Account{Owner: owner, ExternalID: "7", UserName: "jane", State: connector.Active, Roles: []string{"reader"}}
}

func leaver() connector.Account {
	want := jane()
	want.State = connector.Suspended
	return want
}

// verbs are all calls of a connector.
func verbs(conn connector.Connector) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Observe": func(ctx context.Context) error { _, err := conn.Observe(ctx, jane()); return err },
		"Apply":   func(ctx context.Context) error { _, err := conn.Apply(ctx, nil, jane()); return err },
		"Suspend": func(ctx context.Context) error { _, err := conn.Apply(ctx, nil, leaver()); return err },
		"Delete":  func(ctx context.Context) error { return conn.Delete(ctx, jane()) },
		"Probe":   func(ctx context.Context) error { return conn.(connector.Prober).Probe(ctx) },
		"Revoke":  func(ctx context.Context) error { _, err := conn.(connector.Revoker).Revoke(ctx, jane()); return err },
		"Find": func(ctx context.Context) error {
			_, err := conn.(connector.Adopter).Find(ctx, connector.KeyUserName, "jane")
			return err
		},
		"Adopt": func(ctx context.Context) error {
			_, err := conn.(connector.Adopter).Adopt(ctx, jane(), owner)
			return err
		},
		"List": func(ctx context.Context) error {
			for _, err := range conn.(connector.Lister).List(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func answering(t testing.TB, status int, body string) connector.Connector {
	return open(t, plain(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})))
}

// TestNoOtherAnswerCounts gives every verb answers that are not of the contract, as routers, proxies and broken applications do. None may be taken
// for success, for an account that is gone, or for one that is somebody else's.
func TestNoOtherAnswerCounts(t *testing.T) {
	replace := func(old, other string) string { return strings.Replace(whole, old, other, 1) }
	for name, tc := range map[string]struct {
		status int
		body   string
	}{
		"Page":            {200, "<html>maintenance</html>"},
		"Nothing":         {200, ""},
		"EmptyObject":     {200, "{}"},
		"Null":            {200, "null"},
		"EmptyList":       {200, "[]"},
		"CutShort":        {200, whole[:40]},
		"TwoAccounts":     {200, whole + whole},
		"NoOwner":         {200, replace(`"acme/jane"`, `"acme/joe"`)},
		"OtherState":      {200, replace("Active", "Locked")},
		"NoState":         {200, replace(`"state":"Active",`, "")},
		"NoID":            {200, replace(`"id":"7",`, "")},
		"EmptyID":         {200, replace(`"7"`, `""`)},
		"NumberID":        {200, replace(`"7"`, `7`)},
		"NoUserName":      {200, replace(`"userName":"jane",`, "")},
		"NoRoles":         {200, replace(`"roles":["reader"],`, "")},
		"NullRoles":       {200, replace(`["reader"]`, "null")},
		"NoProfile":       {200, replace(`,"profile":{}`, "")},
		"ListWithoutNext": {200, `{"cursor":"","accounts":[]}`},
		"ListOfNull":      {200, `{"cursor":"","accounts":null,"next":""}`},
		"ListWithoutEnd":  {200, `{"cursor":"","accounts":[],"next":"1"}`},
		"HalfAccount":     {200, `{"cursor":"","accounts":[{"id":"7"}],"next":""}`},
		"OtherPage":       {200, `{"cursor":"1","accounts":[],"next":""}`},
		"NoCursor":        {200, `{"accounts":[],"next":""}`},
		"UnknownStates":   {200, `{"owner":"acme/jane","sessions":"Gone","tokens":""}`},
		"OtherRevoked":    {200, `{"owner":"acme/joe","sessions":"Revoked","tokens":"Revoked"}`},
		"NobodyRevoked":   {200, `{"sessions":"Revoked","tokens":"Revoked"}`},
		"OtherFound":      {200, `{"key":"UserName","value":"joe","accounts":[]}`},
		"OtherKey":        {200, `{"key":"Email","value":"jane","accounts":[]}`},
		"OtherCase":       {200, `{"key":"UserName","value":"Jane","accounts":[]}`},
		"FoundNothing":    {200, `{"key":"UserName","value":"jane"}`},
		"FoundNull":       {200, `{"key":"UserName","value":"jane","accounts":null}`},
		"Accepted":        {202, whole},
		"Created":         {201, whole},
		"Partial":         {206, whole},
		"NoContent":       {205, ""},
		"Redirect":        {302, ""},
		"Bare400":         {400, ""},
		"Bare404":         {404, "404 page not found"},
		"OtherKind404":    {404, `{"kind":"Invalid"}`},
		"Bare405":         {405, ""},
		"Bare409":         {409, ""},
		"OtherKind409":    {409, `{"kind":"NotFound"}`},
		"Bare410":         {410, `{"kind":"NotFound"}`},
		"Bare422":         {422, `{"kind":""}`},
		"Kind500":         {500, `{"kind":"NotFound"}`},
		"Kind200":         {200, `{"kind":"NotFound"}`},
	} {
		t.Run(name, func(t *testing.T) {
			conn := answering(t, tc.status, tc.body)
			for verb, call := range verbs(conn) {
				if err := call(t.Context()); connector.KindOf(err) != connector.KindUnavailable || errors.Is(err, connector.ErrNotFound) {
					t.Errorf("%s: %v, want Unavailable", verb, err)
				}
			}
		})
	}
}

// TestRefusals is every answer that means something.
func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   connector.Kind
		after  time.Duration
		verbs  []string
	}{
		"Conflict":  {409, `{"kind":"Conflict"}`, connector.KindConflict, 0, []string{"Observe", "Apply", "Suspend", "Delete", "Revoke", "Find", "Adopt", "List", "Probe"}},
		"Invalid":   {422, `{"kind":"Invalid"}`, connector.KindInvalid, 0, []string{"Observe", "Apply", "Suspend", "Delete", "Revoke", "Find", "Adopt", "List", "Probe"}},
		"Denied":    {401, ``, connector.KindDenied, 0, []string{"Observe", "Apply", "Suspend", "Delete", "Revoke", "Find", "Adopt", "List", "Probe"}},
		"Forbidden": {403, `{"kind":"Conflict"}`, connector.KindDenied, 0, []string{"Observe", "Apply", "Suspend", "Delete", "Revoke", "Find", "Adopt", "List", "Probe"}},
		"TooMany":   {429, ``, connector.KindUnavailable, 7 * time.Second, []string{"Observe", "Apply", "Suspend", "Delete", "Revoke", "Find", "Adopt", "List", "Probe"}},
		"Later":     {503, ``, connector.KindUnavailable, 7 * time.Second, []string{"Observe", "Apply", "Suspend", "Delete", "Revoke", "Find", "Adopt", "List", "Probe"}},
		"Gone":      {404, `{"kind":"NotFound"}`, "", 0, []string{"Suspend", "Delete", "Revoke"}},
		"GoneAdopt": {404, `{"kind":"NotFound"}`, connector.KindConflict, 0, []string{"Adopt"}},
		"GoneOther": {404, `{"kind":"NotFound"}`, connector.KindUnavailable, time.Minute, []string{"Apply", "Find", "List", "Probe"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := verbs(answering(t, tc.status, tc.body))
			for _, verb := range tc.verbs {
				if err := all[verb](t.Context()); connector.KindOf(err) != tc.kind || connector.RetryAfter(err) != tc.after {
					t.Errorf("%s: %q, %v after %s", verb, connector.KindOf(err), err, connector.RetryAfter(err))
				}
			}
		})
	}
	nobody, err := answering(t, 404, `{"kind":"NotFound"}`).Apply(t.Context(), nil, leaver())
	if err != nil || nobody.ExternalID != "" || nobody.Roles != nil || nobody.State != connector.Suspended {
		t.Errorf("suspending nobody: %+v, %v", nobody, err)
	}
	if err := verbs(answering(t, 404, `{"kind":"NotFound"}`))["Observe"](t.Context()); !errors.Is(err, connector.ErrNotFound) {
		t.Errorf("Observe: %v, want ErrNotFound", err)
	}
}

// TestNothingIsQuoted has the application tell canaries in every way.
func TestNothingIsQuoted(t *testing.T) {
	for _, status := range []int{200, 201, 302, 400, 401, 403, 404, 409, 422, 429, 500} {
		for _, body := range []string{
			`{"kind":"Conflict","message":"` + canary + `"}`, `{"kind":"NotFound","message":"` + canary + `"}`, `{"kind":"Invalid","message":"` + canary + `"}`,
			`{"kind":"` + canary + `"}`, canary, `{"version":1,"roles":["` + canary + `"]}`, `{"version":99,"roles":["` + canary + `"]}`,
		} {
			for verb, call := range verbs(answering(t, status, body)) {
				err := call(t.Context())
				for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), connector.Message(err)} {
					if strings.Contains(text, canary) || strings.Contains(text, "jane") {
						t.Errorf("%d %s: %s says %q", status, body, verb, text)
					}
				}
			}
		}
	}
	conn := open(t, plain("https://app.example.com"))
	for _, text := range []string{fmt.Sprintf("%v", conn), fmt.Sprintf("%+v", conn), fmt.Sprintf("%#v", conn), fmt.Sprintf("%+v", plain("https://app.example.com"))} {
		if strings.Contains(text, canary) {
			t.Errorf("printed as %s", text)
		}
	}
}

func TestStoredSomethingElse(t *testing.T) {
	for name, answer := range map[string]string{
		"Name":  strings.Replace(whole, `"jane"`, `"JANE"`, 1),
		"Roles": strings.Replace(whole, `["reader"]`, `["reader","admin"]`, 1),
		"State": strings.Replace(whole, "Active", "Suspended", 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := answering(t, 200, answer).Apply(t.Context(), nil, jane())
			if connector.KindOf(err) != connector.KindUnavailable || !strings.Contains(connector.Message(err), "something else") {
				t.Errorf("Apply: %v", err)
			}
		})
	}
	if _, err := answering(t, 200, whole).Apply(t.Context(), nil, leaver()); connector.KindOf(err) != connector.KindUnavailable {
		t.Errorf("suspending: %v, and the account is active", err)
	}
	if _, err := answering(t, 200, strings.Replace(whole, `"7"`, `"8"`, 1)).(connector.Adopter).Adopt(t.Context(), jane(), owner); connector.KindOf(err) != connector.KindUnavailable {
		t.Errorf("adopting: %v, and it was another account", err)
	}
	if _, err := answering(t, 200, finding+whole+`]}`).(connector.Adopter).Find(t.Context(), connector.KeyUserName, "jane"); connector.KindOf(err) != connector.KindUnavailable {
		t.Errorf("finding: %v, and the account bears a mark", err)
	}
	found, err := answering(t, 200, finding+nobodys+`]}`).(connector.Adopter).Find(t.Context(), connector.KeyUserName, "jane")
	if err != nil || len(found) != 1 {
		t.Errorf("finding: %v, %v", found, err)
	}
}

func TestProbe(t *testing.T) {
	for name, tc := range map[string]struct {
		body    string
		message string
	}{
		"All":          {`{"version":1,"roles":["admin","reader","writer","x"],"attributes":["department","displayName","email"],"operations":["List","Adopt","Revoke","New"]}`, ""},
		"OtherVersion": {`{"version":2}`, "version 2"},
		"NoRole":       {`{"version":1,"roles":["admin","reader"],"attributes":["department","displayName","email"],"operations":["List","Adopt","Revoke"]}`, `the role "writer"`},
		"Nothing":      {`{"version":1}`, `the attribute "department", "displayName", "email"; `},
	} {
		t.Run(name, func(t *testing.T) {
			err := verbs(answering(t, 200, tc.body))["Probe"](t.Context())
			if tc.message == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if connector.KindOf(err) != connector.KindInvalid || !strings.Contains(connector.Message(err), tc.message) {
				t.Errorf("Probe: %v", connector.Message(err))
			}
		})
	}
}

func TestListIsCutShort(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"SameCursor": func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"cursor":%q,"accounts":[%s],"next":"1"}`, r.URL.Query().Get("cursor"), whole)
		},
		"FirstPageTwice": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"cursor":"","accounts":[`+whole+`],"next":"1"}`)
		},
		"SecondIsNone": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("cursor") {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = io.WriteString(w, `{"cursor":"","accounts":[`+whole+`],"next":"a b&c"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := verbs(open(t, plain(serve(t, handler))))["List"](t.Context()); connector.KindOf(err) != connector.KindUnavailable {
				t.Errorf("List: %v", err)
			}
		})
	}
}

// TestCapabilitiesAreTypes is what the reconcilers rely on.
func TestCapabilitiesAreTypes(t *testing.T) {
	for _, operations := range [][]Operation{nil, {List}, {Adopt}, {Revoke}, {List, Adopt}, {List, Revoke}, {Adopt, Revoke}, {List, Adopt, Revoke}} {
		cfg := plain("https://app.example.com")
		cfg.Operations = operations
		conn := open(t, cfg)
		_, lists := conn.(connector.Lister)
		_, adopts := conn.(connector.Adopter)
		_, probes := conn.(connector.Prober)
		_, profiled := conn.(connector.Profiled)
		_, closes := conn.(io.Closer)
		revoker, revokes := conn.(connector.Revoker)
		if lists != slices.Contains(operations, List) || adopts != slices.Contains(operations, Adopt) || !probes || !profiled || !closes || !revokes {
			t.Errorf("%v: lists %v, adopts %v, probes %v, profiled %v, closes %v, revokes %v", operations, lists, adopts, probes, profiled, closes, revokes)
		}
		if slices.Contains(operations, Revoke) {
			continue
		}
		want := connector.Revocation{Sessions: connector.NotSupported, Tokens: connector.NotSupported}
		if got, err := revoker.Revoke(t.Context(), jane()); got != want || err != nil {
			t.Errorf("%v: Revoke: %v, %v", operations, got, err)
		}
	}
}

// TestNothingIsSent is about what no application is asked.
func TestNothingIsSent(t *testing.T) {
	conn := open(t, plain(serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })))
	with := func(change func(*connector.Account)) connector.Account {
		want := jane()
		change(&want)
		return want
	}
	for name, want := range map[string]connector.Account{
		"UnknownRole": with(func(a *connector.Account) { a.Roles = []string{"reader", "other"} }),
		"DamagedRole": with(func(a *connector.Account) { a.Roles = []string{"!reader"} }),
		"NoName":      with(func(a *connector.Account) { a.UserName = "" }),
		"NameNotUTF8": with(func(a *connector.Account) { a.UserName = "\xff" }),
		"MailNotUTF8": with(func(a *connector.Account) { a.Profile = map[string]string{"email": "\xff"} }),
		"NoOwner":     with(func(a *connector.Account) { a.Owner = "" }),
		"HalfOwner":   with(func(a *connector.Account) { a.Owner = "acme/" }),
		"OtherHalf":   with(func(a *connector.Account) { a.Owner = "/jane" }),
		"LongOwner":   with(func(a *connector.Account) { a.Owner = "acme/jane/revoke" }),
		"Dots":        with(func(a *connector.Account) { a.Owner = "acme/.." }),
		"OtherDots":   with(func(a *connector.Account) { a.Owner = "../jane" }),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := conn.Apply(t.Context(), nil, want); connector.KindOf(err) != connector.KindInvalid {
				t.Errorf("Apply: %v", err)
			}
		})
	}
	for _, value := range []string{"", "\xff"} {
		if _, err := conn.(connector.Adopter).Find(t.Context(), connector.KeyUserName, value); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("Find: %v", err)
		}
	}
}
