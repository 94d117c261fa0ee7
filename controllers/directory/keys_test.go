// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// Where the issuer of the tests has its documents.
const (
	issuerPath = "/realms/acme"
	openIDPath = issuerPath + "/.well-known/openid-configuration"
	oauthPath  = "/.well-known/oauth-authorization-server" + issuerPath
	keysPath   = "/keys/"
	canary     = "canary"
)

// anIssuer answers as its pages say, 404 where there is none.
type anIssuer struct {
	*httptest.Server

	mu       sync.Mutex
	pages    map[string]http.HandlerFunc
	requests []string
}

func newIssuer(t *testing.T) *anIssuer {
	t.Helper()
	i := &anIssuer{}
	i.Server = httptest.NewUnstartedServer(i)
	_ = i.Listener.Close()
	i.Listener = cluster.Listen(t)
	i.Start()
	t.Cleanup(i.Close)
	i.pages = map[string]http.HandlerFunc{
		openIDPath: document(members{"issuer": i.name(), "jwks_uri": i.URL + keysPath}),
		keysPath:   document(keySet(t, "a")),
	}
	return i
}

func (i *anIssuer) name() string { return i.URL + issuerPath }

func (i *anIssuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	page := i.pages[r.URL.Path]
	i.requests = append(i.requests, r.URL.Path)
	i.mu.Unlock()
	if page == nil {
		page = http.NotFound
	}
	page(w, r)
}

func (i *anIssuer) set(path string, page http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.pages[path] = page
}

// asked returns which pages were asked for since it was called last.
func (i *anIssuer) asked() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	was := i.requests
	i.requests = nil
	return was
}

type members = map[string]any

func document(value any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(value) }
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func aKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keySet has public keys of these ids.
func keySet(t *testing.T, kids ...string) jose.JSONWebKeySet {
	t.Helper()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, kid := range kids {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: aKey(t).Public(), KeyID: kid})
	}
	return set
}

// keysWorld is a directory with an issuer, and what keeps its keys.
type keysWorld struct {
	*testing.T
	client.Client
	keys   *Keys
	clock  *clocktesting.FakePassiveClock
	issuer *anIssuer
}

func newKeysWorld(t *testing.T, change func(*v1alpha1.JWTAuthentication)) *keysWorld {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w := &keysWorld{T: t, clock: clocktesting.NewFakePassiveClock(time.Unix(1_790_000_000, 0)), issuer: newIssuer(t)}
	dir := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "acme", Generation: 1, UID: "uid"}}
	jwt := &v1alpha1.JWTAuthentication{Issuer: w.issuer.name(), AllowPlaintext: true}
	if change != nil {
		change(jwt)
	}
	dir.Spec.Authentication.JWT = jwt
	w.Client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(dir).WithObjects(dir).Build()
	loopback := egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	w.keys = &Keys{Client: w.Client, Dial: loopback.DialContext, Clock: w.clock}
	return w
}

func (w *keysWorld) directory() *v1alpha1.ScimDirectory {
	w.Helper()
	dir := &v1alpha1.ScimDirectory{}
	if err := w.Get(w.Context(), client.ObjectKey{Namespace: "ns", Name: "acme"}, dir); err != nil {
		w.Fatal(err)
	}
	return dir
}

// round lets the keys be fetched, and returns the directory and the ids of its keys.
func (w *keysWorld) round() (*v1alpha1.ScimDirectory, string) {
	w.Helper()
	result, err := w.keys.Reconcile(w.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "acme"}})
	if err != nil {
		w.Fatal(err)
	}
	dir := w.directory()
	if on := dir.Spec.Authentication.JWT != nil; on != (result.RequeueAfter > 0) || result.RequeueAfter > time.Minute {
		w.Errorf("again after %s", result.RequeueAfter)
	}
	return dir, kidsOf(dir)
}

func kidsOf(dir *v1alpha1.ScimDirectory) string {
	var kids []string
	for _, key := range dir.Status.Authentication.Keys {
		kids = append(kids, key.KeyID)
	}
	return strings.Join(kids, " ")
}

func (w *keysWorld) change(change func(*v1alpha1.ScimDirectory)) {
	w.Helper()
	dir := w.directory()
	change(dir)
	dir.Generation++
	if err := w.Update(w.Context(), dir); err != nil {
		w.Fatal(err)
	}
}

// keysMessage is what the condition says.
func keysMessage(dir *v1alpha1.ScimDirectory) string {
	return meta.FindStatusCondition(dir.Status.Conditions, v1alpha1.ConditionKeysFetched).Message
}

