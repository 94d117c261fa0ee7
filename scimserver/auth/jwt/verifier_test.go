// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// attempt is a token and a directory that it is shown to.
type attempt struct {
	reason string
	token  func(*draft)
	dir    func(*v1alpha1.ScimDirectory)
	// want is empty if the token is accepted.
	want refusal
}

func claim(name string, value any) func(*draft) {
	return func(d *draft) {
		d.claims[name] = value
		if value == nil {
			delete(d.claims, name)
		}
	}
}

func head(pairs ...any) func(*draft) {
	return func(d *draft) {
		for i := 0; i < len(pairs); i += 2 {
			d.with(map[string]any{pairs[i].(string): pairs[i+1]})
		}
	}
}

func require(name string, values ...string) func(*v1alpha1.ScimDirectory) {
	return func(dir *v1alpha1.ScimDirectory) {
		jwt := dir.Spec.Authentication.JWT
		jwt.RequiredClaims = append(jwt.RequiredClaims, v1alpha1.RequiredClaim{Name: name, Values: values})
	}
}

func both(first, second func(*draft)) func(*draft) {
	return func(d *draft) { first(d); second(d) }
}

func check(t *testing.T, attempts map[string]attempt) {
	t.Helper()
	for name, a := range attempts {
		t.Run(name, func(t *testing.T) {
			d, dir := newDraft(), directory(t)
			if a.token != nil {
				a.token(d)
			}
			if a.dir != nil {
				a.dir(dir)
			}
			keyID, err := (&Verifier{}).Verify(t.Context(), dir, d.raw(), epoch())
			if a.want == "" {
				if err != nil || !strings.HasPrefix(keyID, "jwt-") || len(keyID) != len("jwt-123456789abc") {
					t.Errorf("%s: accepted as %q, error %v", a.reason, keyID, err)
				}
				return
			}
			if !errors.Is(err, a.want) || !errors.Is(err, ErrRefused) || keyID != "" {
				t.Errorf("%s: %q, error %v, want %v", a.reason, keyID, err, a.want)
			}
		})
	}
}

func TestAccepts(t *testing.T) {
	check(t, map[string]attempt{
		"RS256":         {reason: "the usual token"},
		"PS256":         {reason: "an RSA key signs with PSS too", token: both(head("alg", "PS256"), func(d *draft) { d.sign = signPSS(rsaKey()) })},
		"ES256":         {reason: "a curve", token: both(head("alg", "ES256", "kid", "ec"), func(d *draft) { d.sign = signEC(ecKey()) })},
		"ES384":         {reason: "another curve", token: both(head("alg", "ES384", "kid", "p384"), func(d *draft) { d.sign = signEC(p384Key()) })},
		"EdDSA":         {reason: "another still", token: both(head("alg", "EdDSA", "kid", "ed"), func(d *draft) { d.sign = signEd })},
		"NoKidOneKey":   {reason: "without kid, the only key that fits is meant", token: head("kid", nil)},
		"TypJWT":        {reason: "Entra, Okta and Keycloak say JWT", token: head("typ", "JWT")},
		"TypLong":       {reason: "RFC 9068 §4 allows the whole media type, in any case", token: head("typ", "application/AT+JWT")},
		"NoTyp":         {reason: "typ is optional in RFC 7519", token: head("typ", nil)},
		"UnknownHeader": {reason: "RFC 7515 §4: what is not understood is ignored", token: head("pi.atm", "4", "x5t", "abc")},
		"AudienceList":  {reason: "a list that has ours", token: claim("aud", []string{"other", audience})},
		"SecondAudience": {reason: "one of several that the directory accepts", token: claim("aud", "b"),
			dir: func(dir *v1alpha1.ScimDirectory) {
				dir.Spec.Authentication.JWT.Audiences = []string{"a", "b"}
			}},
		"JustExpired":    {reason: "within the leeway", token: both(claim("iat", epoch().Unix()-300), claim("exp", epoch().Unix()-60))},
		"FutureIssue":    {reason: "within the leeway", token: claim("iat", epoch().Unix()+60)},
		"NotBeforeSoon":  {reason: "within the leeway", token: claim("nbf", epoch().Unix()+60)},
		"FractionOfTime": {reason: "NumericDate may have a fraction", token: claim("exp", float64(epoch().Unix())+100.5)},
		"LongestLife":    {reason: "exactly maxLifetime", token: claim("exp", epoch().Unix()-30+3600)},
		"RoleInList":     {reason: "a claim that is a list must contain one", token: claim("roles", []string{"reader", "scim"}), dir: require("roles", "scim", "admin")},
		"SharedAudience": {reason: "allowed and pinned", token: claim("aud", entraShared), dir: func(dir *v1alpha1.ScimDirectory) {
			dir.Spec.Authentication.JWT.Audiences, dir.Spec.Authentication.JWT.AllowSharedAudience = []string{entraShared}, true
		}},
		"JWKSURL": {reason: "the keys are from the address that the spec names", dir: func(dir *v1alpha1.ScimDirectory) {
			dir.Spec.Authentication.JWT.JWKSURL, dir.Status.Authentication.JWKSURL = "https://x/keys", "https://x/keys"
		}},
	})
}

