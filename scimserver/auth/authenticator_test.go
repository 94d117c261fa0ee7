// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

const baseOfAcme = "https://scim.example.com/scim/v2/team-a/acme"

var acme = Scope{Namespace: "team-a", Directory: "acme"}

// newToken returns the token of that number; the same number gives the same token.
func newToken(t testing.TB, number byte) token.Token {
	t.Helper()
	tok, err := token.New(rand.NewChaCha8([32]byte{number}))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// withKeyID returns a well-formed token that has the key id of tok and another secret.
func withKeyID(t testing.TB, tok token.Token) token.Token {
	t.Helper()
	other := newToken(t, 200)
	const checksum = len("_123456")
	body := strings.Replace(other.Reveal(), other.KeyID(), tok.KeyID(), 1)
	body = body[:len(body)-checksum]
	forged, err := token.Parse(body + "_" + checksumOf(body))
	if err != nil {
		t.Fatal(err)
	}
	return forged
}

// checksumOf returns the checksum of body as the token format writes it.
func checksumOf(body string) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum, out := uint64(crc32.ChecksumIEEE([]byte(body))), make([]byte, 6)
	for i := range out {
		out[len(out)-1-i] = alphabet[sum%62]
		sum /= 62
	}
	return string(out)
}

func scimToken(namespace, name, dir string, tokens ...token.Token) *v1alpha1.ScimToken {
	out := &v1alpha1.ScimToken{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	out.Spec.DirectoryRef.Name = dir
	for _, tok := range tokens {
		out.Status.Credentials = append(out.Status.Credentials, v1alpha1.TokenCredential{KeyID: tok.KeyID(), SHA256: tok.SHA256()})
	}
	return out
}

func scimDirectory(namespace, name, url string) *v1alpha1.ScimDirectory {
	out := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	out.Status.URL = url
	return out
}

func terminating[T client.Object](obj T) T {
	now := metav1.NewTime(time.Unix(1700000000, 0))
	obj.SetDeletionTimestamp(&now)
	return obj
}

// basicToken is a ScimToken of type Basic.
func basicToken(name, dir, username string, password token.Token) *v1alpha1.ScimToken {
	out := scimToken("team-a", name, dir, password)
	out.Spec.Type = v1alpha1.TokenBasic
	out.Status.Credentials[0].Username = username
	return out
}

// foreign returns the credential that s is.
func foreign(t testing.TB, s string) token.Token {
	t.Helper()
	tok, err := token.Foreign(s)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// tableOf is a table that is confirmed at noon for good.
func tableOf(t testing.TB, objects ...client.Object) *Table {
	t.Helper()
	table := NewTable([]string{metav1.NamespaceAll}, func() time.Time { return noon })
	server := &apiServer{}
	for _, object := range objects {
		server.apply(object)
	}
	if err := table.Refresh(t.Context(), server, metav1.NamespaceAll); err != nil {
		t.Fatal(err)
	}
	return table
}

// verifierFunc is a TokenVerifier.
type verifierFunc func(dir *v1alpha1.ScimDirectory, raw string, now time.Time) (string, error)

func (f verifierFunc) Verify(_ context.Context, dir *v1alpha1.ScimDirectory, raw string, now time.Time) (string, error) {
	return f(dir, raw, now)
}

const goodJWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJpZHAifQ.c2lnbmF0dXJl"

// onlyGoodJWT lets goodJWT in everywhere, as a broken verifier might.
func onlyGoodJWT(dir *v1alpha1.ScimDirectory, raw string, now time.Time) (string, error) {
	if dir == nil || raw != goodJWT || now != noon {
		return "", errors.New("refused")
	}
	return "jwt-idp", nil
}

func bearerOf(tok token.Token) []string { return []string{"Bearer " + tok.Reveal()} }

func basicOf(username, password string) []string {
	return []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))}
}

func refused(tok token.Token) *Refusal { return &Refusal{Presented: true, KeyID: tok.KeyID()} }

