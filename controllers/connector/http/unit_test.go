// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// TestOpenRefuses compiles everything at once: what cannot work is said with the field, before any request.
func TestOpenRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"syntax":                      {func(c *Config) { c.Account.Owner = "observed." }, "account.owner: 1:10: Syntax error"},
		"a variable that is not":      {func(c *Config) { c.Requests.Create.Body = `account.user` }, "requests[Create].body: 1:1: undeclared reference"},
		"details to suspend":          {func(c *Config) { c.Requests.Suspend.Body = `details.x` }, "requests[Suspend].body: 1:1: undeclared reference to 'details'"},
		"a role to create":            {func(c *Config) { c.Requests.Create.Body = `role.name` }, "requests[Create].body: 1:1: undeclared reference"},
		"a response in a request":     {func(c *Config) { c.Requests.Create.Query = map[string]string{"a": "response.status"} }, "requests[Create].query[a]: 1:1: undeclared"},
		"a condition that is none":    {func(c *Config) { c.Requests.Create.Success = `response.status` }, "requests[Create].success: the result is int, it must be bool"},
		"active is a text":            {func(c *Config) { c.Account.Active = `"yes"` }, "account.active: the result is string, it must be bool"},
		"no active":                   {func(c *Config) { c.Account.Active = "" }, "account.active: "},
		"items that are none":         {func(c *Config) { c.Find.UserName.Items = `1` }, "find[UserName].items: the result is int, it must be list"},
		"a path without a slash":      {func(c *Config) { c.Requests.Delete.Path = "accounts" }, "requests[Delete].path: a path begins with a slash"},
		"a query in a path":           {func(c *Config) { c.Requests.Delete.Path = "/accounts?a=b" }, "requests[Delete].path: a path has no"},
		"an open brace":               {func(c *Config) { c.Requests.Delete.Path = "/accounts/{account.owner" }, "requests[Delete].path: a { of the path has no }"},
		"a wrong escape":              {func(c *Config) { c.Requests.Delete.Path = "/accounts/%zz" }, "requests[Delete].path: the path has a %"},
		"a list in a path":            {func(c *Config) { c.Requests.Delete.Path = "/accounts/{account.roles}" }, "requests[Delete].path: the result is list(string)"},
		"another host":                {func(c *Config) { c.Requests.Delete.Headers = map[string]string{"host": `"evil"`} }, `requests[Delete].headers: "host" cannot be set here`},
		"another credential":          {func(c *Config) { c.Requests.Delete.Headers = map[string]string{"AUTHORIZATION": `"x"`} }, `"AUTHORIZATION" cannot be set here`},
		"a header with a line break":  {func(c *Config) { c.Requests.Delete.Headers = map[string]string{"A\r\nB": `"x"`} }, "cannot be set here"},
		"a change by GET":             {func(c *Config) { c.Requests.Delete.Method = http.MethodGet }, "requests[Delete].method: "},
		"a lookup by DELETE":          {func(c *Config) { c.List.Method = http.MethodDelete }, "list.method: "},
		"pages without items":         {func(c *Config) { c.List.Items = "" }, "list.items: pages have items"},
		"a cursor from nowhere":       {func(c *Config) { c.List.Pagination.Next = "" }, "list.pagination.next: "},
		"no suspend":                  {func(c *Config) { c.Requests.Suspend = nil }, "requests[Suspend]: it is missing"},
		"nobody can be found":         {func(c *Config) { c.Find.UserName = nil }, "find[UserName]: it is missing"},
		"a profile without update":    {func(c *Config) { c.Requests.Update = nil }, "requests[Update]: it is missing"},
		"a mark from nowhere":         {func(c *Config) { c.Account.Owner = "" }, "account.owner: it must be set with ownership Mark"},
		"two ways to own":             {func(c *Config) { c.Ownership = OwnershipExternalID }, "account.owner: it must be set with ownership Mark"},
		"half a pair":                 {func(c *Config) { c.Requests.AddRole = c.Requests.SetRoles }, "requests: there must be either AddRole and RemoveRole"},
		"the URL":                     {func(c *Config) { c.Client.AllowPlaintext = false }, "the url is not https"},
		"more than a machine can say": {func(c *Config) { c.Requests.Create.Body = strings.Repeat("[", 60) + strings.Repeat("]", 60) }, "requests[Create].body: "},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := wikiAt(t, "http://127.0.0.1:1")
			tc.change(&cfg)
			_, err := Open(t.Context(), cfg)
			if connector.KindOf(err) != connector.KindInvalid || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

var update = flag.Bool("update", false, "write testdata/functions.golden")

