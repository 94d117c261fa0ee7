// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"errors"
	"strings"

	"github.com/google/cel-go/interpreter"
)

// Problem is why an evaluation failed. It is one of the constants and so can be shown anywhere.
type Problem string

const (
	// ProblemOverload means: a function or operator was used on a type that it does not know.
	ProblemOverload Problem = "no such overload"
	// ProblemConversion means: a text is not what a conversion, or json(), takes.
	ProblemConversion Problem = "conversion failed"
	// ProblemDivision means: a division or modulus by zero.
	ProblemDivision Problem = "division by zero"
	// ProblemCost means: the evaluation takes more work than one may.
	ProblemCost Problem = "cost limit exceeded"
	// ProblemResult means: the result has a type that does not fit.
	ProblemResult Problem = "wrong result type"
	// ProblemSize means: the result is larger than what it is for.
	ProblemSize Problem = "result too large"
	// ProblemAbsent means: an attribute is absent where one must be there.
	ProblemAbsent Problem = "no such attribute"
	// ProblemOther means everything else.
	ProblemOther Problem = "other"
)

// EvalError is why an expression gave no answer for somebody. It holds no value of anybody.
type EvalError struct {
	Problem Problem
}

// Error implements error.
func (e *EvalError) Error() string { return "the expression fails: " + string(e.Problem) }

// Failed returns an EvalError.
func Failed(p Problem) error { return &EvalError{Problem: p} }

// IsAbsent reports whether err says that an attribute is absent.
func IsAbsent(err error) bool {
	var e *EvalError
	return errors.As(err, &e) && e.Problem == ProblemAbsent
}

// problems are how texts of CEL begin, most specific first. Only the beginning is looked at: what follows may be somebody's data.
func problems() []struct {
	begins  string
	problem Problem
} {
	return []struct {
		begins  string
		problem Problem
	}{
		{"no such key", ProblemAbsent}, {"index out of bounds", ProblemAbsent}, {"index '", ProblemAbsent}, {"optional.none() dereference", ProblemAbsent},
		{"no such overload", ProblemOverload}, {"unsupported index", ProblemOverload},
		{"division by zero", ProblemDivision}, {"modulus by zero", ProblemDivision},
		{"type conversion error", ProblemConversion}, {"unsupported type conversion", ProblemConversion}, {"strconv.", ProblemConversion}, {"parsing time", ProblemConversion},
		{"time: ", ProblemConversion}, {"range error converting", ProblemConversion}, {"invalid UTF-8", ProblemConversion},
	}
}

// problemOf says what an error of CEL is, without a word of its text.
func problemOf(err error) Problem {
	var ours *EvalError
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &ours):
		return ours.Problem
	case errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded:
		return ProblemCost
	}
	text := err.Error()
	for _, p := range problems() {
		if strings.HasPrefix(text, p.begins) {
			return p.problem
		}
	}
	return ProblemOther
}
