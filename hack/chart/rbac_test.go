// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	connectorRole = "scim-controller-kubernetes-connector"
	secretsRole   = "scim-controller-secrets"
)

// TestRoles holds every role that the chart can render to what no role of ours may ever have (OPS-05).
func TestRoles(t *testing.T) {
	for name, values := range map[string][]string{
		"Default":    nil,
		"Connector":  {"--set=kubernetesConnector.enabled=true,kubernetesConnector.clusterRoles={view},kubernetesConnector.roles={reader}"},
		"Namespaces": {"--set=watchNamespaces={team-a}"},
		"Secrets":    {"--set=secretNamespaces={team-a}"},
	} {
		t.Run(name, func(t *testing.T) {
			roles := template(t, values...).ofKind("ClusterRole", "Role")
			if len(roles) < 3 {
				t.Fatalf("got %d roles: they are not rendered", len(roles))
			}
			for _, object := range roles {
				for _, rule := range rulesOf(t, object) {
					for _, fault := range faults(object.GetName(), rule) {
						t.Errorf("%s %s: %s: %+v", object.GetKind(), object.GetName(), fault, rule)
					}
				}
			}
		})
	}
}

func rulesOf(t *testing.T, object *unstructured.Unstructured) []rbacv1.PolicyRule {
	t.Helper()
	var role rbacv1.ClusterRole
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
		t.Fatal(err)
	}
	if len(role.Rules) == 0 {
		t.Errorf("%s has no rules", object.GetName())
	}
	return role.Rules
}

// faults says what is wrong with a rule of a role.
func faults(role string, rule rbacv1.PolicyRule) []string {
	var found []string
	for fault, is := range map[string]bool{
		"wildcard":                          slices.Contains(slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs), "*"),
		"wildcard subresource":              slices.ContainsFunc(rule.Resources, func(r string) bool { return strings.Contains(r, "*") }),
		"non-resource URL":                  len(rule.NonResourceURLs) > 0,
		"escalate or impersonate":           has(rule.Verbs, "escalate", "impersonate"),
		"bind without resourceNames":        has(rule.Verbs, "bind") && len(rule.ResourceNames) == 0,
		"bind beside another verb":          has(rule.Verbs, "bind") && len(rule.Verbs) > 1,
		"bind outside the connector":        has(rule.Verbs, "bind") && role != connectorRole,
		"deletecollection":                  has(rule.Verbs, "deletecollection"),
		"pods":                              has(rule.Resources, "pods", "pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"),
		"nodes":                             has(rule.Resources, "nodes", "nodes/proxy"),
		"tokens of others":                  has(rule.Resources, "serviceaccounts/token", "tokenreviews", "certificatesigningrequests"),
		"admission":                         has(rule.APIGroups, "admissionregistration.k8s.io"),
		"CRDs":                              has(rule.APIGroups, "apiextensions.k8s.io"),
		"a Secret for the server":           has(rule.Resources, "secrets") && role == "scim-server",
		"Secrets beside other things":       has(rule.Resources, "secrets") && role != secretsRole,
		"other things beside Secrets":       role == secretsRole && !slices.Equal(rule.Resources, []string{"secrets"}),
		"listing Secrets":                   has(rule.Resources, "secrets") && has(rule.Verbs, "list", "watch"),
		"a status for the server":           slices.ContainsFunc(rule.Resources, isStatus) && role == "scim-server",
		"RBAC writes outside the connector": has(rule.APIGroups, rbacv1.GroupName) && role != connectorRole,
		"more than bindings and bind": role == connectorRole && !has(rule.Verbs, "bind") &&
			!slices.Equal(rule.Resources, []string{"rolebindings", "clusterrolebindings"}),
	} {
		if is {
			found = append(found, fault)
		}
	}
	return found
}

func has(list []string, any ...string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(any, s) })
}

func isStatus(resource string) bool { return strings.HasSuffix(resource, "/status") }

// TestFaults proves that the check above can fail.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		role string
		rule rbacv1.PolicyRule
		want bool
	}{
		"Wildcard":        {"scim-controller", rbacv1.PolicyRule{Verbs: []string{"*"}}, true},
		"ServerSecrets":   {"scim-server", rbacv1.PolicyRule{Resources: []string{"secrets"}, Verbs: []string{"get"}}, true},
		"OtherSecrets":    {"scim-controller", rbacv1.PolicyRule{Resources: []string{"secrets"}, Verbs: []string{"get"}}, true},
		"NotOnlySecrets":  {secretsRole, rbacv1.PolicyRule{Resources: []string{"secrets", "configmaps"}, Verbs: []string{"get"}}, true},
		"ItsSecrets":      {secretsRole, rbacv1.PolicyRule{Resources: []string{"secrets"}, Verbs: []string{"get"}}, false},
		"ListSecrets":     {secretsRole, rbacv1.PolicyRule{Resources: []string{"secrets"}, Verbs: []string{"list"}}, true},
		"BindAnything":    {connectorRole, rbacv1.PolicyRule{Resources: []string{"clusterroles"}, Verbs: []string{"bind"}}, true},
		"BindNamed":       {connectorRole, rbacv1.PolicyRule{Resources: []string{"clusterroles"}, Verbs: []string{"bind"}, ResourceNames: []string{"view"}}, false},
		"ServerStatus":    {"scim-server", rbacv1.PolicyRule{Resources: []string{"scimusers/status"}, Verbs: []string{"patch"}}, true},
		"ServerUsers":     {"scim-server", rbacv1.PolicyRule{Resources: []string{"scimusers"}, Verbs: []string{"update"}}, false},
		"ControllerBinds": {"scim-controller", rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"rolebindings"}, Verbs: []string{"create"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := faults(c.role, c.rule); (len(got) > 0) != c.want {
				t.Errorf("got faults %q, want some: %t", got, c.want)
			}
		})
	}
}

// TestNoSecretsInTheWholeCluster: whatever the values, what is bound everywhere says nothing of Secrets, and they are bound in the namespaces that
// were named and nowhere else (OPS-05).
func TestNoSecretsInTheWholeCluster(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		want   []string // namespaces
	}{
		"Default":    {nil, nil},
		"Given":      {[]string{"--set=secretNamespaces={team-a,team-b}"}, []string{"team-a", "team-b"}},
		"Watched":    {[]string{"--set=watchNamespaces={team-a,team-b}"}, []string{"team-a", "team-b"}},
		"Connector":  {connectorValues(), nil},
		"WithPolicy": {[]string{"--set=policy.enabled=false,networkPolicy.enabled=false"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := template(t, c.values...)
			var got []string
			for _, object := range m.ofKind("ClusterRoleBinding", "RoleBinding") {
				kind, _, _ := unstructured.NestedString(object.Object, "roleRef", "kind")
				role, _, _ := unstructured.NestedString(object.Object, "roleRef", "name")
				bound := m[kind+"/"+roleNamespace(kind, object)+"/"+role]
				if bound == nil {
					t.Fatalf("%s %s binds %s %s, which the chart does not have", object.GetKind(), object.GetName(), kind, role)
				}
				if slices.ContainsFunc(rulesOf(t, bound), func(r rbacv1.PolicyRule) bool { return has(r.Resources, "secrets") }) {
					got = append(got, object.GetNamespace())
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("got Secrets in the namespaces %q, want %q", got, c.want)
			}
		})
	}
}

func roleNamespace(kind string, binding *unstructured.Unstructured) string {
	if kind == "Role" {
		return binding.GetNamespace()
	}
	return ""
}
