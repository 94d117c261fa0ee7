// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// minDistinct is how many different characters a credential has at least. A random one of 32 hexadecimal digits has fewer once in 20 million.
	minDistinct = 8
	// maxUsername is the longest user name that the status holds.
	maxUsername = 255
	// hashOfNothing is the SHA-256 of the empty string: what a pipeline publishes whose variable is not set.
	hashOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// badSecret is what is wrong with the content of a Secret. Its text tells what to do, and nothing of the content.
type badSecret string

func (b badSecret) Error() string { return string(b) }

// readProvided returns what a provided Secret offers; secret is nil if there is none. Whether the Secret is meant for this ScimToken is looked at before
// anything in it is (OPS-03).
func readProvided(tok *v1alpha1.ScimToken, secret *corev1.Secret) offer {
	name := tok.Spec.Provided.SecretName
	if secret == nil {
		return refused(false, v1alpha1.ReasonSecretNotFound, fmt.Sprintf("waiting for the Secret %q", name))
	}
	if secret.Labels[v1alpha1.LabelCredential] != "true" || secret.Annotations[v1alpha1.AnnotationToken] != tok.Name {
		return refused(false, v1alpha1.ReasonSecretNotFound, fmt.Sprintf("the Secret %q is not meant for this ScimToken: give it the label %s=true and the annotation %s=%s if it is",
			name, v1alpha1.LabelCredential, v1alpha1.AnnotationToken, tok.Name))
	}
	credential, err := parseProvided(tok.Spec.Type, secret.Data)
	if err != nil {
		return refused(true, v1alpha1.ReasonInvalidSecret, fmt.Sprintf("the Secret %q %s", name, err))
	}
	return offer{credential: &credential, remark: "the credential in the provided Secret is accepted"}
}

// parseProvided finds the credential of that type in a Secret. The error is a badSecret.
func parseProvided(kind v1alpha1.TokenType, data map[string][]byte) (v1alpha1.TokenCredential, error) {
	plainKey, username := SecretKeyToken, ""
	if kind == v1alpha1.TokenBasic {
		plainKey, username = SecretKeyPassword, string(data[SecretKeyUsername])
		if !isUsername(username) {
			return v1alpha1.TokenCredential{}, badSecret(fmt.Sprintf("needs the key %q: 1 to %d characters without colons and control characters", SecretKeyUsername, maxUsername))
		}
	}
	plain, hasPlain := data[plainKey]
	hash, hasHash := data[SecretKeySHA256]
	var c v1alpha1.TokenCredential
	var err error
	switch {
	case hasPlain:
		c, err = parsePlain(plainKey, string(plain))
	case hasHash:
		c, err = parseHash(string(hash))
	default:
		err = badSecret(fmt.Sprintf("has neither the key %q nor the key %q", plainKey, SecretKeySHA256))
	}
	if err == nil && hasPlain && hasHash {
		if other, bad := parseHash(string(hash)); bad != nil || other.SHA256 != c.SHA256 {
			err = badSecret(fmt.Sprintf("has under the key %q another SHA-256 than that of what is under %q: take one of the two away", SecretKeySHA256, plainKey))
		}
	}
	c.Username = username
	return c, err
}

func parsePlain(key, plain string) (v1alpha1.TokenCredential, error) {
	parsed, err := token.Foreign(plain)
	switch {
	case err != nil && strings.TrimSpace(plain) != plain:
		return v1alpha1.TokenCredential{}, badSecret(fmt.Sprintf("has spaces or a line break around what is under the key %q: store it without them (echo -n)", key))
	case err != nil:
		return v1alpha1.TokenCredential{}, badSecret(fmt.Sprintf("must have under the key %q %d to %d printable ASCII characters without spaces; what begins with scimop_ must be a whole token",
			key, token.MinForeignLen, token.MaxForeignLen))
	case isGuessable(plain):
		return v1alpha1.TokenCredential{}, badSecret(fmt.Sprintf("has something under the key %q that is easily guessed: use 32 random bytes in base64 or hexadecimal", key))
	}
	return v1alpha1.TokenCredential{KeyID: parsed.KeyID(), SHA256: parsed.SHA256()}, nil
}

func parseHash(hash string) (v1alpha1.TokenCredential, error) {
	hash = strings.ToLower(strings.TrimSpace(hash))
	if sum, err := hex.DecodeString(hash); err != nil || len(sum) != 32 {
		return v1alpha1.TokenCredential{}, badSecret(fmt.Sprintf("must have under the key %q a SHA-256: 64 hexadecimal digits and nothing else", SecretKeySHA256))
	}
	if hash == hashOfNothing {
		return v1alpha1.TokenCredential{}, badSecret(fmt.Sprintf("has under the key %q the SHA-256 of nothing: what made it had no credential", SecretKeySHA256))
	}
	return v1alpha1.TokenCredential{KeyID: token.ForeignKeyID(hash), SHA256: hash}, nil
}

// isUsername is whether s can be the user-id of RFC 7617 §2, and fits into the status.
func isUsername(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxUsername && !strings.Contains(s, ":") && !strings.ContainsFunc(s, unicode.IsControl)
}

// isGuessable finds what was typed or left from an example, not made at random.
func isGuessable(plain string) bool {
	distinct := map[rune]bool{}
	for _, r := range plain {
		distinct[r] = true
	}
	lower := strings.ToLower(plain)
	for _, word := range []string{"changeme", "change-me", "change_me", "placeholder", "your-token", "example"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return len(distinct) < minDistinct
}
