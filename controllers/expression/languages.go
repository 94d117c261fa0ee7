// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"sync"

	"github.com/google/cel-go/cel"

	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// languages are the two that expressions are written in: one about a person, one about an account. Making one takes about a
// millisecond, so it is made when it is first needed and kept. The zero value is ready.
type languages struct {
	person, account struct {
		once sync.Once
		env  *cel.Env
		err  error
	}
}

func (l *languages) ofPerson() (*cel.Env, error) {
	l.person.once.Do(func() {
		l.person.env, l.person.err = language.New(
			cel.Variable("user", cel.MapType(cel.StringType, cel.DynType)),
			cel.Variable("groups", cel.ListType(cel.MapType(cel.StringType, cel.StringType))),
			cel.Variable("grants", cel.ListType(cel.StringType)),
		)
	})
	return l.person.env, l.person.err
}

// ofAccount declares each member of account by its whole name, so that a member that does not exist is found when it is compiled.
func (l *languages) ofAccount() (*cel.Env, error) {
	l.account.once.Do(func() {
		l.account.env, l.account.err = language.New(
			cel.Variable("account.userName", cel.StringType),
			cel.Variable("account.state", cel.StringType),
			cel.Variable("account.roles", cel.ListType(cel.StringType)),
			cel.Variable("account.grants", cel.ListType(cel.StringType)),
			cel.Variable("active", cel.MapType(cel.StringType, cel.IntType)),
		)
	})
	return l.account.env, l.account.err
}