// TestRefusesForgeries has what a stranger may try who has no key of the issuer.
func TestRefusesForgeries(t *testing.T) {
	der := must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	ours := []byte(directory(t).Status.Authentication.Keys[0].JWK)
	attacker := jose.JSONWebKey{Key: otherRSA().Public(), KeyID: "rsa"}
	stolen := func(d *draft) { d.sign = signRSA(otherRSA()) }
	check(t, map[string]attempt{
		"AlgNone":     {reason: "a token without a signature", token: both(head("alg", "none"), func(d *draft) { d.sign = unsigned }), want: refusedAlgorithm},
		"AlgNoneCase": {reason: "CVE-2020-36155 and many others: nOnE", token: both(head("alg", "nOnE"), func(d *draft) { d.sign = unsigned }), want: refusedAlgorithm},
		"NoAlg":       {reason: "alg is required", token: head("alg", nil), want: refusedHeader},
		"AlgList":     {reason: "alg is one string", token: head("alg", []string{"RS256"}), want: refusedHeader},
		"HS256PEM":    {reason: "the public key as an HMAC secret, as PEM", token: both(head("alg", "HS256"), func(d *draft) { d.sign = signHMAC(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})) }), want: refusedAlgorithm},
		"HS256DER":    {reason: "the same as DER", token: both(head("alg", "HS256"), func(d *draft) { d.sign = signHMAC(der) }), want: refusedAlgorithm},
		"HS256JWK":    {reason: "the same as JWK", token: both(head("alg", "HS256"), func(d *draft) { d.sign = signHMAC(ours) }), want: refusedAlgorithm},
		"HS256Listed": {reason: "not even if the directory listed it", token: both(head("alg", "HS256"), func(d *draft) { d.sign = signHMAC(ours) }), dir: func(dir *v1alpha1.ScimDirectory) {
			dir.Spec.Authentication.JWT.Algorithms = []v1alpha1.JWTAlgorithm{"HS256"}
		}, want: refusedAlgorithm},
		"NotListed":      {reason: "RS512 is fine but not listed", token: head("alg", "RS512"), want: refusedAlgorithm},
		"OtherKey":       {reason: "signed with another key", token: stolen, want: refusedSignature},
		"Stripped":       {reason: "the signature taken off", token: func(d *draft) { d.sign = unsigned }, want: refusedSignature},
		"Changed":        {reason: "the payload of another token", token: func(d *draft) { d.spoil = swapPayload }, want: refusedSignature},
		"EmbeddedJWK":    {reason: "CVE-2018-0114: the key in the header", token: both(stolen, head("jwk", attacker)), want: refusedHeader},
		"EmbeddedNull":   {reason: "whatever it is", token: func(d *draft) { d.header["jwk"] = nil }, want: refusedHeader},
		"JKU":            {reason: "keys at the attacker's", token: both(stolen, head("jku", "https://attacker.example/jwks")), want: refusedHeader},
		"JKUOfTheIssuer": {reason: "not even the right address is taken from a token", token: head("jku", issuerURL+"/certs"), want: refusedHeader},
		"X5U":            {reason: "a certificate at the attacker's", token: both(stolen, head("x5u", "https://attacker.example/cert")), want: refusedHeader},
		"X5C":            {reason: "a certificate in the header", token: both(stolen, head("x5c", []string{base64.StdEncoding.EncodeToString(der)})), want: refusedHeader},
		"Crit":           {reason: "extensions that we do not know", token: head("crit", []string{"exp"}, "exp", 1), want: refusedHeader},
		"B64":            {reason: "RFC 7797 changes what is signed", token: head("b64", false), want: refusedHeader},
		"Zip":            {reason: "nothing is unpacked", token: head("zip", "DEF"), want: refusedHeader},
		"KidPath":        {reason: "kid is no file", token: both(stolen, head("kid", "../../../../dev/null")), want: refusedKey},
		"KidSQL":         {reason: "kid is no query", token: both(stolen, head("kid", "x' UNION SELECT 'k';--")), want: refusedKey},
		"KidURL":         {reason: "kid is no address", token: both(stolen, head("kid", "https://attacker.example/k")), want: refusedKey},
		"KidNumber":      {reason: "kid is a string", token: head("kid", 0), want: refusedHeader},
		"KidEmpty":       {reason: "empty is not absent", token: head("kid", ""), want: refusedHeader},
		"KidOfOtherType": {reason: "the key of a curve does not check RS256", token: head("kid", "ec"), want: refusedKey},
		"KidCase":        {reason: "kid is compared exactly", token: head("kid", "RSA"), want: refusedKey},
		"CurveConfusion": {reason: "ES256 with the key of P-384", token: both(head("alg", "ES256", "kid", "p384"), func(d *draft) { d.sign = signEC(p384Key()) }), want: refusedKey},
		"TypOther":       {reason: "a logout token is signed with the same key", token: head("typ", "logout+jwt"), want: refusedHeader},
		"TypNumber":      {reason: "typ is a string", token: head("typ", 1), want: refusedHeader},
		"Nested":         {reason: "a token in a token", token: both(head("cty", "JWT"), func(d *draft) { d.payload = `"` + newDraft().raw() + `"` }), want: refusedForm},
	})
}

