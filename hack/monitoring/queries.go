// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// Files of the chart, below the root of the repository.
const (
	AlertsFile    = "charts/scim-operator/files/alerts.yaml"
	DashboardFile = "charts/scim-operator/files/dashboard.json"
)

// Rule is an alert rule of Prometheus.
type Rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// Rules are all that are in AlertsFile.
func Rules(root string) (all []Rule, err error) {
	var file struct {
		Groups []struct {
			Rules []Rule `json:"rules"`
		} `json:"groups"`
	}
	content, err := os.ReadFile(filepath.Join(root, AlertsFile))
	if err == nil {
		err = yaml.Unmarshal(content, &file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the alert rules: %w", err)
	}
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all, nil
}

// Panel is one query of a panel of the dashboard.
type Panel struct{ Title, Expr string }

// Panels are all queries of DashboardFile, and those of its variables. What Grafana fills in is filled in.
func Panels(root string) (all []Panel, err error) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	content, err := os.ReadFile(filepath.Join(root, DashboardFile))
	if err == nil {
		err = json.Unmarshal(content, &dashboard)
	}
	if err != nil {
		return nil, fmt.Errorf("read the dashboard: %w", err)
	}
	fill := strings.NewReplacer("$__rate_interval", "5m", "$namespace", ".*", "$application", ".*")
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, Panel{panel.Title, fill.Replace(target.Expr)})
		}
	}
	for _, variable := range dashboard.Templating.List {
		if inner, is := strings.CutPrefix(variable.Definition, "label_values("); is {
			series, label, _ := strings.Cut(inner, ", ")
			if at := strings.LastIndex(inner, ", "); at > 0 {
				series, label = inner[:at], inner[at+2:]
			}
			all = append(all, Panel{variable.Name, fmt.Sprintf("sum by (%s) (%s)", strings.TrimSuffix(label, ")"), fill.Replace(series))})
		}
	}
	return all, nil
}

// Use is a metric that a query names, and the labels that the query expects it to have.
type Use struct {
	Metric string   `json:"metric"`
	Labels []string `json:"labels"`
}

// Uses are the metrics of each query. It runs the go command.
func Uses(ctx context.Context, root string, queries []string) (uses [][]Use, err error) {
	in, err := json.Marshal(queries)
	if err != nil {
		return nil, fmt.Errorf("write queries: %w", err)
	}
	command := exec.CommandContext(ctx, "go", "run", ".")
	command.Dir = filepath.Join(root, "hack/promcheck")
	command.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	command.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("run hack/promcheck: %w: %s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &uses); err != nil || len(uses) != len(queries) {
		return nil, fmt.Errorf("read what hack/promcheck says of %d queries (%d): %w", len(queries), len(uses), err)
	}
	return uses, nil
}
