// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Uninstall takes away what the chart made and ends the programs, as `helm uninstall` does: rights first, so that the programs go on for a
// while without them. CustomResourceDefinitions, their objects and namespaces stay. Nothing of the stack but its Client is of use afterwards.
func (s *Stack) Uninstall(ctx context.Context) error {
	for _, object := range slices.Backward(s.chart.objects) {
		if err := s.Client.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s %q: %w", object.GetKind(), object.GetName(), err)
		}
	}
	var errs []error
	for _, p := range s.programs {
		if p.Running() {
			errs = append(errs, p.Terminate(ctx))
		}
	}
	return errors.Join(errs...)
}
