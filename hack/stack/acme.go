// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// What config/samples makes: a directory, its token, an application whose role viewer is bound in a namespace, and a
// grant of that role to everyone.
const (
	SampleNamespace   = "acme"
	SampleDirectory   = "acme"
	SampleToken       = "acme-okta"
	SampleApplication = "demo-cluster"
	SampleGrant       = "everyone-views-demo"
	// SampleTarget is the namespace in which the application binds.
	SampleTarget = "demo"
)

// samplesTimeout bounds the wait for the samples, which takes about two seconds.
const samplesTimeout = time.Minute

// Acme applies the samples, waits until all of them are ready, and returns the token.
func (s *Stack) Acme(ctx context.Context) (token string, err error) {
	s.options.Progress("apply config/samples: a directory, a token, an application, a grant")
	for _, name := range []string{SampleNamespace, SampleTarget} {
		if err := s.CreateNamespace(ctx, name); err != nil {
			return "", err
		}
	}
	samples, err := s.ApplySamples(ctx, SampleNamespace)
	if err != nil {
		return "", err
	}
	if err := s.raiseLimits(ctx); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, samplesTimeout)
	defer cancel()
	for _, sample := range samples {
		if sample.GetObjectKind().GroupVersionKind().Group != v1alpha1.Group {
			continue // a RoleBinding is as it is
		}
		if err := s.WaitReady(ctx, sample); err != nil {
			return "", err
		}
	}
	if token, err = s.Token(ctx, SampleNamespace, SampleToken); err != nil {
		return "", err
	}
	return token, s.WaitServed(ctx, SampleNamespace, SampleDirectory, token)
}

// Unlimited lets one credential ask as fast as it can: benchmarks and tests send more with one than an identity provider does.
func Unlimited() v1alpha1.DirectoryLimits {
	return v1alpha1.DirectoryLimits{RequestsPerSecond: 100_000, Burst: 1_000_000}
}

// raiseLimits changes the directory of the samples.
func (s *Stack) raiseLimits(ctx context.Context) error {
	directory := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: SampleNamespace, Name: SampleDirectory}}
	patch, err := json.Marshal(map[string]any{"spec": v1alpha1.ScimDirectorySpec{Limits: Unlimited()}})
	if err != nil {
		return fmt.Errorf("write patch: %w", err)
	}
	if err := s.Client.Patch(ctx, directory, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("raise the limits of the sample directory: %w", err)
	}
	return nil
}

// WaitServed waits until every server accepts the token for a directory: each learns of it by a watch of its own.
func (s *Stack) WaitServed(ctx context.Context, namespace, directory, token string) error {
	for _, server := range s.Servers {
		asking := idp.New(server.BaseURL(namespace, directory), token)
		err := Poll(ctx, func(ctx context.Context) (bool, error) {
			answer, err := asking.Get(ctx, idp.OktaTest)
			return answer.Status == http.StatusOK, err
		})
		if err != nil {
			return fmt.Errorf("wait until %s accepts the token: %w", server.URL, err)
		}
	}
	return nil
}
