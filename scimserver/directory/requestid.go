// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

type requestIDKey struct{}

// WithRequestID returns a context whose changes are marked with the id of their request, in AnnotationRequestID of every
// ScimUser, ScimGroup and ScimMemberSlice that is written anyway. The id must be ours: it is shown to administrators as it is.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// mark says on o which request changed it last. What no request changes, but a janitor, keeps the mark that it has.
func mark(ctx context.Context, o client.Object) {
	id, _ := ctx.Value(requestIDKey{}).(string)
	if id == "" {
		return
	}
	setAnnotation(o, v1alpha1.AnnotationRequestID, id)
}

func setAnnotation(o client.Object, key, value string) {
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	o.SetAnnotations(annotations)
}

// outlive returns a context that does not end with that of a request, but still knows which request it was.
func outlive(ctx context.Context) context.Context {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return WithRequestID(context.Background(), id)
}