// site is what the cases of TestAuthenticate are about.
type site struct {
	good, second, other, elsewhere, revoked, starred, listed, unlisted, orphan, doomed, expired, ending, early token.Token
	password, madeElsewhere, dotted, shared                                                                    token.Token
}

func newSite(t testing.TB) site {
	return site{
		good: newToken(t, 1), second: newToken(t, 2), other: newToken(t, 3), elsewhere: newToken(t, 4), revoked: newToken(t, 5),
		orphan: newToken(t, 7), doomed: newToken(t, 8), starred: newToken(t, 11), listed: newToken(t, 12), unlisted: newToken(t, 13),
		expired: newToken(t, 14), ending: newToken(t, 15), early: newToken(t, 16), password: newToken(t, 17),
		madeElsewhere: foreign(t, strings.Repeat("vault,", 6)), dotted: foreign(t, "aaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbb.cccccccc"),
		shared: foreign(t, strings.Repeat("shared", 6)),
	}
}

func (s site) objects(t testing.TB) []client.Object {
	annotated := func(name, value string, tokens ...token.Token) client.Object {
		out := scimToken("team-a", name, "acme", tokens...)
		out.Annotations = map[string]string{v1alpha1.AnnotationRevoke: value}
		return out
	}
	ends := scimToken("team-a", "ends", "acme", s.expired, s.ending)
	ends.Status.Credentials[0].NotAfter = &metav1.Time{Time: noon}
	ends.Status.Credentials[1].NotAfter = &metav1.Time{Time: noon.Add(time.Second)}
	early := scimToken("team-a", "early", "acme", s.early)
	early.Spec.ExpiresAt = &metav1.Time{Time: noon.Add(-time.Second)}
	early.Status.Credentials[0].NotAfter = &metav1.Time{Time: noon.Add(time.Hour)}
	reader := scimToken("team-a", "reader", "acme", s.madeElsewhere, s.dotted)
	reader.Spec.Scopes = []v1alpha1.TokenScope{v1alpha1.ScopeUsersRead}
	broken := scimToken("team-a", "broken", "acme")
	broken.Status.Credentials = []v1alpha1.TokenCredential{{KeyID: newToken(t, 9).KeyID()}, {KeyID: newToken(t, 10).KeyID(), SHA256: "xyz"}, {SHA256: token.Token{}.SHA256()}}
	nameless := basicToken("nameless", "acme", "", newToken(t, 18))
	withJWT := scimDirectory("team-a", "sso", "")
	withJWT.Spec.Authentication.JWT = &v1alpha1.JWTAuthentication{Scopes: []v1alpha1.TokenScope{v1alpha1.ScopeGroupsRead}}
	return []client.Object{
		scimDirectory("team-a", "acme", baseOfAcme), scimDirectory("team-a", "other", ""), scimDirectory("team-b", "acme", ""),
		terminating(scimDirectory("team-a", "doomed", "")), withJWT,
		scimToken("team-a", "okta", "acme", s.good, s.second), scimToken("team-a", "other", "other", s.other), scimToken("team-b", "okta", "acme", s.elsewhere),
		terminating(scimToken("team-a", "revoked", "acme", s.revoked)), annotated("starred", "*", s.starred),
		annotated("listed", "Other123, "+s.listed.KeyID()+"\nx", s.listed, s.unlisted),
		scimToken("team-a", "orphan", "gone", s.orphan), scimToken("team-a", "doomed", "doomed", s.doomed), ends, early, reader, broken, nameless,
		basicToken("basic", "acme", "Jürgen", s.password), scimToken("team-a", "shared1", "acme", s.shared), scimToken("team-a", "shared2", "other", s.shared),
	}
}

