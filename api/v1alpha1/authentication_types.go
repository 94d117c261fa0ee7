// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TokenPolicy says how many ScimTokens of a directory are valid at a time.
// +kubebuilder:validation:Enum=Many;Newest
type TokenPolicy string

const (
	// TokensMany lets every ScimToken of the directory be valid.
	TokensMany TokenPolicy = "Many"
	// TokensNewest ends every ScimToken of the directory but the newest.
	TokensNewest TokenPolicy = "Newest"
)

// DirectoryAuthentication says who may speak for the identity provider, and from where.
type DirectoryAuthentication struct {
	// tokens is Many if every ScimToken of the directory is valid, and Newest if a new one ends the others as soon as it is issued.
	// +optional
	// +default="Many"
	Tokens TokenPolicy `json:"tokens,omitempty"`

	// jwt lets in who presents a JSON Web Token of an issuer (OAuth 2.0, RFC 9068), beside the ScimTokens.
	// +optional
	JWT *JWTAuthentication `json:"jwt,omitempty"`

	// allowedCIDRs are the networks that requests may come from, whatever the credential; any without them. Behind a proxy, scim-server knows the address
	// of the client only if it was told to trust the proxy.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="self.all(c, isCIDR(c))",message="allowedCIDRs must be networks such as 203.0.113.0/24"
	AllowedCIDRs []string `json:"allowedCIDRs,omitempty"`
}

// JWTAlgorithm is a signature algorithm with a public key (RFC 7518 §3.1). There are no others: whoever checks an HMAC could also make it.
// +kubebuilder:validation:Enum=RS256;RS384;RS512;PS256;PS384;PS512;ES256;ES384;ES512;EdDSA
type JWTAlgorithm string

// JWTAuthentication says which JSON Web Tokens open the directory.
// +kubebuilder:validation:XValidation:rule="self.requiredClaims.exists(c, c.name in ['sub', 'azp', 'appid', 'client_id', 'cid', 'oid'])",message="requiredClaims must pin the client: one of sub, azp, appid, client_id, cid or oid"
// +kubebuilder:validation:XValidation:rule="!('8adf8e6e-67b2-4cf2-a259-e3dc5476c621' in self.audiences) || has(self.allowSharedAudience) && self.allowSharedAudience && self.requiredClaims.exists(c, c.name in ['appid', 'azp', 'oid'])",message="every application of an Entra tenant gets tokens with this audience: set allowSharedAudience and pin appid, azp or oid, or register an audience of your own"
type JWTAuthentication struct {
	// issuer is the "iss" of the tokens, and where the keys are discovered: issuer + "/.well-known/openid-configuration".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://[^?#@\s]+$`
	Issuer string `json:"issuer,omitempty"`

	// jwksURL is where the public keys are (RFC 7517); without it, it is discovered.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://[^#@\s]+$`
	JWKSURL string `json:"jwksURL,omitempty"`

	// allowPlaintext lets issuer and jwksURL begin with http://. Whoever can change what is sent between here and there can then let themselves in.
	// +optional
	AllowPlaintext bool `json:"allowPlaintext,omitempty"`

	// certificateAuthority has the certificates, in PEM, of the only authorities that are trusted at issuer and jwksURL. Without it, those are that
	// scim-controller's system trusts.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	// +kubebuilder:validation:XValidation:rule="self.contains('-----BEGIN CERTIFICATE-----')",message="certificateAuthority must be certificates in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
	// +kubebuilder:validation:XValidation:rule="!self.contains('PRIVATE KEY-----')",message="certificateAuthority has a private key in it: take it out, and use another key from now on"
	CertificateAuthority string `json:"certificateAuthority,omitempty"`

	// audiences are those of which a token must have one in "aud", such as the identifier of an API that was registered for this directory alone.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	Audiences []string `json:"audiences,omitempty"`

	// allowSharedAudience accepts the audience that Entra ID gives to the tokens of every application of a tenant.
	// +optional
	AllowSharedAudience bool `json:"allowSharedAudience,omitempty"`

	// requiredClaims are what a token must say, all of them. One pins the client.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	RequiredClaims []RequiredClaim `json:"requiredClaims,omitempty"`

	// algorithms are the signature algorithms that are accepted.
	// +optional
	// +listType=set
	// +kubebuilder:default={"RS256", "ES256"}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	Algorithms []JWTAlgorithm `json:"algorithms,omitempty"`

	// maxLifetime is how long a token may be valid at most, from "iat" to "exp".
	// +optional
	// +kubebuilder:default="24h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}[hms]){1,3}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('8760h')",message="maxLifetime must be from 1m to 8760h"
	MaxLifetime *metav1.Duration `json:"maxLifetime,omitempty"`

	// scopes are what such tokens may be used for; everything without them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Scopes []TokenScope `json:"scopes,omitempty"`
}

// RequiredClaim is a claim and the values of which it must have one. A claim that is a list must contain one.
type RequiredClaim struct {
	// name of the claim.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Name string `json:"name,omitempty"`

	// values of which one must be there, compared exactly.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	Values []string `json:"values,omitempty"`
}

// DirectoryLimits bounds how fast one credential may ask, on each replica of scim-server. What is above is answered 429 with Retry-After. Reads,
// creations, and changes with deletions are counted apart, so that a flood of joiners does not keep a leaver waiting.
type DirectoryLimits struct {
	// requestsPerSecond of one credential and each of the three kinds of requests, on average. Entra ID wants at least 25.
	// +optional
	// +kubebuilder:default=200
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`

	// burst is how many requests may come at once.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Burst int32 `json:"burst,omitempty"`
}

// PublicKey is a key with which an issuer signs.
type PublicKey struct {
	// keyID is the "kid" of the key.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	KeyID string `json:"keyID,omitempty"`

	// jwk is the public key as JSON (RFC 7517 §4), without anything private.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	JWK string `json:"jwk,omitempty"`
}

// DirectoryAuthenticationStatus is what scim-server needs to check JSON Web Tokens without a network of its own.
type DirectoryAuthenticationStatus struct {
	// issuer is the one that the keys were fetched for. Keys of another issuer than that of the spec are not used.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Issuer string `json:"issuer,omitempty"`

	// jwksURL is where the keys came from.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	JWKSURL string `json:"jwksURL,omitempty"`

	// keys of the issuer, as scim-controller fetched them last.
	// +optional
	// +listType=map
	// +listMapKey=keyID
	// +kubebuilder:validation:MaxItems=32
	Keys []PublicKey `json:"keys,omitempty"`

	// fetchedAt is when the keys were last found to be these, to about an hour.
	// +optional
	FetchedAt metav1.Time `json:"fetchedAt,omitzero"`
}
