// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
)

// tellSwitch records that somebody suspended a directory, or took that back. Nothing in the status says so, since scim-server acts on the spec
// alone, so it is the change that is told: not what a start-up lists.
func (r *Reconciler) tellSwitch(_ context.Context, e event.UpdateEvent, _ enqueue.Queue) {
	before, after := e.ObjectOld.(*v1alpha1.ScimDirectory), e.ObjectNew.(*v1alpha1.ScimDirectory) // watched as that type
	switch {
	case before.UID != after.UID || before.Spec.Suspended == after.Spec.Suspended:
	case after.Spec.Suspended:
		r.Publisher.Recorder.Eventf(after, nil, corev1.EventTypeWarning, "DirectorySuspended", "Suspend", "identity providers get 503 until spec.suspended is false again")
	default:
		r.Publisher.Recorder.Eventf(after, nil, corev1.EventTypeNormal, "DirectoryResumed", "Resume", "identity providers are answered again")
	}
}
