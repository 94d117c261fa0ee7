// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/interpreter"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
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
	return programOf[Condition](l.aboutPerson(e, language.OneOf(cel.BoolType), "bool"))
}

func (l *languages) roles(e v1alpha1.Expression) (*Roles, error) {
	return programOf[Roles](l.aboutPerson(e, language.OneOrMany(cel.StringType), "string or list(string)"))
}

func (l *languages) text(e v1alpha1.Expression) (*Text, error) {
	return programOf[Text](l.aboutPerson(e, language.OneOf(cel.StringType), "string"))
}

func (l *languages) value(e v1alpha1.Expression) (*Value, error) {
	fits := language.OneOrMany(cel.StringType, cel.BoolType, cel.IntType, cel.UintType, cel.DoubleType)
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
	env, err := l.ofPerson()
	if err != nil {
		return nil, err
	}
	return language.Compile(env, string(e), fits, wanted)
}

// Holds evaluates the condition. An attribute that the person lacks makes it false; every other error is an [EvalError].
func (c *Condition) Holds(p Person) (bool, error) {
	v, err := language.Eval(c.program, (*variables)(&p))
	if err != nil {
		return false, unlessAbsent(err)
	}
	return language.Bool(v)
}

// Names evaluates the roles: sorted, each once. There are none when the person lacks an attribute, and names that no application can
// declare are left out. Other errors are an [EvalError].
func (r *Roles) Names(p Person) ([]string, error) {
	v, err := language.Eval(r.program, (*variables)(&p))
	if err != nil {
		return nil, unlessAbsent(err)
	}
	var names []string
	for element := range language.Elements(v) {
		name, ok := element.(types.String)
		if !ok {
			return nil, language.Failed(ProblemResult)
		}
		if isRoleName(string(name)) {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > maxRoles {
		return nil, language.Failed(ProblemSize)
	}
	return names, nil
}

// String evaluates the text. Every error is an [EvalError], that of an attribute that the person lacks too.
func (t *Text) String(p Person) (string, error) {
	v, err := language.Eval(t.program, (*variables)(&p))
	if err != nil {
		return "", err
	}
	text, ok := v.(types.String)
	if !ok {
		return "", language.Failed(ProblemResult)
	}
	return language.Bounded(string(text), maxText)
}

// String evaluates the value; a list is joined by commas. It is empty when the person lacks an attribute. Other errors are an [EvalError].
func (a *Value) String(p Person) (string, error) {
	v, err := language.Eval(a.program, (*variables)(&p))
	if err != nil {
		return "", unlessAbsent(err)
	}
	var texts []string
	for element := range language.Elements(v) {
		text, ok := language.Scalar(element)
		if !ok {
			return "", language.Failed(ProblemResult)
		}
		texts = append(texts, text)
	}
	return language.Bounded(strings.Join(texts, ","), maxValue)
}

func unlessAbsent(err error) error {
	if language.IsAbsent(err) {
		return nil
	}
	return err
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
