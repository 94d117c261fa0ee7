// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// The bounds of results, as the API has them.
const (
	maxRoles = 256
	maxRole  = 63
	maxText  = 1024
	maxValue = 4096
)

// Condition is a compiled expression that is true or false of a person. It can be used by many at once, as all of these can.
type Condition struct{ program cel.Program }

// Roles is a compiled expression that names roles for a person.
type Roles struct{ program cel.Program }

// Text is a compiled expression that makes a text from a person.
type Text struct{ program cel.Program }

// Value is a compiled expression that makes the value of an attribute from a person.
type Value struct{ program cel.Program }

func (l *languages) condition(e v1alpha1.Expression) (*Condition, error) {
	return programOf[Condition](l.aboutPerson(e, isOneOf(cel.BoolType), "bool"))
}

func (l *languages) roles(e v1alpha1.Expression) (*Roles, error) {
	return programOf[Roles](l.aboutPerson(e, isOneOrMany(cel.StringType), "string or list(string)"))
}

func (l *languages) text(e v1alpha1.Expression) (*Text, error) {
	return programOf[Text](l.aboutPerson(e, isOneOf(cel.StringType), "string"))
}

func (l *languages) value(e v1alpha1.Expression) (*Value, error) {
	fits := isOneOrMany(cel.StringType, cel.BoolType, cel.IntType, cel.UintType, cel.DoubleType)
	return programOf[Value](l.aboutPerson(e, fits, "string, int, double, bool or a list of these"))
}

// programOf gives a program its purpose.
func programOf[P ~struct{ program cel.Program }](program cel.Program, err error) (*P, error) {
	if err != nil {
		return nil, err
	}
	p := P{program}
	return &p, nil
}

func (l *languages) aboutPerson(e v1alpha1.Expression, fits func(*cel.Type) bool, wanted string) (cel.Program, error) {
	language, err := l.ofPerson()
	if err != nil {
		return nil, err
	}
	return compile(language, e, fits, wanted)
}

// Holds evaluates the condition. An attribute that the person lacks makes it false; every other error is an [EvalError].
func (c *Condition) Holds(p Person) (bool, error) {
	v, err := eval(c.program, (*variables)(&p))
	if err != nil {
		return false, unlessAbsent(err)
	}
	return boolOf(v)
}

// Names evaluates the roles: sorted, each once. There are none when the person lacks an attribute, and names that no application can
// declare are left out. Other errors are an [EvalError].
func (r *Roles) Names(p Person) ([]string, error) {
	v, err := eval(r.program, (*variables)(&p))
	if err != nil {
		return nil, unlessAbsent(err)
	}
	var names []string
	for element := range elements(v) {
		name, ok := element.(types.String)
		if !ok {
			return nil, failed(ProblemResult)
		}
		if isRoleName(string(name)) {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > maxRoles {
		return nil, failed(ProblemSize)
	}
	return names, nil
}

// String evaluates the text. Every error is an [EvalError], that of an attribute that the person lacks too.
func (t *Text) String(p Person) (string, error) {
	v, err := eval(t.program, (*variables)(&p))
	if err != nil {
		return "", err
	}
	text, ok := v.(types.String)
	if !ok {
		return "", failed(ProblemResult)
	}
	return bounded(string(text), maxText)
}

// String evaluates the value; a list is joined by commas. It is empty when the person lacks an attribute. Other errors are an [EvalError].
func (a *Value) String(p Person) (string, error) {
	v, err := eval(a.program, (*variables)(&p))
	if err != nil {
		return "", unlessAbsent(err)
	}
	var texts []string
	for element := range elements(v) {
		text, ok := scalar(element)
		if !ok {
			return "", failed(ProblemResult)
		}
		texts = append(texts, text)
	}
	return bounded(strings.Join(texts, ","), maxValue)
}

// eval evaluates a program. null and an optional value that is not there are the same as an absent attribute.
func eval(program cel.Program, seen interpreter.Activation) (ref.Val, error) {
	v, _, err := program.Eval(seen)
	if err != nil {
		return nil, failed(problemOf(err))
	}
	if optional, ok := v.(*types.Optional); ok {
		if !optional.HasValue() {
			return nil, failed(ProblemAbsent)
		}
		v = optional.GetValue()
	}
	if v == nil || v == types.NullValue {
		return nil, failed(ProblemAbsent)
	}
	return v, nil
}

func unlessAbsent(err error) error {
	if isAbsent(err) {
		return nil
	}
	return err
}

func boolOf(v ref.Val) (bool, error) {
	b, ok := v.(types.Bool)
	if !ok {
		return false, failed(ProblemResult)
	}
	return bool(b), nil
}

// elements yields what is in a list, or the one value that is none; null is nothing.
func elements(v ref.Val) func(yield func(ref.Val) bool) {
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

// scalar is the text of a value that an attribute can have.
func scalar(v ref.Val) (string, bool) {
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

func bounded(text string, runes int) (string, error) {
	if utf8.RuneCountInString(text) > runes {
		return "", failed(ProblemSize)
	}
	return text, nil
}

// isRoleName says what the pattern of [v1alpha1.RoleName] says.
func isRoleName(s string) bool {
	if s == "" || len(s) > maxRole || !isAlphanumeric(s[0]) || !isAlphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && !strings.ContainsRune("._:/-", rune(s[i])) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// variables are those of an expression about a person.
type variables Person

var _ interpreter.Activation = (*variables)(nil)

// ResolveName implements [interpreter.Activation].
func (v *variables) ResolveName(name string) (any, bool) {
	switch name {
	case "user":
		return v.User, true
	case "groups":
		return v.Groups, true
	case "grants":
		return v.Grants, true
	}
	return nil, false
}

// Parent implements [interpreter.Activation]: there are no other variables.
func (*variables) Parent() interpreter.Activation { return nil }
