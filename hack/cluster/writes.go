// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
)

// requestMetric is the one of several thousand lines of /metrics that is of interest.
const requestMetric = "apiserver_request_total"

// metricsTimeout bounds the reading of /metrics, which takes about 50 ms.
const metricsTimeout = 10 * time.Second

// Writes counts the write requests (POST, PUT, PATCH, apply, DELETE and deletion of collections) since the start of the
// API servers that run, by "group/resource" or "group/resource/subresource", where the group of core kinds is "core".
// It counts those of the control plane itself (leases, its own roles) and those that were refused by admission,
// validation or a conflict too, but neither dry runs (except of a deletion, which only its body tells from a real one)
// nor what authentication or authorization refused.
//
// An API server counts a request when its handler has returned, which can be a moment after the client has the answer:
// wait until the number expected is reached. A restarted API server counts from zero; a frozen one is an
// error after 10 s.
func (c *Cluster) Writes(ctx context.Context) (map[string]int, error) {
	total := map[string]int{}
	for server := range c.urls {
		if !c.apiServers[server].Running() {
			continue
		}
		if err := c.addWrites(ctx, server, total); err != nil {
			return nil, fmt.Errorf("count writes to API server %d: %w", server, err)
		}
	}
	return total, nil
}

func (c *Cluster) addWrites(ctx context.Context, server int, total map[string]int) error {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	config := c.AdminConfig(server)
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/metrics", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get metrics: %s", response.Status)
	}
	return addWrites(response.Body, total)
}

// addWrites adds up the write requests in the text of /metrics.
func addWrites(metrics io.Reader, total map[string]int) error {
	var wanted bytes.Buffer
	lines := bufio.NewReader(metrics)
	for {
		line, err := lines.ReadBytes('\n')
		if bytes.HasPrefix(line, []byte(requestMetric+"{")) {
			wanted.Write(line)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("read metrics: %w", err)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&wanted)
	if err != nil {
		return fmt.Errorf("parse metrics: %w", err)
	}
	for _, metric := range families[requestMetric].GetMetric() {
		if key, ok := writeKey(metric.GetLabel()); ok {
			// The TYPE line was left out, so the parser takes the counter for an untyped metric.
			total[key] += int(metric.GetUntyped().GetValue())
		}
	}
	return nil
}

func writeKey(labels []*dto.LabelPair) (string, bool) {
	value := map[string]string{}
	for _, label := range labels {
		value[label.GetName()] = label.GetValue()
	}
	switch value["verb"] {
	case "POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION":
	default:
		return "", false
	}
	if value["resource"] == "" || value["dry_run"] != "" {
		return "", false
	}
	if value["group"] == "" {
		value["group"] = "core"
	}
	key := value["group"] + "/" + value["resource"] + "/" + value["subresource"]
	return strings.TrimSuffix(key, "/"), true
}
