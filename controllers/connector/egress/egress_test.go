// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

func TestAllows(t *testing.T) {
	lan := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	service := []netip.Prefix{netip.MustParsePrefix("10.96.0.1/32")}
	for name, tc := range map[string]struct {
		policy  Policy
		addr    string
		allowed bool
	}{
		"Public":             {Policy{}, "192.0.2.7", true},
		"Public6":            {Policy{}, "2001:db8::1", true},
		"Private":            {Policy{}, "10.1.2.3", true},
		"Loopback":           {Policy{}, "127.0.0.1", false},
		"LoopbackElsewhere":  {Policy{}, "127.9.9.9", false},
		"Loopback6":          {Policy{}, "::1", false},
		"LoopbackMapped":     {Policy{}, "::ffff:127.0.0.1", false},
		"LoopbackNAT64":      {Policy{}, "64:ff9b::7f00:1", false},
		"Metadata":           {Policy{}, "169.254.169.254", false},
		"MetadataMapped":     {Policy{}, "::ffff:169.254.169.254", false},
		"MetadataAWS6":       {Policy{}, "fd00:ec2::254", false},
		"LinkLocal6":         {Policy{}, "fe80::1%eth0", false},
		"Unspecified":        {Policy{}, "0.0.0.0", false},
		"Unspecified6":       {Policy{}, "::", false},
		"ThisNetwork":        {Policy{}, "0.1.2.3", false},
		"Multicast":          {Policy{}, "224.0.0.1", false},
		"LoopbackAllowed":    {Policy{Allow: lan}, "127.0.0.1", true},
		"AllowIsExact":       {Policy{Allow: lan}, "127.0.0.2", false},
		"Denied":             {Policy{Deny: service}, "10.96.0.1", false},
		"DeniedMapped":       {Policy{Deny: service}, "::ffff:10.96.0.1", false},
		"DenyBeatsAllow":     {Policy{Allow: service, Deny: service}, "10.96.0.1", false},
		"BesideTheDeniedOne": {Policy{Deny: service}, "10.96.0.2", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.policy.Allows(netip.MustParseAddr(tc.addr)); got != tc.allowed {
				t.Errorf("Allows(%s) = %v", tc.addr, got)
			}
		})
	}
}

// TestDialChecksWhatNamesResolveTo connects to a name, which only its resolved address gives away.
func TestDialChecksWhatNamesResolveTo(t *testing.T) {
	_, port, err := net.SplitHostPort(cluster.Listen(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Policy{}).DialContext(t.Context(), "tcp", "localhost:"+port); !errors.Is(err, ErrForbidden) {
		t.Errorf("err = %v, want ErrForbidden", err)
	}
	conn, err := Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.DialContext(t.Context(), "tcp4", "localhost:"+port)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
