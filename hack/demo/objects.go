// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// objects are what the cluster has, as people see it by kubectl.
type objects struct {
	out                 *screen
	stack               *stack.Stack
	kubectl, kubeconfig string
}

func newObjects(out *screen, s *stack.Stack, kubectl string) (objects, error) {
	kubeconfig := filepath.Join(filepath.Dir(s.LogDir()), "admin.kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, s.Admin); err != nil {
		return objects{}, err
	}
	return objects{out: out, stack: s, kubectl: kubectl, kubeconfig: kubeconfig}, nil
}

// show waits until the statuses have settled and prints what kubectl shows, one command after another.
func (o objects) show(ctx context.Context, commands ...[]string) error {
	if err := o.settle(ctx); err != nil {
		return err
	}
	outputs := make([]string, len(commands))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, args := range commands {
		group.Go(func() (err error) {
			outputs[i], err = run(groupCtx, o.kubectl, o.kubeconfig, args...)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, args := range commands {
		o.out.table("kubectl "+strings.Join(args, " "), narrow(outputs[i]))
	}
	return nil
}

// settle waits until every ScimUser is Ready: its accounts are as they shall be, and its status says so.
func (o objects) settle(ctx context.Context) error {
	var users v1alpha1.ScimUserList
	if err := o.stack.Client.List(ctx, &users, client.InNamespace(stack.SampleNamespace)); err != nil {
		return fmt.Errorf("list ScimUsers: %w", err)
	}
	for _, user := range users.Items {
		key := metav1.ObjectMeta{Namespace: user.Namespace, Name: user.Name}
		if err := o.stack.WaitReady(ctx, &v1alpha1.ScimUser{ObjectMeta: key}); err != nil {
			return err
		}
	}
	return nil
}
