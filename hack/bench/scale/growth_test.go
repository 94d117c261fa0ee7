// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/scim-operator/scim-operator/hack/bench/meter"
)

func TestGrowth(t *testing.T) {
	reading := func(puts, bytes, inUse, compacted float64) map[string]float64 {
		return map[string]float64{meter.Puts: puts, meter.PutBytes: bytes, meter.InUse: inUse, meter.Compacted: compacted}
	}
	var g growth
	if got := g.database(); got != "unknown" {
		t.Errorf("before anything was added: got %s, want unknown", got)
	}
	g.add(reading(0, 0, 1000, 0), reading(20, 2000, 3000, 0), 10)
	g.add(reading(20, 2000, 3000, 0), reading(40, 4000, 500, 99), 10) // compaction hides the growth
	if g.puts != 40 || g.bytes != 4000 || g.database() != "200" {
		t.Errorf("got %+v, want all puts and bytes, and 200 bytes in use for each of the adds that no compaction hides", g)
	}
}
