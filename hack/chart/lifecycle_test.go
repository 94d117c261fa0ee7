// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

// TestLifecycle installs, upgrades and uninstalls the chart as its users do. There is no kubelet: no pod ever starts.
func TestLifecycle(t *testing.T) {
	c := cluster.ForTest(t, cluster.Options{})
	config := kubeconfig(t, c.AdminConfig(0))
	do := func(args ...string) string {
		return mustHelm(t, append(args, "--kubeconfig="+config, "--namespace="+namespace)...)
	}
	list := func(kinds string) []string {
		output := mustRun(t, kubectl(t), "--kubeconfig="+config, "get", kinds, "--all-namespaces", "-o=name",
			"--selector=app.kubernetes.io/part-of=scim-operator")
		return slices.Sorted(strings.FieldsSeq(output))
	}
	replicas := func() string {
		return mustRun(t, kubectl(t), "--kubeconfig="+config, "-n="+namespace, "get", "deployment", "scim-server", "-o=jsonpath={.spec.replicas}")
	}
	everything := "deployments,services,serviceaccounts,poddisruptionbudgets,networkpolicies,roles,rolebindings,clusterroles,clusterrolebindings," +
		"validatingadmissionpolicies,validatingadmissionpolicybindings"

	notes := do("install", release, chartDir, "--create-namespace")
	if !strings.Contains(notes, "http://scim-server.scim-system.svc/scim/v2/<namespace>/<directory>") {
		t.Errorf("the notes do not name the base URL:\n%s", notes)
	}
	installed := list(everything)
	if len(installed) != len(template(t)) {
		t.Errorf("got %d objects, want the %d of the chart: %q", len(installed), len(template(t)), installed)
	}
	mustRun(t, kubectl(t), "--kubeconfig="+config, "apply", "-n=default", "-k="+root+"/config/samples")

	do(append([]string{"upgrade", release, chartDir, "--set=server.replicas=3,policy.breakGlassGroup="}, connectorValues()...)...)
	if got := replicas(); got != "3" {
		t.Errorf("after an upgrade: got %s replicas, want 3", got)
	}
	if !slices.Contains(list("clusterroles"), "clusterrole.rbac.authorization.k8s.io/"+connectorRole) {
		t.Error("after an upgrade that enables the connector, its ClusterRole is missing")
	}

	do("upgrade", release, chartDir, "--reset-values")
	if diff := cmp.Diff(installed, list(everything)); diff != "" {
		t.Errorf("after an upgrade back to the defaults (-installed +now):\n%s", diff)
	}

	do("uninstall", release)
	if left := list(everything); len(left) > 0 {
		t.Errorf("after the uninstall %q is left", left)
	}
	directories := mustRun(t, kubectl(t), "--kubeconfig="+config, "get", "scimdirectories", "-n=default", "-o=name")
	if want := "scimdirectory.scim-operator.dev/acme\n"; directories != want {
		t.Errorf("after the uninstall: got %q, want %q: the CRDs and their objects are the users'", directories, want)
	}
}
