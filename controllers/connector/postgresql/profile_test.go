// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func TestKeeps(t *testing.T) {
	var c Connector
	for attribute, want := range map[string]bool{
		"validUntil": true, "connectionLimit": true, "setting.search_path": true, "setting.TIMEZONE": true, "setting.app.tenant": true,
		"displayName": false, "email": false, "setting.": false, "search_path": false, "setting.role": false, "setting.session_authorization": false,
		"setting.local_preload_libraries": false, "setting.log_statement": false, "setting.app.": false, "setting..x": false, "setting.a.b'c": false,
		"setting.app.1x": false, "setting.app.x1": true, "setting.a b": false, "setting.app." + strings.Repeat("x", 60): false,
	} {
		if got := c.Keeps(attribute); got != want {
			t.Errorf("Keeps(%q) = %v", attribute, got)
		}
	}
}

func TestSameValue(t *testing.T) {
	r := serverRole{
		validUntil: "2030-01-31T17:00:00.500000Z", connectionLimit: 5,
		settings: []string{"TimeZone=Europe/Berlin", `search_path=app, "Odd, ""name""", "$user", public`, "app.tenant=a=b"},
	}
	unlimited := serverRole{connectionLimit: -1}
	cases := []struct {
		role             serverRole
		attribute, value string
		want             bool
	}{
		{r, "validUntil", "2030-01-31T18:00:00.5+01:00", true},
		{r, "validUntil", "2030-01-31T17:00:00Z", false},
		{r, "validUntil", "", false},
		{r, "validUntil", "soon", false},
		{unlimited, "validUntil", "", true},
		{r, "connectionLimit", "5", true},
		{r, "connectionLimit", "05", true},
		{r, "connectionLimit", "", false},
		{unlimited, "connectionLimit", "", true},
		{unlimited, "connectionLimit", "-1", true},
		{unlimited, "connectionLimit", "0", false},
		{r, "setting.timezone", "Europe/Berlin", true},
		{r, "setting.TimeZone", "UTC", false},
		{r, "setting.app.tenant", "a=b", true},
		{r, "setting.app.other", "", true},
		{r, "setting.search_path", `app,Odd`, false},
		{serverRole{settings: []string{`search_path=app, "$user", "Odd ""name"""`}}, "setting.search_path", `app,$user, Odd "name"`, true},
		{unlimited, "setting.search_path", " , ", true},
	}
	for _, tc := range cases {
		if got := sameValue(tc.attribute, tc.value, tc.role); got != tc.want {
			t.Errorf("%s %q: %v", tc.attribute, tc.value, got)
		}
	}
	if got := storedPath(r.setting("SEARCH_PATH")); !slices.Equal(got, []string{"app", `Odd, "name"`, "$user", "public"}) {
		t.Errorf("the path is %q", got)
	}
}

// TestProfile takes each attribute through its life on the server.
func TestProfile(t *testing.T) {
	_, conn, counted := start(t)
	for attribute, values := range map[string][]string{
		"validUntil":                   {"2030-01-31T18:00:00+01:00", "2031-12-31T23:59:59.123456Z", ""},
		"connectionLimit":              {"0", "17", "-1", ""},
		"setting.search_path":          {"app, public", `$user,Odd "name",O'Brien\`, ""},
		"setting.work_mem":             {"64 MB", "8192", ""},
		"setting.TimeZone":             {"Europe/Berlin", ""},
		"setting.application_name":     {`O'Brien \ "x"; drop role y; --`, "ünïcödé", ""},
		"setting.statement_timeout":    {"5s", "0"},
		"setting.idle_session_timeout": {"1h", ""},
	} {
		want := account("reader")
		for _, value := range values {
			want.Profile = map[string]string{attribute: value}
			stored := apply(t, conn, want)
			before := counted.changes.Load()
			if !connector.InSync(&stored, want) {
				t.Errorf("%s = %q: stored %v", attribute, value, stored.Profile)
			}
			if observed := observe(t, conn, want); !connector.InSync(&observed, want) {
				t.Errorf("%s = %q: observed %v", attribute, value, observed.Profile)
			}
			if apply(t, conn, want); counted.changes.Load() != before {
				t.Errorf("%s = %q: applied twice", attribute, value)
			}
		}
	}
}

// TestBadValues are refused, and nothing is changed.
func TestBadValues(t *testing.T) {
	_, conn, _ := start(t)
	want := account("reader")
	want.Profile = map[string]string{setting: "before"}
	apply(t, conn, want)
	for attribute, value := range map[string]string{
		"validUntil": "tomorrow", "connectionLimit": "many", "setting.TimeZone": "Atlantis/Sunken", "setting.work_mem": "a lot",
		"setting.search_path": "a\x00b", "setting.application_name": "\xff", "setting.lock_timeout": strings.Repeat("1", 2000),
	} {
		bad := want
		bad.UserName, bad.Profile = "new-"+want.UserName, map[string]string{setting: "after", attribute: value}
		_, err := conn.Apply(t.Context(), nil, bad)
		wantKind(t, err, connector.KindInvalid, attribute)
		if err != nil && strings.Contains(err.Error(), value) {
			t.Errorf("the value is in the error %v", err)
		}
	}
	// What the server refuses at the end takes back all that came before it.
	if observed := observe(t, conn, want); !connector.InSync(&observed, want) {
		t.Errorf("observed %v", observed)
	}
}

// TestCustomSetting needs a right that only the owner of the server can give.
func TestCustomSetting(t *testing.T) {
	_, conn, _ := start(t)
	want := account("reader")
	want.Profile = map[string]string{"setting.app.tenant": "blue"}
	_, err := conn.Apply(t.Context(), nil, want)
	wantKind(t, err, connector.KindDenied, "GRANT SET ON PARAMETER app.tenant")
	admin(t, `GRANT SET ON PARAMETER app.tenant TO scim_operator`)
	t.Cleanup(func() { admin(t, `REVOKE SET ON PARAMETER app.tenant FROM scim_operator`) })
	if stored := apply(t, conn, want); !connector.InSync(&stored, want) {
		t.Errorf("stored %v", stored)
	}
}
