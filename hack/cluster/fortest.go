// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "testing"

// ForTest starts a control plane for a test (in TestMain, use Start) and stops it when the test is over. The test fails
// at once if the control plane does not start, telling to run `make controlplane` where its programs are missing.
func ForTest(tb testing.TB, o Options) *Cluster {
	tb.Helper()
	c, err := Start(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return c
}
