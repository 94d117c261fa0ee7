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
	"slices"
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
	return c.requests(ctx, addWrites)
}

// Reads counts the GETs and LISTs as Writes counts the writes. A watch is none.
func (c *Cluster) Reads(ctx context.Context) (map[string]int, error) {
	return c.requests(ctx, addReads)
}

// adder adds up some requests in the text of /metrics.
type adder func(metrics io.Reader, total map[string]int) error

func (c *Cluster) requests(ctx context.Context, add adder) (map[string]int, error) {
	total := map[string]int{}
	for server := range c.urls {
		if !c.apiServers[server].Running() {
			continue
		}
		if err := c.addRequests(ctx, server, add, total); err != nil {
			return nil, fmt.Errorf("count requests to API server %d: %w", server, err)
		}
	}
	return total, nil
}

func (c *Cluster) addRequests(ctx context.Context, server int, add adder, total map[string]int) error {
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
	return add(response.Body, total)
}

func addWrites(metrics io.Reader, total map[string]int) error {
	return addVerbs(metrics, total, "POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION")
}

func addReads(metrics io.Reader, total map[string]int) error {
	return addVerbs(metrics, total, "GET", "LIST")
}

// addVerbs adds up the requests with those verbs in the text of /metrics.
func addVerbs(metrics io.Reader, total map[string]int, verbs ...string) error {
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
		if key, ok := requestKey(metric.GetLabel(), verbs); ok {
			// The TYPE line was left out, so the parser takes the counter for an untyped metric.
			total[key] += int(metric.GetUntyped().GetValue())
		}
	}
	return nil
}

func requestKey(labels []*dto.LabelPair, verbs []string) (string, bool) {
	value := map[string]string{}
	for _, label := range labels {
		value[label.GetName()] = label.GetValue()
	}
	if !slices.Contains(verbs, value["verb"]) || value["resource"] == "" || value["dry_run"] != "" {
		return "", false
	}
	if value["group"] == "" {
		value["group"] = "core"
	}
	key := value["group"] + "/" + value["resource"] + "/" + value["subresource"]
	return strings.TrimSuffix(key, "/"), true
}
