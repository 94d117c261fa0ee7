// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import "github.com/scim-operator/scim-operator/controllers/expression/language"

// Problem is why an evaluation failed. It is one of the constants and so can be shown anywhere.
type Problem = language.Problem

// The problems; see package language for what each means.
const (
	ProblemOverload   = language.ProblemOverload
	ProblemConversion = language.ProblemConversion
	ProblemDivision   = language.ProblemDivision
	ProblemCost       = language.ProblemCost
	ProblemResult     = language.ProblemResult
	ProblemSize       = language.ProblemSize
	ProblemAbsent     = language.ProblemAbsent
	ProblemOther      = language.ProblemOther
)

// EvalError is why an expression gave no answer for somebody. It holds no value of anybody.
type EvalError = language.EvalError
