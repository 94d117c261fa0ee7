// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"net"
	"testing"
)

// Silence accepts connections at address and says nothing, until the test is over. reached delivers when the first connection has arrived.
func Silence(t testing.TB, address string) (reached <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	first := make(chan struct{}, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			select {
			case first <- struct{}{}:
			default:
			}
		}
	}()
	return first
}
