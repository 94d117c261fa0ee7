// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package idp

// OneLoginUser is what a JSON template of OneLogin makes of a user, as its users write them: booleans are strings, the id is null, and a
// manager has members that no RFC names.
func OneLoginUser(p Person) Object {
	return Object{
		"schemas":        []string{UserSchema},
		"id":             nil,
		"userName":       p.UserName,
		"externalId":     p.ExternalID,
		"active":         "true",
		"name":           Object{"givenName": p.GivenName, "familyName": p.FamilyName, "formatted": p.GivenName + " " + p.FamilyName},
		"emails":         []Object{{"value": p.UserName, "type": "work", "primary": true}},
		"meta":           Object{"resourceType": "User"},
		EnterpriseSchema: Object{"department": "", "manager": Object{"managerId": "", "displayName": ""}},
	}
}
