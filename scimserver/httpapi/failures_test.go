// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// v4 is one of all addresses of IPv4.
func v4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

func someFailures(each, all int) *failures {
	return newFailures(Limits{SourceFailures: directory.Rate{PerSecond: 1, Burst: each}, Failures: directory.Rate{PerSecond: 1, Burst: all}})
}

// tooManyOf is how many of n failures are too many.
func (f *failures) tooManyOf(source string, n int, now time.Duration) (tooMany int) {
	for range n {
		if f.tooMany(netip.MustParseAddr(source), now) {
			tooMany++
		}
	}
	return tooMany
}

func TestFailuresOfASource(t *testing.T) {
	cases := map[string]struct {
		reason, first, second string
		same                  bool
	}{
		"Itself":      {reason: "one address", first: "203.0.113.1", second: "203.0.113.1", same: true},
		"Neighbour":   {reason: "the next address of IPv4 is somebody else", first: "203.0.113.1", second: "203.0.113.2"},
		"SameNetwork": {reason: "one customer has 64 bits of addresses", first: "2001:db8:0:1::1", second: "2001:db8:0:1:ffff::2", same: true},
		"NextNetwork": {reason: "the next customer", first: "2001:db8:0:1::1", second: "2001:db8:0:2::1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := someFailures(3, 1000)
			if got := f.tooManyOf(tc.first, 5, 0); got != 2 {
				t.Errorf("%d of 5 were too many, want 2", got)
			}
			if got := f.tooManyOf(tc.second, 3, 0) == 3; got != tc.same {
				t.Errorf("%s: counted as one %t", tc.reason, got)
			}
			if got := f.tooManyOf(tc.first, 3, 2*time.Second); got != 1 {
				t.Errorf("after two seconds %d of 3 were too many, want 1", got)
			}
		})
	}
}

// TestFailuresOfAll: together they are bounded too, and what one source has too many of is not held against the others.
func TestFailuresOfAll(t *testing.T) {
	f := someFailures(3, 10)
	f.tooManyOf("203.0.113.1", 1000, 0)
	tooMany := 0
	for i := range uint32(20) {
		if f.tooMany(v4(i), 0) {
			tooMany++
		}
	}
	if tooMany != 13 { // 10, of which the first source had 3
		t.Errorf("%d of 20 sources had too many, want 13", tooMany)
	}
}

// TestFailuresAreBounded: a flood from everywhere takes no memory, and does not make room for a source that goes on failing.
func TestFailuresAreBounded(t *testing.T) {
	f := someFailures(50, 1<<30)
	f.tooManyOf("198.51.100.1", 100, 0)
	next := uint32(0)
	if got := testing.AllocsPerRun(100_000, func() { next++; f.tooMany(v4(next), 0) }); got != 0 {
		t.Errorf("a failure costs %v allocations", got)
	}
	if got := f.tooManyOf("198.51.100.1", 1, 0); got != 1 {
		t.Error("100,000 sources with one failure each have pushed out one with a hundred")
	}
}
