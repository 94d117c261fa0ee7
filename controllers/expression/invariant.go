// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// Account is what an invariant sees of an account, as it would be after a change.
type Account struct {
	// UserName is account.userName, the login name.
	UserName string
	// State is account.state: Active, Suspended or Deleted.
	State string
	// Roles are account.roles.
	Roles []string
	// Grants are account.grants, the names of the ScimGrants that match.
	Grants []string
}

// Invariant is a compiled expression that is true when an application is as it must be.
type Invariant struct{ program cel.Program }

func (l *languages) invariant(e v1alpha1.Expression) (*Invariant, error) {
	env, err := l.ofAccount()
	if err != nil {
		return nil, err
	}
	return programOf[Invariant](language.Compile(env, string(e), language.OneOf(cel.BoolType), "bool"))
}

// Holds evaluates the invariant for one account. active says how many active accounts have each role; a role that is not in it counts
// zero. Every error is an [EvalError].
func (i *Invariant) Holds(account Account, active map[string]int64) (bool, error) {
	v, err := language.Eval(i.program, &world{account, active})
	if err != nil {
		return false, err
	}
	return language.Bool(v)
}

// world is the variables of an invariant.
type world struct {
	account Account
	active  map[string]int64
}

var _ interpreter.Activation = (*world)(nil)

func (w *world) ResolveName(name string) (any, bool) {
	switch name {
	case "account.userName":
		return w.account.UserName, true
	case "account.state":
		return w.account.State, true
	case "account.roles":
		return w.account.Roles, true
	case "account.grants":
		return w.account.Grants, true
	case "active":
		return counts{types.DefaultTypeAdapter.NativeToValue(w.active).(traits.Mapper), w.active}, true // what a map becomes
	}
	return nil, false
}

func (*world) Parent() interpreter.Activation { return nil }

// counts is a map of CEL in which a role that nobody has counts zero.
type counts struct {
	traits.Mapper
	of map[string]int64
}

func (c counts) Find(key ref.Val) (ref.Val, bool) {
	role, ok := key.(types.String)
	if !ok {
		return types.NoSuchOverloadErr(), false
	}
	return types.Int(c.of[string(role)]), true
}

func (c counts) Get(key ref.Val) ref.Val {
	v, _ := c.Find(key)
	return v
}
