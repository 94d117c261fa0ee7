// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// ourProxies are two networks of proxies.
func ourProxies(t testing.TB) []netip.Prefix {
	t.Helper()
	networks, err := ParseProxies([]string{"10.0.0.7/8", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	return networks
}

func TestSource(t *testing.T) {
	cases := map[string]struct {
		reason, peer string
		forwarded    []string
		want         string
	}{
		"Direct":          {reason: "nobody forwarded", peer: "203.0.113.9", want: "203.0.113.9"},
		"Spoofed":         {reason: "a stranger's own header", peer: "203.0.113.9", forwarded: []string{"198.51.100.1"}, want: "203.0.113.9"},
		"Forwarded":       {reason: "one proxy", peer: "10.1.2.3", forwarded: []string{"198.51.100.1"}, want: "198.51.100.1"},
		"SpoofedBehind":   {reason: "what a client wrote is left of what the proxy added", peer: "10.1.2.3", forwarded: []string{"192.0.2.1, 198.51.100.1"}, want: "198.51.100.1"},
		"SpoofedAsProxy":  {reason: "a client that names one of our proxies", peer: "10.1.2.3", forwarded: []string{"192.0.2.1, 10.9.9.9, 198.51.100.1"}, want: "198.51.100.1"},
		"TwoProxies":      {reason: "the inner one was asked by the outer one", peer: "10.1.2.3", forwarded: []string{"192.0.2.1,198.51.100.1 ,\t10.4.4.4"}, want: "198.51.100.1"},
		"SeveralHeaders":  {reason: "several headers are one list (RFC 9110 §5.3)", peer: "10.1.2.3", forwarded: []string{"192.0.2.1", "198.51.100.1, 10.4.4.4", "10.5.5.5"}, want: "198.51.100.1"},
		"SplitSpoof":      {reason: "a header of the client before that of the proxy", peer: "10.1.2.3", forwarded: []string{"192.0.2.1", "198.51.100.1"}, want: "198.51.100.1"},
		"AllTrusted":      {reason: "the client itself is inside", peer: "10.1.2.3", forwarded: []string{"10.6.6.6, 10.4.4.4"}, want: "10.6.6.6"},
		"NoHeader":        {reason: "the proxy itself asks, such as for a health check", peer: "10.1.2.3", want: "10.1.2.3"},
		"Empty":           {reason: "an empty header", peer: "10.1.2.3", forwarded: []string{""}, want: "10.1.2.3"},
		"EmptyHop":        {reason: "an empty hop ends it", peer: "10.1.2.3", forwarded: []string{"198.51.100.1,,10.4.4.4"}, want: "10.4.4.4"},
		"TrailingComma":   {reason: "an empty last hop", peer: "10.1.2.3", forwarded: []string{"198.51.100.1,"}, want: "10.1.2.3"},
		"Malformed":       {reason: "a name is no address, and what is behind it is not to be believed", peer: "10.1.2.3", forwarded: []string{"198.51.100.1, unknown"}, want: "10.1.2.3"},
		"MalformedBehind": {reason: "what the client wrote does not matter", peer: "10.1.2.3", forwarded: []string{"<script>, 198.51.100.1"}, want: "198.51.100.1"},
		"Octal":           {reason: "010 is 8 to some and 10 to others", peer: "10.1.2.3", forwarded: []string{"198.51.100.010"}, want: "10.1.2.3"},
		"Port":            {reason: "some proxies add the port", peer: "10.1.2.3", forwarded: []string{"198.51.100.1:4711"}, want: "198.51.100.1"},
		"IPv6":            {reason: "an address of six", peer: "fd00::1", forwarded: []string{"2001:db8::1"}, want: "2001:db8::1"},
		"IPv6Port":        {reason: "with a port it has brackets", peer: "fd00::1", forwarded: []string{"[2001:db8::1]:4711"}, want: "2001:db8::1"},
		"IPv6Brackets":    {reason: "brackets without a port", peer: "fd00::1", forwarded: []string{"[2001:db8::1]"}, want: "2001:db8::1"},
		"IPv4Brackets":    {reason: "nobody writes that", peer: "fd00::1", forwarded: []string{"[192.0.2.1]"}, want: "fd00::1"},
		"Zone":            {reason: "a zone means nothing elsewhere", peer: "fd00::1", forwarded: []string{"fe80::1%eth0"}, want: "fe80::1"},
		"Mapped":          {reason: "IPv4 over an IPv6 socket is IPv4", peer: "::ffff:10.1.2.3", forwarded: []string{"::ffff:198.51.100.1"}, want: "198.51.100.1"},
		"MappedStranger":  {reason: "also for a stranger", peer: "::ffff:203.0.113.9", forwarded: []string{"10.1.1.1"}, want: "203.0.113.9"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := source(netip.MustParseAddr(tc.peer), tc.forwarded, ourProxies(t)); got != netip.MustParseAddr(tc.want) {
				t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
	if got := source(netip.MustParseAddr("10.1.2.3"), []string{"198.51.100.1"}, nil); got != netip.MustParseAddr("10.1.2.3") {
		t.Errorf("nobody is trusted, and %s was believed", got)
	}
}

// TestForwardedIsNotRead: RFC 7239 Forwarded and the headers of single vendors are the client's own words, whoever asks.
func TestForwardedIsNotRead(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = "10.1.2.3:4711"
	for _, name := range []string{"Forwarded", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip"} {
		r.Header.Set(name, "198.51.100.1")
	}
	r.Header.Set("Forwarded", "for=198.51.100.1")
	if got := sourceOf(r, ourProxies(t)); got != netip.MustParseAddr("10.1.2.3") {
		t.Errorf("source %s", got)
	}
	r.RemoteAddr = "@"
	if got := sourceOf(r, ourProxies(t)); got.IsValid() {
		t.Errorf("a peer without an address is %s", got)
	}
}

func TestParseProxies(t *testing.T) {
	for cidr, says := range map[string]string{"10.0.0.1": "not a network", "proxy": "not a network", "0.0.0.0/0": "every address", "::/0": "every address", "10.0.0.0/33": "not a network"} {
		if _, err := ParseProxies([]string{"10.0.0.0/8", cidr}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), cidr) {
			t.Errorf("%s: %v", cidr, err)
		}
	}
}

// FuzzSource: whatever the header holds, a peer that is not trusted is the source, and nothing that is further left than the
// last address that is not ours.
func FuzzSource(f *testing.F) {
	f.Add("192.0.2.1, 10.1.1.1", "203.0.113.9")
	f.Add("[::1]:1,,unknown", "10.1.2.3")
	f.Add(strings.Repeat(",", 100), "fd00::1")
	f.Fuzz(func(t *testing.T, list, from string) {
		peer, err := netip.ParseAddr(from)
		if err != nil {
			return
		}
		proxies := ourProxies(t)
		got := source(peer, []string{list}, proxies)
		if !contains(proxies, plain(peer)) && got != plain(peer) {
			t.Errorf("%s said %q and is taken for %s", peer, list, got)
		}
		if got.Zone() != "" || got.Is4In6() || !got.IsValid() {
			t.Errorf("%q of %s: %s is not plain", list, peer, got)
		}
		if contains(proxies, plain(peer)) {
			if nearest := source(peer, []string{list, "198.51.100.1"}, proxies); nearest != netip.MustParseAddr("198.51.100.1") {
				t.Errorf("%q before the hop of the proxy made it %s", list, nearest)
			}
			if parts := strings.Split(list, ","); got != source(peer, parts, proxies) {
				t.Errorf("%q in several headers is another source", list)
			}
		}
	})
}
