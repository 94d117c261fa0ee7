// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// TestWrongAnswers: an answer that is not what a mapping needs is never "there is no such account", so nothing is created beside it.
func TestWrongAnswers(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "null": "null", "a page of a proxy": "<html>please log in as zoe@example.com</html>", "another object": `{"error": "zoe@example.com"}`,
		"a list": `[]`, "a text": `"zoe@example.com"`, "items that are none": `{"accounts": "zoe@example.com"}`, "items null": `{"accounts": null}`, "half": `{"accounts": [`,
		"an item that is none": `{"accounts": ["zoe@example.com"]}`, "an item without an id": `{"accounts": [{"login": "zoe@example.com", "note": "", "status": "enabled"}]}`,
		"an empty id":          `{"accounts": [{"id": "", "login": "zoe@example.com", "note": "", "status": "enabled"}]}`,
		"an id that is a list": `{"accounts": [{"id": [1], "login": "zoe@example.com", "note": "", "status": "enabled"}]}`,
		"no login":             `{"accounts": [{"id": 1, "note": "acme/zoe", "status": "enabled"}]}`,
		"no state":             `{"accounts": [{"id": 1, "login": "zoe@example.com", "note": "acme/zoe"}]}`,
		"a mark of no text":    `{"accounts": [{"id": 1, "login": "zoe@example.com", "note": {"a": 1}, "status": "enabled"}]}`,
		"roles of no text":     `{"accounts": [{"id": 1, "login": "zoe@example.com", "note": "acme/zoe", "status": "enabled", "permissions": [1]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			conn := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				_, _ = w.Write([]byte(body))
			}), nil)
			_, observeErr := conn.Observe(t.Context(), zoe("reader"))
			_, applyErr := conn.Apply(t.Context(), nil, zoe("reader"))
			errs := []error{observeErr, applyErr}
			if name != "roles of no text" { // which do not matter when an account is deleted
				errs = append(errs, conn.Delete(t.Context(), zoe()))
			}
			for _, err := range errs {
				if connector.KindOf(err) != connector.KindUnavailable || strings.Contains(err.Error(), "zoe") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestConditions: what an application calls success, not found and a conflict.
func TestConditions(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		status int
		body   string
		want   connector.Kind
	}{
		"an error in a 200":            {func(c *Config) { c.Requests.Create.Success = `!has(response.body.error)` }, 200, `{"error":1}`, connector.KindUnavailable},
		"a conflict of another status": {func(c *Config) { c.Requests.Create.Conflict = `response.body.code == "taken"` }, 422, `{"code":"taken"}`, connector.KindConflict},
		"no conflict":                  {func(c *Config) { c.Requests.Create.Conflict = `response.body.code == "taken"` }, 422, `{}`, connector.KindInvalid},
		"a broken condition":           {func(c *Config) { c.Requests.Create.Success = `response.body + 1 == 2` }, 200, `{}`, connector.KindUnavailable},
		"gone":                         {func(c *Config) { c.Requests.Create.NotFound = `response.headers["x-gone"] == "1"` }, 200, `{}`, connector.KindUnavailable},
		"refused":                      {nil, 403, `{}`, connector.KindDenied},
		"later":                        {nil, 503, `{}`, connector.KindUnavailable},
		"redirected":                   {nil, 302, ``, connector.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			conn := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					_, _ = w.Write([]byte(`{"accounts": []}`))
					return
				}
				w.Header().Set("X-Gone", "1")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}), tc.change)
			if _, err := conn.Apply(t.Context(), nil, zoe()); connector.KindOf(err) != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// TestNothingComesOfIt: what is accepted and not done is said, and not done for ever.
func TestNothingComesOfIt(t *testing.T) {
	for name, tc := range map[string]struct{ sabotage, want string }{
		"create":  {"POST /accounts", "create the account: "},
		"roles":   {"PUT ", "set the roles of the account: "},
		"profile": {"PATCH ", "update the account: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn()
			wiki(t, s)
			writes := 0
			conn := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.Method+" "+r.URL.Path, tc.sabotage) {
					writes++
					w.WriteHeader(http.StatusAccepted)
					return
				}
				s.ServeHTTP(w, r)
			}), nil)
			want := zoe()
			if name != "create" {
				apply(t, conn, want)
				want = zoe("reader")
				if name == "profile" {
					want = zoe()
					want.Profile = map[string]string{"displayName": "Other"}
				}
			}
			_, err := conn.Apply(t.Context(), nil, want)
			if connector.KindOf(err) != connector.KindUnavailable || !strings.HasPrefix(err.Error(), tc.want) || writes != 1 {
				t.Errorf("got %v after %d writes", err, writes)
			}
		})
	}
}

// TestPagination reads seven accounts in pages of two, in every way that there is.
func TestPagination(t *testing.T) {
	for name, tc := range map[string]struct {
		pagination Pagination
		query      map[string]string
		answer     func(r *http.Request, base string, at int, items []object) (header string, body any)
		start      func(r *http.Request) int
	}{
		"page": {
			Pagination{Type: PaginationPage, First: 1, Size: 2}, map[string]string{"page": "page.number", "size": "page.size"},
			nil, func(r *http.Request) int { return 2 * (number(r, "page") - 1) },
		},
		"page from zero": {
			Pagination{Type: PaginationPage}, map[string]string{"page": "page.number"}, nil, func(r *http.Request) int { return 2 * number(r, "page") },
		},
		"offset": {Pagination{Type: PaginationOffset}, map[string]string{"at": "page.offset"}, nil, func(r *http.Request) int { return number(r, "at") }},
		"cursor": {
			Pagination{Type: PaginationCursor, Next: `response.body.?next.orValue("")`}, map[string]string{"at": "page.cursor"},
			func(_ *http.Request, _ string, at int, items []object) (string, any) {
				if at+2 >= 7 {
					return "", object{"accounts": items}
				}
				return "", object{"accounts": items, "next": at + 2}
			}, func(r *http.Request) int { return number(r, "at") },
		},
		"link": {
			Pagination{Type: PaginationLink}, nil, func(_ *http.Request, base string, at int, items []object) (string, any) {
				if at+2 >= 7 {
					return `<` + base + `/accounts?at=0>; rel="first"`, object{"accounts": items}
				}
				return fmt.Sprintf(`<%s/accounts?at=0>; rel="first", <%s/accounts?at=%d>; rel="next"`, base, base, at+2), object{"accounts": items}
			}, func(r *http.Request) int { return number(r, "at") },
		},
		"next url": {
			Pagination{Type: PaginationNextURL, Next: `response.body.next`}, nil, func(_ *http.Request, _ string, at int, items []object) (string, any) {
				if at+2 >= 7 {
					return "", object{"accounts": items, "next": nil}
				}
				return "", object{"accounts": items, "next": fmt.Sprintf("/base/accounts?at=%d", at+2)}
			}, func(r *http.Request) int { return number(r, "at") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			var base string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				at := tc.start(r)
				items := []object{}
				for i := at; i < min(at+2, 7); i++ {
					items = append(items, object{"id": i, "login": fmt.Sprint("u", i), "note": "", "status": "enabled", "permissions": []any{}, "name": ""})
				}
				header, body := "", any(object{"accounts": items})
				if tc.answer != nil {
					header, body = tc.answer(r, base, at, items)
				}
				w.Header().Set("Link", header)
				_ = json.NewEncoder(w).Encode(body)
			}))
			defer server.Close()
			base = server.URL + "/base"
			cfg := wikiAt(t, base)
			cfg.List.Pagination, cfg.List.Query = tc.pagination, tc.query
			var names []string
			for a, err := range open(t, cfg).(connector.Lister).List(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, a.UserName)
			}
			if diff := cmp.Diff([]string{"u0", "u1", "u2", "u3", "u4", "u5", "u6"}, names); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

// TestPagesElsewhere: no page of another server is read, and no credential sent there; a list that goes in circles ends.
func TestPagesElsewhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL) }))
	defer elsewhere.Close()
	const items = `"accounts": [{"id": 1, "login": "a", "note": "", "status": "enabled"}]`
	for name, tc := range map[string]struct {
		next string
		want connector.Kind
	}{
		"another server": {elsewhere.URL + "/accounts", connector.KindDenied},
		"another scheme": {"https:/accounts", connector.KindDenied},
		"a circle":       {"?at=1", connector.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			conn := serving(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{%s, "next": %q}`, items, tc.next)
			}), func(c *Config) { c.List.Pagination = Pagination{Type: PaginationNextURL, Next: "response.body.next"} })
			var failed error
			for _, err := range conn.(connector.Lister).List(t.Context()) {
				failed = err
			}
			if connector.KindOf(failed) != tc.want {
				t.Errorf("got %v, want %s", failed, tc.want)
			}
		})
	}
}

