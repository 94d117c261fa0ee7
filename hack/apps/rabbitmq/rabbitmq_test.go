// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rabbitmq

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/scim-operator/scim-operator/hack/apps"
)

// TestApp holds the application to what its interface says, without any connector.
func TestApp(t *testing.T) {
	started, err := Start(t.Context(), apps.Options{Progress: func(what string) { t.Log(what) }})
	if err != nil {
		t.Fatal(err)
	}
	a := started.(*App)
	defer func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(a.folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is still there: %v", err)
		}
	}()
	t.Log(a.Title())
	ctx := t.Context()
	if err := a.Login(ctx, "jane"); !errors.Is(err, apps.ErrRefused) {
		t.Errorf("somebody who does not exist: %v", err)
	}
	if err := a.Write(ctx, User{Name: "jane", Tags: []string{"monitoring"}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Login(ctx, "jane"); !errors.Is(err, apps.ErrRefused) {
		t.Errorf("without a password: %v", err)
	}
	if err := a.Welcome(ctx, "jane"); err != nil {
		t.Fatal(err)
	}
	if err := a.Login(ctx, "jane"); err != nil {
		t.Errorf("with a password: %v", err)
	}
	for role, want := range map[string]bool{"monitoring": true, "policymaker": false} {
		if got, err := a.HasRole(ctx, "jane", a.Roles()[map[string]int{"monitoring": 0, "policymaker": 1}[role]]); err != nil || got != want {
			t.Errorf("%s: %v, %v", role, got, err)
		}
	}
	alive, err := a.Open(ctx, "jane")
	if err != nil {
		t.Fatal(err)
	}
	var open int
	shown := func(ctx context.Context) (_ bool, err error) {
		open, err = a.Connections(ctx, "jane")
		return open == 1, err
	}
	// The broker shows a connection a moment after it is open.
	if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, shown); err != nil || !alive(ctx) || !alive(ctx) {
		t.Errorf("%d connections, %v", open, err)
	}
	if err := a.Remove(ctx, "jane"); err != nil {
		t.Fatal(err)
	}
	if exists, err := a.Exists(ctx, "jane"); err != nil || exists {
		t.Errorf("exists: %v, %v", exists, err)
	}
	command, table, err := a.Show(ctx)
	if err != nil || !strings.Contains(table, connectorUser) {
		t.Errorf("shown: %q, %v", table, err)
	}
	t.Logf("%s\n%s", command, table)
	a.Application()
}
