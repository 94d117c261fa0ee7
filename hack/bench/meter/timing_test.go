// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for name, c := range map[string]struct {
		reason  string
		values  []time.Duration
		percent int
		want    time.Duration
	}{
		"P50":  {"half are at most 50", hundred, 50, 50},
		"P99":  {"99 are at most 99", hundred, 99, 99},
		"P100": {"the largest", hundred, 100, 100},
		"One":  {"there is only one", hundred[:1], 99, 1},
		"Few":  {"99 % of ten are all ten", hundred[:10], 99, 10},
		"None": {"nothing was measured", nil, 50, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Percentile(c.values, c.percent); got != c.want {
				t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
			}
		})
	}
}