// says checks the condition, and that it quotes nothing.
func (w *keysWorld) says(dir *v1alpha1.ScimDirectory, reason, message string) {
	w.Helper()
	c := meta.FindStatusCondition(dir.Status.Conditions, v1alpha1.ConditionKeysFetched)
	if c == nil || c.Reason != reason || (c.Status == metav1.ConditionTrue) != (reason == v1alpha1.ReasonFetched) || c.ObservedGeneration != dir.Generation || !strings.Contains(c.Message, message) {
		w.Fatalf("condition %+v, want %s with %q", c, reason, message)
	}
	if strings.Contains(c.Message, canary) || strings.Contains(c.Message, "://") || strings.Contains(c.Message, "127.0.0.1") {
		w.Errorf("the message quotes the network: %q", c.Message)
	}
}

func TestFetchesKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		spec   func(*v1alpha1.JWTAuthentication)
		issuer func(*anIssuer)
		kids   string
		asked  []string
	}{
		"OpenID": {reason: "OpenID Connect Discovery §4", kids: "a", asked: []string{openIDPath, keysPath}},
		"OAuth": {reason: "RFC 8414 §3, if there is no OpenID", kids: "a", asked: []string{openIDPath, oauthPath, keysPath}, issuer: func(i *anIssuer) {
			i.set(oauthPath, i.pages[openIDPath])
			i.set(openIDPath, nil)
		}},
		"SlashAtTheEnd": {reason: "the name keeps its slash, the address does not", kids: "a", asked: []string{openIDPath, keysPath},
			spec: func(s *v1alpha1.JWTAuthentication) { s.Issuer += "/" },
			issuer: func(i *anIssuer) {
				i.set(openIDPath, document(members{"issuer": i.name() + "/", "jwks_uri": i.URL + keysPath}))
			}},
		"JWKSURL": {reason: "nothing is discovered, and the query of Entra's applications is kept", kids: "q", asked: []string{keysPath},
			spec: func(s *v1alpha1.JWTAuthentication) {
				s.JWKSURL = strings.TrimSuffix(s.Issuer, issuerPath) + keysPath + "?appid=1"
			},
			issuer: func(i *anIssuer) {
				i.set(keysPath, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.RawQuery == "appid=1" {
						document(keySet(t, "q"))(w, r)
					}
				})
			}},
		"Several": {reason: "sorted, whatever the order", kids: "a b c", asked: []string{openIDPath, keysPath}, issuer: func(i *anIssuer) { i.set(keysPath, document(keySet(t, "c", "a", "b"))) }},
		"PrivateBeside": {reason: "a key that everybody can sign with is left out, and the others count", kids: "a", asked: []string{openIDPath, keysPath}, issuer: func(i *anIssuer) {
			set := keySet(t, "a")
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: aKey(t), KeyID: "leaked"}, jose.JSONWebKey{Key: aKey(t).Public(), KeyID: "enc", Use: "enc"})
			i.set(keysPath, document(set))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newKeysWorld(t, tc.spec)
			if tc.issuer != nil {
				tc.issuer(w.issuer)
			}
			dir, kids := w.round()
			w.says(dir, v1alpha1.ReasonFetched, "public keys")
			status := dir.Status.Authentication
			if kids != tc.kids || status.Issuer != dir.Spec.Authentication.JWT.Issuer || !strings.Contains(status.JWKSURL, keysPath) || !status.FetchedAt.Time.Equal(w.clock.Now()) {
				t.Errorf("%s: %+v", tc.reason, status)
			}
			if diff := cmp.Diff(tc.asked, w.issuer.asked()); diff != "" {
				t.Errorf("%s: asked for\n%s", tc.reason, diff)
			}
			for _, key := range status.Keys {
				if strings.Contains(key.JWK, `"d"`) {
					t.Errorf("a private key is published: %s", key.JWK)
				}
			}
		})
	}
}

