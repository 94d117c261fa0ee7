// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/hack/apps"
)

const root = "../.."

// TestRules lets promtool, of the Debian package prometheus, say whether the rules are valid and fire when they should and not otherwise.
func TestRules(t *testing.T) {
	if err := apps.Debian(t.Context(), apps.Options{Progress: func(what string) { t.Log(what) }}, "prometheus"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "rules", filepath.Join(root, AlertsFile)}, {"test", "rules", "testdata/rules_test.yaml"}} {
		output, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput()
		if err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
}

// TestEveryRuleIsTested: a rule that no test lets fire may never fire.
func TestEveryRuleIsTested(t *testing.T) {
	content, err := os.ReadFile("testdata/rules_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules(t) {
		alone := strings.Contains(string(content), "alertname: "+rule.Alert+"\n")
		among := strings.Contains(string(content), `alertname="`+rule.Alert+`", severity="`+rule.Labels["severity"]+`"`)
		if !alone && !among {
			t.Errorf("%s has no test", rule.Alert)
		}
	}
}

// TestEveryRuleHasARunbook: docs/metrics.md has a section for each alert, and the alert says which.
func TestEveryRuleHasARunbook(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, "docs/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules(t) {
		if want := "docs/metrics.md#" + strings.ToLower(rule.Alert); rule.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, want %q", rule.Alert, rule.Annotations["runbook_url"], want)
		}
		if !strings.Contains(string(content), "\n### "+rule.Alert+"\n") {
			t.Errorf("docs/metrics.md has no section %s", rule.Alert)
		}
		if rule.Annotations["summary"] == "" || !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) {
			t.Errorf("%s says not what it is and how bad", rule.Alert)
		}
	}
}

func rules(t *testing.T) []Rule {
	t.Helper()
	all, err := Rules(root)
	if err != nil || len(all) < 10 {
		t.Fatalf("%d rules: %v", len(all), err)
	}
	return all
}

// TestUses: what is asked of a metric comes from every level of the query.
func TestUses(t *testing.T) {
	got, err := Uses(t.Context(), root, []string{
		`histogram_quantile(0.9, sum by (le, a) (rate(x_bucket{b="1"}[5m]))) > 1`, `x and on (job) max without (c) (y)`, `absent(z == 1) or vector(0)`,
		`sum by (a) (x and on (job) rate(y{b="1"}[5m]))`,
	})
	want := [][]Use{
		{{"x_bucket", []string{"a", "b", "le"}}}, {{"x", []string{"job"}}, {"y", []string{"job"}}}, {{"z", nil}}, {{"x", []string{"a", "job"}}, {"y", []string{"b", "job"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := Uses(t.Context(), root, []string{"sum("}); err == nil {
		t.Error("accepted what is no query")
	}
}

func TestLacks(t *testing.T) {
	e := Exported{Series: map[string]Labels{"x": {"a": true}}}
	for _, u := range []Use{{"y", nil}, {"x", []string{"b"}}} {
		if e.Lacks(u) == "" {
			t.Errorf("%+v is there", u)
		}
	}
	if lacks := e.Lacks(Use{"x", []string{"a", "instance"}}); lacks != "" {
		t.Error(lacks)
	}
}