func TestAuthenticate(t *testing.T) {
	s := newSite(t)
	unknown, mistyped := newToken(t, 6), foreign(t, strings.Repeat("hunter2", 5))
	inAcme := directory.Directory{Namespace: "team-a", Name: "acme", UID: "uid of team-a/acme", BaseURL: baseOfAcme}
	inOther := directory.Directory{Namespace: "team-a", Name: "other", UID: "uid of team-a/other", BaseURL: "/scim/v2/team-a/other"}
	inSSO := directory.Directory{Namespace: "team-a", Name: "sso", UID: "uid of team-a/sso", BaseURL: "/scim/v2/team-a/sso"}
	as := func(tok token.Token) Identity { return Identity{Directory: inAcme, TokenKeyID: tok.KeyID()} }
	readerAs := func(tok token.Token) Identity {
		return Identity{Directory: inAcme, TokenKeyID: tok.KeyID(), Scopes: []v1alpha1.TokenScope{v1alpha1.ScopeUsersRead}}
	}
	sso, anonymous, malformed := Scope{Namespace: "team-a", Directory: "sso"}, &Refusal{Presented: true}, &Refusal{Presented: true, Malformed: true}
	cases := map[string]struct {
		reason          string
		values          []string
		scope           *Scope
		want            Identity
		wantRefusal     *Refusal
		wantUnavailable bool
	}{
		"Good":              {reason: "the token of the directory", values: bearerOf(s.good), want: as(s.good)},
		"Second":            {reason: "during a rotation each published hash counts", values: bearerOf(s.second), want: as(s.second)},
		"SchemeInAnyCase":   {reason: "schemes are case-insensitive", values: []string{"bEaReR   " + s.good.Reveal() + " "}, want: as(s.good)},
		"TokenScheme":       {reason: "as some products write it", values: []string{"token " + s.good.Reveal()}, want: as(s.good)},
		"Raw":               {reason: "Okta's catalogue applications send the value of a header", values: []string{s.good.Reveal()}, want: as(s.good)},
		"NoDirectoryInPath": {reason: "any token of ours may learn that there is nothing", values: bearerOf(s.good), scope: &Scope{}, want: as(s.good)},
		"UnpublishedURL": {reason: "without a published URL the base is a path", values: bearerOf(s.other), scope: &Scope{Namespace: "team-a", Directory: "other"},
			want: Identity{Directory: inOther, TokenKeyID: s.other.KeyID()}},
		"Unlisted":      {reason: "the annotation names another", values: bearerOf(s.unlisted), want: as(s.unlisted)},
		"Ending":        {reason: "a second before its end", values: bearerOf(s.ending), want: as(s.ending)},
		"MadeElsewhere": {reason: "a token that was brought, with scopes", values: bearerOf(s.madeElsewhere), want: readerAs(s.madeElsewhere)},
		"Dotted":        {reason: "two dots do not make a JSON Web Token of a token that was brought", values: bearerOf(s.dotted), want: readerAs(s.dotted)},
		"Basic":         {reason: "user name and password, in UTF-8", values: basicOf("Jürgen", s.password.Reveal()), want: as(s.password)},
		"Shared":        {reason: "one credential for two directories opens each", values: bearerOf(s.shared), want: as(s.shared)},
		"SharedOther": {reason: "one credential for two directories opens each", values: bearerOf(s.shared), scope: &Scope{Namespace: "team-a", Directory: "other"},
			want: Identity{Directory: inOther, TokenKeyID: s.shared.KeyID()}},
		"JWT": {reason: "the directory takes them", values: []string{"Bearer " + goodJWT}, scope: &sso,
			want: Identity{Directory: inSSO, TokenKeyID: "jwt-idp", Scopes: []v1alpha1.TokenScope{v1alpha1.ScopeGroupsRead}}},

		"NoHeader":    {reason: "nothing was presented", wantRefusal: &Refusal{}},
		"EmptyHeader": {reason: "empty is not a credential", values: []string{""}, wantRefusal: anonymous},
		"BareScheme":  {reason: "an unset token at the other end", values: []string{"Bearer"}, wantRefusal: anonymous},
		"EmptyToken":  {reason: "an unset token at the other end", values: []string{"Bearer "}, wantRefusal: anonymous},
		"TwoHeaders":  {reason: "two readers might pick different ones", values: append(bearerOf(s.good), bearerOf(s.good)...), wantRefusal: malformed},
		"TwoInOne":    {reason: "two credentials in one header", values: []string{"Bearer " + s.good.Reveal() + ", Bearer " + s.good.Reveal()}, wantRefusal: malformed},
		"TooLong":     {reason: "over 4 KiB is refused unread", values: []string{"Bearer " + strings.Repeat(" ", MaxAuthorizationBytes) + s.good.Reveal()}, wantRefusal: malformed},
		"OtherScheme": {reason: "not a scheme of ours", values: []string{"Negotiate " + s.good.Reveal()}, wantRefusal: anonymous},

		"WrongChecksum":    {reason: "refused before anything is looked up", values: []string{"Bearer " + s.good.Reveal()[:60] + "000000"}, wantRefusal: anonymous},
		"Short":            {reason: "31 characters are no credential", values: []string{"Bearer " + strings.Repeat("x", 31)}, wantRefusal: anonymous},
		"UnknownKeyID":     {reason: "nobody has that token", values: bearerOf(unknown), wantRefusal: refused(unknown)},
		"UnknownForeign":   {reason: "the hash of what somebody mistyped is nobody's business", values: bearerOf(mistyped), wantRefusal: anonymous},
		"WrongSecret":      {reason: "the key id alone opens nothing", values: bearerOf(withKeyID(t, s.good)), wantRefusal: refused(s.good)},
		"OtherDirectory":   {reason: "a token opens one directory", values: bearerOf(s.other), wantRefusal: refused(s.other)},
		"OtherNamespace":   {reason: "a directory of that name elsewhere is another one", values: bearerOf(s.elsewhere), wantRefusal: refused(s.elsewhere)},
		"UnknownDirectory": {reason: "a directory that is not there looks like any other", values: bearerOf(s.good), scope: &Scope{Namespace: "team-a", Directory: "nope"}, wantRefusal: refused(s.good)},
		"HalfScope":        {reason: "a namespace alone is not the directory", values: bearerOf(s.good), scope: &Scope{Namespace: "team-a"}, wantRefusal: refused(s.good)},
		"Revoked":          {reason: "a ScimToken that is going away is revoked", values: bearerOf(s.revoked), wantRefusal: refused(s.revoked)},
		"Starred":          {reason: "the annotation revokes all", values: bearerOf(s.starred), wantRefusal: refused(s.starred)},
		"Listed":           {reason: "the annotation revokes this one", values: bearerOf(s.listed), wantRefusal: refused(s.listed)},
		"Expired":          {reason: "at notAfter it is over", values: bearerOf(s.expired), wantRefusal: refused(s.expired)},
		"Early":            {reason: "expiresAt counts although scim-controller has not looked yet", values: bearerOf(s.early), wantRefusal: refused(s.early)},
		"EmptyHash":        {reason: "an empty hash matches nothing", values: bearerOf(newToken(t, 9)), wantRefusal: refused(newToken(t, 9))},
		"BrokenHash":       {reason: "a hash that is not hexadecimal matches nothing", values: bearerOf(newToken(t, 10)), wantRefusal: refused(newToken(t, 10))},

		"BasicAsBearer":  {reason: "a password is no token", values: bearerOf(s.password), wantRefusal: refused(s.password)},
		"BearerAsBasic":  {reason: "a token is no password", values: basicOf("okta", s.good.Reveal()), wantRefusal: refused(s.good)},
		"BasicNoName":    {reason: "a name is needed", values: basicOf("", s.password.Reveal()), wantRefusal: anonymous},
		"BasicOtherName": {reason: "the name counts", values: basicOf("jürgen", s.password.Reveal()), wantRefusal: refused(s.password)},
		"BasicNameless":  {reason: "without a name in the status there is none to give", values: basicOf("", newToken(t, 18).Reveal()), wantRefusal: anonymous},
		"BasicPassword":  {reason: "the password counts", values: basicOf("Jürgen", unknown.Reveal()), wantRefusal: refused(unknown)},
		"BasicNotBase64": {reason: "not base64", values: []string{"Basic %%%"}, wantRefusal: anonymous},
		"BasicNotUTF8":   {reason: "RFC 7617 section 2.1", values: basicOf("J\xfcrgen", s.password.Reveal()), wantRefusal: anonymous},
		"BasicTwo":       {reason: "two credentials in one header", values: []string{basicOf("a", "b")[0] + " " + basicOf("c", "d")[0]}, wantRefusal: malformed},

		"JWTNotWanted":   {reason: "the directory takes none, whatever the verifier says", values: []string{"Bearer " + goodJWT}, wantRefusal: anonymous},
		"JWTNoSuch":      {reason: "no such directory, whatever the verifier says", values: []string{"Bearer " + goodJWT}, scope: &Scope{Namespace: "team-a", Directory: "nope"}, wantRefusal: anonymous},
		"JWTNoScope":     {reason: "it must name a directory", values: []string{"Bearer " + goodJWT}, scope: &Scope{}, wantRefusal: anonymous},
		"JWTForged":      {reason: "the verifier says no", values: []string{"Bearer " + goodJWT + "x"}, scope: &sso, wantRefusal: anonymous},
		"JWTLong":        {reason: "what is no token at all is not the token that is empty", values: []string{"Bearer " + goodJWT + strings.Repeat("x", token.MaxForeignLen)}, wantRefusal: anonymous},
		"JWTThreeDots":   {reason: "not one", values: []string{"Bearer " + goodJWT + ".x"}, scope: &sso, wantRefusal: anonymous},
		"ServiceAccount": {reason: "a token of Kubernetes is none of ours", values: []string{"Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2ln"}, scope: &sso, wantRefusal: anonymous},

		"DirectoryGone":     {reason: "the token is right, so the fault is ours", values: bearerOf(s.orphan), scope: &Scope{Namespace: "team-a", Directory: "gone"}, wantUnavailable: true},
		"DirectoryDeleting": {reason: "the token is right, so the fault is ours", values: bearerOf(s.doomed), scope: &Scope{Namespace: "team-a", Directory: "doomed"}, wantUnavailable: true},
	}
	a := New(Options{Table: tableOf(t, s.objects(t)...), Profiles: directory.NewProfiles(nil), Now: func() time.Time { return noon }, JWT: verifierFunc(onlyGoodJWT)})
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			scope := acme
			if tc.scope != nil {
				scope = *tc.scope
			}
			got, err := a.Authenticate(t.Context(), http.Header{"Authorization": tc.values}, scope)
			var refusal *Refusal
			errors.As(err, &refusal)
			if diff := cmp.Diff(tc.wantRefusal, refusal); diff != "" {
				t.Errorf("%s: refusal (-want +got):\n%s", tc.reason, diff)
			}
			if errors.Is(err, ErrUnavailable) != tc.wantUnavailable {
				t.Errorf("%s: got %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(directory.Directory{}, "Profile")); diff != "" && err == nil {
				t.Errorf("%s: identity (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestUnconfirmed: what nothing has confirmed for five seconds lets nobody in and refuses nobody.
func TestUnconfirmed(t *testing.T) {
	now := noon
	server := &apiServer{}
	good, elsewhere := newToken(t, 1), newToken(t, 2)
	server.apply(scimToken("team-a", "okta", "acme", good))
	server.apply(scimToken("team-b", "okta", "acme", elsewhere))
	server.apply(scimDirectory("team-a", "acme", ""))
	server.apply(scimDirectory("team-b", "acme", ""))
	table := NewTable([]string{"team-a", "team-b"}, func() time.Time { return now })
	a := New(Options{Table: table, Profiles: directory.NewProfiles(nil), Now: func() time.Time { return now }})
	ask := func(values []string, scope Scope) string {
		_, err := a.Authenticate(t.Context(), http.Header{"Authorization": values}, scope)
		var refusal *Refusal
		switch {
		case err == nil:
			return "yes"
		case errors.As(err, &refusal):
			return "no"
		case errors.Is(err, ErrUnavailable):
			return "unavailable"
		}
		return err.Error()
	}
	check := func(when, wantGood, wantElsewhere, wantStranger string) {
		t.Helper()
		got := []string{ask(bearerOf(good), acme), ask(bearerOf(elsewhere), Scope{Namespace: "team-b", Directory: "acme"}), ask(nil, acme), ask(bearerOf(newToken(t, 9)), acme)}
		if diff := cmp.Diff([]string{wantGood, wantElsewhere, wantStranger, wantStranger}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	refresh := func(namespace string) {
		t.Helper()
		if err := table.Refresh(t.Context(), server, namespace); err != nil {
			t.Fatal(err)
		}
	}
	check("at the start", "unavailable", "unavailable", "unavailable")
	refresh("team-a")
	check("with half of it", "yes", "unavailable", "unavailable")
	refresh("team-b")
	check("with all of it", "yes", "yes", "no")
	now = now.Add(maxAge - 1)
	check("just before it is too old", "yes", "yes", "no")
	refresh("team-a")
	now = now.Add(1)
	check("when one namespace cannot be listed", "yes", "unavailable", "unavailable")
	now = now.Add(maxAge)
	check("when none can", "unavailable", "unavailable", "unavailable")
	refresh("team-a")
	refresh("team-b")
	check("when all can again", "yes", "yes", "no")
}

func TestContext(t *testing.T) {
	if _, ok := FromContext(t.Context()); ok {
		t.Error("an empty context carries an identity")
	}
	want := Identity{TokenKeyID: "k"}
	if got, ok := FromContext(NewContext(t.Context(), want)); !ok || got.TokenKeyID != want.TokenKeyID {
		t.Errorf("got %v, %v", got, ok)
	}
}

func TestRequire(t *testing.T) {
	reader := Identity{Scopes: []TokenScope{UsersRead, GroupsRead}}
	for name, tc := range map[string]struct {
		reason string
		id     Identity
		scopes []TokenScope
		want   string
	}{
		"Unlimited": {reason: "without scopes everything", scopes: []TokenScope{UsersWrite, GroupsWrite}},
		"Nothing":   {reason: "nothing is needed", id: reader},
		"Has":       {reason: "it has both", id: reader, scopes: []TokenScope{GroupsRead, UsersRead}},
		"Lacks":     {reason: "it lacks one, and is told all that are needed", id: reader, scopes: []TokenScope{UsersRead, UsersWrite}, want: "users:read users:write"},
	} {
		t.Run(name, func(t *testing.T) {
			var missing *MissingScope
			if errors.As(tc.id.Require(tc.scopes...), &missing); (missing == nil) != (tc.want == "") || missing != nil && missing.Scope != tc.want {
				t.Errorf("%s: %v", tc.reason, missing)
			}
		})
	}
}

func FuzzPresent(f *testing.F) {
	good := newToken(f, 1).Reveal()
	for _, seed := range []string{"", "Bearer", "Bearer ", "Bearer " + good, "bearer\t" + good, basicOf("a", good)[0], "Basic eA==", good, "Bearer  " + good + " x", "\x00", strings.Repeat(".", 5000), "Token " + goodJWT, goodJWT} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, refusal := present(http.Header{"Authorization": {value}})
		if refusal != nil {
			if !refusal.Presented || refusal.KeyID != "" {
				t.Errorf("refusal of a malformed credential tells more than that: %+v", *refusal)
			}
			return
		}
		if len(value) > MaxAuthorizationBytes || got.secret.Reveal() == "" && got.jwt == "" {
			t.Errorf("accepted %q", value)
		}
		if got.jwt != "" && (strings.Count(got.jwt, ".") != 2 || !strings.HasSuffix(strings.TrimRight(value, " "), got.jwt)) {
			t.Errorf("took %q of %q for a JSON Web Token", got.jwt, value)
		}
		bearer := strings.HasSuffix(strings.TrimRight(value, " "), got.secret.Reveal())
		if isBearer := [32]byte(got.proof[32:]) == [32]byte{}; isBearer != bearer {
			t.Errorf("%q: bearer %t, with the proof of a bearer %t", value, bearer, isBearer)
		}
	})
}
