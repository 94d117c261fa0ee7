// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// canary is a credential that was made elsewhere. No part of it may be told.
const canary = "canary.Zk3-mPq9vR~tB7wXy2LhD5nGs8FcJ4aU"

func sum(s string) string {
	digest := sha256.Sum256([]byte(s))
	return hex.EncodeToString(digest[:])
}

// provided is a ScimToken of that type with a Secret that opts in.
func provided(kind v1alpha1.TokenType, data map[string]string) (*v1alpha1.ScimToken, *corev1.Secret) {
	tok := scimToken()
	tok.Spec.Type, tok.Spec.Provided = kind, &v1alpha1.ProvidedSecret{SecretName: "vault"}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: "vault",
		Labels: map[string]string{v1alpha1.LabelCredential: "true"}, Annotations: map[string]string{v1alpha1.AnnotationToken: "okta"},
	}, Data: map[string][]byte{}}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return tok, secret
}

func TestWhatIsProvided(t *testing.T) {
	const bearer, basic = v1alpha1.TokenBearer, v1alpha1.TokenBasic
	ofOurs, err := token.New(strings.NewReader(strings.Repeat("0123456789abcdef", 4)))
	if err != nil {
		t.Fatal(err)
	}
	good := v1alpha1.TokenCredential{KeyID: "x-" + sum(canary)[:12], SHA256: sum(canary)}
	withName := good
	withName.Username = "scim client"
	for name, tc := range map[string]struct {
		reason string
		kind   v1alpha1.TokenType
		data   map[string]string
		want   v1alpha1.TokenCredential
		says   string // what the message tells to do; then nothing is accepted
	}{
		"Token":            {"printable and long enough", bearer, map[string]string{"token": canary}, good, ""},
		"HashOnly":         {"nobody here has the token", bearer, map[string]string{"sha256": sum(canary)}, good, ""},
		"HashInCapitals":   {"some tools write it so, with a line break", bearer, map[string]string{"sha256": strings.ToUpper(sum(canary)) + "\n"}, good, ""},
		"Both":             {"they agree", bearer, map[string]string{"token": canary, "sha256": sum(canary)}, good, ""},
		"Disagree":         {"which one is it?", bearer, map[string]string{"token": canary, "sha256": sum("other")}, v1alpha1.TokenCredential{}, "take one of the two away"},
		"HashIsBad":        {"although the token is good", bearer, map[string]string{"token": canary, "sha256": canary}, v1alpha1.TokenCredential{}, "take one of the two away"},
		"OneOfOurs":        {"from a backup: it keeps its key id", bearer, map[string]string{"token": ofOurs.Reveal()}, v1alpha1.TokenCredential{KeyID: ofOurs.KeyID(), SHA256: ofOurs.SHA256()}, ""},
		"OneOfOursBroken":  {"cut off", bearer, map[string]string{"token": ofOurs.Reveal()[:60]}, v1alpha1.TokenCredential{}, "whole token"},
		"Empty":            {"SEC-16", bearer, map[string]string{"token": ""}, v1alpha1.TokenCredential{}, "32 to 1024"},
		"EmptyHasNoHash":   {"an empty token is not overlooked", bearer, map[string]string{"token": "", "sha256": sum(canary)}, v1alpha1.TokenCredential{}, "32 to 1024"},
		"Blank":            {"SEC-16", bearer, map[string]string{"token": strings.Repeat(" ", 40)}, v1alpha1.TokenCredential{}, "line break"},
		"Short":            {"31 characters", bearer, map[string]string{"token": canary[:31]}, v1alpha1.TokenCredential{}, "32 to 1024"},
		"Long":             {"1025 characters", bearer, map[string]string{"token": strings.Repeat(canary, 30)[:1025]}, v1alpha1.TokenCredential{}, "32 to 1024"},
		"LineBreak":        {"echo without -n", bearer, map[string]string{"token": canary + "\n"}, v1alpha1.TokenCredential{}, "echo -n"},
		"SpaceInside":      {"a header would be cut there", bearer, map[string]string{"token": canary + " " + canary}, v1alpha1.TokenCredential{}, "without spaces"},
		"NotASCII":         {"headers are", bearer, map[string]string{"token": canary + "ü"}, v1alpha1.TokenCredential{}, "ASCII"},
		"Guessable":        {"one character 40 times", bearer, map[string]string{"token": strings.Repeat("a", 40)}, v1alpha1.TokenCredential{}, "easily guessed"},
		"FromAnExample":    {"nobody has changed it", bearer, map[string]string{"token": "ChangeMe-" + canary}, v1alpha1.TokenCredential{}, "easily guessed"},
		"Nothing":          {"no key of ours", bearer, map[string]string{"bearer": canary}, v1alpha1.TokenCredential{}, `"token" nor the key "sha256"`},
		"NotHex":           {"a token under the wrong key", bearer, map[string]string{"sha256": canary}, v1alpha1.TokenCredential{}, "64 hexadecimal digits"},
		"ShortHash":        {"SHA-1", bearer, map[string]string{"sha256": sum(canary)[:40]}, v1alpha1.TokenCredential{}, "64 hexadecimal digits"},
		"Prefixed":         {"as digests of images are written", bearer, map[string]string{"sha256": "sha256:" + sum(canary)}, v1alpha1.TokenCredential{}, "64 hexadecimal digits"},
		"HashOfNothing":    {"a pipeline without its variable", bearer, map[string]string{"sha256": sum("")}, v1alpha1.TokenCredential{}, "SHA-256 of nothing"},
		"PasswordOfBearer": {"another type", bearer, map[string]string{"username": "scim", "password": canary}, v1alpha1.TokenCredential{}, `neither the key "token"`},

		"Password":        {"Basic", basic, map[string]string{"username": "scim client", "password": canary}, withName, ""},
		"PasswordHash":    {"Basic", basic, map[string]string{"username": "scim client", "sha256": sum(canary)}, withName, ""},
		"TokenOfBasic":    {"another type", basic, map[string]string{"username": "scim", "token": canary}, v1alpha1.TokenCredential{}, `neither the key "password"`},
		"NoUsername":      {"Basic needs one", basic, map[string]string{"password": canary}, v1alpha1.TokenCredential{}, `needs the key "username"`},
		"ColonInUsername": {"RFC 7617 §2", basic, map[string]string{"username": "a:b", "password": canary}, v1alpha1.TokenCredential{}, "without colons"},
		"UsernameBreaks":  {"echo without -n", basic, map[string]string{"username": "scim\n", "password": canary}, v1alpha1.TokenCredential{}, "control characters"},
		"LongUsername":    {"the status could not hold it", basic, map[string]string{"username": strings.Repeat("a", 256), "password": canary}, v1alpha1.TokenCredential{}, "255"},
		"ShortPassword":   {"a password is a token", basic, map[string]string{"username": "scim", "password": "hunter2"}, v1alpha1.TokenCredential{}, "32 to 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			tok, secret := provided(tc.kind, tc.data)
			after, _ := plan(tok, facts{now: start, directory: directory(), offer: readProvided(tok, secret)})
			if tc.says != "" {
				refusedWith(t, after, v1alpha1.ReasonInvalidSecret, tc.says)
				return
			}
			tc.want.IssuedAt = metav1.Time{Time: start}
			if diff := cmp.Diff([]v1alpha1.TokenCredential{tc.want}, after.Credentials); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// refusedWith wants nothing to be accepted, and a message that tells what to do and nothing of what is in the Secret.
func refusedWith(t *testing.T, s v1alpha1.ScimTokenStatus, why, says string) {
	t.Helper()
	message := s.Conditions[0].Message
	if len(s.Credentials) > 0 || s.Conditions[0].Reason != why || !strings.Contains(message, says) {
		t.Errorf("%d credentials, %s: %q, want %s that says %q", len(s.Credentials), s.Conditions[0].Reason, message, why, says)
	}
	if strings.Contains(message, "accepted before") {
		t.Errorf("%q, and nothing was", message)
	}
	for _, secret := range []string{"canary", "hunter2", sum(canary)[:12], "a:b"} {
		if strings.Contains(message, secret) {
			t.Errorf("%q tells what is in the Secret", message)
		}
	}
}

// TestAProvidedSecretMustOptIn wants nothing of a Secret to be looked at that does not say for which ScimToken it is (OPS-03).
func TestAProvidedSecretMustOptIn(t *testing.T) {
	label, annotation := v1alpha1.LabelCredential, v1alpha1.AnnotationToken
	for name, change := range map[string]func(*corev1.Secret){
		"NoLabel":           func(s *corev1.Secret) { s.Labels = nil },
		"LabelFalse":        func(s *corev1.Secret) { s.Labels[label] = "false" },
		"NoAnnotation":      func(s *corev1.Secret) { s.Annotations = nil },
		"OfAnotherToken":    func(s *corev1.Secret) { s.Annotations[annotation] = "entra" },
		"AnnotationAsLabel": func(s *corev1.Secret) { s.Annotations, s.Labels[annotation] = nil, "okta" },
		"AndIsBad":          func(s *corev1.Secret) { s.Labels, s.Data["token"] = nil, []byte("hunter2") },
	} {
		t.Run(name, func(t *testing.T) {
			tok, secret := provided(v1alpha1.TokenBearer, map[string]string{"token": canary})
			change(secret)
			after, _ := plan(tok, facts{now: start, directory: directory(), offer: readProvided(tok, secret)})
			refusedWith(t, after, v1alpha1.ReasonSecretNotFound, annotation+"=okta")
			if strings.Contains(after.Conditions[0].Message, "32 to 1024") {
				t.Error("the content was looked at")
			}
		})
	}
	tok, _ := provided(v1alpha1.TokenBearer, nil)
	after, _ := plan(tok, facts{now: start, directory: directory(), offer: readProvided(tok, nil)})
	refusedWith(t, after, v1alpha1.ReasonSecretNotFound, `waiting for the Secret "vault"`)
}

// TestASlipLocksNobodyOut: while the Secret is bad, what was accepted still is, and the condition says so.
func TestASlipLocksNobodyOut(t *testing.T) {
	tok, secret := provided(v1alpha1.TokenBearer, map[string]string{"token": canary})
	tok.Status, _ = plan(tok, facts{now: start, directory: directory(), offer: readProvided(tok, secret)})
	secret.Data["token"] = []byte(canary + "\n")
	bad, _ := plan(tok, facts{now: start.Add(100 * day), directory: directory(), offer: readProvided(tok, secret)})
	if diff := cmp.Diff(tok.Status.Credentials, bad.Credentials); diff != "" || !strings.Contains(bad.Conditions[0].Message, "what was accepted before still is") {
		t.Errorf("%s\n%+v", diff, bad.Conditions[0])
	}
	if gone, _ := plan(tok, facts{now: start, directory: directory(), offer: readProvided(tok, nil)}); len(gone.Credentials) != 1 || gone.Conditions[0].Reason != v1alpha1.ReasonSecretNotFound {
		t.Errorf("without the Secret: %s", summary(&gone))
	}
	secret.Data["token"] = []byte("another-" + canary)
	tok.Status = bad
	if good, _ := plan(tok, facts{now: start.Add(day), directory: directory(), offer: readProvided(tok, secret)}); len(good.Credentials) != 2 || good.Credentials[1].NotAfter == nil {
		t.Errorf("after a change: %s", summary(&good))
	}
}