// breaking breaks the connection after the application has done what it was asked for, as often as it is told.
type breaking struct {
	next  http.Handler
	mu    sync.Mutex
	times int
	keys  []string
}

func (b *breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		b.next.ServeHTTP(w, r)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys = append(b.keys, r.Header.Get("Idempotency-Key"))
	if b.times--; b.times >= 0 {
		b.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	b.next.ServeHTTP(w, r)
}

// TestAmbiguousCreate: an account whose creation was not answered is found again, with a mark and without, and not made twice.
func TestAmbiguousCreate(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"mark": nil,
		"externalID": func(c *Config) {
			c.Ownership, c.Account.Owner, c.Find.Mark, c.List, c.Requests.Adopt = OwnershipExternalID, "", nil, nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn()
			wiki(t, s)
			conn := serving(t, &breaking{next: s, times: 1}, change)
			want := zoe("reader")
			if _, err := conn.Apply(t.Context(), nil, want); connector.KindOf(err) != connector.KindUnavailable {
				t.Fatalf("got %v", err)
			}
			stored := apply(t, conn, want)
			if observed, err := conn.Observe(t.Context(), want); err != nil || !connector.InSync(observed, want) || observed.ExternalID != stored.ExternalID || len(s.users) != 1 {
				t.Errorf("observed %+v, %v, there are %d", observed, err, len(s.users))
			}
			other := want
			other.Owner = "acme/other"
			if _, err := conn.Apply(t.Context(), nil, other); connector.KindOf(err) != connector.KindConflict {
				t.Errorf("somebody else of that name: %v", err)
			}
		})
	}
}

