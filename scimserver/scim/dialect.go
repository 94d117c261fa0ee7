// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// Rule names one thing outside the RFCs that some client sends and this package accepts. It is fit for a metric label.
type Rule string

// Dialect says what a [ResourceType] accepts beyond the RFCs. The zero Dialect accepts what the known clients send, and drops
// attributes that no schema has.
type Dialect struct {
	// Strict refuses everything outside the RFCs, unknown attributes too, with 400.
	Strict bool
	// KeepUnknown keeps attributes that no schema has, as they were sent, and shows them. It cannot be combined with Strict.
	KeepUnknown bool
	// Used, if not nil, is called each time a rule accepted something. It must be safe for concurrent use.
	//
	// All rules but one are known to be used when a request is parsed. That one, createOnNoMatch, depends on the resource: it is
	// counted by each [Patch.Apply] that creates a value, so a store that repeats Apply counts it again.
	Used func(Rule)
}

// takes counts r and reports true, unless the dialect is strict. It is asked only where r would accept something; what it
// turns down is left to the code behind, which follows the RFCs and refuses it.
func (d Dialect) takes(r Rule) bool {
	if d.Strict {
		return false
	}
	if d.Used != nil {
		d.Used(r)
	}
	return true
}

// Values, in dialect_value.go and dialect_json.go.
const (
	// textBoolean is "True" or "False", in any case, for a boolean: Entra in its default dialect, Keycloak, OneLogin.
	textBoolean Rule = "textBoolean"
	// numberAsText is a number for a string, taken digit for digit: employee numbers and postal codes out of templates.
	numberAsText Rule = "numberAsText"
	// singleValueAsList is one value where a list belongs: OneLogin's emails, Okta's roles, attributes of a SearchRequest.
	singleValueAsList Rule = "singleValueAsList"
	// listAsSingleValue is a list of one or none for a single complex value: Entra's manager.
	listAsSingleValue Rule = "listAsSingleValue"
	// bareValue is a text where an object with that `value` belongs: Okta's roles, Entra's manager.
	bareValue Rule = "bareValue"
	// managerID is the sub-attribute managerId for value: OneLogin's manager.
	managerID Rule = "managerId"
	// emptyReference is an empty text for no value at all: Entra clears a manager so, Okta sends it for roles.
	emptyReference Rule = "emptyReference"
	// jsonText is a declared complex attribute in JSON text: Okta, whose attributes have no objects.
	jsonText Rule = "jsonText"
	// urlSafeBinary is binary in the alphabet of base64url: clients that copy a certificate out of a JWK.
	urlSafeBinary Rule = "urlSafeBinary"
)

// What no schema has, in unknown.go, and schemas, in dialect_schemas.go.
const (
	// unknownAttribute is an attribute, sub-attribute or extension that no schema has: all clients.
	unknownAttribute Rule = "unknownAttribute"
	// unknownSchema is a URN in schemas that is none of the resource type: Entra's groups.
	unknownSchema Rule = "unknownSchema"
	// missingSchemas is a body without schemas: JumpCloud's PUT, Keycloak's extension.
	missingSchemas Rule = "missingSchemas"
	// malformedSchemas is anything for schemas but a list of different texts: hand-written clients send one text.
	malformedSchemas Rule = "malformedSchemas"
	// unlistedSchema is a schema in use that schemas does not list: OneLogin's enterprise extension, Entra's own extensions.
	unlistedSchema Rule = "unlistedSchema"
)

// PATCH, in dialect_patch.go.
const (
	// opCase is an op that is not in small letters, as of Entra in its default dialect, or a method of Bulk that is not in capitals.
	opCase Rule = "opCase"
	// singleOperation is one operation that is in no list: hand-written clients.
	singleOperation Rule = "singleOperation"
	// emptyPath is an empty path for none: clients that serialise every member.
	emptyPath Rule = "emptyPath"
	// schemaAsPath is the URN of an extension as a path or in `attributes`: SDKs that treat an extension as an attribute.
	schemaAsPath Rule = "schemaAsPath"
	// pathlessQualifiedName is a dotted name, a name with its URN or a value path in a value without path: Entra with
	// aadOptscim062020.
	pathlessQualifiedName Rule = "pathlessQualifiedName"
	// readOnlyInPathlessPatch is a readOnly attribute in a value without path: Okta's and authentik's groups.
	readOnlyInPathlessPatch Rule = "readOnlyInPathlessPatch"
	// removeValueList is remove with the values to remove: Entra, JumpCloud and authentik remove members so.
	removeValueList Rule = "removeValueList"
	// createOnNoMatch is add or replace of a value that its filter does not find, and then makes: Entra's first work address.
	createOnNoMatch Rule = "createOnNoMatch"
)

// Names and filters, in dialect_filter.go.
const (
	// bareExtensionAttribute is an attribute of an extension without its URN: Entra's path and filter `manager`.
	bareExtensionAttribute Rule = "bareExtensionAttribute"
	// impliedValue is a single complex attribute where its `value` is meant: Entra's filter `manager eq "x"`.
	impliedValue Rule = "impliedValue"
	// filterUnquotedValue is a value that is not JSON: Entra's documentation, authentik.
	filterUnquotedValue Rule = "filterUnquotedValue"
	// filterTextBoolean is a boolean in quotes: Entra's `primary eq "True"`.
	filterTextBoolean Rule = "filterTextBoolean"
	// filterValuePathSubAttribute is `emails[type eq "work"].value eq "x"` in a filter: Entra.
	filterValuePathSubAttribute Rule = "filterValuePathSubAttribute"
	// singleQuotes is a string in single quotes, in filters and paths: GitHub's documentation, people.
	singleQuotes Rule = "singleQuotes"
	// looseSpacing is more or fewer spaces than the grammar has, in filters and paths: people.
	looseSpacing Rule = "looseSpacing"
)

// Rules are all rules, sorted.
func Rules() []Rule {
	return []Rule{
		bareExtensionAttribute, bareValue, createOnNoMatch, emptyPath, emptyReference, filterTextBoolean, filterUnquotedValue,
		filterValuePathSubAttribute, impliedValue, jsonText, listAsSingleValue, looseSpacing, malformedSchemas, managerID,
		missingSchemas, numberAsText, opCase, pathlessQualifiedName, readOnlyInPathlessPatch, removeValueList, schemaAsPath,
		singleOperation, singleQuotes, singleValueAsList, textBoolean, unknownAttribute, unknownSchema, unlistedSchema, urlSafeBinary,
	}
}
