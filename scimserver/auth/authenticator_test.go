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
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

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
	obj.SetFinalizers([]string{"test/hold"})
	return obj
}

// counting is a cache that counts what is asked of it, and fails the test when a list is not by index.
type counting struct {
	client.Reader
	t           testing.TB
	lists, gets int
}

func (c *counting) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	c.lists++
	var o client.ListOptions
	o.ApplyOptions(opts)
	if o.FieldSelector == nil || o.FieldSelector.Empty() {
		c.t.Error("listed every token instead of using the index")
	}
	return c.Reader.List(ctx, list, opts...)
}

func (c *counting) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	c.gets++
	return c.Reader.Get(ctx, key, obj, opts...)
}

func cacheOf(t testing.TB, objs ...client.Object) *counting {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	reader := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objs...).
		WithIndex(&v1alpha1.ScimToken{}, keyIDField, keyIDs).Build()
	return &counting{Reader: reader, t: t}
}

func always(answer bool) func() bool { return func() bool { return answer } }

func TestAuthenticate(t *testing.T) {
	good, second, other, elsewhere, revoked, orphan, doomed, unknown := newToken(t, 1), newToken(t, 2), newToken(t, 3), newToken(t, 4),
		newToken(t, 5), newToken(t, 6), newToken(t, 7), newToken(t, 8)
	broken := scimToken("team-a", "broken", "acme", newToken(t, 9), newToken(t, 10))
	broken.Status.Credentials[0].SHA256 = ""
	broken.Status.Credentials[1].SHA256 = strings.Repeat("zz", 32)
	objects := []client.Object{
		scimDirectory("team-a", "acme", baseOfAcme),
		scimDirectory("team-a", "other", ""),
		scimDirectory("team-b", "acme", ""),
		terminating(scimDirectory("team-a", "doomed", "")),
		scimToken("team-a", "good", "acme", good, second),
		scimToken("team-a", "other", "other", other),
		scimToken("team-b", "elsewhere", "acme", elsewhere),
		terminating(scimToken("team-a", "revoked", "acme", revoked)),
		scimToken("team-a", "orphan", "gone", orphan),
		scimToken("team-a", "doomed", "doomed", doomed),
		broken,
	}
	bearerOf := func(tok token.Token) []string { return []string{"Bearer " + tok.Reveal()} }
	identity := Identity{Directory: directory.Directory{Namespace: "team-a", Name: "acme", BaseURL: baseOfAcme}, TokenKeyID: good.KeyID()}
	refused := func(tok token.Token) *Refusal { return &Refusal{Presented: true, KeyID: tok.KeyID()} }

	cases := map[string]struct {
		reason          string
		values          []string
		scope           *Scope
		notSynced       bool
		want            Identity
		wantRefusal     *Refusal
		wantUnavailable bool
		wantLists       int
		wantGets        int
	}{
		"Good": {reason: "a token of the directory opens it", values: bearerOf(good), want: identity, wantLists: 1, wantGets: 1},
		"SecondCredential": {reason: "every published credential counts", values: bearerOf(second),
			want: Identity{Directory: identity.Directory, TokenKeyID: second.KeyID()}, wantLists: 1, wantGets: 1},
		"SchemeInAnyCase":   {reason: "schemes are case-insensitive", values: []string{"bEaReR   " + good.Reveal() + " "}, want: identity, wantLists: 1, wantGets: 1},
		"NoDirectoryInPath": {reason: "any token of ours may learn that there is nothing", values: bearerOf(good), scope: &Scope{}, want: identity, wantLists: 1, wantGets: 1},
		"UnpublishedURL": {reason: "without a published URL the base is a path", values: bearerOf(other), scope: &Scope{Namespace: "team-a", Directory: "other"},
			want: Identity{Directory: directory.Directory{Namespace: "team-a", Name: "other", BaseURL: "/scim/v2/team-a/other"}, TokenKeyID: other.KeyID()}, wantLists: 1, wantGets: 1},

		"NoHeader":         {reason: "nothing was presented", wantRefusal: &Refusal{}},
		"EmptyHeader":      {reason: "empty is not a credential", values: []string{""}, wantRefusal: &Refusal{Presented: true}},
		"BareScheme":       {reason: "an unset token at the other end", values: []string{"Bearer"}, wantRefusal: &Refusal{Presented: true}},
		"EmptyToken":       {reason: "an unset token at the other end", values: []string{"Bearer "}, wantRefusal: &Refusal{Presented: true}},
		"TwoHeaders":       {reason: "two readers might pick different ones", values: append(bearerOf(good), bearerOf(good)...), wantRefusal: &Refusal{Presented: true}},
		"RawToken":         {reason: "no scheme", values: []string{good.Reveal()}, wantRefusal: &Refusal{Presented: true}},
		"Basic":            {reason: "another scheme", values: []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("scim:"+good.Reveal()))}, wantRefusal: &Refusal{Presented: true}},
		"TwoInOne":         {reason: "two credentials in one header", values: []string{"Bearer " + good.Reveal() + ", Bearer " + good.Reveal()}, wantRefusal: &Refusal{Presented: true}},
		"JWT":              {reason: "a JWT is not ours", values: []string{"Bearer eyJhbGciOiJub25lIn0.e30."}, wantRefusal: &Refusal{Presented: true}},
		"WrongChecksum":    {reason: "refused before anything is looked up", values: []string{"Bearer " + good.Reveal()[:60] + "000000"}, wantRefusal: &Refusal{Presented: true}},
		"TooLong":          {reason: "over 4 KiB is refused unread", values: []string{"Bearer " + strings.Repeat(" ", MaxAuthorizationBytes) + good.Reveal()}, wantRefusal: &Refusal{Presented: true}},
		"UnknownKeyID":     {reason: "nobody has that token", values: bearerOf(unknown), wantRefusal: refused(unknown), wantLists: 1},
		"WrongSecret":      {reason: "the key id alone opens nothing", values: bearerOf(withKeyID(t, good)), wantRefusal: refused(good), wantLists: 1},
		"OtherDirectory":   {reason: "a token opens one directory", values: bearerOf(other), wantRefusal: refused(other), wantLists: 1},
		"OtherNamespace":   {reason: "a directory of that name elsewhere is another one", values: bearerOf(elsewhere), wantRefusal: refused(elsewhere), wantLists: 1},
		"UnknownDirectory": {reason: "a directory that is not there looks like any other", values: bearerOf(good), scope: &Scope{Namespace: "team-a", Directory: "nope"}, wantRefusal: refused(good), wantLists: 1},
		"HalfScope":        {reason: "a namespace alone is not the directory", values: bearerOf(good), scope: &Scope{Namespace: "team-a"}, wantRefusal: refused(good), wantLists: 1},
		"Revoked":          {reason: "a ScimToken that is going away is revoked", values: bearerOf(revoked), wantRefusal: refused(revoked), wantLists: 1},
		"EmptyHash":        {reason: "an empty hash matches nothing", values: bearerOf(newToken(t, 9)), wantRefusal: refused(newToken(t, 9)), wantLists: 1},
		"BrokenHash":       {reason: "a hash that is not hexadecimal matches nothing", values: bearerOf(newToken(t, 10)), wantRefusal: refused(newToken(t, 10)), wantLists: 1},

		"DirectoryGone":     {reason: "the token is right, so the fault is ours", values: bearerOf(orphan), scope: &Scope{Namespace: "team-a", Directory: "gone"}, wantUnavailable: true, wantLists: 1, wantGets: 1},
		"DirectoryDeleting": {reason: "the token is right, so the fault is ours", values: bearerOf(doomed), scope: &Scope{Namespace: "team-a", Directory: "doomed"}, wantUnavailable: true, wantLists: 1, wantGets: 1},
		"NotSynced":         {reason: "an empty cache must not look like a wrong token", values: bearerOf(good), notSynced: true, wantUnavailable: true},
		"NotSyncedNoHeader": {reason: "not even for strangers", notSynced: true, wantUnavailable: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			reader := cacheOf(t, objects...)
			scope := acme
			if tc.scope != nil {
				scope = *tc.scope
			}
			got, err := New(reader, always(!tc.notSynced), directory.NewProfiles(nil)).Authenticate(t.Context(), http.Header{"Authorization": tc.values}, scope)
			var refusal *Refusal
			errors.As(err, &refusal)
			if diff := cmp.Diff(tc.wantRefusal, refusal); diff != "" {
				t.Errorf("%s: refusal (-want +got):\n%s", tc.reason, diff)
			}
			if errors.Is(err, ErrUnavailable) != tc.wantUnavailable {
				t.Errorf("%s: got %v", tc.reason, err)
			}
			if err == nil {
				if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(directory.Directory{}, "Profile")); diff != "" {
					t.Errorf("%s: identity (-want +got):\n%s", tc.reason, diff)
				}
			}
			if reader.lists != tc.wantLists || reader.gets != tc.wantGets {
				t.Errorf("%s: %d lists and %d gets, want %d and %d", tc.reason, reader.lists, reader.gets, tc.wantLists, tc.wantGets)
			}
		})
	}
}