// TestIdempotencyKey: a change that was not answered has the same key when it is repeated, and another one does not.
func TestIdempotencyKey(t *testing.T) {
	hidden := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // an application that shows new accounts late
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"accounts": []}`)
		}
	})
	breaks := &breaking{next: hidden, times: 2}
	conn := serving(t, breaks, func(c *Config) { c.IdempotencyKeyHeader = "Idempotency-Key" })
	other := zoe()
	other.Profile = map[string]string{"displayName": "Other"}
	for _, want := range []connector.Account{zoe(), zoe(), zoe(), zoe(), other} {
		if _, err := conn.Apply(t.Context(), nil, want); connector.KindOf(err) != connector.KindUnavailable {
			t.Fatalf("got %v", err)
		}
	}
	// Two broke and the third was answered; net/http repeats what has such a key by itself.
	answered := slices.Compact(slices.Clone(breaks.keys[2:]))
	if k := breaks.keys; k[0] == "" || k[0] != k[1] || k[1] != k[2] || len(answered) != len(k)-2 {
		t.Errorf("keys %q", k)
	}
}

// TestOwnershipExternalID: without a mark only what is remembered is ours.
func TestOwnershipExternalID(t *testing.T) {
	conn, s := wikiWorld(t, func(c *Config) {
		c.Ownership, c.Account.Owner, c.Find.Mark, c.List = OwnershipExternalID, "", nil, nil
	})
	if _, ok := conn.(connector.Lister); ok {
		t.Error("it lists accounts of which it cannot tell whose they are")
	}
	s.users["zoe"] = s.stranger("zoe@example.com")
	want := zoe("reader")
	forged := want
	forged.ExternalID = "4711"
	suspended := connector.Account{Owner: want.Owner, UserName: want.UserName, State: connector.Suspended}
	for _, wish := range []connector.Account{want, forged, suspended} {
		if _, err := conn.Apply(t.Context(), nil, wish); connector.KindOf(err) != connector.KindConflict {
			t.Errorf("%+v: %v", wish, err)
		}
	}
	if err := conn.Delete(t.Context(), want); err != nil || s.writes != 0 {
		t.Errorf("Delete: %v, %d writes", err, s.writes)
	}
	want.ExternalID = fmt.Sprint(s.users["zoe"]["id"])
	if stored := apply(t, conn, want); !connector.InSync(&stored, want) {
		t.Errorf("stored %+v", stored)
	}
}

// TestSameTime: many changes of one account, each of which replaces all of it, leave one that is as one of them wanted.
func TestSameTime(t *testing.T) {
	conn, s := wikiWorld(t, nil)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := conn.Apply(t.Context(), nil, zoe("reader", "editor")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(s.users) != 1 {
		t.Errorf("%d accounts", len(s.users))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := conn.Apply(ctx, nil, zoe()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestTwoWithOneMark: of two accounts with our mark nobody can tell which is ours.
func TestTwoWithOneMark(t *testing.T) {
	conn, s := wikiWorld(t, nil)
	for _, name := range []string{"old", "copy"} {
		s.users[name] = s.stranger(name)
		s.users[name]["note"] = "acme/zoe"
	}
	if _, err := conn.Observe(t.Context(), zoe()); connector.KindOf(err) != connector.KindConflict {
		t.Errorf("got %v", err)
	}
}
