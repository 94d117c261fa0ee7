// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// credential is one that a ScimToken publishes, ready to be compared with. It is immutable.
type credential struct {
	// owner is shared with caches.
	owner *v1alpha1.ScimToken
	keyID string
	proof proof
	// notAfter is zero if the credential does not end by itself.
	notAfter time.Time
	// lastUsedAt is what the status says; zero if it has not been seen in use.
	lastUsedAt time.Time
}

// credentialsOf are the credentials of t that are good until they expire. There is none in a ScimToken that is going away, nor one that
// its annotation revokes, nor one whose published hash is not a hash, nor one without a key id, which is what nothing has.
func credentialsOf(t *v1alpha1.ScimToken) []*credential {
	if !t.DeletionTimestamp.IsZero() {
		return nil
	}
	var out []*credential
	for _, c := range t.Status.Credentials {
		proof, ok := publishedProof(t.Spec.Type, c)
		if !ok || c.KeyID == "" || t.Revokes(c.KeyID) {
			continue
		}
		out = append(out, &credential{
			owner: t, keyID: c.KeyID, proof: proof,
			notAfter: t.NotAfter(&c), lastUsedAt: timeOf(c.LastUsedAt),
		})
	}
	return out
}

func publishedProof(of v1alpha1.TokenType, c v1alpha1.TokenCredential) (p proof, ok bool) {
	secret, err := hex.DecodeString(c.SHA256)
	if err != nil || len(secret) != sha256.Size {
		return proof{}, false
	}
	if of != v1alpha1.TokenBasic {
		return proofOf([sha256.Size]byte(secret), [sha256.Size]byte{}), true
	}
	return proofOf([sha256.Size]byte(secret), sha256.Sum256([]byte(c.Username))), c.Username != ""
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// opens says whether the credential is good at that time for the directory of want.
func (c *credential) opens(want Scope, now time.Time) bool {
	if v1alpha1.HasEnded(c.notAfter, now) {
		return false
	}
	return want == Scope{} || want == Scope{Namespace: c.owner.Namespace, Directory: c.owner.Spec.DirectoryRef.Name}
}
