// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apimachinery/pkg/util/json"
)

const (
	// maxJSON bounds the text that json() takes, in bytes. Attributes of a user are 128 KiB at most altogether.
	maxJSON = 64 << 10
	// maxJSONDepth bounds how deep that text is nested.
	maxJSONDepth = 32
	// maxProduct bounds functions whose work or result grows with the product of their arguments. They would do it before it is counted.
	maxProduct = 1 << 20
)

// functions are those that CEL and its extensions do not have, or have without a bound.
func functions() []cel.EnvOption {
	texts, list := cel.ListType(cel.StringType), cel.ListType(cel.TypeParamType("T"))
	return []cel.EnvOption{
		cel.Function("json", cel.Overload("json_dyn", []*cel.Type{cel.DynType}, cel.DynType, cel.UnaryBinding(decoded))),
		cel.Function("replace",
			cel.MemberOverload("string_replace_string_string", []*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.StringType, cel.FunctionBinding(replaced)),
			cel.MemberOverload("string_replace_string_string_int", []*cel.Type{cel.StringType, cel.StringType, cel.StringType, cel.IntType}, cel.StringType, cel.FunctionBinding(replaced))),
		cel.Function("join",
			cel.MemberOverload("list_join", []*cel.Type{texts}, cel.StringType, cel.UnaryBinding(func(l ref.Val) ref.Val { return joined(l, types.String("")) })),
			cel.MemberOverload("list_join_string", []*cel.Type{texts, cel.StringType}, cel.StringType, cel.BinaryBinding(joined))),
		cel.Function("sets.contains", cel.Overload("list_sets_contains_list", []*cel.Type{list, list}, cel.BoolType, cel.BinaryBinding(ofSets(contains)))),
		cel.Function("sets.intersects", cel.Overload("list_sets_intersects_list", []*cel.Type{list, list}, cel.BoolType, cel.BinaryBinding(ofSets(intersects)))),
		cel.Function("sets.equivalent", cel.Overload("list_sets_equivalent_list", []*cel.Type{list, list}, cel.BoolType,
			cel.BinaryBinding(ofSets(func(a, b traits.Lister) bool { return contains(a, b) && contains(b, a) })))),
	}
}

// decoded decodes JSON text, and the texts in a list of such. Everything else it leaves as it is, so that one expression
// works for an attribute whether the identity provider sends it as text, as a list of texts, or as it is.
func decoded(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.String:
		return decodedText(string(v))
	case traits.Lister:
		all := make([]ref.Val, 0, int(v.Size().(types.Int)))
		for it := v.Iterator(); it.HasNext() == types.True; {
			element := it.Next()
			if text, ok := element.(types.String); ok {
				element = decodedText(string(text))
			}
			if types.IsError(element) {
				return element
			}
			all = append(all, element)
		}
		return types.NewRefValList(types.DefaultTypeAdapter, all)
	default:
		return v
	}
}

func decodedText(text string) ref.Val {
	var value any
	if len(text) > maxJSON || depth(text) > maxJSONDepth || json.Unmarshal([]byte(text), &value) != nil {
		return types.WrapErr(Failed(ProblemConversion))
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

// depth is how deep JSON text is nested. In text that is no JSON it may be wrong.
func depth(text string) (deepest int) {
	open, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			open++
			deepest = max(deepest, open)
		case !quoted && (c == '}' || c == ']'):
			open--
		}
	}
	return deepest
}

// replaced is replace of the strings extension, whose result can be as long as the product of its arguments.
func replaced(args ...ref.Val) ref.Val {
	text, before, after := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String)) // by the signature
	n := -1
	if len(args) > 3 {
		n = int(args[3].(types.Int)) // by the signature
	}
	if tooMuch(len(text), len(after)) {
		return types.WrapErr(Failed(ProblemCost))
	}
	return types.String(strings.Replace(text, before, after, n))
}

// joined is join of the strings extension, likewise.
func joined(list, separator ref.Val) ref.Val {
	l, s := list.(traits.Lister), string(separator.(types.String)) // by the signature
	if tooMuch(sizeOf(l), len(s)) {
		return types.WrapErr(Failed(ProblemCost))
	}
	texts := make([]string, 0, sizeOf(l))
	for it := l.Iterator(); it.HasNext() == types.True; {
		text, ok := it.Next().(types.String)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		texts = append(texts, string(text))
	}
	return types.String(strings.Join(texts, s))
}

// ofSets bounds what the sets extension does: every element of one list is looked for in the other.
func ofSets(compare func(a, b traits.Lister) bool) func(a, b ref.Val) ref.Val {
	return func(a, b ref.Val) ref.Val {
		l, m := a.(traits.Lister), b.(traits.Lister) // by the signature
		if tooMuch(Weight(a, maxProduct), sizeOf(m)) || tooMuch(sizeOf(l), Weight(b, maxProduct)) {
			return types.WrapErr(Failed(ProblemCost))
		}
		return types.Bool(compare(l, m))
	}
}

func contains(all, some traits.Lister) bool {
	for it := some.Iterator(); it.HasNext() == types.True; {
		if all.Contains(it.Next()) != types.True {
			return false
		}
	}
	return true
}

func intersects(a, b traits.Lister) bool {
	for it := a.Iterator(); it.HasNext() == types.True; {
		if b.Contains(it.Next()) == types.True {
			return true
		}
	}
	return false
}

func tooMuch(a, b int) bool { return max(a, 1)*max(b, 1) > maxProduct }

func sizeOf(s traits.Sizer) int { return int(s.Size().(types.Int)) } // what Size returns
