// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestAllowed(t *testing.T) {
	for name, tc := range map[string]struct {
		list, host string
		want       bool
	}{
		"None":             {"", "db.example.com:5432", false},
		"Host":             {"db.example.com", "db.example.com:5432", true},
		"HostWithPort":     {"db.example.com:5432", "db.example.com:5432", true},
		"OtherPort":        {"db.example.com:5433", "db.example.com:5432", false},
		"AnyCase":          {"DB.example.com", "db.Example.com:5432", true},
		"InAList":          {" a.example.com, db.example.com ", "db.example.com:5432", true},
		"Below":            {"*.example.com", "a.db.example.com:443", true},
		"NotTheTop":        {"*.example.com", "example.com:443", false},
		"NotASuffix":       {"*.example.com", "evil-example.com:443", false},
		"NotAnything":      {"*", "example.com:443", false},
		"NotEverything":    {"*.", "example.com.:443", false},
		"IPv6":             {"2001:db8::1", "[2001:db8::1]:443", true},
		"IPv6InBrackets":   {"[2001:db8::1]", "[2001:db8::1]:443", true},
		"IPv6WithPort":     {"[2001:db8::1]:443", "[2001:db8::1]:443", true},
		"NoHostIsNoMatch":  {",", ":443", false},
		"NotAURL":          {"", "", false},
		"ASubstringIsNone": {"db.example.com.evil.net", "db.example.com:443", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := allowed(tc.list, tc.host); got != tc.want {
				t.Errorf("allowed(%q, %q) = %v", tc.list, tc.host, got)
			}
		})
	}
}

// TestDestinations wants every address that a connector has: one that is missing here is one that a credential may be sent to unasked.
func TestDestinations(t *testing.T) {
	endpoint := v1alpha1.HTTPEndpoint{URL: "https://app.example.com/scim", Authentication: v1alpha1.HTTPAuthentication{
		OAuth2: &v1alpha1.OAuth2Authentication{TokenURL: "http://login.example.com/token"},
	}}
	both := []string{"app.example.com:443", "login.example.com:80"}
	proxied := func(url string) v1alpha1.Connector {
		return v1alpha1.Connector{Webhook: &v1alpha1.WebhookConnector{Endpoint: v1alpha1.HTTPEndpoint{URL: "http://app.example.com", ProxyURL: url}}}
	}
	for name, tc := range map[string]struct {
		connector v1alpha1.Connector
		want      []string
	}{
		"Kubernetes": {v1alpha1.Connector{Kubernetes: &v1alpha1.KubernetesConnector{}}, nil},
		"PostgreSQL": {v1alpha1.Connector{PostgreSQL: &v1alpha1.PostgreSQLConnector{Host: "2001:db8::1", Port: 5432}}, []string{"[2001:db8::1]:5432"}},
		"LDAP":       {v1alpha1.Connector{LDAP: &v1alpha1.LDAPConnector{URL: "ldaps://dir.example.com"}}, []string{"dir.example.com:636"}},
		"LDAPPort":   {v1alpha1.Connector{LDAP: &v1alpha1.LDAPConnector{URL: "ldap://dir.example.com:1389"}}, []string{"dir.example.com:1389"}},
		"SCIM":       {v1alpha1.Connector{SCIM: &v1alpha1.SCIMConnector{Endpoint: endpoint}}, both},
		"HTTP":       {v1alpha1.Connector{HTTP: &v1alpha1.HTTPConnector{Endpoint: endpoint}}, both},
		"Webhook":    {v1alpha1.Connector{Webhook: &v1alpha1.WebhookConnector{Endpoint: endpoint}}, both},
		"Proxy":      {proxied("http://proxy.example.com:3128"), []string{"app.example.com:80", "proxy.example.com:3128"}},
		"SOCKS":      {proxied("socks5://proxy.example.com"), []string{"app.example.com:80", "proxy.example.com:1080"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, destinations(&tc.connector)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestEveryAddressIsADestination looks for addresses in the types themselves, so that whoever adds a field hears of destinations.
func TestEveryAddressIsADestination(t *testing.T) {
	const there = "sentinel.example.com"
	kinds := reflect.TypeFor[v1alpha1.Connector]()
	for i := range kinds.NumField() {
		kind := kinds.Field(i)
		if kind.Type.Kind() != reflect.Pointer || kind.Type == reflect.TypeFor[*v1alpha1.KubernetesConnector]() {
			continue
		}
		addresses := addressFields(kind.Type.Elem())
		if len(addresses) == 0 {
			t.Errorf("%s has no address", kind.Name)
		}
		for _, path := range addresses {
			c := v1alpha1.Connector{}
			member := reflect.ValueOf(&c).Elem().Field(i)
			member.Set(reflect.New(kind.Type.Elem()))
			setString(member, path, map[bool]string{true: there, false: "https://" + there}[path[len(path)-1] == "Host"])
			if !slices.ContainsFunc(destinations(&c), func(d string) bool { return strings.HasPrefix(d, there+":") }) {
				t.Errorf("%s.%s is an address, and no destination: %v", kind.Name, strings.Join(path, "."), destinations(&c))
			}
		}
	}
}

// addressFields are the paths of all strings in a struct that are called like an address. Lists are not looked into: a role has no address.
func addressFields(of reflect.Type) (paths [][]string) {
	for i := range of.NumField() {
		field := of.Field(i)
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			for _, path := range addressFields(inner) {
				paths = append(paths, append([]string{field.Name}, path...))
			}
		}
		isAddress := func(word string) bool { return inner.Kind() == reflect.String && strings.HasSuffix(field.Name, word) }
		if slices.ContainsFunc([]string{"URL", "Host", "Address", "Server", "Endpoint", "Proxy"}, isAddress) {
			paths = append(paths, []string{field.Name})
		}
	}
	return paths
}

func setString(v reflect.Value, path []string, value string) {
	for _, name := range path {
		if v = reflect.Indirect(v).FieldByName(name); v.Kind() == reflect.Pointer && v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
	}
	reflect.Indirect(v).SetString(value)
}