// swapPayload puts the claims of another client where the signed ones were.
func swapPayload(raw string) string {
	other := newDraft()
	other.claims["sub"] = "root"
	parts, others := strings.Split(raw, "."), strings.Split(other.raw(), ".")
	return parts[0] + "." + others[1] + "." + parts[2]
}

// TestRefusesTokensOfOthers has tokens that the issuer did sign.
func TestRefusesTokensOfOthers(t *testing.T) {
	now := epoch().Unix()
	noKid := head("kid", nil)
	check(t, map[string]attempt{
		"Expired":          {reason: "beyond the leeway", token: both(claim("iat", now-300), claim("exp", now-61)), want: refusedTime},
		"NotYet":           {reason: "nbf is to come", token: claim("nbf", now+61), want: refusedTime},
		"FromTheFuture":    {reason: "iat is to come", token: both(claim("iat", now+61), claim("exp", now+300)), want: refusedTime},
		"NoExp":            {reason: "valid for ever", token: claim("exp", nil), want: refusedTime},
		"NoIat":            {reason: "its lifetime is not known", token: claim("iat", nil), want: refusedTime},
		"ExpText":          {reason: "a date is a number", token: claim("exp", fmt.Sprint(now+300)), want: refusedForm},
		"TooLong":          {reason: "a second longer than maxLifetime", token: claim("exp", now-30+3601), want: refusedTime},
		"Huge":             {reason: "for ever, in numbers", token: claim("exp", int64(1)<<61), want: refusedTime},
		"HugeOverflow":     {reason: "more than a time can be", token: claim("exp", math.MaxFloat64), want: refusedForm},
		"NegativeLife":     {reason: "it ended before it began", token: both(claim("iat", now+30), claim("exp", now+20)), want: refusedTime},
		"OtherIssuer":      {reason: "another realm with the same keys", token: claim("iss", "https://issuer.example.com/realms/other"), want: refusedIssuer},
		"TrailingSlash":    {reason: "iss is compared exactly", token: claim("iss", issuerURL+"/"), want: refusedIssuer},
		"IssuerCase":       {reason: "exactly", token: claim("iss", strings.ToUpper(issuerURL)), want: refusedIssuer},
		"NoIssuer":         {reason: "iss is required", token: claim("iss", nil), want: refusedIssuer},
		"IssuerList":       {reason: "iss is a string", token: claim("iss", []string{issuerURL}), want: refusedForm},
		"OtherAudience":    {reason: "GO-2023-1520: a token for another application", token: claim("aud", "api://payroll"), want: refusedAudience},
		"NoAudience":       {reason: "aud is required", token: claim("aud", nil), want: refusedAudience},
		"AudiencePrefix":   {reason: "aud is compared whole", token: claim("aud", audience+".evil"), want: refusedAudience},
		"EmptyAudiences":   {reason: "an empty list is nobody", token: claim("aud", []string{}), want: refusedAudience},
		"AudienceObject":   {reason: "a string or a list of strings", token: claim("aud", map[string]any{audience: true}), want: refusedForm},
		"NoneAccepted":     {reason: "a directory without audiences accepts nothing", dir: func(dir *v1alpha1.ScimDirectory) { dir.Spec.Authentication.JWT.Audiences = nil }, want: refusedAudience},
		"SharedUnpinned":   {reason: "Entra: another application of the tenant", token: both(claim("aud", entraShared), claim("sub", "x")), dir: sharedBySubject, want: refusedAudience},
		"SharedNotAllowed": {reason: "Entra: pinned but not allowed", token: claim("aud", entraShared), dir: func(dir *v1alpha1.ScimDirectory) { dir.Spec.Authentication.JWT.Audiences = []string{entraShared} }, want: refusedAudience},
		"OtherClient":      {reason: "another client of the same issuer", token: claim("azp", "payroll"), want: refusedClaim},
		"NoClient":         {reason: "the claim is required", token: claim("azp", nil), want: refusedClaim},
		"ClientCase":       {reason: "claims are compared exactly", token: claim("azp", strings.ToUpper(client)), want: refusedClaim},
		"ClientInAZP":      {reason: "claim names are compared exactly", token: both(claim("azp", nil), claim("AZP", client)), want: refusedClaim},
		"ClientList":       {reason: "a list names no one client", token: claim("azp", []string{client}), want: refusedClaim},
		"SubjectList":      {reason: "a list names no one client, also beside another claim that does", token: claim("oid", []string{"service"}), dir: require("oid", "service"), want: refusedClaim},
		"ClientNumber":     {reason: "a number is no string", token: claim("azp", 5), dir: require("x", "5"), want: refusedClaim},
		"SecondClaim":      {reason: "all claims, not one", dir: require("tid", "tenant"), want: refusedClaim},
		"ScopeText":        {reason: "a text with spaces is one value", token: claim("scope", "a scim b"), dir: require("scope", "scim"), want: refusedClaim},
		"Number":           {reason: "a number is no string", token: claim("level", 5), dir: require("level", "5"), want: refusedClaim},
		"Boolean":          {reason: "a boolean is no string", token: claim("admin", true), dir: require("admin", "true"), want: refusedClaim},
		"MixedList":        {reason: "a list of strings alone", token: claim("roles", []any{"scim", 5}), dir: require("roles", "scim"), want: refusedClaim},
		"Unpinned": {reason: "a directory that pins no client accepts none", token: claim("role", "scim"), dir: func(dir *v1alpha1.ScimDirectory) {
			dir.Spec.Authentication.JWT.RequiredClaims = nil
			require("role", "scim")(dir)
		}, want: refusedClaim},
		"UnpinnedEmpty": {reason: "not by a claim without a name", token: claim("", "x"), dir: func(dir *v1alpha1.ScimDirectory) { dir.Spec.Authentication.JWT.RequiredClaims = nil }, want: refusedClaim},
		"Twice":         {reason: "two readers would pick different ones", token: func(d *draft) { d.payload = strings.Replace(payloadOf(d), `"azp"`, `"azp":"payroll","azp"`, 1) }, want: refusedForm},
		"TwiceEscaped":  {reason: "the same in disguise", token: func(d *draft) { d.payload = strings.Replace(payloadOf(d), `"azp"`, `"\u0061zp":"payroll","azp"`, 1) }, want: refusedForm},
		"NoObject":      {reason: "claims are an object", token: func(d *draft) { d.payload = `[]` }, want: refusedForm},
		"Null":          {reason: "null is no object", token: func(d *draft) { d.payload = `null` }, want: refusedIssuer},
		"Trailing":      {reason: "one object", token: func(d *draft) { d.payload = payloadOf(d) + `{}` }, want: refusedForm},
		"NoLifetime":    {reason: "the default is the schema's", dir: func(dir *v1alpha1.ScimDirectory) { dir.Spec.Authentication.JWT.MaxLifetime = nil }, want: refusedTime},
		"NoJWT":         {reason: "the directory accepts none", dir: func(dir *v1alpha1.ScimDirectory) { dir.Spec.Authentication.JWT = nil }, want: refusedAlgorithm},
		"NotFetched": {reason: "no keys yet", dir: func(dir *v1alpha1.ScimDirectory) {
			dir.Status.Authentication = v1alpha1.DirectoryAuthenticationStatus{}
		}, want: refusedKey},
		"KeysOfOther":   {reason: "the keys are still those of the issuer before", dir: func(dir *v1alpha1.ScimDirectory) { dir.Status.Authentication.Issuer = "https://old.example" }, want: refusedKey},
		"KeysFromOther": {reason: "the keys are still those of the address before", dir: func(dir *v1alpha1.ScimDirectory) { dir.Spec.Authentication.JWT.JWKSURL = "https://new.example" }, want: refusedKey},
		"NoKidTwoKeys":  {reason: "two keys fit, and nobody says which", token: noKid, dir: func(dir *v1alpha1.ScimDirectory) { addKey(t, dir, "second") }, want: refusedKey},
		"RemovedKey":    {reason: "the issuer took the key back", dir: func(dir *v1alpha1.ScimDirectory) { dir.Status.Authentication.Keys = dir.Status.Authentication.Keys[1:] }, want: refusedKey},
	})
}

