// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// writers is how many users are written at a time.
const writers = 32

// createUsers writes n users with their reservations and returns their ids.
func createUsers(ctx context.Context, s *stack.Stack, n int) ([]string, error) {
	// An admission policy lets nobody else create what scim-server creates.
	config, err := s.Cluster.ServiceAccountConfig(ctx, stack.Namespace, "scim-server", 0)
	if err != nil {
		return nil, err
	}
	raw, err := client.New(config, client.Options{Scheme: s.Client.Scheme(), Mapper: s.Client.RESTMapper()})
	if err != nil {
		return nil, err
	}
	ids := make([]string, n)
	_, err = timed(ctx, n, writers, func(ctx context.Context, i int) error {
		ids[i] = uuid.NewString()
		return createUser(ctx, raw, ids[i])
	})
	return ids, err
}

// createUser writes what a POST makes, but for the name of the reservation, which nobody asks for here.
func createUser(ctx context.Context, raw client.Client, id string) error {
	directory, userName := v1alpha1.LocalReference{Name: stack.SampleDirectory}, id+"@acme.test"
	attributes := `{"displayName":"Given Family","emails":[{"primary":true,"type":"work","value":"` + userName +
		`"}],"locale":"en-US","name":{"familyName":"Family","givenName":"Given"}}`
	err := raw.Create(ctx, &v1alpha1.ScimName{
		ObjectMeta: metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: uuid.NewString()},
		Spec: v1alpha1.ScimNameSpec{
			DirectoryRef: directory, Attribute: v1alpha1.NameAttributeUserName, Value: userName, Holder: id, State: v1alpha1.NameReserved,
		},
	})
	if err != nil {
		return fmt.Errorf("create ScimName: %w", err)
	}
	err = raw.Create(ctx, &v1alpha1.ScimUser{
		ObjectMeta: metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: id},
		Spec: v1alpha1.ScimUserSpec{
			DirectoryRef: directory, UserName: userName, ExternalID: id, State: v1alpha1.StateActive,
			Attributes: &runtime.RawExtension{Raw: []byte(attributes)},
		},
	})
	if err != nil {
		return fmt.Errorf("create ScimUser: %w", err)
	}
	return nil
}

// timed runs n calls, so many at a time, and says how long all took.
func timed(ctx context.Context, n, concurrency int, call func(ctx context.Context, i int) error) (time.Duration, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	start := time.Now()
	for i := range n {
		group.Go(func() error { return call(ctx, i) })
	}
	err := group.Wait()
	return time.Since(start), err
}
