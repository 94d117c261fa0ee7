// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// Check posts a person by SCIM, returns the id, and fails when the objects that this made are not what Writer would have written.
func Check(ctx context.Context, s *stack.Stack, scim *idp.Client, p Person) (id string, err error) {
	answer, err := scim.Do(ctx, idp.Request{Method: http.MethodPost, Path: "/Users", Body: json.RawMessage(p.Body())})
	if err == nil && answer.Status != http.StatusCreated {
		err = fmt.Errorf("post user: got %s", answer)
	}
	if err != nil {
		return "", err
	}
	wantName, wantUser := Objects(p, answer.ID())
	name, user := &v1alpha1.ScimName{}, &v1alpha1.ScimUser{}
	for want, got := range map[client.Object]client.Object{wantName: name, wantUser: user} {
		if err := s.Client.Get(ctx, client.ObjectKeyFromObject(want), got); err != nil {
			return "", fmt.Errorf("read what a POST made: %w", err)
		}
	}
	for _, own := range []string{v1alpha1.AnnotationRequestID, v1alpha1.AnnotationChangedBy} { // of each request, and of each credential
		if user.Annotations[own] != "" {
			user.Annotations[own] = wantUser.Annotations[own]
		}
	}
	diff := cmp.Diff(wantName.Spec, name.Spec) + cmp.Diff(wantUser.Spec, user.Spec) +
		cmp.Diff(wantUser.Labels, user.Labels) + cmp.Diff(wantUser.Annotations, user.Annotations) + cmp.Diff(wantUser.Finalizers, user.Finalizers)
	if diff != "" {
		return "", fmt.Errorf("a POST makes something else than the benchmark writes (-benchmark +POST):\n%s", diff)
	}
	return answer.ID(), nil
}
