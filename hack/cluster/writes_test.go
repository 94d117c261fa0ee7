// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddWrites(t *testing.T) {
	line := func(verb, dryRun, group, resource, subresource, code, count string) string {
		return `apiserver_request_total{code="` + code + `",component="apiserver",dry_run="` + dryRun + `",group="` + group +
			`",resource="` + resource + `",scope="resource",subresource="` + subresource + `",verb="` + verb +
			`",version="v1"} ` + count + "\n"
	}
	cases := map[string]struct {
		reason string
		in     string
		want   map[string]int
	}{
		"SumOfVerbsAndCodes": {
			reason: "every write request is one, whatever its verb and whether it was accepted",
			in: line("POST", "", "apps", "deployments", "", "201", "1") + line("PUT", "", "apps", "deployments", "", "409", "20") +
				line("PATCH", "", "apps", "deployments", "", "200", "300") + line("APPLY", "", "apps", "deployments", "", "200", "4000") +
				line("DELETE", "", "apps", "deployments", "", "200", "50000") +
				line("DELETECOLLECTION", "", "apps", "deployments", "", "200", "1e+06"),
			want: map[string]int{"apps/deployments": 1054321},
		},
		"ReadsAndDryRuns": {
			reason: "neither changes anything",
			in: line("GET", "", "apps", "deployments", "", "200", "5") + line("WATCH", "", "apps", "deployments", "", "200", "5") +
				line("LIST", "", "apps", "deployments", "", "200", "5") + line("POST", "All", "apps", "deployments", "", "201", "5"),
			want: map[string]int{},
		},
		"Keys": {
			reason: "the core group has a name and a subresource its own key",
			in: line("POST", "", "", "secrets", "", "201", "1") + line("PUT", "", "apps", "deployments", "status", "200", "2") +
				line("POST", "", "coordination.k8s.io", "leases", "", "201", "3"),
			want: map[string]int{"core/secrets": 1, "apps/deployments/status": 2, "coordination.k8s.io/leases": 3},
		},
		"OtherMetricsAndPaths": {
			reason: "a POST to a path that is no resource writes no object",
			in: "# TYPE apiserver_request_total counter\nprocess_cpu_seconds_total 12.5\napiserver_request_terminations_total{code=\"429\"} 7\n" +
				line("POST", "", "", "", "", "404", "9"),
			want: map[string]int{},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := map[string]int{}
			if err := addWrites(strings.NewReader(tc.in), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
	got, want := map[string]int{}, map[string]int{"apps/deployments": 12}
	reads := line("GET", "", "apps", "deployments", "", "200", "5") + line("LIST", "", "apps", "deployments", "", "200", "7") +
		line("WATCH", "", "apps", "deployments", "", "200", "9") + line("POST", "", "apps", "deployments", "", "200", "11")
	if err := addReads(strings.NewReader(reads), got); err != nil || !cmp.Equal(want, got) {
		t.Errorf("reads: got %v, %v, want %v", got, err, want)
	}
	if err := addWrites(strings.NewReader("apiserver_request_total{broken\n"), map[string]int{}); err == nil {
		t.Error("a line that cannot be read is no error")
	}
}
