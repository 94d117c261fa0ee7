// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"net"
	"testing"
)

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

// FreePort is a loopback port where nothing listens; see [FreePorts].
func FreePort(tb testing.TB) int {
	tb.Helper()
	ports, err := FreePorts(1)
	if err != nil {
		tb.Fatal(err)
	}
	return ports[0]
}

// FreeAddress is a FreePort with its host.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	return loopback(FreePort(tb))
}

// Listen listens at a port that FreePorts could return, until the test is over.
func Listen(tb testing.TB) net.Listener {
	tb.Helper()
	_, l, err := listen()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}