func payloadOf(d *draft) string {
	var claims []string
	for name, value := range d.claims {
		claims = append(claims, fmt.Sprintf("%q:%s", name, strings.ReplaceAll(fmt.Sprintf("%#v", value), "int64", "")))
	}
	return "{" + strings.Join(claims, ",") + "}"
}

func sharedBySubject(dir *v1alpha1.ScimDirectory) {
	jwt := dir.Spec.Authentication.JWT
	jwt.Audiences, jwt.AllowSharedAudience = []string{entraShared}, true
	jwt.RequiredClaims = []v1alpha1.RequiredClaim{{Name: "sub", Values: []string{"x"}}}
}

func addKey(t *testing.T, dir *v1alpha1.ScimDirectory, id string) {
	dir.Status.Authentication.Keys = append(dir.Status.Authentication.Keys, published(t, id, otherRSA().Public()))
}

// TestRefusesBeforeReading is SEC-24 with CVE-2025-30204 and CVE-2025-27144: what is too long or has too many dots costs nothing.
func TestRefusesBeforeReading(t *testing.T) {
	dir, v, good := directory(t), &Verifier{}, newDraft().raw()
	for name, raw := range map[string]string{
		"Empty": "", "Dots": strings.Repeat(".", 1<<20), "ManyDots": strings.Repeat("a.", 2000) + "a", "FewDots": "a.b", "JWE": "a.b.c.d.e",
		"Header1MiB": compact(strings.Repeat(" ", 1<<20)+`{"alg":"RS256"}`, "{}", unsigned), "LongByOne": good + strings.Repeat("A", MaxTokenBytes+1-len(good)),
		"Space": good + " ", "LineBreak": good[:10] + "\n" + good[10:], "Padding": good + "=", "OtherAlphabet": strings.Replace(good, "a", "+", 1), "JSON": `{"payload":"..","signatures":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if _, err := v.Verify(ctx, dir, raw, epoch()); !errors.Is(err, refusedForm) {
				t.Errorf("error %v", err)
			}
			if got := testing.AllocsPerRun(10, func() { _, _ = v.Verify(ctx, dir, raw, epoch()) }); got > 0 {
				t.Errorf("%v allocations", got)
			}
		})
	}
}

// TestNamesTheClient: the name is of the issuer and the client, whatever else is in the token or changes in the directory.
func TestNamesTheClient(t *testing.T) {
	name := func(change func(*v1alpha1.ScimDirectory), token func(*draft)) string {
		t.Helper()
		dir, d := directory(t), newDraft()
		dir.Spec.Authentication.JWT.RequiredClaims[0].Values = []string{client, "second"}
		change(dir)
		token(d)
		keyID, err := (&Verifier{}).Verify(t.Context(), dir, d.raw(), epoch())
		if err != nil {
			t.Fatal(err)
		}
		return keyID
	}
	nothing := func(*v1alpha1.ScimDirectory) {}
	first := name(nothing, func(*draft) {})
	if again := name(require("sub", "service"), claim("jti", "x")); again != first {
		t.Errorf("%s and %s are one client", first, again)
	}
	if second := name(nothing, claim("azp", "second")); second == first {
		t.Errorf("two clients are %s", first)
	}
	other := func(dir *v1alpha1.ScimDirectory) {
		dir.Spec.Authentication.JWT.Issuer, dir.Status.Authentication.Issuer = "https://b", "https://b"
	}
	if elsewhere := name(other, claim("iss", "https://b")); elsewhere == first {
		t.Errorf("the clients of two issuers are %s", first)
	}
}

// TestDecoys: whatever a directory could list, a token for nobody costs as much as one for somebody.
func TestDecoys(t *testing.T) {
	var d decoys
	for _, algorithm := range strings.Fields("RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA") {
		if d.of(v1alpha1.JWTAlgorithm(algorithm)) == nil {
			t.Errorf("none for %s", algorithm)
		}
	}
	if d.of("HS256") != nil || d.of("none") != nil || len(d.keys) != len(decoyKeys()) {
		t.Errorf("%d keys of %d", len(d.keys), len(decoyKeys()))
	}
}

// TestSaysNothingOfTheToken: errors end in logs.
func TestSaysNothingOfTheToken(t *testing.T) {
	const canary = "canary"
	for _, token := range []func(*draft){head("alg", canary), head("kid", canary), head("typ", canary), claim("iss", canary), claim("aud", canary), claim("azp", canary), claim("exp", canary)} {
		d := newDraft()
		token(d)
		_, err := (&Verifier{}).Verify(t.Context(), directory(t), d.raw(), epoch())
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("error %v", err)
		}
	}
}

// TestGoesByTheVersion: a change of a directory counts with the next token, and what is remembered stays bounded.
func TestGoesByTheVersion(t *testing.T) {
	v, dir, raw := &Verifier{}, directory(t), newDraft().raw()
	verify := func(dir *v1alpha1.ScimDirectory) error {
		_, err := v.Verify(t.Context(), dir, raw, epoch())
		return err
	}
	if err := verify(dir); err != nil {
		t.Fatal(err)
	}
	changed := dir.DeepCopy()
	changed.ResourceVersion, changed.Status.Authentication.Keys = "2", nil
	if err := verify(changed); err == nil {
		t.Error("a key that was taken back is still good")
	}
	for i := range maxPolicies + 10 {
		v.policies.of(&v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{UID: types.UID(fmt.Sprint(i)), ResourceVersion: "1"}})
	}
	remembered := 0
	v.policies.byUID.Range(func(any, any) bool { remembered++; return true })
	if remembered == 0 || remembered > maxPolicies {
		t.Errorf("%d policies are remembered", remembered)
	}
}

// FuzzVerify: whatever is presented, nothing panics, and only what the issuer signed is accepted.
func FuzzVerify(f *testing.F) {
	dir, v, good := directory(f), &Verifier{}, newDraft().raw()
	signed := good[:strings.LastIndexByte(good, '.')]
	for _, seed := range []string{good, "", "..", "a.b.c", signed + ".", compact(`{"alg":"none"}`, "{}", unsigned), compact(`{"alg":"RS256","jwk":{}}`, "{}", unsigned), compact(`{"alg":"RS256"}`, strings.Repeat("[", 1000), signRSA(rsaKey()))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		keyID, err := v.Verify(t.Context(), dir, raw, epoch())
		switch {
		case err == nil && !strings.HasPrefix(raw, signed+"."):
			t.Errorf("accepted as %s", keyID)
		case err != nil && !errors.Is(err, ErrRefused):
			t.Errorf("error %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	es := newDraft()
	es.with(map[string]any{"alg": "ES256", "kid": "ec"})
	es.sign = signEC(ecKey())
	forged := newDraft()
	forged.sign = signRSA(otherRSA())
	unknown := newDraft()
	unknown.with(map[string]any{"kid": "unknown"})
	for name, d := range map[string]*draft{"RS256": newDraft(), "ES256": es, "Forged": forged, "UnknownKey": unknown} {
		b.Run(name, func(b *testing.B) {
			v, dir, raw, now := &Verifier{}, directory(b), d.raw(), epoch().Add(time.Second)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Verify(b.Context(), dir, raw, now)
			}
		})
	}
}
