// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/jwk"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// entraShared is the audience of the tokens that Entra ID sends to every application of a tenant: whoever runs one of them could use its token here.
const entraShared = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"

// policy is what a directory accepts, as one version of it says. It does not change.
type policy struct {
	version     string
	issuer      string
	audiences   []string
	required    []v1alpha1.RequiredClaim
	maxLifetime time.Duration
	// pin is the claim that names the client.
	pin        string
	algorithms []v1alpha1.JWTAlgorithm
	keys       []identified
}

// identified is a key and the kid under which it was published.
type identified struct {
	id string
	jwk.Key
}

// pins are the claims that can name a client, the better ones first. The order is fixed, so that the client has the same name whatever the order
// in the directory.
func pins() []string { return []string{"azp", "appid", "client_id", "cid", "oid", "sub"} }

func isPin(claim string) bool { return slices.Contains(pins(), claim) }

// compile reads what dir says. A directory without JWT, and one whose keys have not been fetched, gets a policy that accepts nothing.
func compile(dir *v1alpha1.ScimDirectory) *policy {
	p := &policy{version: dir.ResourceVersion}
	spec := dir.Spec.Authentication.JWT
	if spec == nil {
		return p
	}
	p.issuer, p.required, p.algorithms = spec.Issuer, spec.RequiredClaims, spec.Algorithms
	p.audiences, p.pin = audiences(spec), pinOf(spec.RequiredClaims)
	if spec.MaxLifetime != nil {
		p.maxLifetime = spec.MaxLifetime.Duration
	}
	for _, published := range jwk.Current(dir) {
		if key, err := jwk.Parse([]byte(published.JWK)); err == nil {
			p.keys = append(p.keys, identified{published.KeyID, key})
		}
	}
	return p
}

// audiences leaves Entra's shared audience out unless the application is pinned. The schema refuses such a directory already; this is for one that
// was stored before the schema did.
func audiences(spec *v1alpha1.JWTAuthentication) []string {
	pinned := slices.ContainsFunc(spec.RequiredClaims, func(c v1alpha1.RequiredClaim) bool {
		return slices.Contains([]string{"appid", "azp", "oid"}, c.Name)
	})
	if spec.AllowSharedAudience && pinned {
		return spec.Audiences
	}
	return slices.DeleteFunc(slices.Clone(spec.Audiences), func(audience string) bool { return audience == entraShared })
}

// pinOf is the claim that names the client; empty if none is required, and then no token is accepted.
func pinOf(required []v1alpha1.RequiredClaim) string {
	for _, pin := range pins() {
		if slices.ContainsFunc(required, func(c v1alpha1.RequiredClaim) bool { return c.Name == pin }) {
			return pin
		}
	}
	return ""
}

// key is the one that a token means: that of its kid if it fits the algorithm, and without a kid the only one that fits. It is nil if there is a
// reason to refuse the token.
func (p *policy) key(h header) (*jwk.Key, refusal) {
	if !slices.Contains(p.algorithms, h.algorithm) {
		return nil, refusedAlgorithm
	}
	var found *jwk.Key
	for i := range p.keys {
		candidate := &p.keys[i]
		if h.keyID != "" && h.keyID != candidate.id || !candidate.Fits(h.algorithm) {
			continue
		}
		if found != nil {
			return nil, refusedKey
		}
		found = &candidate.Key
	}
	if found == nil {
		return nil, refusedKey
	}
	return found, ""
}

// maxPolicies bounds what is remembered. A directory of which that is forgotten costs some microseconds more, once.
const maxPolicies = 1024

// policies remembers the policy of the last seen version of each directory. Reading takes no lock.
type policies struct {
	byUID sync.Map // types.UID to *policy
	count atomic.Int64
}

func (ps *policies) of(dir *v1alpha1.ScimDirectory) *policy {
	if dir.UID == "" || dir.ResourceVersion == "" { // no object of an API server
		return compile(dir)
	}
	if known, ok := ps.byUID.Load(dir.UID); ok {
		if p := known.(*policy); p.version == dir.ResourceVersion { // nothing else is stored
			return p
		}
	}
	p := compile(dir)
	ps.remember(dir.UID, p)
	return p
}

func (ps *policies) remember(uid types.UID, p *policy) {
	if _, known := ps.byUID.Swap(uid, p); known || ps.count.Add(1) <= maxPolicies {
		return
	}
	ps.byUID.Clear() // directories come and go; those that are in use are back with their next request
	ps.count.Store(0)
}
