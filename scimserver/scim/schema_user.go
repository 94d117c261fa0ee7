// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"sync"
)

// The URNs of RFC 7643 §4.1 and §4.3.
const (
	UserURN           = "urn:ietf:params:scim:schemas:core:2.0:User"
	EnterpriseUserURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// UserResourceType is the User of RFC 7643 §4.1 with the enterprise extension
// of §4.3, complete. It differs from the RFC's listing where the RFC's prose
// does (references and binary are case-exact, addresses have `primary`), and in
// manager.$ref, which is readOnly: URLs come from this server's configuration
// and never from a client. It is always the same one: a [Projection] made for it
// means nothing to another.
func UserResourceType() *ResourceType { return userType() }

var userType = sync.OnceValue(newUserType) //nolint:gochecknoglobals // immutable once made

func newUserType() *ResourceType {
	rt, err := NewUserType(Dialect{})
	if err != nil {
		panic(fmt.Sprintf("the User schema is constant and valid: %v", err))
	}
	return rt
}

// NewUserType is UserResourceType with a dialect and with further extensions. One whose URN is [UserURN] adds its attributes to
// the core schema. The complex attributes of these extensions may also be sent as JSON text, unless the dialect is strict, and
// are shown in the form in which they came. It fails as [NewResourceType] does.
func NewUserType(d Dialect, extensions ...Extension) (*ResourceType, error) {
	return newExtended(ResourceType{
		ID: "User", Name: "User", Endpoint: "/Users", Description: "User Account",
		Schema: userSchema(), Extensions: []Extension{{Schema: enterpriseUserSchema()}}, Dialect: d,
	}, extensions)
}

// newExtended adds extensions to a definition of which nobody else has the schemas.
func newExtended(definition ResourceType, extensions []Extension) (*ResourceType, error) {
	for _, e := range extensions {
		e.Schema = e.Schema.clone()
		for _, a := range e.Schema.Attributes {
			a.acceptText = a.Type == TypeComplex
		}
		if sameName(e.Schema.ID, definition.Schema.ID) {
			definition.Schema.Attributes = append(definition.Schema.Attributes, e.Schema.Attributes...)
			continue
		}
		definition.Extensions = append(definition.Extensions, e)
	}
	return NewResourceType(definition)
}

func userSchema() *Schema {
	attributes := append(userSingularAttributes(), userContactAttributes()...)
	attributes = append(attributes, userAddresses(), userGroups())
	return &Schema{
		ID: UserURN, Name: "User", Description: "User Account",
		Attributes: append(attributes, userAuthorityAttributes()...),
	}
}

func text(name, description string) *Attribute {
	return &Attribute{Name: name, Description: description}
}

func userSingularAttributes() []*Attribute {
	return []*Attribute{
		{
			Name: "userName", Required: true, Uniqueness: UniquenessServer,
			Description: "Unique identifier for the User, typically used by the user to directly authenticate to the service provider.",
		},
		userName(),
		text("displayName", "The name of the User, suitable for display to end-users."),
		text("nickName", "The casual way to address the user in real life."),
		{
			Name: "profileUrl", Type: TypeReference, CaseExact: true, ReferenceTypes: []string{"external"},
			Description: "A URL of the User's online profile.",
		},
		text("title", "The user's title, such as \"Vice President\"."),
		text("userType", "The relationship between the organization and the user, such as \"Contractor\" or \"Employee\"."),
		text("preferredLanguage", "The User's preferred written or spoken language, as in the HTTP Accept-Language header."),
		text("locale", "The User's default location for localizing items such as currency and date-time format, as a BCP 47 tag."),
		text("timezone", "The User's time zone in the IANA database format, such as \"America/Los_Angeles\"."),
		{Name: nameActive, Type: TypeBoolean, Description: "The User's administrative status."},
		{
			Name: "password", Mutability: WriteOnly, Returned: ReturnedNever,
			Description: "Accepted for compatibility and discarded.",
		},
	}
}

func userName() *Attribute {
	return &Attribute{
		Name: "name", Type: TypeComplex, Description: "The components of the user's real name.",
		SubAttributes: []*Attribute{
			text("formatted", "The full name, including all middle names, titles, and suffixes, formatted for display."),
			text("familyName", "The family name, or last name in most Western languages."),
			text("givenName", "The given name, or first name in most Western languages."),
			text("middleName", "The middle name(s)."),
			text("honorificPrefix", "The honorific prefix(es), or title in most Western languages."),
			text("honorificSuffix", "The honorific suffix(es), or suffix in most Western languages."),
		},
	}
}

// plural is a multi-valued attribute in the form of RFC 7643 §2.4 around its
// `value`, with the given suggestions for `type`.
func plural(name, description string, value *Attribute, types ...string) *Attribute {
	value.Name, value.Description = nameValue, "The significant value."
	subs := append([]*Attribute{value, text("display", "A human-readable name, primarily used for display purposes.")}, labels(types...)...)
	return &Attribute{Name: name, Type: TypeComplex, MultiValued: true, Description: description, SubAttributes: subs}
}

func labels(types ...string) []*Attribute {
	return []*Attribute{
		{Name: nameType, CanonicalValues: types, Description: "A label indicating the attribute's function."},
		{Name: namePrimary, Type: TypeBoolean, Description: "Indicates the preferred value; true for at most one."},
	}
}

func userContactAttributes() []*Attribute {
	photo := &Attribute{Type: TypeReference, CaseExact: true, ReferenceTypes: []string{"external"}}
	return []*Attribute{
		plural("emails", "Email addresses for the user.", &Attribute{}, "work", "home", "other"),
		plural("phoneNumbers", "Phone numbers for the User.", &Attribute{}, "work", "home", "mobile", "fax", "pager", "other"),
		plural("ims", "Instant messaging addresses for the User.", &Attribute{}, "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
		plural("photos", "URLs of photos of the User.", photo, "photo", "thumbnail"),
	}
}

func userAddresses() *Attribute {
	return &Attribute{
		Name: "addresses", Type: TypeComplex, MultiValued: true, Description: "A physical mailing address for this User.",
		SubAttributes: append([]*Attribute{
			text("formatted", "The full mailing address, formatted for display; it may contain newlines."),
			text("streetAddress", "The full street address component; it may contain newlines."),
			text("locality", "The city or locality component."),
			text("region", "The state or region component."),
			text("postalCode", "The zip code or postal code component."),
			text("country", "The country name component."),
		}, labels("work", "home", "other")...),
	}
}

func userGroups() *Attribute {
	return &Attribute{
		Name: "groups", Type: TypeComplex, MultiValued: true, Mutability: ReadOnly,
		Description: "Groups to which the user belongs; changed through the Group resource only.",
		SubAttributes: []*Attribute{
			{Name: nameValue, CaseExact: true, Mutability: ReadOnly, Description: "The identifier of the User's group."},
			{Name: "$ref", Type: TypeReference, CaseExact: true, Mutability: ReadOnly, ReferenceTypes: []string{"User", "Group"}, Description: "The URI of the corresponding Group resource."},
			{Name: "display", Mutability: ReadOnly, Description: "A human-readable name, primarily used for display purposes."},
			{Name: nameType, Mutability: ReadOnly, CanonicalValues: []string{"direct", "indirect"}, Description: "Whether the membership is direct or through another group."},
		},
	}
}

func userAuthorityAttributes() []*Attribute {
	return []*Attribute{
		plural("entitlements", "Things that the User has; they have effect only where an administrator maps them.", &Attribute{}),
		plural("roles", "Roles that collectively say who the User is; they have effect only where an administrator maps them.", &Attribute{}),
		plural("x509Certificates", "Certificates issued to the User, DER in base64.", &Attribute{Type: TypeBinary, CaseExact: true}),
	}
}

func enterpriseUserSchema() *Schema {
	return &Schema{
		ID: EnterpriseUserURN, Name: "EnterpriseUser", Description: "Enterprise User",
		Attributes: []*Attribute{
			text("employeeNumber", "Numeric or alphanumeric identifier assigned to a person by the organization."),
			text("costCenter", "The name of a cost center."),
			text("organization", "The name of an organization."),
			text("division", "The name of a division."),
			text("department", "The name of a department."),
			{
				Name: "manager", Type: TypeComplex, Description: "The User's manager.",
				SubAttributes: []*Attribute{
					{Name: nameValue, CaseExact: true, Description: "The id of the User who is the manager."},
					{Name: "$ref", Type: TypeReference, CaseExact: true, Mutability: ReadOnly, ReferenceTypes: []string{"User"}, Description: "The URI of the manager's User resource."},
					{Name: "displayName", Mutability: ReadOnly, Description: "The displayName of the manager."},
				},
			},
		},
	}
}