// failing is a cache that cannot be read.
type failing struct{ client.Reader }

func (failing) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("cache is broken")
}

func TestAuthenticateUnreadableCache(t *testing.T) {
	header := http.Header{"Authorization": {"Bearer " + newToken(t, 1).Reveal()}}
	_, err := New(failing{}, always(true), directory.NewProfiles(nil)).Authenticate(t.Context(), header, acme)
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable: a failure of ours is never a refusal", err)
	}
}

func TestContext(t *testing.T) {
	if _, ok := FromContext(t.Context()); ok {
		t.Error("an empty context carries an identity")
	}
	want := Identity{TokenKeyID: "k"}
	if got, ok := FromContext(NewContext(t.Context(), want)); !ok || got != want {
		t.Errorf("got %v, %v", got, ok)
	}
}

func FuzzBearer(f *testing.F) {
	good := newToken(f, 1).Reveal()
	for _, seed := range []string{"", "Bearer", "Bearer ", "Bearer " + good, "bearer\t" + good, "Basic " + good, good, "Bearer  " + good + " x", "\x00", strings.Repeat(".", 5000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, refusal := bearer(http.Header{"Authorization": {value}})
		if refusal != nil {
			if !refusal.Presented || refusal.KeyID != "" {
				t.Errorf("refusal of a malformed credential tells more than that: %+v", *refusal)
			}
			return
		}
		if len(value) > MaxAuthorizationBytes || !strings.EqualFold(value[:7], "Bearer ") || strings.TrimSpace(value[7:]) != got.Reveal() {
			t.Errorf("accepted %q", value)
		}
	})
}
