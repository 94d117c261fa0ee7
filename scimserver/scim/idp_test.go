// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "testing"

// TestIdPBodies replays what identity providers send, literally.
func TestIdPBodies(t *testing.T) {
	type object = map[string]any
	rt := UserResourceType()
	for name, tc := range map[string]struct {
		body string
		want Resource
	}{
		"Okta creates": {
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"test.user@okta.local",
			"name":{"givenName":"Test","familyName":"User"},"emails":[{"primary":true,"value":"test.user@okta.local","type":"work"}],
			"displayName":"Test User","locale":"en-US","externalId":"00ujl29u0le5T6Aj10h7","groups":[],"password":"1mz050nq","active":true}`,
			Resource{
				"userName": "test.user@okta.local", "name": object{"givenName": "Test", "familyName": "User"},
				"emails":      []any{object{"primary": true, "value": "test.user@okta.local", "type": "work"}},
				"displayName": "Test User", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "active": true,
			},
		},
		"Okta puts what it read": {
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"23a35c27-23d3-4c03-b4c5-6443c09e7173","userName":"u",
			"meta":{"resourceType":"User","location":"/x"},"groups":[{"value":"g","display":"G"}],"accounts":["{\"a\":1}"],"active":false}`,
			Resource{"userName": "u", "active": false},
		},
		"Entra creates": {
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
			"externalId":"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef","userName":"Test_User_ab6490ee@testuser.com","active":true,
			"addresses":null,"displayName":null,"emails":[{"primary":true,"type":"work","value":"Test_User_fd0ea19b@testuser.com"}],
			"meta":{"resourceType":"User"},"name":{"formatted":"givenName familyName","familyName":"familyName","givenName":"givenName"},"roles":[]}`,
			Resource{
				"externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Test_User_ab6490ee@testuser.com", "active": true,
				"emails": []any{object{"primary": true, "type": "work", "value": "Test_User_fd0ea19b@testuser.com"}},
				"name":   object{"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
			},
		},
		"Entra creates with custom extension": {
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u",
			"urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User":{"CustomAttribute":"701984"},
			"roles":[{"primary":"True","type":"WindowsAzureActiveDirectoryRole","value":"Admin"}]}`,
			Resource{"userName": "u", "roles": []any{object{"primary": true, "type": "WindowsAzureActiveDirectoryRole", "value": "Admin"}}},
		},
		"OneLogin template": {
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":null,"active":"true","userName":"u","emails":{"value":"u@x","type":"work"},
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"d","manager":{"managerId":"m","displayName":"M"}}}`,
			Resource{
				"active": true, "userName": "u", "emails": []any{object{"value": "u@x", "type": "work"}},
				EnterpriseUserURN: object{"department": "d", "manager": object{"value": "m"}},
			},
		},
		"JumpCloud puts": {
			`{"id":"1","userName":"u","emails":null,"addresses":[],"photos":[{"value":"https://x/p.png"}],
			"phoneNumbers":[{"value":"tel:+1-201-555-0123","type":"work","primary":true}]}`,
			Resource{
				"userName": "u", "photos": []any{object{"value": "https://x/p.png"}},
				"phoneNumbers": []any{object{"value": "tel:+1-201-555-0123", "type": "work", "primary": true}},
			},
		},
		"Keycloak extension creates": {
			`{"userName":"u","externalId":"kc","emails":[{"value":"u@x"}],"roles":[{"value":"admin"}],"active":true}`,
			Resource{"userName": "u", "externalId": "kc", "emails": []any{object{"value": "u@x"}}, "roles": []any{object{"value": "admin"}}, "active": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, rt, tc.body)
			diff(t, name, tc.want, got)
			if err := rt.CheckRequired(got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestIdPPatches(t *testing.T) {
	type object = map[string]any
	rt := UserResourceType()
	start := Resource{"userName": "u", "active": true, "emails": []any{object{"value": "old@x", "type": "work"}}}
	for name, tc := range map[string]struct {
		body string
		want Resource
	}{
		"Okta deactivates": {
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":false}}]}`,
			Resource{"active": false},
		},
		"Okta syncs a password": {
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"password":"pa55"}}]}`,
			Resource{},
		},
		"Entra disables": {
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`,
			Resource{"active": false},
		},
		"Entra updates": {
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
			{"op":"Replace","path":"emails[type eq \"work\"].value","value":"new@x"},
			{"op":"Add","path":"addresses[type eq \"work\"].country","value":"DE"},
			{"op":"Add","path":"name.givenName","value":"G"},
			{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"d"},
			{"op":"Add","path":"manager","value":[{"$ref":"http://x/m","value":"m"}]},
			{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"1\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}]}]}`,
			Resource{
				"emails":    []any{object{"value": "new@x", "type": "work"}},
				"addresses": []any{object{"country": "DE", "type": "work"}}, "name": object{"givenName": "G"},
				"roles":           []any{object{"value": `{"id":"1","value":"Admin","displayName":"Admin"}`}},
				EnterpriseUserURN: object{"department": "d", "manager": object{"value": "m"}},
			},
		},
		"Entra single app role": {
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Add","path":"roles[primary eq \"True\"].value","value":"Admin"},
			{"op":"Add","path":"roles[primary eq \"True\"].display","value":"Admins"}]}`,
			Resource{"roles": []any{object{"primary": true, "value": "Admin", "display": "Admins"}}},
		},
		"Entra aadOptscim062020": {
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
			{"op":"replace","path":"emails[type eq \"work\"].value","value":"new@x"},
			{"op":"replace","value":{"displayName":"D","name.givenName":"G","name.familyName":"F","active":true,
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber":"7"}}]}`,
			Resource{
				"emails": []any{object{"value": "new@x", "type": "work"}}, "displayName": "D",
				"name": object{"givenName": "G", "familyName": "F"}, EnterpriseUserURN: object{"employeeNumber": "7"},
			},
		},
		"Keycloak extension": {
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":"false"},
			{"op":"replace","path":"userName","value":"v"},{"op":"replace","path":"displayName","value":"D"}]}`,
			Resource{"active": false, "userName": "v", "displayName": "D"},
		},
		"authentik sends everything": {
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{
			"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1","externalId":"e","meta":{"resourceType":"User"},"userName":"u"}}]}`,
			Resource{"externalId": "e"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := applyPatch(rt, start, decode(t, tc.body))
			if err != nil {
				t.Fatal(err)
			}
			want := clone(start)
			for key, v := range tc.want {
				want[key] = v
			}
			diff(t, name, want, got)
		})
	}
}
