// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwk

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// maxKeys, maxKeyID and maxJSON are those of the schema of status.authentication.keys.
	maxKeys  = 32
	maxKeyID = 512
	maxJSON  = 8192
	// maxMembers bounds the work that a set can make.
	maxMembers = 1024
)

var (
	// ErrNoSet says that a document is not a JWK Set.
	ErrNoSet = errors.New("the document is not a JWK Set")
	// ErrTooMany says that a set has more than 32 keys that count.
	ErrTooMany = errors.New("the set has more than 32 keys")
	// ErrAmbiguous says that two different keys have the same kid: which of them a token means, nobody can tell.
	ErrAmbiguous = errors.New("two keys of the set have the same kid")
)

// Set reads a JWK Set (RFC 7517 §5) and returns the keys that count, sorted by their id, and how many do not. Without any it is no error. The
// error is one of ErrNoSet, ErrTooMany and ErrAmbiguous, and quotes nothing of the document.
func Set(document []byte) (keys []v1alpha1.PublicKey, left int, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(document, &set) != nil || set.Keys == nil || len(set.Keys) > maxMembers {
		return nil, 0, ErrNoSet
	}
	for _, text := range set.Keys {
		key, ok := published(text)
		if !ok {
			left++
			continue
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b v1alpha1.PublicKey) int {
		return cmp.Or(strings.Compare(a.KeyID, b.KeyID), strings.Compare(a.JWK, b.JWK))
	})
	keys = slices.Compact(keys)
	for i := 1; i < len(keys); i++ {
		if keys[i].KeyID == keys[i-1].KeyID {
			return nil, 0, ErrAmbiguous
		}
	}
	if len(keys) > maxKeys {
		return nil, 0, ErrTooMany
	}
	return keys, left, nil
}

func published(text []byte) (v1alpha1.PublicKey, bool) {
	key, err := Parse(text)
	if err != nil {
		return v1alpha1.PublicKey{}, false
	}
	canonical, err := key.JSON()
	id := key.ID()
	if err != nil || id == "" || utf8.RuneCountInString(id) > maxKeyID || len(canonical) > maxJSON {
		return v1alpha1.PublicKey{}, false
	}
	return v1alpha1.PublicKey{KeyID: id, JWK: canonical}, true
}

// Current returns the published keys of dir that are for its spec as it is now: none if there is no spec.authentication.jwt, or if they were
// fetched for another issuer or from another address.
func Current(dir *v1alpha1.ScimDirectory) []v1alpha1.PublicKey {
	spec, status := dir.Spec.Authentication.JWT, dir.Status.Authentication
	if spec == nil || status.Issuer != spec.Issuer || spec.JWKSURL != "" && status.JWKSURL != spec.JWKSURL {
		return nil
	}
	return status.Keys
}
