// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	ldapv3 "github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// adConfig is Active Directory, which nothing here runs.
func adConfig() Config {
	return Config{
		URL: "ldaps://dc1.corp.example.com", BaseDN: "OU=Staff,DC=corp,DC=example,DC=com",
		Credential:    map[string][]byte{keyUserName: []byte("CN=scim,OU=Services,DC=corp,DC=example,DC=com"), keyPassword: []byte("x")},
		ObjectClasses: []string{"top", "person", "organizationalPerson", "user"}, UserNameAttribute: "sAMAccountName", RDNAttribute: "cn",
		MarkAttribute: "extensionAttribute1", Mapped: []Mapping{{"displayName", "cn"}, {"displayName", "displayName"}, {"userName", "userPrincipalName"}},
		Suspension: Suspension{Type: UserAccountControl},
		Roles:      []Role{{Name: "reader", GroupDN: "CN=Readers,OU=Groups,DC=corp,DC=example,DC=com"}},
	}
}

func mustRead(t testing.TB, cfg Config) settings {
	t.Helper()
	s, err := read(withDefaults(cfg))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shown is a plan as a test compares it.
func shown(steps []step) []string {
	var all []string
	for _, s := range steps {
		line := fmt.Sprintf("%s %s", s.kind, s.at.text)
		if s.member != "" {
			line += " " + s.member
		}
		if s.rdn != "" {
			line += fmt.Sprintf(" to %s,%s (delete old: %v)", s.rdn, s.superior.text, s.deleteOld)
		}
		for _, c := range s.changes {
			line += fmt.Sprintf(" %d %s %q", c.operation, c.attribute, c.values)
		}
		all = append(all, line)
	}
	return all
}

// TestActiveDirectory plans what is done to an account of Active Directory.
func TestActiveDirectory(t *testing.T) {
	s := mustRead(t, adConfig())
	const at, owner = "CN=Jane Doe,OU=Staff,DC=corp,DC=example,DC=com", "acme/jane"
	jane := func(flags string) entry {
		place, _ := parseDN(at)
		return entry{at: place, id: "1", owners: []string{owner}, attributes: map[string][]string{
			"samaccountname": {"jane"}, "userprincipalname": {"jane"}, "cn": {"Jane Doe"}, "displayname": {"Jane Doe"}, "useraccountcontrol": {flags},
		}}
	}
	group := "CN=Readers,OU=Groups,DC=corp,DC=example,DC=com"
	want := connector.Account{
		Owner: owner, UserName: "jane", State: connector.Active, Roles: []string{"reader"}, Profile: map[string]string{"displayName": "Jane Doe"},
	}
	married := want
	married.Profile = map[string]string{"displayName": "Jane Roe"}
	tests := map[string]struct {
		l    look
		want connector.Account
		plan []string
	}{
		"new": {want: want, plan: []string{
			`create cn=Jane Doe,OU=Staff,DC=corp,DC=example,DC=com 0 objectClass ["top" "person" "organizationalPerson" "user"] 0 sAMAccountName ["jane"]` +
				` 0 extensionAttribute1 ["scim-operator:acme/jane"] 0 cn ["Jane Doe"] 0 displayName ["Jane Doe"] 0 userPrincipalName ["jane"] 0 userAccountControl ["512"]`,
			"join " + group + " cn=Jane Doe,OU=Staff,DC=corp,DC=example,DC=com",
		}},
		"as it shall be": {l: look{ours: []entry{jane("512")}, members: []string{at}, roles: []string{"reader"}}, want: want},
		"disabled": {
			l: look{ours: []entry{jane("514")}, members: []string{at}}, want: want,
			plan: []string{`modify ` + at + ` 1 userAccountControl ["514"] 0 userAccountControl ["512"]`, "join " + group + " " + at},
		},
		"leaver": {
			l: look{ours: []entry{jane("66048")}, members: []string{at}, roles: []string{"reader"}}, want: suspended(want),
			plan: []string{`modify ` + at + ` 1 userAccountControl ["66048"] 0 userAccountControl ["66050"]`, "leave " + group + " " + at},
		},
		"leaver, disabled already": {
			l: look{ours: []entry{jane("66050")}, members: []string{at}, roles: []string{"reader"}}, want: suspended(want),
			plan: []string{"leave " + group + " " + at},
		},
		"married": {
			l:    look{ours: []entry{jane("512")}, members: []string{at, "cn=Jane Roe,OU=Staff,DC=corp,DC=example,DC=com"}, roles: []string{"reader"}},
			want: married,
			plan: []string{
				"leave " + group + " " + at,
				"move " + at + " to cn=Jane Roe, (delete old: true)",
				`modify cn=Jane Roe,ou=Staff,dc=corp,dc=example,dc=com 2 displayName ["Jane Roe"]`,
				"join " + group + " cn=Jane Roe,ou=Staff,dc=corp,dc=example,dc=com",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			steps, err := s.plan(test.l, test.want)
			if diff := cmp.Diff(test.plan, shown(steps)); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
	if is := jane("514"); !s.isLocked(&is) {
		t.Error("514 is not locked")
	}
	if is := jane("no number"); s.isLocked(&is) {
		t.Error("what is no number is locked")
	}
}

// TestGUID writes identifiers as Active Directory's tools do, and finds by them.
func TestGUID(t *testing.T) {
	s := mustRead(t, adConfig())
	raw := []byte{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	const text = "00112233-4455-6677-8899-aabbccddeeff"
	if got := idOf(s.idAttribute(), raw); got != text {
		t.Errorf("got %q", got)
	}
	if got, want := s.idFilter(text), `(objectGUID=\33\22\11\00\55\44\77\66\88\99\aa\bb\cc\dd\ee\ff)`; got != want {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"", "x", text[1:], text + "00"} {
		if got := s.idFilter(bad); got != "" {
			t.Errorf("%q gave %q", bad, got)
		}
	}
	if got := formatGUID(raw[1:]); got != "" {
		t.Errorf("15 bytes gave %q", got)
	}
}

// TestRange reads a group in the ranges that Active Directory gives it out in.
func TestRange(t *testing.T) {
	tests := map[string]struct {
		attributes map[string][]string
		want       []string
		next       string
	}{
		"all":          {map[string][]string{"member": {"a", "b"}}, []string{"a", "b"}, ""},
		"other case":   {map[string][]string{"Member": {"a"}}, []string{"a"}, ""},
		"first range":  {map[string][]string{"member;range=0-1": {"a", "b"}}, []string{"a", "b"}, "member;range=2-*"},
		"last range":   {map[string][]string{"member;range=2-*": {"c"}}, []string{"c"}, ""},
		"empty range":  {map[string][]string{"member;Range=2-4": {}}, nil, ""},
		"not this one": {map[string][]string{"memberUid": {"a"}}, nil, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			values, next := rangeOf(ldapv3.NewEntry("cn=x", test.attributes), "member")
			if diff := cmp.Diff(test.want, values); diff != "" || next != test.next {
				t.Errorf("next %q\n%s", next, diff)
			}
		})
	}
}

// TestRoots looks in as few places as there may be.
func TestRoots(t *testing.T) {
	tests := map[string]struct{ places, contexts, want []string }{
		"one context":           {[]string{"ou=p,dc=a,dc=b", "cn=g,ou=q,dc=a,dc=b"}, []string{"dc=a,dc=b"}, []string{"dc=a,dc=b"}},
		"what they share":       {[]string{"ou=p,ou=s,dc=a", "cn=g,OU=S,dc=a"}, []string{"dc=a"}, []string{"ou=s,dc=a"}},
		"one below the other":   {[]string{"ou=p,dc=a", "cn=g,ou=p,dc=a"}, []string{"dc=a"}, []string{"ou=p,dc=a"}},
		"two contexts":          {[]string{"ou=p,dc=a", "ou=q,dc=a", "cn=g,o=b"}, []string{"dc=a", "o=b"}, []string{"dc=a", "cn=g,o=b"}},
		"none known":            {[]string{"ou=p,dc=a", "cn=g,ou=q,dc=a", "cn=h,ou=p,dc=a", "OU=P, dc=a"}, nil, []string{"ou=p,dc=a", "cn=g,ou=q,dc=a"}},
		"a name that only ends": {[]string{"ou=p,dc=ab", "ou=q,dc=b"}, []string{"dc=b", ""}, []string{"ou=q,dc=b", "ou=p,dc=ab"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var places []dn
			for _, text := range test.places {
				place, _ := parseDN(text)
				places = append(places, place)
			}
			var got []string
			for _, root := range rootsOf(places, test.contexts) {
				got = append(got, root.text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestKinds says what every answer means.
func TestKinds(t *testing.T) {
	answer := func(code uint16) error { return ldapv3.NewError(code, errors.New("uid=canary,dc=x: no")) }
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx  context.Context
		err  error
		want connector.Kind
	}{
		"nothing":             {err: nil, want: ""},
		"canceled":            {ctx: canceled, err: errors.New("cut"), want: connector.KindUnknown},
		"invalid credentials": {err: answer(49), want: connector.KindDenied},
		"inappropriate":       {err: answer(48), want: connector.KindDenied},
		"confidentiality":     {err: answer(13), want: connector.KindDenied},
		"stronger":            {err: answer(8), want: connector.KindDenied},
		"access rights":       {err: answer(50), want: connector.KindDenied},
		"no such object":      {err: answer(32), want: connector.KindDenied},
		"busy":                {err: answer(51), want: connector.KindUnavailable},
		"unavailable":         {err: answer(52), want: connector.KindUnavailable},
		"other":               {err: answer(80), want: connector.KindUnavailable},
		"unwilling":           {err: answer(53), want: connector.KindUnavailable},
		"referral":            {err: answer(10), want: connector.KindUnavailable},
		"size limit":          {err: answer(4), want: connector.KindUnavailable},
		"time limit":          {err: answer(3), want: connector.KindUnavailable},
		"unheard of":          {err: answer(123), want: connector.KindUnavailable},
		"undefined attribute": {err: answer(17), want: connector.KindInvalid},
		"constraint":          {err: answer(19), want: connector.KindInvalid},
		"syntax":              {err: answer(21), want: connector.KindInvalid},
		"name syntax":         {err: answer(34), want: connector.KindInvalid},
		"naming":              {err: answer(64), want: connector.KindInvalid},
		"object class":        {err: answer(65), want: connector.KindInvalid},
		"not on non-leaf":     {err: answer(66), want: connector.KindInvalid},
		"network":             {err: answer(ldapv3.ErrorNetwork), want: connector.KindUnavailable},
		"unknown":             {err: errors.New("uid=canary"), want: connector.KindUnavailable},
		"too large":           {err: errTooLarge, want: connector.KindUnavailable},
		"deadline of its own": {err: context.DeadlineExceeded, want: connector.KindUnavailable},
		"address not allowed": {err: egress.ErrForbidden, want: connector.KindDenied},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := test.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			err := explain(ctx, "do it", test.err)
			if got := connector.KindOf(err); got != test.want {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
			if err != nil && (strings.Contains(err.Error(), "canary") || !strings.HasPrefix(err.Error(), "do it")) {
				t.Errorf("the text is %q", err)
			}
		})
	}
}

// TestConfig refuses what cannot work.
func TestConfig(t *testing.T) {
	tests := map[string]struct {
		change  func(*Config)
		message string
	}{
		"right":           {func(*Config) {}, ""},
		"scheme":          {func(c *Config) { c.URL = "https://a" }, "the url begins with neither ldaps:// nor ldap://"},
		"path":            {func(c *Config) { c.URL = "ldaps://a/dc=x" }, "the url is not one of scheme, host and port alone"},
		"base":            {func(c *Config) { c.BaseDN = "people" }, "the baseDN is not a distinguished name"},
		"no password":     {func(c *Config) { c.Credential = map[string][]byte{keyUserName: []byte("cn=x")} }, `the Secret has neither the keys "username" and "password" nor a client certificate`},
		"no authorities":  {func(c *Config) { c.Credential = map[string][]byte{"ca.crt": []byte("x")} }, "the Secret's ca.crt has no certificate in PEM"},
		"no classes":      {func(c *Config) { c.ObjectClasses = nil }, "there are no objectClasses"},
		"injection":       {func(c *Config) { c.MarkAttribute = "a)(b" }, `"a)(b" cannot be the name of an attribute`},
		"rdn":             {func(c *Config) { c.RDNAttribute = "ou" }, `the rdnAttribute "ou" is neither the userNameAttribute nor mapped`},
		"twice":           {func(c *Config) { c.Mapped = append(c.Mapped, Mapping{"x", "CN"}) }, `the attribute "CN" is there twice, or cannot be mapped`},
		"password":        {func(c *Config) { c.Mapped = append(c.Mapped, Mapping{"x", "userPassword"}) }, `the attribute "userPassword" is there twice, or cannot be mapped`},
		"flags":           {func(c *Config) { c.Mapped = append(c.Mapped, Mapping{"x", "useraccountcontrol"}) }, `the attribute "useraccountcontrol" is there twice, or cannot be mapped`},
		"mark":            {func(c *Config) { c.MarkAttribute = "samaccountname" }, `the markAttribute "samaccountname" is used for something else`},
		"static":          {func(c *Config) { c.Static = []StaticAttribute{{"cn", []string{"x"}}} }, `the static attribute "cn" is mapped too, or has no value`},
		"role twice":      {func(c *Config) { c.Roles = append(c.Roles, c.Roles[0]) }, `role "reader": the name or the group is there twice`},
		"role's name":     {func(c *Config) { c.Roles[0].Name = "!x" }, `role "!x": the name is empty or begins with "!"`},
		"role's group":    {func(c *Config) { c.Roles[0].GroupDN = "x" }, `role "reader": the groupDN is not a distinguished name`},
		"members":         {func(c *Config) { c.MemberAttribute = "roleOccupant" }, `the memberAttribute "roleOccupant" is not known`},
		"suspension":      {func(c *Config) { c.Suspension.Type = "Hope" }, `the suspension "Hope" is not known`},
		"suspended below": {func(c *Config) { c.Suspension = Suspension{Type: MoveToOU, SuspendedDN: "ou=x," + c.BaseDN} }, "the suspendedDN and the baseDN must lie beside each other"},
		"suspended above": {func(c *Config) { c.Suspension = Suspension{Type: MoveToOU, SuspendedDN: "dc=example, dc=COM"} }, "the suspendedDN and the baseDN must lie beside each other"},
		"suspended where": {func(c *Config) { c.Suspension = Suspension{Type: MoveToOU} }, "the suspendedDN is not a distinguished name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := adConfig()
			test.change(&cfg)
			_, err := Open(t.Context(), cfg)
			if got := connector.Message(err); got != test.message || err != nil && connector.KindOf(err) != connector.KindInvalid {
				t.Errorf("got %q (%v), want %q", got, err, test.message)
			}
		})
	}
}

// TestSame compares as directories do.
func TestSame(t *testing.T) {
	tests := map[string]struct {
		value, wanted string
		want          bool
	}{
		"equal":                {"a", "a", true},
		"case counts in text":  {"a", "A", false},
		"names":                {"CN=Boss, OU=Staff,dc=x", "cn=boss,ou=staff,DC=X", true},
		"names, escaped":       {`cn=a\2cb,dc=x`, `cn=a\,b,dc=x`, true},
		"other names":          {"cn=boss,dc=x", "cn=bass,dc=x", false},
		"a name and no name":   {"cn=boss", "boss", false},
		"none, and none":       {"", "", true},
		"joined parts":         {"cn=a+sn=b,dc=x", "SN=B+CN=A,dc=x", true},
		"what looks like more": {`cn=a\,dc=x`, "cn=a,dc=x", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := same(test.value, test.wanted); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// FuzzEscaping puts anything into names and filters: what comes out is the same again, and nothing else is in it.
func FuzzEscaping(f *testing.F) {
	for _, seed := range []string{"jane", " a ", "#a", `a\`, `*)(uid=*`, "cn=x,dc=y", "Jürgen", "\x00", "a+b", "\xff", "a\r\nb", `\2a`, `"x";<y>`} {
		f.Add(seed)
	}
	base, _ := parseDN("ou=people,dc=example,dc=org")
	f.Fuzz(func(t *testing.T, value string) {
		packet, err := ldapv3.CompileFilter(equals("uid", value))
		if err != nil || packet.Tag != ldapv3.FilterEqualityMatch || packet.Children[1].Data.String() != value {
			t.Fatalf("the filter %q: %v", equals("uid", value), err)
		}
		if valueProblem(value) != "" || value == "" {
			return
		}
		at, ok := base.child(rdnOf("uid", value))
		if !ok || len(at.rdns) != 4 || len(at.rdns[0].Attributes) != 1 || !at.parent().is(base) || !at.within(base) {
			t.Fatalf("the name %q is not one below the base", at.text)
		}
		if got, _ := at.valueOf("UID"); got != value {
			t.Fatalf("%q came back as %q", value, got)
		}
	})
}

// FuzzParseDN reads anything: it never panics, and what is a name stays the same one however often it is written.
func FuzzParseDN(f *testing.F) {
	for _, seed := range []string{"", "dc=x", `cn=a\,b+sn=c , dc=x`, "cn=#04024869,dc=x", `cn=\C3\BC`, "cn=a,,", "=", "cn=\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := parseDN(text)
		if !ok {
			return
		}
		written, ok := parseDN((&ldapv3.DN{RDNs: at.rdns}).String())
		if !ok || !written.is(at) || !at.within(at.parent()) || !at.common(written).is(at) {
			t.Fatalf("%q became %q", at.key, written.key)
		}
	})
}