// TestRefusesDocuments: whatever a network says, what is not right is not believed, not followed and not quoted.
func TestRefusesDocuments(t *testing.T) {
	configured := func(change members) func(*anIssuer) {
		return func(i *anIssuer) {
			is := members{"issuer": i.name(), "jwks_uri": i.URL + keysPath, "x": canary}
			for name, value := range change {
				is[name] = value
			}
			i.set(openIDPath, document(is))
		}
	}
	keys := func(page http.HandlerFunc) func(*anIssuer) {
		return func(i *anIssuer) { i.set(keysPath, page) }
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/"+canary, http.StatusFound) }
	many := make([]string, 33)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	const html = "<!doctype html><title>" + canary + "</title>"
	for name, tc := range map[string]struct {
		issuer  func(*anIssuer)
		spec    func(*v1alpha1.JWTAuthentication)
		reason  string
		message string
	}{
		"HTML":           {issuer: func(i *anIssuer) { i.set(openIDPath, text(200, html)) }, reason: v1alpha1.ReasonInvalid, message: "is not one"},
		"Nowhere":        {issuer: func(i *anIssuer) { i.set(openIDPath, nil) }, reason: v1alpha1.ReasonInvalid, message: "4xx"},
		"WrongIssuer":    {issuer: configured(members{"issuer": "https://" + canary}), reason: v1alpha1.ReasonInvalid, message: "another issuer"},
		"WithSlash":      {spec: func(s *v1alpha1.JWTAuthentication) { s.Issuer += "/" }, reason: v1alpha1.ReasonInvalid, message: "slash"},
		"NoKeysURL":      {issuer: configured(members{"jwks_uri": nil}), reason: v1alpha1.ReasonInvalid, message: "where its keys are"},
		"File":           {issuer: configured(members{"jwks_uri": "file:///etc/passwd"}), reason: v1alpha1.ReasonInvalid, message: "where its keys are"},
		"Metadata":       {issuer: configured(members{"jwks_uri": "http://169.254.169.254/latest"}), reason: v1alpha1.ReasonInvalid, message: "--allow-egress"},
		"MetadataIssuer": {spec: func(s *v1alpha1.JWTAuthentication) { s.Issuer = "http://[fd00:ec2::254]/" }, reason: v1alpha1.ReasonInvalid, message: "--allow-egress"},
		"Password":       {issuer: configured(members{"jwks_uri": "http://" + canary + ":x@127.0.0.1/"}), reason: v1alpha1.ReasonUnavailable, message: "no answer"},
		"Long":           {issuer: configured(members{"jwks_uri": "http://127.0.0.1/" + strings.Repeat("x", 1024)}), reason: v1alpha1.ReasonInvalid, message: "where its keys are"},
		"Plaintext":      {spec: func(s *v1alpha1.JWTAuthentication) { s.AllowPlaintext = false }, reason: v1alpha1.ReasonInvalid, message: "allowPlaintext"},
		"Redirect":       {issuer: func(i *anIssuer) { i.set(openIDPath, elsewhere) }, reason: v1alpha1.ReasonInvalid, message: "redirects"},
		"KeysRedirect":   {issuer: keys(elsewhere), reason: v1alpha1.ReasonInvalid, message: "redirects"},
		"KeysHTML":       {issuer: keys(text(200, html)), reason: v1alpha1.ReasonInvalid, message: "not a JWK Set"},
		"KeysForbidden":  {issuer: keys(text(403, canary)), reason: v1alpha1.ReasonInvalid, message: "4xx"},
		"KeysBroken":     {issuer: keys(text(500, canary)), reason: v1alpha1.ReasonUnavailable, message: "cannot answer now"},
		"KeysBusy":       {issuer: keys(text(429, canary)), reason: v1alpha1.ReasonUnavailable, message: "cannot answer now"},
		"KeysTooLarge":   {issuer: keys(text(200, `{"keys":[],"x":"`+strings.Repeat(canary, (256<<10)/len(canary))+`"}`)), reason: v1alpha1.ReasonInvalid, message: "larger than 256 KiB"},
		"KeysUnasked304": {issuer: keys(text(304, "")), reason: v1alpha1.ReasonInvalid, message: "redirects"},
		"KeysNone":       {issuer: keys(document(keySet(t))), reason: v1alpha1.ReasonInvalid, message: "no key"},
		"KeysPrivate":    {issuer: keys(document(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: aKey(t), KeyID: canary}}})), reason: v1alpha1.ReasonInvalid, message: "no key"},
		"KeysSymmetric":  {issuer: keys(document(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: []byte(canary), KeyID: canary}}})), reason: v1alpha1.ReasonInvalid, message: "no key"},
		"KeysMany":       {issuer: keys(document(keySet(t, many...))), reason: v1alpha1.ReasonInvalid, message: "more than 32"},
		"KeysAmbiguous":  {issuer: keys(document(keySet(t, canary, canary))), reason: v1alpha1.ReasonInvalid, message: "same kid"},
		"Gone":           {issuer: func(i *anIssuer) { i.Close() }, reason: v1alpha1.ReasonUnavailable, message: "no answer"},
		"Cut":            {issuer: keys(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), reason: v1alpha1.ReasonUnavailable, message: "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newKeysWorld(t, tc.spec)
			if tc.issuer != nil {
				tc.issuer(w.issuer)
			}
			dir, kids := w.round()
			if w.says(dir, tc.reason, tc.message); kids != "" {
				t.Errorf("keys %s are published", kids)
			}
			if slices.Contains(w.issuer.asked(), "/"+canary) {
				t.Error("a redirect was followed")
			}
			if again, _ := w.round(); again.ResourceVersion != dir.ResourceVersion {
				t.Errorf("the same was written twice: %s", cmp.Diff(dir, again))
			}
		})
	}
}

