// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// writeStatus makes a change of the status of app: one request, or none if it changes nothing. Several controllers have a condition of their own in
// the list of conditions, which a patch replaces as a whole, so a patch is made only of the object as it is on the API server; if
// app is an older one the change is made again of what live says. An application that is gone is no error.
func writeStatus(ctx context.Context, c client.Client, live client.Reader, app *v1alpha1.ScimApplication, change func(*v1alpha1.ScimApplication)) error {
	uid := app.UID
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if app.UID != uid {
			return nil
		}
		before := app.DeepCopy()
		change(app)
		err := status.PatchLocked(ctx, c, before, app)
		if apierrors.IsConflict(err) {
			if readErr := live.Get(ctx, client.ObjectKeyFromObject(before), app); readErr != nil {
				return readErr
			}
		}
		return err
	})
	return client.IgnoreNotFound(err)
}
