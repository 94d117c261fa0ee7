// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/ext"
)

// New is CEL with these variables and with the extensions for text, lists, sets and optional values, as far as their cost can be bounded. Of the versions
// of an extension it takes the one before those functions that make much out of little: format, range, sort, distinct.
func New(variables ...cel.EnvOption) (*cel.Env, error) {
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
