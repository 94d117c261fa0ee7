// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"slices"
	"strings"
)

// validate refuses what the rest of the package could not make sense of: a
// schema declared at run time is input.
func (s *Schema) validate(reserved []*Attribute) error {
	if !strings.HasPrefix(fold(s.ID), "urn:") || strings.ContainsAny(s.ID, " \"()[]") {
		return fmt.Errorf("schema id is not a URN")
	}
	if err := validateAttributes(s.Attributes, reserved, true); err != nil {
		return fmt.Errorf("schema %s: %w", s.ID, err)
	}
	return nil
}

func validateAttributes(list, reserved []*Attribute, complexAllowed bool) error {
	seen := map[string]bool{}
	for _, a := range reserved {
		seen[fold(a.Name)] = true
	}
	for _, a := range list {
		if !validName(a.Name) {
			return fmt.Errorf("attribute name is not one of RFC 7643 §2.1")
		}
		if seen[fold(a.Name)] {
			return fmt.Errorf("attribute %s: name is taken", a.Name)
		}
		seen[fold(a.Name)] = true
		if err := a.validate(complexAllowed); err != nil {
			return fmt.Errorf("attribute %s: %w", a.Name, err)
		}
	}
	return nil
}

func (a *Attribute) validate(complexAllowed bool) error {
	if err := a.validateEnums(); err != nil {
		return err
	}
	isComplex := a.Type == TypeComplex
	switch {
	case isComplex && !complexAllowed:
		return fmt.Errorf("a sub-attribute cannot be complex")
	case isComplex != (len(a.SubAttributes) > 0):
		return fmt.Errorf("complex attributes, and only these, have sub-attributes")
	case a.Mutability == WriteOnly && a.Returned != ReturnedNever:
		return fmt.Errorf("a writeOnly attribute is returned never")
	}
	return validateAttributes(a.SubAttributes, nil, false)
}

func (a *Attribute) validateEnums() error {
	types := []Type{TypeString, TypeBoolean, TypeDecimal, TypeInteger, TypeDateTime, TypeBinary, TypeReference, TypeComplex}
	switch {
	case !slices.Contains(types, a.Type):
		return fmt.Errorf("unknown type")
	case !slices.Contains([]Mutability{ReadOnly, ReadWrite, Immutable, WriteOnly}, a.Mutability):
		return fmt.Errorf("unknown mutability")
	case !slices.Contains([]Returned{ReturnedAlways, ReturnedNever, ReturnedDefault, ReturnedRequest}, a.Returned):
		return fmt.Errorf("unknown returned")
	case !slices.Contains([]Uniqueness{UniquenessNone, UniquenessServer, UniquenessGlobal}, a.Uniqueness):
		return fmt.Errorf("unknown uniqueness")
	}
	return nil
}

// validName is ATTRNAME of RFC 7643 §2.1, and $ref.
func validName(s string) bool {
	if s == "$ref" {
		return true
	}
	for i := range len(s) {
		c := lower(s[i])
		letter := 'a' <= c && c <= 'z'
		inner := c == '-' || c == '_' || c == '$' || '0' <= c && c <= '9'
		if !letter && (i == 0 || !inner) {
			return false
		}
	}
	return s != ""
}
