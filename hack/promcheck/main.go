// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command promcheck says which metrics and labels queries of Prometheus name, by its own parser. It is a module of its own, so that
// Prometheus is no dependency of the product.
//
// It reads a JSON list of queries and writes, for each, a JSON list of the metrics that the query names.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// use is a metric that a query names, and the labels that the query expects it to have.
type use struct {
	Metric string   `json:"metric"`
	Labels []string `json:"labels"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var queries []string
	if err := json.NewDecoder(in).Decode(&queries); err != nil {
		return fmt.Errorf("read queries: %w", err)
	}
	parse := parser.NewParser(parser.Options{})
	all := make([][]use, 0, len(queries))
	for _, query := range queries {
		expression, err := parse.ParseExpr(query)
		if err != nil {
			return fmt.Errorf("parse %q: %w", query, err)
		}
		all = append(all, uses(expression))
	}
	return json.NewEncoder(out).Encode(all)
}

// uses are the metrics in an expression.
func uses(expression parser.Expr) (all []use) {
	parser.Inspect(expression, func(node parser.Node, path []parser.Node) error {
		if selector, is := node.(*parser.VectorSelector); is {
			all = append(all, selected(selector, path))
		}
		return nil
	})
	return all
}

// selected is what a selector names; path is what it is inside of, outermost first.
func selected(selector *parser.VectorSelector, path []parser.Node) use {
	u := use{Metric: selector.Name}
	for i, around := range path {
		if i+1 < len(path) && onlyCompares(around, path[i+1]) || i+1 == len(path) && onlyCompares(around, selector) {
			u.Labels = nil // nothing of it comes out
		}
		u.Labels = append(u.Labels, expectedBy(around)...)
	}
	for _, matcher := range selector.LabelMatchers {
		if matcher.Name != labels.MetricName {
			u.Labels = append(u.Labels, matcher.Name)
		}
	}
	slices.Sort(u.Labels)
	u.Labels = slices.Compact(u.Labels)
	return u
}

// onlyCompares reports whether inside is what node compares with, and not what it lets through.
func onlyCompares(node, inside parser.Node) bool {
	binary, is := node.(*parser.BinaryExpr)
	return is && (binary.Op == parser.LAND || binary.Op == parser.LUNLESS) && binary.RHS == inside
}

// expectedBy are the labels that everything inside of node must have to get through it. Where they would come from elsewhere, as with
// group_left, nothing is expected.
func expectedBy(node parser.Node) []string {
	switch node := node.(type) {
	case *parser.AggregateExpr:
		if !node.Without {
			return node.Grouping
		}
	case *parser.BinaryExpr:
		if node.VectorMatching != nil && node.VectorMatching.On {
			return node.VectorMatching.MatchingLabels
		}
	}
	return nil
}
