// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"strconv"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// Eval evaluates a program. null and an optional value that is not there are the same as an absent attribute.
func Eval(program cel.Program, seen interpreter.Activation) (ref.Val, error) {
	v, _, err := program.Eval(seen)
	if err != nil {
		return nil, Failed(problemOf(err))
	}
	if optional, ok := v.(*types.Optional); ok {
		if !optional.HasValue() {
			return nil, Failed(ProblemAbsent)
		}
		v = optional.GetValue()
	}
	if v == nil || v == types.NullValue {
		return nil, Failed(ProblemAbsent)
	}
	return v, nil
}

// Bool is the value of a bool.
func Bool(v ref.Val) (bool, error) {
	b, ok := v.(types.Bool)
	if !ok {
		return false, Failed(ProblemResult)
	}
	return bool(b), nil
}

// Elements yields what is in a list, or the one value that is none; null is nothing.
func Elements(v ref.Val) func(yield func(ref.Val) bool) {
	return func(yield func(ref.Val) bool) {
		list, ok := v.(traits.Lister)
		if !ok {
			yield(v)
			return
		}
		for it := list.Iterator(); it.HasNext() == types.True; {
			if element := it.Next(); element != types.NullValue && !yield(element) {
				return
			}
		}
	}
}

// Scalar is the text of a value that an attribute can have.
func Scalar(v ref.Val) (string, bool) {
	switch v := v.(type) {
	case types.String:
		return string(v), true
	case types.Bool:
		return strconv.FormatBool(bool(v)), true
	case types.Int:
		return strconv.FormatInt(int64(v), 10), true
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10), true
	case types.Double:
		return strconv.FormatFloat(float64(v), 'f', -1, 64), true
	}
	return "", false
}

// Bounded is the text, unless it is longer than so many characters.
func Bounded(text string, runes int) (string, error) {
	if utf8.RuneCountInString(text) > runes {
		return "", Failed(ProblemSize)
	}
	return text, nil
}