// TestFunctions shows what these expressions can call beside those of other expressions, and which variables they see where (OPS-01).
func TestFunctions(t *testing.T) {
	plain, err := language.New()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for s := inLookup; s <= inMapping; s++ {
		env, err := newLanguage(s)
		if err != nil {
			t.Fatal(err)
		}
		var beside, seen []string
		for name := range env.Functions() {
			if plain.Functions()[name] == nil {
				beside = append(beside, name)
			}
		}
		for _, v := range env.Variables() {
			if strings.Contains("account role roles observed details random page response", strings.Split(v.Name(), ".")[0]) {
				seen = append(seen, v.Name())
			}
		}
		slices.Sort(beside)
		slices.Sort(seen)
		fmt.Fprintf(&said, "%d: functions %v variables %v\n", s, beside, seen)
	}
	if *update {
		if err := os.WriteFile("testdata/functions.golden", []byte(said.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/functions.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), said.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEscapeSegment(t *testing.T) {
	for value, want := range map[string]string{
		"jane": "jane", "jane@example.com": "jane@example.com", "a b": "a%20b", "a?b#c": "a%3Fb%23c", "a;b": "a%3Bb", "100%": "100%25", "Jürgen": "J%C3%BCrgen",
		"...": "...", "a..b": "a..b", `O'Brien "x"`: "O%27Brien%20%22x%22", "{x}": "%7Bx%7D", "%2": "%252",
		"": "", ".": "", "..": "", "a/b": "", "../x": "", `a\b`: "", "a%2fb": "", "%2e%2e": "", "%00": "", "a\x00": "", "a\r\nb": "", "\xff": "", "a\u0085b": "",
	} {
		got, err := escapeSegment(value)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", value, got, err, want)
		}
	}
}

func TestNextOf(t *testing.T) {
	for header, want := range map[string]string{
		`<https://a/x?page=2>; rel="next", <https://a/x?page=9>; rel="last"`: "https://a/x?page=2",
		`<https://a/1>; rel="prev", </2>;rel=next`:                           "/2",
		`<https://a/,;x>; title="a, b; rel=prev"; rel="last next"`:           "https://a/,;x",
		`<https://a>; REL=Next`:                                              "https://a", `<https://a>; rel="last"`: "", `garbage`: "", `<unclosed; rel=next`: "", "": "", `<a>; rel`: "",
	} {
		if got := nextOf(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

func TestWithin(t *testing.T) {
	for link, want := range map[string]string{
		"https://app.example.com/api/users?page=2":      "/users?page=2",
		"https://APP.example.com:443/api/users?page=2":  "/users?page=2",
		"/api/users?cursor=%2Fx":                        "/users?cursor=%2Fx",
		"?page=2":                                       "?page=2",
		"https://app.example.com/api":                   "?",
		"http://app.example.com/api/users":              "",
		"https://app.example.com:8443/api/users":        "",
		"https://app.example.com.evil.test/api/users":   "",
		"https://evil.test/api/users":                   "",
		"//evil.test/api/users":                         "",
		"https://me@app.example.com/api/users":          "",
		"https://app.example.com/other":                 "",
		"https://app.example.com/apis":                  "",
		"https://app.example.com/api/../secret":         "",
		"/api/%2e%2e/secret":                            "", // which package outbound refuses
		"javascript:alert(1)":                           "",
		"https://app.example.com/api/users?page=%zz;a=": "",
	} {
		base, err := url.Parse("https://app.example.com/api")
		if err != nil {
			t.Fatal(err)
		}
		path, query, ok := within(base, link)
		got := ""
		if ok && !strings.Contains(path, "%2e") {
			got = path + "?" + query.Encode()
		}
		if strings.TrimSuffix(got, "?") != strings.TrimSuffix(want, "?") || ok && want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", link, got, want)
		}
	}
}

// recorded keeps the last request that arrives.
type recorded struct {
	uri    string
	header http.Header
	host   string
}

// FuzzRender has any value in every place of a request: it arrives where the template says, or not at all.
func FuzzRender(f *testing.F) {
	var last *recorded
	conn := serving(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = &recorded{uri: r.RequestURI, header: r.Header, host: r.Host}
		w.WriteHeader(http.StatusNotFound)
	}), func(c *Config) {
		c.Client.URL += "/base"
		c.Find = Find{UserName: &Lookup{Request: Request{
			Method: http.MethodGet, Path: "/users/{account.userName}/x-{account.userName}/end",
			Query: map[string]string{"q": "account.userName"}, Headers: map[string]string{"X-Name": "account.userName"},
		}}}
	})
	for _, value := range []string{
		"jane", "", "..", "../../admin", "a/b", "a%2fb", "%2e%2e", "?x=1#y&z", "//evil.test", "@evil.test", `\\evil`, "a\r\nHost: evil.test", "a\x00", "\xff", "Jürgen 王",
		strings.Repeat("x", 255), ":8080", "{account.owner}", ";a=b", "+", "%", "a\nb", "...",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		last = nil
		_, err := conn.Observe(context.Background(), connector.Account{Owner: "acme/zoe", UserName: value, State: connector.Active})
		if !errors.Is(err, connector.ErrNotFound) {
			t.Fatalf("%q: %v", value, err)
		}
		if last == nil {
			return // it was refused
		}
		target, err := url.ParseRequestURI(last.uri)
		if err != nil {
			t.Fatalf("%q: %q: %v", value, last.uri, err)
		}
		if got, want := target.Path, "/base/users/"+value+"/x-"+value+"/end"; got != want || strings.Count(target.EscapedPath(), "/") != 5 {
			t.Errorf("%q: path %q, want %q", value, target.EscapedPath(), want)
		}
		if query := target.Query(); len(query) != 1 || query.Get("q") != value {
			t.Errorf("%q: query %q", value, target.RawQuery)
		}
		if strings.Trim(value, " \t") != last.header.Get("X-Name") || strings.Contains(last.host, "evil") || len(last.header) > 6 {
			t.Errorf("%q: host %q, header %q", value, last.host, last.header)
		}
	})
}

// FuzzLink has any link: none leads elsewhere.
func FuzzLink(f *testing.F) {
	for _, link := range []string{"https://a.test/api/x?y=1", "//evil", "https://a.test@evil/api", "https://a.test/api/%2e%2e/x", "https://a.test:443/api", "\\\\evil", "https:///api", "?x"} {
		f.Add(link)
	}
	base, err := url.Parse("https://a.test/api")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, link string) {
		path, _, ok := within(base, link)
		if !ok {
			return
		}
		if path != "" && path[0] != '/' {
			t.Errorf("%q: path %q", link, path)
		}
		if target, err := url.Parse("https://a.test/api" + path); err != nil || target.Host != "a.test" {
			t.Errorf("%q: path %q leads to %v, %v", link, path, target, err)
		}
		_ = nextOf("<" + link + `>; rel="next"`)
	})
}
