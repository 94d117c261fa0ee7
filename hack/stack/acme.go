// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/scim-operator/scim-operator/hack/stack/idp"
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
	ctx, cancel := context.WithTimeout(ctx, samplesTimeout)
	defer cancel()
	for _, sample := range samples {
		if err := s.WaitReady(ctx, sample); err != nil {
			return "", err
		}
	}
	if token, err = s.Token(ctx, SampleNamespace, SampleToken); err != nil {
		return "", err
	}
	return token, s.WaitServed(ctx, SampleNamespace, SampleDirectory, token)
}

// WaitServed waits until every server accepts the token for a directory: each learns of it by a watch of its own.
func (s *Stack) WaitServed(ctx context.Context, namespace, directory, token string) error {
	for _, server := range s.Servers {
		client := idp.New(server.BaseURL(namespace, directory), token)
		err := wait.PollUntilContextCancel(ctx, PollInterval, true, func(ctx context.Context) (bool, error) {
			answer, err := client.Get(ctx, idp.OktaTest)
			return answer.Status == http.StatusOK, err
		})
		if err != nil {
			return fmt.Errorf("wait until %s accepts the token: %w", server.URL, err)
		}
	}
	return nil
}
