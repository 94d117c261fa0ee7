// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/monitoring"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// repository is the root of the repository.
const repository = "../.."

// TestMetrics makes both programs do a little of everything, and then compares what they export with what the alert rules and the dashboard
// ask for and what docs/metrics.md explains.
func TestMetrics(t *testing.T) {
	s := shared.get(t)
	live(t, s)
	exported := scrapeUntil(t, s, "scim_operator_apply_duration_seconds", "scim_operator_held_removals_total", "scim_operator_dialect_rules_total",
		"scim_operator_token_last_used_timestamp_seconds", "scim_operator_token_expiry_timestamp_seconds")
	t.Run("Queries", func(t *testing.T) { checkQueries(t, exported) })
	t.Run("Documentation", func(t *testing.T) { checkPage(t, exported) })
	t.Run("NoPersons", func(t *testing.T) { checkNoPersons(t, s) })
}

// live has somebody join, change, leave and be held, and a stranger knock.
func live(t *testing.T, s *stack.Stack) {
	t.Helper()
	tn := newTenant(t, s, guarded(1, 1))
	expires := metav1.NewTime(time.Now().Add(40 * 24 * time.Hour).Truncate(time.Second))
	tn.mustCreate(t, &v1alpha1.ScimToken{ObjectMeta: tn.meta("expiring"), Spec: v1alpha1.ScimTokenSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: directoryName}, ExpiresAt: &expires,
	}})
	tn.waitReady(t, &v1alpha1.ScimToken{ObjectMeta: tn.meta("expiring")})
	stranger := idp.New(s.Servers[0].BaseURL(tn.namespace, directoryName), "nobody")
	answer, err := stranger.Get(t.Context(), "/Users")
	expect(t, http.StatusUnauthorized, answer, err)
	people := tn.crowd(t, "zz9-canary", 3)
	tn.waitBoundOf(t, people, len(people))
	answer, err = tn.idp[0].Patch(t.Context(), people[0].id, idp.EntraPatch("displayName", "Zz9 Canary"))
	expect(t, http.StatusOK, answer, err)
	tn.activate(t, people[:2], false)
	tn.waitHeld(t, 1)
}

// scrapeUntil reads what all programs export once all of these are there: what happens to objects is told a moment later.
func scrapeUntil(t *testing.T, s *stack.Stack, want ...string) (exported monitoring.Exported) {
	t.Helper()
	var urls []string
	for _, program := range append(slices.Clone(s.Servers), s.Controller) {
		urls = append(urls, program.MetricsURL)
	}
	client := &http.Client{Timeout: patience}
	eventually(t, func(ctx context.Context) (err error) {
		if exported, err = monitoring.Scrape(ctx, client, urls...); err != nil {
			return err
		}
		for _, name := range want {
			if exported.Families[name] == nil {
				return fmt.Errorf("there is no %s", name)
			}
		}
		return nil
	})
	return exported
}

// checkQueries looks for what the alert rules and the dashboard name.
func checkQueries(t *testing.T, exported monitoring.Exported) {
	rules, err := monitoring.Rules(repository)
	if err != nil {
		t.Fatal(err)
	}
	panels, err := monitoring.Panels(repository)
	if err != nil {
		t.Fatal(err)
	}
	var names, queries []string
	for _, rule := range rules {
		names, queries = append(names, "alert "+rule.Alert), append(queries, rule.Expr)
	}
	for _, panel := range panels {
		names, queries = append(names, "panel "+panel.Title), append(queries, panel.Expr)
	}
	uses, err := monitoring.Uses(t.Context(), repository, queries)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for i, of := range uses {
		for _, use := range of {
			count++
			if lacks := exported.Lacks(use); lacks != "" {
				t.Errorf("%s: %s, in %s", names[i], lacks, queries[i])
			}
		}
	}
	if count < len(queries) {
		t.Errorf("%d queries name only %d metrics", len(queries), count)
	}
}

// checkPage compares with docs/metrics.md: a row for each metric of ours, with its labels, and none for what is not there.
func checkPage(t *testing.T, exported monitoring.Exported) {
	content, err := os.ReadFile(filepath.Join(repository, "docs/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]monitoring.Labels{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(scim_operator_[a-z_]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(string(content), -1) {
		explained[row[1]] = monitoring.Labels{}
		for _, label := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(row[2], -1) {
			explained[row[1]][label[1]] = true
		}
	}
	for name, labels := range exported.Families {
		if !strings.HasPrefix(name, "scim_operator_") {
			continue
		}
		if diff := cmp.Diff(labels, explained[name]); diff != "" {
			t.Errorf("docs/metrics.md about %s (-exported +explained):\n%s", name, diff)
		}
		delete(explained, name)
	}
	for name := range explained {
		t.Errorf("docs/metrics.md explains %s, which is not exported", name)
	}
}

// checkNoPersons: nobody of whom SCIM spoke is in a metric (SEC-34).
func checkNoPersons(t *testing.T, s *stack.Stack) {
	for _, program := range append(slices.Clone(s.Servers), s.Controller) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, program.MetricsURL+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Client{Timeout: patience}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || len(text) < 1000 || strings.Contains(strings.ToLower(string(text)), "zz9") {
			t.Errorf("%s: %d bytes, %v: a person is in a metric, or there is none", program.MetricsURL, len(text), err)
		}
	}
}
