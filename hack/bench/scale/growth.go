// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/scim-operator/scim-operator/hack/bench/meter"
)

// growth is what some adds did to etcd.
type growth struct {
	puts, bytes float64
	// inUse is of those adds only during which nothing was compacted.
	inUse   float64
	counted int
}

// add takes in what happened between two readings.
func (g *growth) add(before, after map[string]float64, adds int) {
	g.puts += after[meter.Puts] - before[meter.Puts]
	g.bytes += after[meter.PutBytes] - before[meter.PutBytes]
	if after[meter.Compacted] == before[meter.Compacted] {
		g.inUse += after[meter.InUse] - before[meter.InUse]
		g.counted += adds
	}
}

// database is the growth of the database in bytes for each add.
func (g *growth) database() string {
	if g.counted == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.0f", g.inUse/float64(g.counted))
}
