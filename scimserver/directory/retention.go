// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"cmp"
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// present reports whether o is a resource that SCIM knows. One that is being deleted is not, nor is a user who was deleted and is
// only kept for a while.
func present(o client.Object) bool {
	user, is := o.(*v1alpha1.ScimUser)
	return o.GetDeletionTimestamp().IsZero() && (!is || user.Spec.DeletedAt.IsZero())
}

// end makes o gone for SCIM: deleted or, a user in a directory that keeps these, suspended for good. It is one write, of exactly
// the version that was read: a rename that comes in between must start us over, since its reservation is to be marked too.
func (s *Store) end(ctx context.Context, dir Directory, o client.Object) error {
	if user, is := o.(*v1alpha1.ScimUser); is && dir.Settings().Retention > 0 {
		now := metav1.NewTime(s.clock.Now())
		user.Spec.State, user.Spec.DeletedAt = v1alpha1.StateSuspended, &now
		modified(ctx, user, now.Time)
		return s.update(ctx, user)
	}
	err := s.live.Delete(ctx, o, exactly(o))
	if err == nil {
		s.model.gone(o)
	}
	return err
}

// exactly demands that an object is still what was read.
func exactly(o client.Object) client.Preconditions {
	uid, version := o.GetUID(), o.GetResourceVersion()
	return client.Preconditions{UID: &uid, ResourceVersion: &version}
}

// endRetention deletes the users who were deleted as long ago as their directory keeps them, but those whom somebody has protected
// since. It asks the directory as it is now,
// and leaves them alone while there is none: nobody says then how long that is.
func (j *Janitor) endRetention(ctx context.Context) {
	var users v1alpha1.ScimUserList
	if err := j.cached.List(ctx, &users, client.UnsafeDisableDeepCopy); err != nil {
		return
	}
	for i := range users.Items {
		user := &users.Items[i]
		if user.Spec.DeletedAt == nil || !user.DeletionTimestamp.IsZero() || isProtected(user) {
			continue
		}
		dir := &v1alpha1.ScimDirectory{}
		key := client.ObjectKey{Namespace: user.Namespace, Name: user.Spec.DirectoryRef.Name}
		if err := j.cached.Get(ctx, key, dir); err == nil && j.clock.Since(user.Spec.DeletedAt.Time) >= retention(dir.Spec.Deletion) {
			j.collect(ctx, user)
		}
	}
}

// retention is how long deleted users are kept. It holds for those who are there already whatever the policy is now.
func retention(d v1alpha1.DirectoryDeletion) time.Duration {
	return time.Duration(cmp.Or(d.RetentionDays, defaultRetentionDays)) * 24 * time.Hour
}
