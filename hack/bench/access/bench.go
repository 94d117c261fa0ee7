// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/bench/people"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	// second is the name of the second application, secondTarget the namespace in which it binds.
	second, secondTarget = "second", "second"
	// role is that of both applications.
	role = "viewer"
	// lookInterval is how often it is looked whether all is done.
	lookInterval = 500 * time.Millisecond
	// quiet is for how long nothing is written when all is done.
	quiet = 10 * time.Second
	// patience bounds each wait.
	patience = time.Hour
)

// bench is what every part needs, and what they found.
type bench struct {
	*stack.Stack
	options
	idp    *idp.Client
	leaver string
	rows   []row
}

// row is one line of the report.
type row struct{ what, value string }

func (b *bench) note(what, format string, args ...any) {
	b.rows = append(b.rows, row{what, fmt.Sprintf(format, args...)})
}

func (b *bench) report() error {
	fmt.Printf("\n%-72s %s\n", fmt.Sprintf("%d USERS × 2 APPLICATIONS", b.users), "")
	for _, r := range b.rows {
		fmt.Printf("%-72s %s\n", r.what, r.value)
	}
	return nil
}

// prepare makes two applications without grants, one leaver who has an account, and the users, and waits until the controller has
// nothing more to do.
func prepare(ctx context.Context, s *stack.Stack, o options) (*bench, error) {
	token, err := s.Acme(ctx)
	if err != nil {
		return nil, err
	}
	b := &bench{Stack: s, options: o, idp: idp.New(s.Servers[0].BaseURL(stack.SampleNamespace, stack.SampleDirectory), token)}
	if err := b.applications(ctx); err != nil {
		return nil, err
	}
	answer, err := b.idp.Post(ctx, idp.EntraUser(idp.Person{UserName: "leaver@acme.test"}))
	if err != nil || answer.ID() == "" {
		return nil, fmt.Errorf("post the leaver: %s, %w", answer, err)
	}
	b.leaver = answer.ID()
	frame.Progress(fmt.Sprintf("write %d users", o.users))
	writer, err := people.NewWriter(ctx, s)
	if err != nil {
		return nil, err
	}
	writer.Progress = frame.Progress
	if _, err := writer.WriteAll(ctx, 0, o.users); err != nil {
		return nil, err
	}
	frame.Progress("wait until the controller has nothing to do")
	_, err = b.untilQuiet(ctx)
	return b, err
}

// applications takes the grant for everyone away, makes a second application, and lets the leaver have an account in the first.
func (b *bench) applications(ctx context.Context) error {
	app := &v1alpha1.ScimApplication{ObjectMeta: b.meta(stack.SampleApplication)}
	if err := b.Client.Get(ctx, client.ObjectKeyFromObject(app), app); err != nil {
		return err
	}
	other := &v1alpha1.ScimApplication{ObjectMeta: b.meta(second), Spec: *app.Spec.DeepCopy()}
	other.Spec.Connector.Kubernetes.Roles[0].Namespaces = []string{secondTarget}
	if err := b.CreateNamespace(ctx, secondTarget); err != nil {
		return err
	}
	if err := b.Client.Delete(ctx, &v1alpha1.ScimGrant{ObjectMeta: b.meta(stack.SampleGrant)}); err != nil {
		return err
	}
	leaver := grant(b.meta("leaver"), stack.SampleApplication, v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: "leaver@acme.test"})
	for _, o := range []client.Object{other, leaver} {
		if err := b.Client.Create(ctx, o); err != nil {
			return err
		}
	}
	return b.WaitReady(ctx, other)
}

func (b *bench) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: name}
}

func grant(meta metav1.ObjectMeta, application string, subject v1alpha1.Subject) *v1alpha1.ScimGrant {
	return &v1alpha1.ScimGrant{ObjectMeta: meta, Spec: v1alpha1.ScimGrantSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: application}, Subjects: []v1alpha1.Subject{subject}, Roles: []v1alpha1.RoleName{role},
	}}
}

// writes counts the writes of scim-controller: nobody else writes meanwhile, but for Leases and the control plane's own kinds.
func (b *bench) writes(ctx context.Context) (map[string]int, error) {
	all, err := b.Cluster.Writes(ctx)
	for resource := range all {
		group, kind, _ := strings.Cut(resource, "/")
		if group != v1alpha1.Group && group != "rbac.authorization.k8s.io" && !strings.HasPrefix(kind, "events") {
			delete(all, resource)
		}
	}
	return all, err
}

// untilQuiet waits until nothing was written for a while, and returns when the last write was seen.
func (b *bench) untilQuiet(ctx context.Context) (last time.Time, err error) {
	before := -1
	err = wait.PollUntilContextTimeout(ctx, lookInterval, patience, true, func(ctx context.Context) (bool, error) {
		writes, err := b.writes(ctx)
		sum := 0
		for _, n := range writes {
			sum += n
		}
		if sum != before {
			before, last = sum, time.Now()
		}
		return time.Since(last) > quiet, err
	})
	return last, err
}

// memory is what the controller takes now and took at most since the last reset, in MiB.
func (b *bench) memory() (resident, peak int64, err error) {
	usage, err := meter.ReadUsage(b.Controller.Pid())
	return usage.Resident >> 20, usage.Peak >> 20, err
}
