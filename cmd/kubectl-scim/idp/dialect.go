// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package idp

import (
	"net/url"
	"strings"
)

// The URNs of the schemas that clients name.
const (
	UserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	EnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	PatchSchema      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// OktaTest is the path of Okta's connection test.
const OktaTest = "/Users?startIndex=1&count=2"

// Person is somebody whom an identity provider knows.
type Person struct {
	UserName, ExternalID, GivenName, FamilyName string
}

// OktaFind is the path by which Okta looks for a user before it creates one.
func OktaFind(userName string) string {
	filter := url.QueryEscape(`userName eq "` + userName + `"`)
	return "/Users?filter=" + strings.ReplaceAll(filter, "+", "%20") + "&startIndex=1&count=100" // Okta writes no plus
}

// OktaUser is what Okta posts, with the read-only groups and the password that it always sends.
func OktaUser(p Person) Object {
	return Object{
		"schemas":     []string{UserSchema},
		"userName":    p.UserName,
		"name":        Object{"givenName": p.GivenName, "familyName": p.FamilyName},
		"emails":      []Object{{"primary": true, "value": p.UserName, "type": "work"}},
		"displayName": p.GivenName + " " + p.FamilyName,
		"locale":      "en-US",
		"externalId":  p.ExternalID,
		"groups":      []Object{},
		"password":    "1mz050nq",
		"active":      true,
	}
}

// OktaPatch is how Okta activates and deactivates users of catalogue applications.
func OktaPatch(active bool) Object {
	return Object{
		"schemas":    []string{PatchSchema},
		"Operations": []Object{{"op": "replace", "value": Object{"active": active}}},
	}
}

// EntraTest is the path of Entra's connection test: a filter that must find nobody. guid is random.
func EntraTest(guid string) string { return EntraFind(guid) }

// EntraFind is the path by which Entra looks for a user.
func EntraFind(userName string) string {
	return "/Users?filter=" + url.QueryEscape(`userName eq "`+userName+`"`)
}

// EntraUser is what Entra posts, with an extension that it names and does not use.
func EntraUser(p Person) Object {
	return Object{
		"schemas":    []string{UserSchema, EnterpriseSchema},
		"externalId": p.ExternalID,
		"userName":   p.UserName,
		"active":     true,
		"emails":     []Object{{"primary": true, "type": "work", "value": p.UserName}},
		"meta":       Object{"resourceType": "User"},
		"name":       Object{"formatted": p.GivenName + " " + p.FamilyName, "familyName": p.FamilyName, "givenName": p.GivenName},
		"roles":      []Object{},
	}
}

// EntraPatch replaces one attribute in Entra's default dialect: a capital Replace, booleans as "True" and "False".
func EntraPatch(path string, value any) Object {
	switch value {
	case true:
		value = "True"
	case false:
		value = "False"
	}
	return Object{
		"schemas":    []string{PatchSchema},
		"Operations": []Object{{"op": "Replace", "path": path, "value": value}},
	}
}
