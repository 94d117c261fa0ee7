// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// TestSilence: a converged system writes nothing, neither at every resync nor when the controller starts anew.
func TestSilence(t *testing.T) {
	const resync = 2 * time.Second
	s := ownStack(t, stack.Options{ControllerArgs: []string{"--resync=" + resync.String(), "--leader-elect=false"}})
	tn := newTenant(t, s)
	const users = 60
	tn.crowd(t, "quiet", users)
	answer, err := tn.idp[0].Patch(t.Context(), tn.create(t, "asleep@acme.test"), idp.EntraPatch("active", false))
	expect(t, 200, answer, err)
	tn.waitSettled(t, users)

	before, start := tn.writes(t), time.Now()
	reads := tn.waitResyncs(t, 3*(users+1))
	if declared := (users + 1) * int(1+time.Since(start)/resync); reads > declared {
		t.Errorf("the controller read RoleBindings %d times, want %d at most: once for each account and resync", reads, declared)
	}
	if diff := cmp.Diff(before, tn.writes(t)); diff != "" {
		t.Errorf("writes of three resyncs (-before +after):\n%s", diff)
	}
	if err := s.Controller.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	tn.waitResyncs(t, 3*(users+1))
	if diff := cmp.Diff(before, tn.writes(t)); diff != "" {
		t.Errorf("writes of a new controller (-before +after):\n%s", diff)
	}
}

// waitSettled waits until every status says so, counts included.
func (tn *tenant) waitSettled(t *testing.T, bound int) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		var dir v1alpha1.ScimDirectory
		var app v1alpha1.ScimApplication
		var grant v1alpha1.ScimGrant
		for name, object := range map[string]client.Object{directoryName: &dir, applicationName: &app, grantName: &grant} {
			if err := tn.Client.Get(ctx, client.ObjectKey{Namespace: tn.namespace, Name: name}, object); err != nil {
				return err
			}
		}
		users, err := list(ctx, tn, &v1alpha1.ScimUserList{})
		if err != nil {
			return err
		}
		names, err := tn.BoundUsers(ctx, tn.target)
		if err != nil {
			return err
		}
		all := int32(len(users.Items)) //nolint:gosec // a handful
		if len(names) != bound || dir.Status.Users != int64(all) || app.Status.Accounts.Ready != all || grant.Status.MatchedUsers != int64(all) {
			return fmt.Errorf("%d bound, directory counts %d, application %d, of %d", len(names), dir.Status.Users, app.Status.Accounts.Ready, all)
		}
		for _, user := range users.Items {
			if user.Status.Accounts.Ready != 1 || user.Status.ObservedGeneration != user.Generation {
				return fmt.Errorf("a user has %d accounts ready", user.Status.Accounts.Ready)
			}
		}
		return nil
	})
}

// writes counts what the product could write: its kinds, bindings, Secrets and events, but not the Lease.
func (tn *tenant) writes(t *testing.T) map[string]int {
	t.Helper()
	all, err := tn.Cluster.Writes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for resource := range all {
		group, kind, _ := strings.Cut(resource, "/")
		ours := group == v1alpha1.Group || kind == "events" || kind == "secrets" || group == "rbac.authorization.k8s.io"
		if !ours {
			delete(all, resource)
		}
	}
	if all[v1alpha1.Group+"/scimusers"] == 0 || all["rbac.authorization.k8s.io/rolebindings"] == 0 {
		t.Fatalf("got writes %v, want those of users and bindings among them", all)
	}
	return all
}

// waitResyncs waits until the controller has asked for RoleBindings n more times, and returns how often it did: it does so for each
// account at each resync.
func (tn *tenant) waitResyncs(t *testing.T, n int) (more int) {
	t.Helper()
	start := -1
	eventually(t, func(ctx context.Context) error {
		reads, err := tn.bindingReads(ctx)
		if err != nil {
			return err
		}
		if start < 0 {
			start = reads
		}
		if more = reads - start; more < n {
			return fmt.Errorf("%d of %d readings of RoleBindings", more, n)
		}
		return nil
	})
	return more
}

// bindingReads counts the GETs and LISTs of RoleBindings since the start of the API server.
func (tn *tenant) bindingReads(ctx context.Context) (int, error) {
	reads, err := tn.Cluster.Reads(ctx)
	return reads["rbac.authorization.k8s.io/rolebindings"], err
}
