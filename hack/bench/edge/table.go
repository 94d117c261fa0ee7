// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
)

// ours says whether a resource, as hack/cluster counts requests by it, is one of our kinds.
func ours(resource string) bool { return strings.HasPrefix(resource, v1alpha1.GroupVersion.Group+"/") }

// printTable writes the table.
func printTable(results []result) {
	fmt.Println("\n| part | valid: requests | not 200 | p50 | p99 | wrong tokens answered | scim-server |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, r := range results {
		fmt.Printf("| %s | %d | %d | %s | %s | %s | %.0f %% of a processor, %d MiB |\n", r.name, len(r.valid), r.failed,
			meter.Milliseconds(meter.Percentile(r.valid, 50)), meter.Milliseconds(meter.Percentile(r.valid, 99)), r.wrong(),
			100*r.usage.CPU.Seconds()/r.took.Seconds(), r.usage.Resident>>20)
	}
	fmt.Printf("\nRequests that wrong tokens alone cause to the API server: %d.\n", results[1].asked)
}

// wrong says how the strangers were answered.
func (r result) wrong() string {
	total, parts := 0, []string{}
	for _, status := range slices.Sorted(maps.Keys(r.answers)) {
		total += r.answers[status]
		parts = append(parts, fmt.Sprintf("%d: %d", status, r.answers[status]))
	}
	if total == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f a second (%s)", float64(total)/r.took.Seconds(), strings.Join(parts, ", "))
}
