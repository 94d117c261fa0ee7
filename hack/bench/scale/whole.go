// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	groupName = "Large"
	// reads is how often the group is read in each way.
	reads = 20
	// memoryInterval is how often the memory is looked at while it may grow.
	memoryInterval = 100 * time.Millisecond
)

// request is one request, or several of the same kind: the median counts.
type request struct {
	what   string
	took   time.Duration
	bytes  int
	slices int
}

// whole is what was measured of requests that are about all members.
type whole struct {
	group    string
	requests []request
	// memory is the most that was seen, in MiB.
	memory int
}

func measureWhole(ctx context.Context, w *site, n int) (*whole, error) {
	m := &whole{}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	peak := make(chan int, 1)
	go func() { peak <- greatest(ctx, w.Servers[0]) }()
	answer, err := w.idp.PostGroup(ctx, idp.Group(groupName))
	if err == nil && answer.Status != http.StatusCreated {
		err = fmt.Errorf("post group: got %s", answer)
	}
	if err != nil {
		return nil, err
	}
	m.group = answer.ID()
	for _, put := range []struct {
		what    string
		members []string
	}{
		{fmt.Sprintf("PUT, %d members new", n), w.people[:n]},
		{"PUT, all the same", w.people[:n]},
		{"PUT, one in another's place", w.people[1 : n+1]},
		{"PUT, one in another's place, answer without members", w.people[:n]},
	} {
		if err := m.put(ctx, w, put.what, put.members); err != nil {
			return nil, err
		}
	}
	for _, get := range []struct{ what, path string }{
		{"GET with members", idp.GroupPath(m.group)},
		{"GET without members", idp.WithoutMembers(m.group)},
	} {
		if err := m.get(ctx, w, get.what, get.path); err != nil {
			return nil, err
		}
	}
	stop()
	m.memory = <-peak
	return m, nil
}

// put sends all members and counts the slices that were written.
func (m *whole) put(ctx context.Context, w *site, what string, members []string) error {
	before, err := w.sliceVersions(ctx, m.group)
	if err != nil {
		return err
	}
	path := idp.GroupPath(m.group)
	if strings.HasSuffix(what, "without members") {
		path = idp.WithoutMembers(m.group)
	}
	start := time.Now()
	answer, err := w.idp.Do(ctx, idp.Request{Method: http.MethodPut, Path: path, Body: idp.Group(groupName, members...)})
	took := time.Since(start)
	if err != nil {
		return err
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("put group: got %.200s", answer)
	}
	after, err := w.sliceVersions(ctx, m.group)
	if err != nil {
		return err
	}
	written := 0
	for name, version := range after {
		if before[name] != version {
			written++
		}
	}
	m.requests = append(m.requests, request{what, took, len(answer.Raw), written})
	return nil
}

// sliceVersions are the resource versions of the slices of a group by name.
func (w *site) sliceVersions(ctx context.Context, group string) (map[string]string, error) {
	var list v1alpha1.ScimMemberSliceList
	err := w.Client.List(ctx, &list, client.InNamespace(stack.SampleNamespace), client.MatchingFields{"spec.groupRef.name": group})
	if err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, slice := range list.Items {
		versions[slice.Name] = slice.ResourceVersion
	}
	return versions, nil
}

func (m *whole) get(ctx context.Context, w *site, what, path string) error {
	times, size := make([]time.Duration, reads), 0
	for i := range times {
		start := time.Now()
		answer, err := w.idp.Get(ctx, path)
		times[i] = time.Since(start)
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("get group: got %.200s", answer)
		}
		if err != nil {
			return err
		}
		size = len(answer.Raw)
	}
	slices.Sort(times)
	m.requests = append(m.requests, request{what: what, took: meter.Percentile(times, 50), bytes: size})
	return nil
}

func (m *whole) print(n int) {
	const row = "%-58s %12s %12s %14s\n"
	fmt.Printf("\n"+row, fmt.Sprintf("A GROUP OF %d", n), "TIME", "ANSWER", "SLICES WRITTEN")
	for _, r := range m.requests {
		fmt.Printf(row, r.what, meter.Milliseconds(r.took), fmt.Sprintf("%d KiB", r.bytes>>10), strconv.Itoa(r.slices))
	}
}

// memory is the resident set of a process in MiB.
func memory(ctx context.Context, p *stack.Program) (int, error) {
	output, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(p.Pid())).Output()
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	kib, err := strconv.Atoi(strings.TrimSpace(string(output)))
	return kib >> 10, err
}

// greatest is the most memory that was seen until ctx ended.
func greatest(ctx context.Context, p *stack.Program) int {
	most := 0
	ticker := time.NewTicker(memoryInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if now, err := memory(ctx, p); err == nil {
				most = max(most, now)
			}
		case <-ctx.Done():
			return most
		}
	}
}
