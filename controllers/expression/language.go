// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/ext"
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
		l.person.env, l.person.err = newLanguage(
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
		l.account.env, l.account.err = newLanguage(
			cel.Variable("account.userName", cel.StringType),
			cel.Variable("account.state", cel.StringType),
			cel.Variable("account.roles", cel.ListType(cel.StringType)),
			cel.Variable("account.grants", cel.ListType(cel.StringType)),
			cel.Variable("active", cel.MapType(cel.StringType, cel.IntType)),
		)
	})
	return l.account.env, l.account.err
}

// newLanguage is CEL with the extensions for text, lists, sets and optional values, as far as their cost can be bounded. Of the versions
// of an extension it takes the one before those functions that make much out of little: format, range, sort, distinct.
func newLanguage(variables ...cel.EnvOption) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{ExcludeFunctions: timezoned()})),
		cel.OptionalTypes(),
		cel.ClearMacros(), // optMap and optFlatMap name a value, and a chain of them can double it for free
		cel.Macros(cel.StandardMacros...),
		ext.Strings(ext.StringsVersion(0)),
		ext.Lists(ext.ListsVersion(1)),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserExpressionSizeLimit(maxLength),
		cel.ParserErrorRecoveryLimit(4),
	}
	options = append(options, functions()...)
	return cel.NewCustomEnv(append(options, variables...)...)
}

// timezoned are the functions that would read the time zones of the machine.
func timezoned() (excluded []*env.Function) {
	for _, name := range []string{
		overloads.TimeGetFullYear, overloads.TimeGetMonth, overloads.TimeGetDayOfYear, overloads.TimeGetDayOfMonth, overloads.TimeGetDate,
		overloads.TimeGetDayOfWeek, overloads.TimeGetHours, overloads.TimeGetMinutes, overloads.TimeGetSeconds, overloads.TimeGetMilliseconds,
	} {
		excluded = append(excluded, &env.Function{Name: name})
	}
	return excluded
}
