// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strings"
	"testing"
)

func TestUserSchemaIsComplete(t *testing.T) {
	want := map[string]string{ // RFC 7643 §8.7.1: attribute to its sub-attributes
		"userName": "", "name": "formatted familyName givenName middleName honorificPrefix honorificSuffix",
		"displayName": "", "nickName": "", "profileUrl": "", "title": "", "userType": "", "preferredLanguage": "",
		"locale": "", "timezone": "", "active": "", "password": "",
		"emails": "value display type primary", "phoneNumbers": "value display type primary",
		"ims": "value display type primary", "photos": "value display type primary",
		"addresses": "formatted streetAddress locality region postalCode country type primary",
		"groups":    "value $ref display type", "entitlements": "value display type primary",
		"roles": "value display type primary", "x509Certificates": "value display type primary",
	}
	rt := UserResourceType()
	diff(t, "core User", want, outline(rt.Schema))
	diff(t, "enterprise extension", map[string]string{
		"employeeNumber": "", "costCenter": "", "organization": "", "division": "", "department": "",
		"manager": "value $ref displayName",
	}, outline(rt.Extensions[0].Schema))
}

func outline(s *Schema) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes {
		var subs []string
		for _, sub := range a.SubAttributes {
			subs = append(subs, sub.Name)
		}
		out[a.Name] = strings.Join(subs, " ")
	}
	return out
}

func TestUserCharacteristics(t *testing.T) {
	rt := UserResourceType()
	for path, check := range map[string]func(a *Attribute) bool{
		"userName":   func(a *Attribute) bool { return a.Required && !a.CaseExact && a.Uniqueness == UniquenessServer },
		"externalId": func(a *Attribute) bool { return a.CaseExact && a.Mutability == ReadWrite && !a.Required },
		"id": func(a *Attribute) bool {
			return a.CaseExact && a.Returned == ReturnedAlways && a.Mutability == ReadOnly
		},
		"active":       func(a *Attribute) bool { return a.Type == TypeBoolean },
		"groups":       func(a *Attribute) bool { return a.MultiValued && a.Mutability == ReadOnly },
		"groups.value": func(a *Attribute) bool { return a.Mutability == ReadOnly },
		"password":     func(a *Attribute) bool { return a.Mutability == WriteOnly && a.Returned == ReturnedNever },
		"meta.version": func(a *Attribute) bool { return a.CaseExact && a.Mutability == ReadOnly },
		"schemas":      func(a *Attribute) bool { return a.MultiValued && a.Returned == ReturnedAlways },
		EnterpriseUserURN + ":manager.displayName": func(a *Attribute) bool { return a.Mutability == ReadOnly },
		strings.ToUpper(UserURN) + ":EMAILS.VALUE": func(a *Attribute) bool { return a.Name == "value" && a.Type == TypeString },
		"x509certificates.value":                   func(a *Attribute) bool { return a.Type == TypeBinary && a.CaseExact },
	} {
		ref, ok := rt.resolve(path)
		if !ok || !check(ref.target()) {
			t.Errorf("%s: found %v, characteristics %+v", path, ok, ref.target())
		}
	}
}

func TestNewResourceTypeRefuses(t *testing.T) {
	attribute := func(a ...*Attribute) *Schema { return &Schema{ID: "urn:x:y", Attributes: a} }
	sub := []*Attribute{{Name: "value"}}
	for name, tc := range map[string]struct {
		schema *Schema
		reason string
	}{
		"no urn":             {&Schema{ID: "User"}, "RFC 7643 §3: schemas are URNs"},
		"space in urn":       {&Schema{ID: "urn:x y"}, "could not be named in a filter"},
		"empty name":         {attribute(&Attribute{}), "§2.1"},
		"digit first":        {attribute(&Attribute{Name: "1a"}), "§2.1"},
		"dot":                {attribute(&Attribute{Name: "a.b"}), "is a path"},
		"non-ascii":          {attribute(&Attribute{Name: "ſchema"}), "§2.1"},
		"duplicate":          {attribute(&Attribute{Name: "a"}, &Attribute{Name: "A"}), "names ignore case"},
		"common":             {attribute(&Attribute{Name: "META"}), "taken by §3.1"},
		"duplicate sub":      {attribute(&Attribute{Name: "a", Type: TypeComplex, SubAttributes: []*Attribute{{Name: "b"}, {Name: "B"}}}), "names ignore case"},
		"nested complex":     {attribute(&Attribute{Name: "a", Type: TypeComplex, SubAttributes: []*Attribute{{Name: "b", Type: TypeComplex, SubAttributes: sub}}}), "§2.3.8"},
		"complex of nothing": {attribute(&Attribute{Name: "a", Type: TypeComplex}), "§2.3.8"},
		"simple with subs":   {attribute(&Attribute{Name: "a", SubAttributes: sub}), "§2.3.8"},
		"type":               {attribute(&Attribute{Name: "a", Type: "object"}), "§2.3"},
		"mutability":         {attribute(&Attribute{Name: "a", Mutability: "rw"}), "§7"},
		"returned":           {attribute(&Attribute{Name: "a", Returned: "yes"}), "§7"},
		"uniqueness":         {attribute(&Attribute{Name: "a", Uniqueness: "yes"}), "§7"},
		"writeOnly shown":    {attribute(&Attribute{Name: "a", Mutability: WriteOnly}), "§7"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewResourceType(ResourceType{Name: "X", Schema: tc.schema}); err == nil {
				t.Errorf("accepted: %s", tc.reason)
			}
		})
	}
	_, err := NewResourceType(ResourceType{Schema: attribute(), Extensions: []Extension{{Schema: &Schema{ID: "URN:X:Y"}}}})
	if err == nil {
		t.Error("accepted an extension with the URN of the core schema")
	}
}

func TestResourceTypeIsIsolatedFromItsDefinition(t *testing.T) {
	schema := &Schema{ID: "urn:x:y", Attributes: []*Attribute{{Name: "a"}}}
	rt, err := NewResourceType(ResourceType{Name: "X", Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	schema.Attributes[0].Mutability = ReadOnly
	if got := rt.Schema.Attributes[0].Mutability; got != ReadWrite {
		t.Errorf("mutability = %s after a change of the definition, want readWrite", got)
	}
}
