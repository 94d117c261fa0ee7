// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"fmt"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// instructions tell whoever reads the Secret what goes where. The names of the fields are those of the identity providers' consoles.
func instructions(kind v1alpha1.TokenType, url string) string {
	if kind == v1alpha1.TokenBasic {
		return fmt.Sprintf(forBasic, url)
	}
	return fmt.Sprintf(forHeaders, url)
}

const forHeaders = `SCIM 2.0 base URL: %s
The token is in this Secret under the key "token". Copy it without a line break at its end.

Okta, app of the App Integration Wizard (Provisioning > Integration):
  SCIM connector base URL: the URL.  Unique identifier field for users: userName.
  Authentication Mode: HTTP Header.  Authorization: the token; Okta writes "Bearer " before it.
Okta, app of the catalogue (OIN):
  Base URL: the URL.  API Token: the token. If the app sends the token as it is (header auth), put "Bearer " before it.
Microsoft Entra ID (Enterprise application > Provisioning > Admin Credentials):
  Tenant URL: the URL.  Secret Token: the token.
OneLogin, app "SCIM Provisioner with SAML (SCIM v2 Core)" or "(SCIM v2 Enterprise)" (Configuration):
  SCIM Base URL: the URL.  SCIM Bearer Token: the token.
JumpCloud (the application > Identity Management):
  SCIM Version: SCIM 2.0.  Base URL: the URL.  Token Key: the token.
Keycloak with a SCIM extension:
  SCIM endpoint: the URL.  Authentication: bearer, with the token.
authentik (Providers > SCIM Provider):
  URL: the URL.  Token: the token.
PingOne (Integrations > Provisioning > SCIM Outbound):
  SCIM base URL: the URL.  Authentication method: OAuth 2 Bearer Token.  OAuth Access Token: the token.
PingFederate (SCIM Provisioner):
  SCIM URL: the URL.  SCIM Version: 2.0.  Authentication: OAuth 2 Bearer Token.  Access Token: the token.

Once it is pasted, this Secret may be deleted: the token stays valid.
`

const forBasic = `SCIM 2.0 base URL: %s
The user name is in this Secret under the key "username", the password under the key "password". Copy them without a line break at the end.

Okta, app of the App Integration Wizard (Provisioning > Integration):
  SCIM connector base URL: the URL.  Unique identifier field for users: userName.
  Authentication Mode: Basic Auth.  Username and Password: as in this Secret.
Keycloak with a SCIM extension:
  SCIM endpoint: the URL.  Authentication: basic, with user name and password.
PingOne (Integrations > Provisioning > SCIM Outbound):
  SCIM base URL: the URL.  Authentication method: Basic Authentication.  Basic Auth User and Basic Auth Password: as in this Secret.
PingFederate (SCIM Provisioner):
  SCIM URL: the URL.  SCIM Version: 2.0.  Authentication: Basic Authentication, with user name and password.
Okta apps of the catalogue, Microsoft Entra ID, OneLogin, JumpCloud and authentik have no field for a user name here: make a ScimToken of type Bearer.

Once it is pasted, this Secret may be deleted: the password stays valid.
`
