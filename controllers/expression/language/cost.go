// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package language

import (
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// costLimit bounds the work of one evaluation. A condition over a thousand groups needs a few thousand.
const costLimit = 100_000

// textUnit is how many bytes of text weigh as much as one value.
const textUnit = 64

// charge counts what a call costs. CEL counts by the overload that the type checker found, and there is none where an argument is dyn,
// which attributes are: then a text that doubles itself fifty times would cost fifty. So this one looks at the values.
//
// What makes values large is counted by how large: else a list that doubles itself, or holds itself twice, would be built
// for nothing, and the next comparison would walk through it for ever.
type charge struct{}

var _ interpreter.ActualCostEstimator = charge{}

// CallCost implements interpreter.ActualCostEstimator.
func (charge) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	cost := 1
	switch {
	case function == "matches":
		return nil // what CEL charges for it is right: it needs no overload to be known
	case function == operators.Add && len(args) == 2:
		cost += Weight(args[1], costLimit)
		if _, ok := result.(types.String); ok {
			cost += Weight(result, costLimit)
		}
	case (function == operators.Equals || function == operators.NotEquals) && len(args) == 2:
		cost += min(Weight(args[0], costLimit), Weight(args[1], costLimit))
	case function == operators.In && len(args) == 2:
		if _, ok := args[1].(traits.Lister); ok {
			cost += Weight(args[1], costLimit)
		}
	default:
		for _, arg := range args {
			cost += bulkOf(arg)
		}
		cost += bulkOf(result)
	}
	units := uint64(max(0, cost))
	return &units
}

// bulkOf is what it costs to read or make a text, or the outermost list.
func bulkOf(v ref.Val) int {
	switch v := v.(type) {
	case types.String:
		return len(v) / textUnit
	case types.Bytes:
		return len(v) / textUnit
	case traits.Lister:
		return sizeOf(v)
	}
	return 0
}

// Weight is how many values v consists of, counting those several times that it holds several times. It stops counting at limit: what an
// evaluation made for little can be large for whoever walks through it afterwards.
func Weight(v ref.Val, limit int) int {
	weight := 1
	switch v := v.(type) {
	case types.String, types.Bytes:
		return 1 + bulkOf(v)
	case *types.Optional:
		if v.HasValue() {
			weight += Weight(v.GetValue(), limit-weight)
		}
	case traits.Mapper:
		for it := v.Iterator(); it.HasNext() == types.True && weight < limit; {
			key := it.Next()
			value, _ := v.Find(key)
			weight += Weight(key, limit-weight) + Weight(value, limit-weight)
		}
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True && weight < limit; {
			weight += Weight(it.Next(), limit-weight)
		}
	}
	return weight
}
