// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// AuthenticationType says how requests are authenticated.
// +kubebuilder:validation:Enum=None;Bearer;Basic;Header;OAuth2
type AuthenticationType string

const (
	// AuthenticationNone sends no credential but the client certificate, where the Secret has one.
	AuthenticationNone AuthenticationType = "None"
	// AuthenticationBearer sends the Secret's key "token" as a bearer token.
	AuthenticationBearer AuthenticationType = "Bearer"
	// AuthenticationBasic sends the Secret's keys "username" and "password".
	AuthenticationBasic AuthenticationType = "Basic"
	// AuthenticationHeader sends the Secret's key "token" as the value of a header.
	AuthenticationHeader AuthenticationType = "Header"
	// AuthenticationOAuth2 gets a bearer token with the Secret's keys "clientID" and "clientSecret" (client credentials, RFC 6749 section 4.4).
	AuthenticationOAuth2 AuthenticationType = "OAuth2"
)

// HTTPEndpoint is where an HTTP API is, and who we are there. Redirects are not followed.
// +kubebuilder:validation:XValidation:rule="self.url.startsWith('https://') || (has(self.allowPlaintext) && self.allowPlaintext)",message="the url is not https: credentials and personal data would cross the network in the clear; set allowPlaintext if that is acceptable"
// +kubebuilder:validation:XValidation:rule="self.authentication.type == 'None' || has(self.credentialSecretRef)",message="authentication needs a credentialSecretRef"
// +kubebuilder:validation:XValidation:rule="!has(self.proxyURL) || self.url.startsWith('https://') && (!has(self.authentication.oauth2) || self.authentication.oauth2.tokenURL.startsWith('https://'))",message="proxyURL needs https: the proxy would read the credential"
// +kubebuilder:validation:XValidation:rule="!has(self.authentication.oauth2) || self.authentication.oauth2.tokenURL.startsWith('https://') || (has(self.allowPlaintext) && self.allowPlaintext)",message="the tokenURL is not https: the credential would cross the network in the clear; set allowPlaintext if that is acceptable"
type HTTPEndpoint struct {
	// url is what every path is put behind, without a query, such as https://app.example.com/api/v1.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://[^/?#@\s]+(/[^?#\s]*)?$`
	URL string `json:"url,omitempty"`

	// allowPlaintext lets url, and the tokenURL of OAuth2, begin with http://.
	// +optional
	AllowPlaintext bool `json:"allowPlaintext,omitempty"`

	// authentication says which keys of the Secret are sent, and how.
	// +optional
	// +kubebuilder:default={type: Bearer}
	Authentication HTTPAuthentication `json:"authentication,omitzero"`

	// credentialSecretRef names the Secret with the credential. It carries the label scim-operator.dev/credential=true, and the annotation
	// scim-operator.dev/hosts names every host that it may be sent to. Beside the keys that authentication names it may have "ca.crt", the only
	// authorities that are trusted then, and "tls.crt" and "tls.key", a client certificate.
	// +optional
	CredentialSecretRef *LocalReference `json:"credentialSecretRef,omitempty"`

	// proxyURL is the proxy to go through: http, https or socks5, without a credential, and for https alone. It resolves the name of the host, and
	// decides where that may lead. The annotation scim-operator.dev/hosts of the credential's Secret names the host of the proxy, too. The default is
	// the proxy of the controller's environment.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^(https?|socks5)://[^/?#@\s]+$`
	ProxyURL string `json:"proxyURL,omitempty"`

	// timeoutSeconds bounds each request, from the time when it is sent.
	// +optional
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`

	// maxConnections is how many connections are open, and how many requests are under way, at a time, at most.
	// +optional
	// +kubebuilder:default=8
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	MaxConnections int32 `json:"maxConnections,omitempty"`
}

// HTTPAuthentication says how requests are authenticated.
// +kubebuilder:validation:XValidation:rule="(self.type == 'Header') == has(self.header)",message="header must be set when type is Header, and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'OAuth2') == has(self.oauth2)",message="oauth2 must be set when type is OAuth2, and only then"
type HTTPAuthentication struct {
	// type is None, Bearer, Basic, Header or OAuth2.
	// +optional
	// +kubebuilder:default=Bearer
	Type AuthenticationType `json:"type,omitempty"`

	// header names the header that has the token, and what is put before it.
	// +optional
	Header *HeaderAuthentication `json:"header,omitempty"`

	// oauth2 says where tokens come from.
	// +optional
	OAuth2 *OAuth2Authentication `json:"oauth2,omitempty"`
}

// HeaderAuthentication is a header of the application's own.
type HeaderAuthentication struct {
	// name of the header, such as X-API-Key.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9-]+$`
	Name string `json:"name,omitempty"`

	// prefix is put before the token, such as "token ".
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[ -~]*$`
	Prefix string `json:"prefix,omitempty"`
}

// OAuth2Authentication is the client credentials grant.
type OAuth2Authentication struct {
	// tokenURL is the token endpoint.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://[^/?#@\s]+(/[^?#\s]*)?$`
	TokenURL string `json:"tokenURL,omitempty"`

	// scopes that are asked for.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Scopes []string `json:"scopes,omitempty"`

	// audience is sent along where the issuer wants one.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Audience string `json:"audience,omitempty"`
}
