// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// celRule is a CEL rule of a schema.
type celRule struct{ path, message string }

// celRules are the CEL rules of every kind.
func celRules(t *testing.T) map[string][]celRule {
	t.Helper()
	found := map[string][]celRule{}
	for kind, crd := range crds(t) {
		walk(rootSchema(crd), nil, func(path fieldPath, schema apiextensionsv1.JSONSchemaProps) {
			for _, rule := range schema.XValidations {
				if rule.Message == "" {
					t.Errorf("%s: the rule of %s has no message", kind, path)
				}
				found[kind] = append(found[kind], celRule{path.String(), rule.Message})
			}
		})
	}
	return found
}

// rules are cases for every CEL rule. Bounds and enums are broken one by one in testBounds.
func rules() map[string]rule {
	all := map[string]rule{}
	for _, some := range []map[string]rule{directoryRules(), tokenRules(), dataRules(), groupRules(), applicationRules(), policyRules(), grantRules(), accountRules(), postgreSQLRules(), webhookRules(), httpRules(), ldapRules()} {
		maps.Copy(all, some)
	}
	maps.Copy(all, scimRules())
	maps.Copy(all, authenticationRules())
	return all
}

func name(value string) change { return change{fieldPath{"metadata", "name"}, value} }

func directoryRules() map[string]rule {
	const (
		scheme = "publicURL must be an https URL; http is accepted for 127.0.0.1 and localhost only"
		bare   = "publicURL must have no query, fragment, credentials or trailing slash"
	)
	cases := map[string]rule{
		"DirectoryNameFits":    {reason: "63 characters", create: []change{name(strings.Repeat("a", 63))}},
		"DirectoryNameTooLong": {reason: "64 characters", create: []change{name(strings.Repeat("a", 64))}, wantErr: "the name of a ScimDirectory is part of its URL: at most 63 characters"},
		"DirectoryWithoutSpec": {reason: "everything in it is optional", create: []change{{fieldPath{"spec"}, nil}}},
	}
	for url, wantErr := range map[string]string{
		"https://scim.example.com":             "",
		"https://scim.example.com:8443/prefix": "",
		"http://127.0.0.1:8080":                "",
		"http://localhost:8080":                "",
		"http://scim.example.com":              scheme,
		"http://127.0.0.1.example.com":         scheme,
		"http://localhost.example.com":         scheme,
		"http://[::1]:8080":                    scheme,
		"ftp://scim.example.com":               scheme,
		"scim.example.com":                     scheme,
		"/scim":                                scheme,
		"javascript:alert(1)":                  scheme,
		"https:///scim":                        scheme,
		"https://":                             bare,
		"https://scim.example.com/":            bare,
		"https://scim.example.com?a=b":         bare,
		"https://scim.example.com#a":           bare,
		"https://user:secret@scim.example.com": bare,
	} {
		cases["PublicURL "+url] = rule{reason: url, create: []change{spec(url, "publicURL")}, wantErr: wantErr}
	}
	maps.Copy(cases, settingRules())
	maps.Copy(cases, networkRules())
	maps.Copy(cases, extensionRules())
	return of("ScimDirectory", cases)
}

func settingRules() map[string]rule {
	return map[string]rule{
		"PageLongerThanItMayBe": {reason: "no page would be the default", create: []change{spec(int64(501), "paging", "defaultPageSize")}, wantErr: "defaultPageSize cannot exceed maxPageSize"},
		"PageAsLongAsItMayBe":   {reason: "the bound itself", create: []change{spec(int64(500), "paging", "defaultPageSize")}},
		"DefaultPageAlone":      {reason: "the default of the other counts", create: []change{spec(map[string]any{"defaultPageSize": int64(201)}, "paging")}, wantErr: "defaultPageSize cannot exceed maxPageSize"},
		"StrictAndKeep":         {reason: "which is it?", create: []change{spec("Strict", "protocol", "mode")}, wantErr: "in mode Strict unknown attributes are refused and cannot be kept"},
		"StrictAlone":           {reason: "the default is to drop", create: []change{spec(map[string]any{"mode": "Strict"}, "protocol")}},
		"SettingsChange": {reason: "all of them can be changed", update: []change{
			spec(nil, "operations"), spec(nil, "deletion"), spec(nil, "paging"), spec(nil, "protocol"), spec(nil, "extensions"), spec(nil, "suspended"),
			spec(nil, "limits"), spec(nil, "authentication", "allowedCIDRs"),
		}},
	}
}

