// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Labels are the names of the labels of a metric.
type Labels map[string]bool

// Exported is what programs export: the labels of each metric by the name that a query uses. A histogram has three.
type Exported struct {
	Series map[string]Labels
	// Families has the name of each as its documentation has it.
	Families map[string]Labels
}

// Scrape reads the /metrics of some programs.
func Scrape(ctx context.Context, client *http.Client, urls ...string) (Exported, error) {
	e := Exported{map[string]Labels{}, map[string]Labels{}}
	for _, url := range urls {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
		if err != nil {
			return e, fmt.Errorf("scrape: %w", err)
		}
		answer, err := client.Do(request)
		if err != nil {
			return e, fmt.Errorf("scrape: %w", err)
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			return e, fmt.Errorf("read %s/metrics: %w", url, err)
		}
		for _, family := range families {
			e.add(family)
		}
	}
	return e, nil
}

func (e *Exported) add(family *dto.MetricFamily) {
	name, labels := family.GetName(), Labels{}
	for _, metric := range family.GetMetric() {
		for _, pair := range metric.GetLabel() {
			labels[pair.GetName()] = true
		}
	}
	merge(e.Families, name, labels)
	switch family.GetType() {
	case dto.MetricType_HISTOGRAM:
		merge(e.Series, name+"_sum", labels)
		merge(e.Series, name+"_count", labels)
		merge(e.Series, name+"_bucket", labels, Labels{"le": true})
	default:
		merge(e.Series, name, labels)
	}
}

func merge(into map[string]Labels, name string, more ...Labels) {
	if into[name] == nil {
		into[name] = Labels{}
	}
	for _, labels := range more {
		maps.Copy(into[name], labels)
	}
}

// target are the labels that Prometheus gives to everything that it scrapes.
func target() Labels { return Labels{"job": true, "instance": true} }

// Lacks says what of a use is not exported; empty if all is.
func (e *Exported) Lacks(u Use) string {
	labels, is := e.Series[u.Metric]
	if !is {
		return "there is no metric " + u.Metric
	}
	for _, label := range u.Labels {
		if !labels[label] && !target()[label] {
			return fmt.Sprintf("%s has no label %s, but %v", u.Metric, label, slices.Sorted(maps.Keys(labels)))
		}
	}
	return ""
}