// TestKeysInTime follows one directory for some days.
func TestKeysInTime(t *testing.T) {
	w := newKeysWorld(t, nil)
	step := func(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }
	first, _ := w.round()
	if w.issuer.asked(); first.Status.Authentication.FetchedAt.IsZero() {
		t.Fatal("never fetched")
	}
	step(time.Minute)
	if again, _ := w.round(); again.ResourceVersion != first.ResourceVersion {
		t.Error("a converged directory was written")
	}
	if diff := cmp.Diff([]string{keysPath}, w.issuer.asked()); diff != "" {
		t.Errorf("within the hour, asked for\n%s", diff)
	}
	step(time.Hour)
	if again, _ := w.round(); !again.Status.Authentication.FetchedAt.Time.Equal(w.clock.Now()) || !slices.Contains(w.issuer.asked(), openIDPath) {
		t.Error("after an hour, the time was not written or the issuer was not asked where its keys are")
	}

	old := w.issuer.pages[keysPath]
	w.issuer.set(keysPath, document(keySet(t, "b")))
	step(time.Minute)
	if _, kids := w.round(); kids != "b" {
		t.Errorf("after a rotation: %s", kids)
	}
	w.issuer.set(keysPath, document(keySet(t)))
	if dir, kids := w.round(); kids != "" {
		t.Errorf("keys %s, %+v after the issuer took all back", kids, dir.Status.Conditions)
	}
	w.issuer.set(keysPath, old)
	if dir, kids := w.round(); kids != "a" {
		t.Errorf("back again: %s, %+v", kids, dir.Status.Conditions)
	}

	w.issuer.set(keysPath, text(500, ""))
	step(24*time.Hour - time.Second)
	dir, kids := w.round()
	if w.says(dir, v1alpha1.ReasonUnavailable, "are used until"); kids != "a" {
		t.Errorf("an issuer that is away for less than a day: %q", kids)
	}
	step(time.Second)
	dir, kids = w.round()
	if w.says(dir, v1alpha1.ReasonUnavailable, "not used any more"); kids != "" || !dir.Status.Authentication.FetchedAt.IsZero() {
		t.Errorf("an issuer that is away for a day: %q", kids)
	}
	w.issuer.set(keysPath, old)
	if _, kids = w.round(); kids != "a" {
		t.Errorf("back again: %q", kids)
	}
}

// TestKeysAreForTheSpec: what was fetched for a spec before does not outlive it.
func TestKeysAreForTheSpec(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1alpha1.JWTAuthentication)
		kids   string
	}{
		"AnotherIssuer":  {func(s *v1alpha1.JWTAuthentication) { s.Issuer = "http://127.0.0.1:9/other" }, ""},
		"AnotherAddress": {func(s *v1alpha1.JWTAuthentication) { s.JWKSURL = "http://127.0.0.1:9/other" }, ""},
		"SomethingElse":  {func(s *v1alpha1.JWTAuthentication) { s.Audiences = []string{"other"} }, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newKeysWorld(t, nil)
			w.round()
			w.issuer.set(openIDPath, text(500, ""))
			w.change(func(dir *v1alpha1.ScimDirectory) { tc.change(dir.Spec.Authentication.JWT) })
			dir, kids := w.round()
			if w.says(dir, v1alpha1.ReasonUnavailable, ""); kids != tc.kids {
				t.Errorf("keys %q, want %q", kids, tc.kids)
			}
		})
	}
	w := newKeysWorld(t, nil)
	w.round()
	w.change(func(dir *v1alpha1.ScimDirectory) { dir.Spec.Authentication.JWT = nil })
	dir, _ := w.round()
	if diff := cmp.Diff(v1alpha1.DirectoryAuthenticationStatus{}, dir.Status.Authentication); diff != "" || meta.FindStatusCondition(dir.Status.Conditions, v1alpha1.ConditionKeysFetched) != nil {
		t.Errorf("without JWT: %+v\n%s", dir.Status.Conditions, diff)
	}
	if len(w.keys.known.byName) != 0 {
		t.Error("something is remembered of a directory without JWT")
	}
}

// TestKeysByTag: keys that have not changed are not sent again, and what the status had in between does not matter.
func TestKeysByTag(t *testing.T) {
	w := newKeysWorld(t, nil)
	whole, sent := w.issuer.pages[keysPath], 0
	w.issuer.set(keysPath, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		sent++
		whole(rw, r)
	})
	first, _ := w.round()
	forged := w.directory()
	forged.Status.Authentication.Keys[0].KeyID = "forged"
	if err := w.Status().Update(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	second, _ := w.round()
	if diff := cmp.Diff(first.Status.Authentication, second.Status.Authentication); diff != "" || sent != 1 {
		t.Errorf("sent %d times:\n%s", sent, diff)
	}
}