func networkRules() map[string]rule {
	const wantErr = "allowedCIDRs must be networks such as 203.0.113.0/24"
	cases := map[string]rule{}
	for cidr, says := range map[string]string{
		"203.0.113.0/24":                        "",
		"203.0.113.9/32":                        "",
		"203.0.113.9/24":                        "", // whoever pastes an address with its mask means the network
		"0.0.0.0/0":                             "",
		"2001:db8::/32":                         "",
		"2001:db8::1/128":                       "",
		"2001:0DB8:0:0:0:0:255.255.255.255/128": "",
		"203.0.113.9":                           wantErr,
		"203.0.113.0/33":                        wantErr,
		"203.0.113/24":                          wantErr,
		"scim.example.com":                      wantErr,
		"fe80::1%eth0/64":                       wantErr,
		"10.0.0.0/08":                           wantErr,
	} {
		cases["Network "+cidr] = rule{reason: cidr, create: []change{spec([]any{cidr}, "authentication", "allowedCIDRs")}, wantErr: says}
	}
	return cases
}

func extensionRules() map[string]rule {
	const (
		known     = "urn is that of a schema of RFC 7643; leave urn out to declare further attributes of the core schema"
		coreUser  = "the core User has an attribute of this name"
		coreGroup = "the core Group has an attribute of this name"
		writeOnly = "a writeOnly attribute is returned never"
		shape     = "a complex attribute, and no other, has subAttributes"
	)
	in := func(value any, path ...any) change { return spec(value, append([]any{"extensions", 0}, path...)...) }
	attributes := func(names ...string) change {
		var all []any
		for _, name := range names {
			all = append(all, map[string]any{"name": name})
		}
		return in(all, "attributes")
	}
	extensions := func(urns ...string) change {
		var all []any
		for _, urn := range urns {
			e := map[string]any{"resourceType": "User", "attributes": []any{map[string]any{"name": "a"}}}
			if urn != "" {
				e["urn"] = urn
			}
			all = append(all, e)
		}
		return spec(all, "extensions")
	}
	return map[string]rule{
		"CoreURN":            {reason: "it is there", create: []change{in("urn:ietf:params:scim:schemas:CORE:2.0:User", "urn")}, wantErr: known},
		"EnterpriseURN":      {reason: "it is there", create: []change{in("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "urn")}, wantErr: known},
		"OktaURN":            {reason: "a namespace as Okta names it", create: []change{in("urn:okta:acme_app:1.0:user:custom", "urn")}},
		"CoreUserAttribute":  {reason: "userName is there", create: []change{in(nil, "urn"), attributes("username")}, wantErr: coreUser},
		"CoreGroupAttribute": {reason: "members is there", create: []change{in(nil, "urn"), in("Group", "resourceType"), attributes("Members")}, wantErr: coreGroup},
		"OwnNamesMayBeThose": {reason: "they are under the URN", create: []change{attributes("userName", "members")}},
		"NewCoreAttribute":   {reason: "Okta's core namespace", create: []change{in(nil, "urn"), attributes("accounts", "members")}},
		"SameName":           {reason: "case does not count", create: []change{attributes("level", "Level")}, wantErr: "attribute names must differ in more than case"},
		"SameSubName":        {reason: "case does not count", create: []change{in([]any{map[string]any{"name": "a"}, map[string]any{"name": "A"}}, "attributes", 0, "subAttributes")}, wantErr: "the names of subAttributes must differ in more than case"},
		"ComplexOfNothing":   {reason: "there would be no value", create: []change{in(nil, "attributes", 0, "subAttributes")}, wantErr: shape},
		"SimpleWithParts":    {reason: "a string has none", create: []change{in("string", "attributes", 0, "type")}, wantErr: shape},
		"WriteOnlyShown":     {reason: "it is not kept", create: []change{in("writeOnly", "attributes", 0, "mutability")}, wantErr: writeOnly, at: "spec.extensions[0].attributes[0]"},
		"WriteOnlyPartShown": {reason: "it is not kept", create: []change{in("writeOnly", "attributes", 0, "subAttributes", 0, "mutability")}, wantErr: writeOnly, at: "spec.extensions[0].attributes[0].subAttributes[0]"},
		"WriteOnlyNever":     {reason: "accepted and discarded", create: []change{in("writeOnly", "attributes", 0, "mutability"), in("never", "attributes", 0, "returned")}},
		"SameURN":            {reason: "case does not count", create: []change{extensions("urn:a:b", "URN:A:B")}, wantErr: "each resourceType and urn may be declared once"},
		"CoreTwice":          {reason: "one list says all", create: []change{extensions("", "")}, wantErr: "each resourceType and urn may be declared once"},
		"CoreAndOwn":         {reason: "two schemas", create: []change{extensions("", "urn:a:b", "urn:a:c")}},
	}
}

func dataRules() map[string]rule {
	cases := of("ScimUser", map[string]rule{
		"UserDirectoryChanges": {
			reason: "a user belongs to its directory", update: []change{spec("other", "directoryRef", "name")},
			wantErr: "directoryRef cannot change",
		},
		"UserChanges": {reason: "the rest is the identity provider's", update: []change{
			spec("joe@example.com", "userName"), spec("Suspended", "state"), spec(nil, "externalID"), spec(nil, "attributes"),
		}},
		"UserDeleted": {reason: "kept for a while", update: []change{spec("Suspended", "state"), spec("2026-01-01T00:00:00Z", "deletedAt")}},
		"UserDeletedAndActive": {
			reason: "a leaver would be inside", update: []change{spec("2026-01-01T00:00:00Z", "deletedAt")},
			wantErr: "a deleted user is Suspended",
		},
		"UserRestored": {
			reason: "another user may have the name", create: []change{spec("Suspended", "state"), spec("2026-01-01T00:00:00Z", "deletedAt")},
			update: []change{spec(nil, "deletedAt")}, wantErr: "a deleted user stays deleted",
		},
		"UserAttributesKeepShape": {reason: "extensions are under their URN", create: []change{spec(map[string]any{
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"manager": map[string]any{"value": "1"}},
		}, "attributes")}},
	})
	maps.Copy(cases, of("ScimName", map[string]rule{
		"NameDirectoryChanges": {reason: "it is in the hash", update: []change{spec("other", "directoryRef", "name")}, wantErr: "directoryRef cannot change"},
		"NameValueChanges":     {reason: "it is in the hash", update: []change{spec("other", "value")}, wantErr: "value cannot change"},
		"NameAttributeChanges": {reason: "it is in the hash", update: []change{spec("GroupDisplayName", "attribute")}, wantErr: "attribute cannot change"},
		"NameOfGroup":          {reason: "groups are looked up by it", create: []change{spec("GroupDisplayName", "attribute"), spec("engineers", "value")}},
		"NameBound":            {reason: "a reservation is bound to its holder and claimed again", update: []change{spec("Bound", "state"), spec(int64(2), "claims")}},
	}))
	return cases
}

func groupRules() map[string]rule {
	const (
		either = "a slice has members or children, not both"
		full   = "a slice has at most 100 members"
	)
	cases := of("ScimGroup", map[string]rule{
		"GroupDirectoryChanges": {
			reason: "a group belongs to its directory", update: []change{spec("other", "directoryRef", "name")},
			wantErr: "directoryRef cannot change",
		},
		"GroupChanges": {reason: "the rest is the identity provider's", update: []change{
			spec("Builders", "displayName"), spec(nil, "externalID"), spec(int64(8), "membersRevision"), spec(nil, "attributes"),
		}},
		"GroupOfNobody": {reason: "members are not part of it", create: []change{spec(nil, "membersRevision"), spec(nil, "attributes")}},
	})
	maps.Copy(cases, of("ScimMemberSlice", map[string]rule{
		"SliceGroupChanges":  {reason: "the members would join another group", update: []change{spec("other", "groupRef", "name")}, wantErr: "groupRef cannot change"},
		"SliceOfNobody":      {reason: "the last member left", update: []change{spec(nil, "users"), spec(nil, "groups"), spec(nil, "unknown")}},
		"SliceSplit":         {reason: "it was full", update: []change{spec(nil, "users"), spec(nil, "groups"), spec(nil, "unknown"), spec(names(2), "children")}},
		"UsersAndChildren":   {reason: "the users would be nowhere", update: []change{spec(nil, "groups"), spec(nil, "unknown"), spec(names(2), "children")}, wantErr: either},
		"GroupsAndChildren":  {reason: "the groups would be nowhere", update: []change{spec(nil, "users"), spec(nil, "unknown"), spec(names(2), "children")}, wantErr: either},
		"UnknownAndChildren": {reason: "the unknown would be nowhere", update: []change{spec(nil, "users"), spec(nil, "groups"), spec(names(2), "children")}, wantErr: either},
		"SliceFull":          {reason: "100 in all", create: []change{spec(names(60), "users"), spec(names(30), "groups"), spec(names(10), "unknown")}},
		"SliceFullOfUsers":   {reason: "100 in all", create: []change{spec(names(100), "users"), spec(nil, "groups"), spec(nil, "unknown")}},
		"SliceTooFull":       {reason: "101 in all, few enough of each", create: []change{spec(names(60), "users"), spec(names(30), "groups"), spec(names(11), "unknown")}, wantErr: full},
	}))
	return cases
}

// names is a list of n names.
func names(n int) (list []any) {
	for i := range n {
		list = append(list, fmt.Sprintf("name-%d", i))
	}
	return list
}

func of(kind string, cases map[string]rule) map[string]rule {
	for name, c := range cases {
		c.kind = kind
		cases[name] = c
	}
	return cases
}
