// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/catalogue"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/story"
)

// TestApplications plays the same story against a real application for each connector, and looks after each step for secrets and names where none
// may be. What an application needs is installed when this runs as root, and otherwise the failure says what is missing.
func TestApplications(t *testing.T) {
	s := ownStack(t, stack.Options{ControllerArgs: story.ControllerArgs()})
	for _, name := range catalogue.Names() {
		t.Run(name, func(t *testing.T) {
			app := startApplication(t, name)
			t.Log(app.Title())
			site, err := story.Set(t.Context(), s, app, story.Options{Namespace: "story-" + name, Application: name})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := story.Play(t.Context(), site, &critic{t, app, site}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func startApplication(t *testing.T, name string) apps.App {
	t.Helper()
	start, err := catalogue.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	app, err := start(t.Context(), apps.Options{Progress: func(what string) { t.Log(what) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Stop(); err != nil {
			t.Errorf("stop %s: %v", app.Title(), err)
		}
	})
	return app
}

// critic takes notes of a story, and looks for leaks.
type critic struct {
	t    *testing.T
	app  apps.App
	site *story.Site
}

func (c *critic) Heading(number int, title, _ string) { c.t.Logf("%d. %s", number, title) }

func (c *critic) Exchange(r idp.Request, answer idp.Response) {
	c.t.Logf("   %s %s: %d", r.Method, r.Path, answer.Status)
}

func (c *critic) Settled(ctx context.Context) error {
	_, table, err := c.app.Show(ctx)
	if err == nil && strings.Count(table, "\n") == 0 {
		err = fmt.Errorf("the application shows no account, but %q", table)
	}
	if err != nil {
		return err
	}
	leaks, err := c.site.Leaks(ctx)
	if err == nil && len(leaks) > 0 {
		err = errors.New(strings.Join(leaks, "\n"))
	}
	return err
}

func (c *critic) Proved(r story.Result) { c.t.Logf("   %s, after %s", r.Proof, r.Took) }
