// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// maxMerged bounds the members of a map that merge() makes. It would do the work before it is counted.
const maxMerged = 1000

// stage is where an expression is used: it says which variables there are.
type stage int

const (
	inLookup     stage = iota // account, roles, page
	inDetail                  // account, roles, page, observed
	inSuspension              // account, roles, observed, random
	inChange                  // account, roles, observed, random, details
	inRoleChange              // account, roles, observed, random, details, role
	inResponse                // account, response
	inIdentity                // account, roles, observed
	inMapping                 // account, roles, observed, details
)

// variables declares members by their whole names, so that one that does not exist is found when the expression is compiled.
func variables(s stage) []cel.EnvOption {
	texts, values := cel.ListType(cel.StringType), cel.MapType(cel.StringType, cel.DynType)
	all := []cel.EnvOption{
		cel.Variable("account.userName", cel.StringType), cel.Variable("account.owner", cel.StringType), cel.Variable("account.externalID", cel.StringType),
		cel.Variable("account.roles", texts), cel.Variable("account.profile", cel.MapType(cel.StringType, cel.StringType)),
	}
	with := func(where []stage, name string, t *cel.Type) {
		for _, at := range where {
			if at == s {
				all = append(all, cel.Variable(name, t))
			}
		}
	}
	changes := []stage{inSuspension, inChange, inRoleChange}
	with([]stage{inLookup, inDetail, inSuspension, inChange, inRoleChange, inIdentity, inMapping}, "roles", cel.ListType(values))
	with(append(changes, inDetail, inIdentity, inMapping), "observed", cel.DynType)
	with(changes, "random", cel.StringType)
	with([]stage{inChange, inRoleChange, inMapping}, "details", values)
	for name, t := range map[string]*cel.Type{"number": cel.IntType, "offset": cel.IntType, "size": cel.IntType, "cursor": cel.StringType} {
		with([]stage{inLookup, inDetail}, "page."+name, t)
	}
	with([]stage{inRoleChange}, "role.name", cel.StringType)
	with([]stage{inRoleChange}, "role.parameters", cel.MapType(cel.StringType, cel.StringType))
	with([]stage{inResponse}, "response.status", cel.IntType)
	with([]stage{inResponse}, "response.headers", cel.MapType(cel.StringType, cel.StringType))
	with([]stage{inResponse}, "response.body", cel.DynType)
	return all
}

// newLanguage is the language of this project, with merge.
func newLanguage(s stage) (*cel.Env, error) {
	values := cel.MapType(cel.StringType, cel.DynType)
	merge := cel.Function("merge", cel.Overload("map_merge_map", []*cel.Type{values, values}, values, cel.BinaryBinding(merged)))
	return language.New(append(variables(s), merge)...)
}

// merged is a map with the members of both, those of the second where both have one: an object as the application has it, with changes.
func merged(a, b ref.Val) ref.Val {
	all := map[ref.Val]ref.Val{}
	for _, v := range []ref.Val{a, b} {
		m, ok := v.(traits.Mapper)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		for it := m.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			if all[key], _ = m.Find(key); len(all) > maxMerged {
				return types.WrapErr(language.Failed(language.ProblemCost))
			}
		}
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, all)
}

// page is where a list is.
type page struct {
	number, offset, size int
	cursor               string
}

// scope is the values of the variables.
type scope struct {
	account  connector.Account
	roles    []any
	observed any
	details  map[string]any
	random   string
	role     Role
	page     page
	response *answer
}

var _ interpreter.Activation = (*scope)(nil)

// ResolveName implements [interpreter.Activation]. What the stage does not have is never asked for.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case "account.userName":
		return s.account.UserName, true
	case "account.owner":
		return s.account.Owner, true
	case "account.externalID":
		return s.account.ExternalID, true
	case "account.roles":
		return s.account.Roles, true
	case "account.profile":
		return s.account.Profile, true
	case "roles":
		return s.roles, true
	case "observed":
		return orNull(s.observed), true
	case "details":
		return s.details, true
	case "random":
		return s.random, true
	case "role.name":
		return s.role.Name, true
	case "role.parameters":
		return s.role.Parameters, true
	}
	return s.resolveAnswer(name)
}

func (s *scope) resolveAnswer(name string) (any, bool) {
	switch name {
	case "page.number":
		return s.page.number, true
	case "page.offset":
		return s.page.offset, true
	case "page.size":
		return s.page.size, true
	case "page.cursor":
		return s.page.cursor, true
	case "response.status":
		return s.response.status, true
	case "response.headers":
		return s.response.headers, true
	case "response.body":
		return orNull(s.response.body), true
	}
	return nil, false
}

// Parent implements [interpreter.Activation]: there are no other variables.
func (*scope) Parent() interpreter.Activation { return nil }

func orNull(v any) any {
	if v == nil {
		return types.NullValue
	}
	return v
}
