// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

// TestOpenHTTP opens every example of the pages: no part of a spec is lost on the way to the connector, and every expression compiles.
func TestOpenHTTP(t *testing.T) {
	paths, err := filepath.Glob("../../docs/connectors/http/*.md")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%v, %v", paths, err)
	}
	credential := map[string][]byte{}
	for _, key := range []string{"token", "username", "password", "clientID", "clientSecret"} {
		credential[key] = []byte("x")
	}
	for _, path := range append(paths, "../../docs/connectors/http.md") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			app := applicationOf(t, path)
			conn, err := openHTTP(nil)(t.Context(), app, credential)
			if err != nil {
				t.Fatal(err)
			}
			_, lists := conn.(connector.Lister)
			_, adopts := conn.(connector.Adopter)
			profiled, keeps := conn.(connector.Profiled)
			spec := app.Spec.Connector.HTTP
			if lists != (spec.List != nil) || !adopts || keeps != (len(spec.Account.Profile) > 0) {
				t.Errorf("lists: %v, adopts: %v, keeps attributes: %v", lists, adopts, keeps)
			}
			for attribute := range spec.Account.Profile {
				if !profiled.Keeps(attribute) {
					t.Errorf("it does not keep %s", attribute)
				}
			}
			spec.Requests[0].Body = "no such variable"
			if _, err := openHTTP(nil)(t.Context(), app, credential); connector.KindOf(err) != connector.KindInvalid {
				t.Errorf("with an expression that does not compile: %v", err)
			}
		})
	}
}

// applicationOf is the ScimApplication of a page, with the defaults that the API server gives.
func applicationOf(t *testing.T, path string) *v1alpha1.ScimApplication {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(content), "\n---\n") {
		if !strings.Contains(document, "\nkind: ScimApplication\n") {
			continue
		}
		app := &v1alpha1.ScimApplication{}
		if err := yaml.UnmarshalStrict([]byte(document), app); err != nil {
			t.Fatal(err)
		}
		spec := app.Spec.Connector.HTTP
		if spec.Ownership == "" {
			spec.Ownership = v1alpha1.HTTPOwnershipMark
		}
		if spec.Endpoint.Authentication.Type == "" {
			spec.Endpoint.Authentication.Type = v1alpha1.AuthenticationBearer
		}
		return app
	}
	t.Fatalf("%s has no ScimApplication", path)
	return nil
}
