// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/catalogue"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/story"
)

// speaker is who sends the requests of a story.
const speaker = "IdP"

// perform starts an application, plays the story of it and sums up.
func perform(ctx context.Context, o objects, connector string, start catalogue.Start, progress func(string)) (err error) {
	app, err := start(ctx, apps.Options{Progress: progress})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Stop()) }()
	progress("make a directory, a token, the Secret for " + app.Title() + ", a ScimApplication, two grants")
	site, err := story.Set(ctx, o.stack, app, story.Options{Namespace: stack.SampleNamespace, Application: connector})
	if err != nil {
		return err
	}
	progress("ready")
	playing := time.Now()
	results, err := story.Play(ctx, site, stage{o, app})
	if err != nil {
		return err
	}
	o.out.proofs(results, time.Since(playing))
	return nil
}

// stage shows a story to people.
type stage struct {
	objects

	app apps.App
}

// Heading implements [story.Audience].
func (s stage) Heading(number int, title, why string) { s.out.heading(number, title, why) }

// Exchange implements [story.Audience].
func (s stage) Exchange(r idp.Request, answer idp.Response) { s.out.exchange(speaker, r, answer) }

// Settled implements [story.Audience]: it shows the accounts as our cluster has them, and as the application does.
func (s stage) Settled(ctx context.Context) error {
	if err := s.show(ctx, []string{"get", "scimaccounts", "-n", stack.SampleNamespace}); err != nil {
		return err
	}
	command, table, err := s.app.Show(ctx)
	if err != nil {
		return fmt.Errorf("look at %s: %w", s.app.Title(), err)
	}
	s.out.table(command, strings.Split(strings.Trim(table, "\n"), "\n"))
	s.out.line("")
	return nil
}

// Proved implements [story.Audience].
func (s stage) Proved(r story.Result) {
	text := fmt.Sprintf("✓ %s  (%s after the %d)", r.Proof, milliseconds(r.Took), r.Status)
	s.out.line("%s", s.out.styled(green, text))
}

// proofs is the summary of a story.
func (s *screen) proofs(results []story.Result, took time.Duration) {
	const row = "%-36s %-5s %9s  %s"
	s.summaryHeading()
	s.line(row, "STEP", "SCIM", "TOOK", "PROOF, BY THE APPLICATION ITSELF")
	for _, r := range results {
		s.line(row, r.Title, fmt.Sprint(r.Status), milliseconds(r.Took), r.Proof)
	}
	s.line("\nTOOK: from the 2xx, as the client has it, until the application agreed: of a new account, until it was there; of the")
	s.line("deactivation, until the login was refused; of the rename, until the new name was there; otherwise until all of the proof held.")
	s.goodbye(took)
}
