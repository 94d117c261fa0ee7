// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		reason, metrics string
		want            map[string]float64
		fails           bool
	}{
		"Some":  {"only these are wanted", "# HELP x\nother 7\n" + metricPuts + " 12\n" + metricInUse + " 1.5e+06\n", map[string]float64{metricPuts: 12, metricInUse: 1.5e6}, false},
		"Wrong": {"a metric that is no number", metricPuts + " many\n", nil, true},
		"None":  {"nothing is nothing", "", map[string]float64{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(strings.NewReader(c.metrics))
			if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != c.fails {
				t.Errorf("%s: got error %v and (-want +got):\n%s", c.reason, err, diff)
			}
		})
	}
}

func TestGrowth(t *testing.T) {
	reading := func(puts, bytes, inUse, compacted float64) map[string]float64 {
		return map[string]float64{metricPuts: puts, metricPutBytes: bytes, metricInUse: inUse, metricCompacted: compacted}
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
