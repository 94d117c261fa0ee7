// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"net/netip"
	"testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestProfileAllows(t *testing.T) {
	cases := map[string]struct {
		reason   string
		networks []string
		source   string // empty: not valid
		want     bool
	}{
		"Any":         {reason: "no networks are no limit", source: "198.51.100.1", want: true},
		"AnyUnknown":  {reason: "not even on having an address", want: true},
		"Inside":      {reason: "one of several", networks: []string{"192.0.2.0/24", "203.0.113.0/24"}, source: "203.0.113.255", want: true},
		"Outside":     {reason: "next to it", networks: []string{"203.0.113.0/24"}, source: "203.0.114.0"},
		"HostBits":    {reason: "an address with a mask is its network", networks: []string{"203.0.113.9/24"}, source: "203.0.113.1", want: true},
		"IPv6":        {reason: "the same for six", networks: []string{"2001:db8::/32"}, source: "2001:db8:ffff::1", want: true},
		"OtherFamily": {reason: "all of IPv4 is nothing of IPv6", networks: []string{"0.0.0.0/0"}, source: "2001:db8::1"},
		"Unknown":     {reason: "no address is in no network", networks: []string{"0.0.0.0/0", "::/0"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := NewProfile(&v1alpha1.ScimDirectorySpec{Authentication: v1alpha1.DirectoryAuthentication{AllowedCIDRs: tc.networks}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			source, _ := netip.ParseAddr(tc.source)
			if got := p.Allows(source); got != tc.want {
				t.Errorf("%s: %t", tc.reason, got)
			}
		})
	}
}

// TestProfileOfABadNetwork: what the API server should have refused lets nobody in.
func TestProfileOfABadNetwork(t *testing.T) {
	spec := &v1alpha1.ScimDirectorySpec{Authentication: v1alpha1.DirectoryAuthentication{AllowedCIDRs: []string{"203.0.113.0/24", "x"}}}
	if _, err := NewProfile(spec, nil); err == nil {
		t.Error("a profile without one of its networks")
	}
}

func TestProfileRate(t *testing.T) {
	for given, want := range map[v1alpha1.DirectoryLimits]Rate{
		{}:                                 {PerSecond: 200, Burst: 1000},
		{RequestsPerSecond: 25}:            {PerSecond: 25, Burst: 1000},
		{RequestsPerSecond: 25, Burst: 40}: {PerSecond: 25, Burst: 40},
	} {
		p, err := NewProfile(&v1alpha1.ScimDirectorySpec{Limits: given}, nil)
		if err != nil || p.Rate != want {
			t.Errorf("%+v: %+v, want %+v: %v", given, p.Rate, want, err)
		}
	}
}
