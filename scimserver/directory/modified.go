// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// lastModified is the creation time until the first change, and whenever somebody has spoilt the annotation.
func lastModified(o client.Object) time.Time {
	t, err := time.Parse(time.RFC3339Nano, o.GetAnnotations()[v1alpha1.AnnotationLastModified])
	if err != nil {
		return o.GetCreationTimestamp().UTC()
	}
	return t.UTC()
}

func annotate(o client.Object, key string, t time.Time) {
	setAnnotation(o, key, t.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
}

// modified says on o that the request of ctx changes it now.
func modified(ctx context.Context, o client.Object, now time.Time) {
	annotate(o, v1alpha1.AnnotationLastModified, now)
	mark(ctx, o)
}
