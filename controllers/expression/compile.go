// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// maxLength of an expression, as the API has it too.
	maxLength = 4096
	// maxDepth of an expression. Deeper ones are made by machines.
	maxDepth = 100
	// maxPattern bounds a regular expression. Matching is linear in the text and in the pattern.
	maxPattern = 256
	// maxProblem bounds what a compile error says, in bytes. It ends in a condition.
	maxProblem = 500
	// maxProblems bounds how many errors it lists.
	maxProblems = 3
)

// compile compiles e, whose result must fit. Every error can be shown to whoever may read the expression.
func compile(language *cel.Env, e v1alpha1.Expression, fits func(*cel.Type) bool, wanted string) (cel.Program, error) {
	if len(e) > maxLength {
		return nil, fmt.Errorf("the expression is longer than %d characters", maxLength)
	}
	parsed, issues := language.Parse(string(e))
	if issues.Err() != nil {
		return nil, problemsOf(issues)
	}
	if err := checkShape(parsed); err != nil {
		return nil, err
	}
	checked, issues := language.Check(parsed)
	if issues.Err() != nil {
		return nil, problemsOf(issues)
	}
	if result := checked.OutputType(); !fits(plain(result)) {
		return nil, oneLine(fmt.Sprintf("the result is %s, it must be %s", cel.FormatCELType(result), wanted))
	}
	program, err := language.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit), cel.CostTracking(charge{}))
	if err != nil {
		return nil, oneLine(err.Error())
	}
	return program, nil
}

// checkShape refuses what is too deep, and patterns that are not written in the expression: their cost could not be known.
func checkShape(parsed *cel.Ast) error {
	source := parsed.NativeRep().SourceInfo()
	for _, node := range ast.MatchDescendants(ast.NavigateAST(parsed.NativeRep()), ast.AllMatcher()) {
		if node.Depth() > maxDepth {
			return fmt.Errorf("the expression is nested deeper than %d", maxDepth)
		}
		if node.Kind() != ast.CallKind || node.AsCall().FunctionName() != "matches" {
			continue
		}
		args := node.AsCall().Args()
		if len(args) == 0 {
			continue // the type checker says what is wrong
		}
		at := source.GetStartLocation(node.ID())
		pattern := args[len(args)-1]
		if pattern.Kind() != ast.LiteralKind {
			return fmt.Errorf("%d:%d: the pattern of matches must be written as a text", at.Line(), at.Column()+1)
		}
		if text, ok := pattern.AsLiteral().Value().(string); ok && len(text) > maxPattern {
			return fmt.Errorf("%d:%d: the pattern of matches is longer than %d bytes", at.Line(), at.Column()+1, maxPattern)
		}
	}
	return nil
}

// problemsOf says where and what is wrong: "line:column: what", the first few of them.
func problemsOf(issues *cel.Issues) error {
	var said []string
	for i, e := range issues.Errors() {
		if i == maxProblems {
			said = append(said, fmt.Sprintf("and %d more", len(issues.Errors())-i))
			break
		}
		what := e.Message
		if e.Location.Line() > 0 {
			what = fmt.Sprintf("%d:%d: %s", e.Location.Line(), e.Location.Column()+1, e.Message)
		}
		said = append(said, what)
	}
	return oneLine(strings.Join(said, "; "))
}

// oneLine makes an error of a text that may quote an expression: one line of bounded length, and nothing that a terminal obeys.
func oneLine(text string) error {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxProblem {
		text = strings.ToValidUTF8(text[:maxProblem-3], "") + "..."
	}
	return errors.New(text)
}

// plain is what an optional result has in it: no result is the same as an absent attribute.
func plain(t *cel.Type) *cel.Type {
	if t.Kind() == cel.OpaqueKind && t.TypeName() == types.OptionalType.TypeName() && len(t.Parameters()) == 1 {
		return t.Parameters()[0]
	}
	return t
}

func isOneOf(good ...*cel.Type) func(*cel.Type) bool {
	return func(t *cel.Type) bool {
		if t.Kind() == cel.DynKind || t.Kind() == cel.AnyKind || t.Kind() == cel.TypeParamKind {
			return true
		}
		for _, allowed := range good {
			if t.IsExactType(allowed) {
				return true
			}
		}
		return false
	}
}

// isOneOrMany accepts lists too.
func isOneOrMany(good ...*cel.Type) func(*cel.Type) bool {
	one := isOneOf(good...)
	return func(t *cel.Type) bool {
		return one(t) || t.Kind() == cel.ListKind && one(t.Parameters()[0])
	}
}
