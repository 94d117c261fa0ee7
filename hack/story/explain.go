// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// explainTimeout bounds the look at what went wrong: the context of what did is over by then.
	explainTimeout = 10 * time.Second
	// lastWords is how many lines of the log of scim-controller are quoted.
	lastWords = 12
)

// Explain adds to an error what there is when something did not hold: what the application shows, what our objects say, and the last that
// scim-controller wrote.
func (s *Site) Explain(err error) error { return errors.Join(err, s.state()) }

// state is what there is, for people.
func (s *Site) state() error {
	ctx, cancel := context.WithTimeout(context.Background(), explainTimeout)
	defer cancel()
	var b strings.Builder
	fmt.Fprintf(&b, "\nWhat %s shows:\n", s.app.Title())
	command, table, err := s.app.Show(ctx)
	fmt.Fprintf(&b, "$ %s\n%s\n", command, strings.TrimRight(table, "\n"))
	if err != nil {
		fmt.Fprintf(&b, "(%v)\n", err)
	}
	b.WriteString("\nWhat the objects say:\n" + s.objectsSay(ctx))
	fmt.Fprintf(&b, "\nThe last of %s:\n%s", s.stack.Controller.LogFile, tail(s.stack.Controller.LogFile, lastWords))
	return errors.New(b.String())
}

func (s *Site) objectsSay(ctx context.Context) string {
	var b strings.Builder
	application := &v1alpha1.ScimApplication{}
	err := s.stack.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: s.Application}, application)
	if ready := meta.FindStatusCondition(application.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		fmt.Fprintf(&b, "ScimApplication %s: Ready %s: %s: %s\n", application.Name, ready.Status, ready.Reason, ready.Message)
	}
	var accounts v1alpha1.ScimAccountList
	err = errors.Join(err, s.stack.Client.List(ctx, &accounts, client.InNamespace(s.Namespace)))
	for i := range accounts.Items {
		b.WriteString(describe(&accounts.Items[i]) + "\n")
	}
	if err != nil {
		fmt.Fprintf(&b, "(%v)\n", err)
	}
	return b.String()
}

// tail returns the last lines of a log, but for those that only say that something starts, or why there are none.
func tail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(line string) bool { return strings.Contains(line, `"msg":"Starting `) })
	return strings.Join(all[max(0, len(all)-lines):], "")
}
