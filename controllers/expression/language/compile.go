// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
)

const (
	// maxLength of an expression, as the API has it too.
	maxLength = 4096
	// maxDepth of an expression. Deeper ones are made by machines, and the type checker takes the third power of it.
	maxDepth = 50
	// maxPattern bounds a regular expression. Matching is linear in the text and in the pattern.
	maxPattern = 256
	// MaxProblem bounds what a compile error says, in bytes. It ends in a condition.
	MaxProblem = 500
	// maxProblems bounds how many errors it lists.
	maxProblems = 3
)

// Compile compiles e, whose result must fit; wanted says so in words. Every error is one line that can be shown to whoever may read the
// expression.
func Compile(language *cel.Env, e string, fits func(*cel.Type) bool, wanted string) (cel.Program, error) {
	if len(e) > maxLength {
		return nil, fmt.Errorf("the expression is longer than %d characters", maxLength)
	}
	parsed, issues := language.Parse(e)
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

// checkShape refuses what is too deep, and what makes the work of others unbounded.
func checkShape(parsed *cel.Ast) error {
	source := parsed.NativeRep().SourceInfo()
	for _, node := range ast.MatchDescendants(ast.NavigateAST(parsed.NativeRep()), ast.AllMatcher()) {
		if node.Depth() > 3*maxDepth { // a macro becomes several levels
			return fmt.Errorf("the expression is nested deeper than %d", maxDepth)
		}
		if wrong := wrongWith(node); wrong != "" {
			at := source.GetStartLocation(node.ID())
			return fmt.Errorf("%d:%d: %s", at.Line(), at.Column()+1, wrong)
		}
	}
	return nil
}

// wrongWith says what is wrong with one node. The cost of a pattern that is data could not be known before it is compiled. A map whose
// keys are maps has a type as large as both together, and it takes a few dozen to stop the type checker.
func wrongWith(node ast.Expr) string {
	switch {
	case node.Kind() == ast.MapKind:
		for _, entry := range node.AsMap().Entries() {
			if entry.AsMapEntry().Key().Kind() != ast.LiteralKind {
				return "the keys of a map must be written as texts or numbers"
			}
		}
	case node.Kind() == ast.CallKind && node.AsCall().FunctionName() == "matches" && len(node.AsCall().Args()) > 0:
		pattern := node.AsCall().Args()[len(node.AsCall().Args())-1]
		if pattern.Kind() != ast.LiteralKind {
			return "the pattern of matches must be written as a text"
		}
		if text, ok := pattern.AsLiteral().Value().(string); ok && len(text) > maxPattern {
			return fmt.Sprintf("the pattern of matches is longer than %d bytes", maxPattern)
		}
	}
	return ""
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
	if len(text) > MaxProblem {
		text = strings.ToValidUTF8(text[:MaxProblem-3], "") + "..."
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

// OneOf accepts these types, and what is known only when it is evaluated.
func OneOf(good ...*cel.Type) func(*cel.Type) bool {
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

// OneOrMany accepts these types and lists of them.
func OneOrMany(good ...*cel.Type) func(*cel.Type) bool {
	one := OneOf(good...)
	return func(t *cel.Type) bool {
		return one(t) || t.Kind() == cel.ListKind && one(t.Parameters()[0])
	}
}
