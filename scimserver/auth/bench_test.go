// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// BenchmarkAuthenticate is what one request pays, with a thousand credentials in the table.
func BenchmarkAuthenticate(b *testing.B) {
	good, password, made := newToken(b, 1), newToken(b, 2), foreign(b, strings.Repeat("vault,", 6))
	server := &apiServer{}
	server.apply(scimDirectory("team-a", "acme", baseOfAcme))
	server.apply(scimToken("team-a", "okta", "acme", good, made))
	server.apply(basicToken("basic", "acme", "okta", password))
	for i := range 500 {
		server.apply(scimToken("team-b", "t"+time.Duration(i).String(), "acme", newToken(b, byte(i)), newToken(b, byte(i+1))))
	}
	table := NewTable([]string{metav1.NamespaceAll}, func() time.Time { return noon })
	if err := table.Refresh(b.Context(), server, ""); err != nil {
		b.Fatal(err)
	}
	a := New(Options{Table: table, Profiles: directory.NewProfiles(nil), Now: time.Now, Used: NewUses(nil).Add})
	for name, tc := range map[string]struct {
		values []string
		wanted bool
	}{
		"Bearer":        {bearerOf(good), true},
		"Foreign":       {bearerOf(made), true},
		"Basic":         {basicOf("okta", password.Reveal()), true},
		"WrongSecret":   {bearerOf(withKeyID(b, good)), false},
		"UnknownKeyID":  {bearerOf(newToken(b, 250)), false},
		"WrongChecksum": {[]string{"Bearer " + good.Reveal()[:65] + "_"}, false},
		"None":          {nil, false},
	} {
		b.Run(name, func(b *testing.B) {
			header := http.Header{"Authorization": tc.values}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Authenticate(b.Context(), header, acme); (err == nil) != tc.wanted {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefresh is what a list of a thousand credentials costs every two seconds, without the wire.
func BenchmarkRefresh(b *testing.B) {
	server := &apiServer{}
	for i := range 500 {
		server.apply(scimToken("team-b", "t"+time.Duration(i).String(), "acme", newToken(b, byte(i)), newToken(b, byte(i+1))))
	}
	table := NewTable([]string{metav1.NamespaceAll}, time.Now)
	b.ReportAllocs()
	for b.Loop() {
		if err := table.Refresh(b.Context(), server, ""); err != nil {
			b.Fatal(err)
		}
	}
}
