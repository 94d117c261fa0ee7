// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// metricsTimeout bounds a reading of metrics, which takes about 50 ms.
const metricsTimeout = 10 * time.Second

// costs reads what requests cost.
type costs struct {
	etcd *meter.Etcd
	// client asks the API server at url.
	client *http.Client
	url    string
	// cluster are the API server and etcd.
	cluster []int
}

func newCosts(ctx context.Context, s *stack.Stack) (*costs, error) {
	etcd, err := meter.NewEtcd(ctx, s.Cluster.Etcd().Pid())
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(s.Admin)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	pids := []int{s.Cluster.Etcd().Pid(), s.Cluster.APIServer(0).Pid()}
	return &costs{etcd: etcd, client: client, url: s.Admin.Host + "/metrics", cluster: pids}, nil
}

// spent is what was spent since some beginning.
type spent struct {
	server, cluster, client time.Duration
	// calls are the requests about our kinds that the API server answered, without watches.
	calls int
}

func (s spent) minus(before spent) spent {
	return spent{
		server: s.server - before.server, cluster: s.cluster - before.cluster, client: s.client - before.client,
		calls: s.calls - before.calls,
	}
}

func (c *costs) read(ctx context.Context, server *stack.Program) (s spent, err error) {
	add := func(into *time.Duration, pids ...int) {
		for _, pid := range pids {
			usage, readErr := meter.ReadUsage(pid)
			*into += usage.CPU
			err = errors.Join(err, readErr)
		}
	}
	add(&s.server, server.Pid())
	add(&s.cluster, c.cluster...)
	add(&s.client, os.Getpid())
	if err != nil {
		return s, err
	}
	err = get(ctx, c.client, c.url, func(metrics io.Reader) (err error) {
		s.calls, err = countCalls(metrics)
		return err
	})
	return s, err
}

// get hands the body of the answer to read.
func get(ctx context.Context, client *http.Client, url string, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("get metrics: %s", answer.Status), answer.Body.Close())
	}
	return errors.Join(read(answer.Body), answer.Body.Close())
}

// countCalls adds up the requests about our kinds in the metrics of an API server, without watches, which end when they end.
func countCalls(metrics io.Reader) (int, error) {
	calls := 0
	err := eachSample(metrics, func(name string, value float64) {
		if strings.HasPrefix(name, "apiserver_request_total{") && strings.Contains(name, `group="`+v1alpha1.GroupVersion.Group+`"`) &&
			!strings.Contains(name, `verb="WATCH"`) {
			calls += int(value)
		}
	})
	return calls, err
}

// heapInUse is the live heap of the server in bytes, or 0 if it does not tell.
func heapInUse(ctx context.Context, server *stack.Program) (bytes int64) {
	_ = get(ctx, &http.Client{Timeout: metricsTimeout}, server.HealthURL+"/metrics", func(metrics io.Reader) error {
		return eachSample(metrics, func(name string, value float64) {
			if name == "go_memstats_heap_inuse_bytes" {
				bytes = int64(value)
			}
		})
	})
	return bytes
}

// eachSample reads the text form of metrics. The value follows the last space.
func eachSample(metrics io.Reader, do func(name string, value float64)) error {
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		space := strings.LastIndexByte(line, ' ')
		if space < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			return fmt.Errorf("read metrics: %w", err)
		}
		do(line[:space], value)
	}
	return lines.Err()
}
