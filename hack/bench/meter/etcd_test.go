// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

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
		"Some":  {"only these are wanted", "# HELP x\nother 7\n" + Puts + " 12\n" + InUse + " 1.5e+06\n", map[string]float64{Puts: 12, InUse: 1.5e6}, false},
		"Wrong": {"a metric that is no number", Puts + " many\n", nil, true},
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
