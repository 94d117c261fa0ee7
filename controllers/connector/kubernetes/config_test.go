// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func answer(r *http.Request, code int, body string) *http.Response {
	return &http.Response{
		StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

func TestOpenChecksConfig(t *testing.T) {
	somewhere := &rest.Config{Host: "https://cluster.example"}
	role := func(change func(*Role)) Config {
		r := Role{Name: "reader", Kind: KindClusterRole, RoleName: "view", Namespaces: []string{"team-a"}}
		change(&r)
		return Config{Roles: []Role{r}, RESTConfig: somewhere}
	}
	for name, tc := range map[string]struct {
		config  Config
		message string
	}{
		"Good":            {role(func(*Role) {}), ""},
		"NoRoles":         {Config{RESTConfig: somewhere}, ""},
		"ColonInRoleName": {role(func(r *Role) { r.RoleName = "system:aggregate-to-view" }), ""},
		"NoCluster":       {Config{}, "there is no cluster to connect to"},
		"ReservedPrefix":  {Config{UserNamePrefix: "system:", RESTConfig: somewhere}, "the user name prefix cannot be used: every user would be refused"},
		"NoName":          {role(func(r *Role) { r.Name = "" }), `role "": the name is empty or begins with "!"`},
		"DamagedName":     {role(func(r *Role) { r.Name = "!x" }), `role "!x": the name is empty or begins with "!"`},
		"OtherKind":       {role(func(r *Role) { r.Kind = "Group" }), `role "reader": the kind is neither ClusterRole nor Role`},
		"NoRoleName":      {role(func(r *Role) { r.RoleName = "" }), `role "reader": "" cannot be the name of a ClusterRole`},
		"PathInRoleName":  {role(func(r *Role) { r.RoleName = "../x" }), `role "reader": "../x" cannot be the name of a ClusterRole`},
		"RoleEverywhere":  {role(func(r *Role) { r.Kind, r.Namespaces = KindRole, nil }), `role "reader": a Role needs namespaces`},
		"BadNamespace":    {role(func(r *Role) { r.Namespaces = []string{"a/b"} }), `role "reader": "a/b" cannot be the name of a namespace`},
		"NoNamespace":     {role(func(r *Role) { r.Namespaces = []string{""} }), `role "reader": "" cannot be the name of a namespace`},
		"NamespaceTwice":  {role(func(r *Role) { r.Namespaces = []string{"a", "a"} }), `role "reader": namespace "a" is there twice`},
		"RoleTwice":       {Config{Roles: append(testRoles(), testRoles()[0]), RESTConfig: somewhere}, `role "auditor" is there twice`},
		"BadCertificate":  {Config{RESTConfig: &rest.Config{Host: "https://x", TLSClientConfig: rest.TLSClientConfig{CertData: []byte(canary), KeyData: []byte(canary)}}}, "the cluster's TLS settings or credential cannot be used"},
		"BadHost":         {Config{RESTConfig: &rest.Config{Host: "https://" + canary + ":x/%zz"}}, "the cluster's address cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), tc.config)
			if got := connector.Message(err); got != tc.message {
				t.Errorf("message = %q, want %q", got, tc.message)
			}
			if err != nil && connector.KindOf(err) != connector.KindInvalid {
				t.Errorf("kind = %s", connector.KindOf(err))
			}
		})
	}
}

func TestOpenLeavesConfigAlone(t *testing.T) {
	config := &rest.Config{Host: "https://cluster.example", QPS: 3}
	openWith(t, Config{RESTConfig: config})
	if config.QPS != 3 || config.ContentType != "" || config.Timeout != 0 {
		t.Errorf("changed to %v", config)
	}
}
