// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// TestComparesInConstantTime holds the shape of the code, since a difference of nanoseconds cannot be measured reliably:
// digests are compared by crypto/subtle only, and the search does not end at the first match.
func TestComparesInConstantTime(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "authenticator.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]*ast.FuncDecl{}
	for _, decl := range file.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			functions[fn.Name.Name] = fn
		}
	}
	if got := calls(functions["sameProof"])["subtle.ConstantTimeCompare"]; got != 1 {
		t.Errorf("sameProof calls subtle.ConstantTimeCompare %d times, want 1", got)
	}
	if got := calls(functions["match"])["sameProof"]; got != 2 {
		t.Errorf("match calls sameProof %d times, want 2: once for a credential, once for the dummy", got)
	}
	if left := firstOperand(functions["match"]); left != "sameProof" {
		t.Errorf("match asks %s before it compares, so the time would tell", left)
	}
	for _, early := range earlyExits(functions["match"]) {
		t.Errorf("match leaves its search early: %s", early)
	}
	for name, fn := range functions {
		for called := range calls(fn) {
			if called == "bytes.Equal" || called == "slices.Equal" || called == "strings.EqualFold" || called == "hmac.Equal" {
				t.Errorf("%s calls %s", name, called)
			}
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			if b, ok := n.(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) && (isDigest(name, b.X) || isDigest(name, b.Y)) {
				t.Errorf("%s compares a digest with %s", name, b.Op)
			}
			return true
		})
	}
}

func calls(fn *ast.FuncDecl) map[string]int {
	out := map[string]int{}
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch f := call.Fun.(type) {
			case *ast.Ident:
				out[f.Name]++
			case *ast.SelectorExpr:
				if pkg, ok := f.X.(*ast.Ident); ok {
					out[pkg.Name+"."+f.Sel.Name]++
				}
			}
		}
		return true
	})
	return out
}

func earlyExits(fn *ast.FuncDecl) []string {
	var out []string
	ast.Inspect(fn, func(n ast.Node) bool {
		loop, ok := n.(*ast.RangeStmt)
		if !ok {
			return true
		}
		ast.Inspect(loop.Body, func(n ast.Node) bool {
			switch s := n.(type) {
			case *ast.ReturnStmt:
				out = append(out, "return")
			case *ast.BranchStmt:
				if s.Tok != token.CONTINUE {
					out = append(out, fmt.Sprint(s.Tok))
				}
			}
			return true
		})
		return false
	})
	return out
}

// firstOperand is the function that the first condition within the loop of fn calls first.
func firstOperand(fn *ast.FuncDecl) (called string) {
	ast.Inspect(fn, func(n ast.Node) bool {
		condition, ok := n.(*ast.IfStmt)
		if !ok || called != "" {
			return true
		}
		left := condition.Cond
		for {
			binary, ok := left.(*ast.BinaryExpr)
			if !ok {
				break
			}
			left = binary.X
		}
		if call, ok := left.(*ast.CallExpr); ok {
			called = fmt.Sprint(call.Fun)
		}
		return false
	})
	return called
}

// isDigest says whether e is a digest by its name; local variables are looked at where digests are at home.
func isDigest(function string, e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name == "SHA256" || x.Sel.Name == "proof"
	case *ast.CallExpr:
		f, ok := x.Fun.(*ast.SelectorExpr)
		return ok && (f.Sel.Name == "SHA256" || f.Sel.Name == "Sum256")
	case *ast.Ident:
		return (function == "match" || function == "sameProof") && (x.Name == "got" || x.Name == "want")
	}
	return false
}
