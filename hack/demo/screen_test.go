// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	for name, c := range map[string]struct {
		reason, text string
		want         []string
	}{
		"Short":     {"nothing to do", "a b", []string{"a b"}},
		"AtSpace":   {"words stay whole", "aaaa bbbb cccc", []string{"aaaa bbbb", "cccc"}},
		"SpaceAt":   {"a space at the very end of the line is no reason to break earlier", "aaaaa bbbb cc", []string{"aaaaa bbbb", "cc"}},
		"AtComma":   {"JSON has no spaces", `"aaaa":1,"b":2`, []string{`"aaaa":1,`, `"b":2`}},
		"Unbroken":  {"a long word must break", strings.Repeat("a", 14), []string{"aaaaaaaaaa", "aaaa"}},
		"Multibyte": {"characters count, not bytes", "ääää öööö üü", []string{"ääää öööö", "üü"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, wrap(c.text, 10)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestNarrow(t *testing.T) {
	table := "NAME                                                STATE     IN SYNC   AGE\n" +
		"demo-cluster-069f6af8-2d99-4ea9-8d0e-c12ab8d2a97d   Active              1s\n"
	want := []string{
		"NAME                    STATE   IN SYNC  AGE",
		"demo-cluster-069f6af8…  Active           1s",
	}
	if diff := cmp.Diff(want, narrow(table)); diff != "" {
		t.Errorf("ids are cut, empty cells stay empty and a title may have a space (-want +got):\n%s", diff)
	}
	const nothing = "No resources found in acme namespace."
	if diff := cmp.Diff([]string{nothing}, narrow(nothing+"\n")); diff != "" {
		t.Errorf("what is no table stays (-want +got):\n%s", diff)
	}
}
