// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// specification is spec.connector.http of a ScimApplication, as people write it.
type specification struct {
	Endpoint struct {
		URL            string
		Authentication struct {
			Type   string
			Header struct{ Name, Prefix string }
			OAuth2 struct {
				TokenURL, Audience string
				Scopes             []string
			}
		}
	}
	Roles     []Role
	Ownership Ownership
	Find      []struct {
		By string
		Lookup
	}
	Details []struct {
		Name string
		Lookup
	}
	Account  Mapping
	Requests []struct {
		To string
		Request
	}
	List                 *Lookup
	Revocation           Revocation
	IdempotencyKeyHeader string
}

// read decodes the spec of a ScimApplication. The API server gives the defaults that are given here.
func read(t testing.TB, document []byte) specification {
	t.Helper()
	var spec struct {
		Connector struct{ HTTP specification }
		Account   any
		Lifecycle any
		Adoption  any
	}
	if err := yaml.Unmarshal(document, &spec); err != nil {
		t.Fatal(err)
	}
	return spec.Connector.HTTP
}

// config is what cmd/scim-controller makes of it.
func (s specification) config() Config {
	cfg := Config{
		Roles: s.Roles, Ownership: s.Ownership, Account: s.Account, List: paged(s.List), Revocation: s.Revocation, IdempotencyKeyHeader: s.IdempotencyKeyHeader,
	}
	auth := s.Endpoint.Authentication
	cfg.Client = outbound.Config{URL: s.Endpoint.URL, Authentication: outbound.Authentication{
		Scheme: outbound.Scheme(auth.Type), Header: auth.Header.Name, Prefix: auth.Header.Prefix,
		TokenURL: auth.OAuth2.TokenURL, Scopes: auth.OAuth2.Scopes, Audience: auth.OAuth2.Audience,
	}}
	for _, f := range s.Find {
		*map[string]**Lookup{"ExternalID": &cfg.Find.ExternalID, "UserName": &cfg.Find.UserName, "Mark": &cfg.Find.Mark}[f.By] = paged(&f.Lookup)
	}
	for _, d := range s.Details {
		cfg.Details = append(cfg.Details, Detail{d.Name, *paged(&d.Lookup)})
	}
	to := &cfg.Requests
	for _, r := range s.Requests {
		*map[string]**Request{
			"Create": &to.Create, "Update": &to.Update, "Rename": &to.Rename, "Suspend": &to.Suspend, "Restore": &to.Restore, "Delete": &to.Delete,
			"SetRoles": &to.SetRoles, "AddRole": &to.AddRole, "RemoveRole": &to.RemoveRole, "Adopt": &to.Adopt, "Probe": &to.Probe, "Revoke": &to.Revoke,
		}[r.To] = &r.Request
	}
	return cfg
}

func paged(l *Lookup) *Lookup {
	if l != nil && l.Pagination.Type != PaginationNone {
		l.Pagination.First = 1
		if l.Pagination.Size == 0 {
			l.Pagination.Size = 100
		}
	}
	return l
}

// page is the spec of the first ScimApplication of a page under docs/connectors/http.
func pageOf(t testing.TB, name string) specification {
	t.Helper()
	content, err := os.ReadFile("../../../docs/connectors/http/" + name + ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(content), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "\n```")
		for document := range strings.SplitSeq(block, "\n---\n") {
			var object struct {
				Kind string
				Spec any
			}
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				t.Fatal(err)
			}
			if object.Kind == "ScimApplication" {
				spec, err := yaml.Marshal(object.Spec)
				if err != nil {
					t.Fatal(err)
				}
				return read(t, spec)
			}
		}
	}
	t.Fatalf("%s.md has no ScimApplication", name)
	return specification{}
}

func open(t testing.TB, cfg Config) connector.Connector {
	t.Helper()
	conn, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.(interface{ Close() error }).Close() })
	return conn
}
