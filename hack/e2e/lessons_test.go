// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// lesson is what somebody else's SCIM taught its users, and the attack that must fail here. The anchors are public: they, and what happened, are listed
// with their sources in the security model (docs/security.md).
type lesson struct {
	name, happened string
	attack         func(t *testing.T, v *victim)
}

// TestLessons replays the known weaknesses of others, black box, against both programs: `go test ./hack/e2e -run TestLessons -v` lists them.
func TestLessons(t *testing.T) {
	s := shared.get(t)
	v := &victim{tenant: newTenant(t, s), other: newTenant(t, s)}
	page := readPage(t, "docs/security.md")
	for _, lessons := range [][]lesson{lessonsOnIdentity(), lessonsOnAuthentication(), lessonsOnParsing(), lessonsOnMeaning()} {
		for _, l := range lessons {
			t.Run(l.name, func(t *testing.T) {
				t.Log(l.happened)
				if !strings.Contains(page, "| "+l.name+" |") {
					t.Error("docs/security.md does not tell of it")
				}
				l.attack(t, v)
			})
		}
	}
}

// victim is the tenant that is attacked, and a second one, whose token the attacker may have.
type victim struct {
	*tenant
	other *tenant
}

// attempt is a request that no client of a well-behaved identity provider would make.
type attempt struct {
	method, path, body string
	header             http.Header
	// directory is the victim's if it is empty.
	directory string
}

// raw sends an attempt below the base URL of the directory exactly as it is written, with the token unless the header says something else.
func (v *victim) raw(t *testing.T, a attempt) idp.Response {
	t.Helper()
	base, err := url.Parse(v.Servers[0].BaseURL(v.namespace, cmp.Or(a.directory, directoryName)))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), a.method, base.String(), bytes.NewReader([]byte(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(a.path, "?")
	request.URL.Opaque, request.URL.RawQuery = "//"+base.Host+base.Path+path, query
	request.Header = http.Header{
		"Authorization": {"Bearer " + v.token}, "Content-Type": {"application/scim+json"},
		// Each from another address, so that none of them is turned away for what others did.
		"X-Forwarded-For": {anAddress()},
	}
	for name, values := range a.header {
		request.Header[name] = values
		if name == "Host" {
			request.Host = values[0]
		}
	}
	answer, err := (&http.Client{Timeout: patience}).Do(request)
	if err != nil {
		t.Fatalf("%s %.80s: %v", a.method, a.path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	response := idp.Response{Status: answer.StatusCode, Header: answer.Header, Raw: text}
	response.Body = object(text)
	return response
}

// anAddress is one of the internet's.
func anAddress() string {
	return netip.AddrFrom16(uuid.New()).String()
}

// refused wants a status, and a SCIM error that repeats nothing of what was sent.
func refused(t *testing.T, what string, answer idp.Response, status int) {
	t.Helper()
	if answer.Status != status || answer.Body["status"] != fmt.Sprint(status) {
		t.Errorf("%s: got %.300s, want a SCIM error %d", what, answer, status)
	}
	if bytes.Contains(answer.Raw, []byte("canary")) {
		t.Errorf("%s: the answer repeats what was sent: %.300s", what, answer)
	}
}

// unchanged runs an attack and wants the spec and the version of a user to be what they were.
func (v *victim) unchanged(t *testing.T, id string, attack func()) {
	t.Helper()
	version := func() string {
		answer, err := v.idp[0].Get(t.Context(), idp.UserPath(id))
		return expect(t, http.StatusOK, answer, err).Header.Get("ETag") + string(answer.Raw)
	}
	before := version()
	attack()
	if after := version(); after != before {
		t.Errorf("the user changed from\n%s\nto\n%s", before, after)
	}
}

// somebody is a new user.
func (v *victim) somebody(t *testing.T) (id, userName string) {
	t.Helper()
	userName = "u" + uuid.NewString()[:8] + "@acme.test"
	return v.create(t, userName), userName
}

// logs are what both programs have written so far.
func (v *victim) logs(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, program := range append(v.Servers[:len(v.Servers):len(v.Servers)], v.Controller) {
		text, err := os.ReadFile(program.LogFile)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// patch is a PATCH with one operation, as text.
func patchText(op, path, value string) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":%q,"path":%q,"value":%s}]}`, op, path, value)
}
