// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// rates are in users per second.
type rates struct{ scim, raw float64 }

// compareCreation kills the controller and lets the two ways take turns.
func compareCreation(ctx context.Context, s *stack.Stack, client *idp.Client, o options) (r rates, err error) {
	if err := s.Controller.Kill(); err != nil {
		return r, err
	}
	raw, err := rawClient(ctx, s)
	if err != nil {
		return r, err
	}
	var viaSCIM, direct time.Duration
	for range o.rounds {
		took, err := meter.Timed(ctx, o.users, o.concurrency, func(ctx context.Context, _ int) error { return post(ctx, client, person()) })
		if err != nil {
			return r, err
		}
		viaSCIM += took
		took, err = meter.Timed(ctx, o.users, o.concurrency, func(ctx context.Context, _ int) error { return createRaw(ctx, raw, person()) })
		if err != nil {
			return r, err
		}
		direct += took
	}
	total := float64(o.rounds * o.users)
	return rates{scim: total / viaSCIM.Seconds(), raw: total / direct.Seconds()}, nil
}

func person() idp.Person {
	id := uuid.NewString()
	return idp.Person{UserName: id + "@acme.test", ExternalID: id, GivenName: "Given", FamilyName: "Family"}
}

func post(ctx context.Context, client *idp.Client, p idp.Person) error {
	answer, err := client.Post(ctx, idp.OktaUser(p))
	if err == nil && answer.Status != http.StatusCreated {
		err = fmt.Errorf("post user: got %s, want status 201", answer)
	}
	return err
}

// rawClient acts as scim-server: an admission policy lets nobody else create what it creates.
func rawClient(ctx context.Context, s *stack.Stack) (client.Client, error) {
	config, err := s.Cluster.ServiceAccountConfig(ctx, stack.Namespace, "scim-server", 0)
	if err != nil {
		return nil, err
	}
	return client.New(config, client.Options{Scheme: s.Client.Scheme(), Mapper: s.Client.RESTMapper()})
}

// createRaw creates what a POST of that person makes.
func createRaw(ctx context.Context, raw client.Client, p idp.Person) error {
	id, directory := uuid.NewString(), v1alpha1.LocalReference{Name: stack.SampleDirectory}
	attributes := `{"displayName":"Given Family","emails":[{"primary":true,"type":"work","value":"` + p.UserName +
		`"}],"locale":"en-US","name":{"familyName":"Family","givenName":"Given"}}`
	err := raw.Create(ctx, &v1alpha1.ScimName{
		ObjectMeta: metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: uuid.NewString()},
		Spec: v1alpha1.ScimNameSpec{
			DirectoryRef: directory, Attribute: v1alpha1.NameAttributeUserName, Value: p.UserName, Holder: id, State: v1alpha1.NameReserved,
		},
	})
	if err != nil {
		return fmt.Errorf("create ScimName: %w", err)
	}
	err = raw.Create(ctx, &v1alpha1.ScimUser{
		ObjectMeta: metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: id},
		Spec: v1alpha1.ScimUserSpec{
			DirectoryRef: directory, UserName: p.UserName, ExternalID: p.ExternalID, State: v1alpha1.StateActive,
			Attributes: &runtime.RawExtension{Raw: []byte(attributes)},
		},
	})
	if err != nil {
		return fmt.Errorf("create ScimUser: %w", err)
	}
	return nil
}
