// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Origin is who changes something. Both are shown to administrators as they are, so neither may be a client's text.
type Origin struct {
	// RequestID of the request.
	RequestID string
	// TokenKeyID is the public name of the credential that it came with.
	TokenKeyID string
}

type originKey struct{}

// WithOrigin returns a context whose changes are marked with where they come from, in AnnotationRequestID and AnnotationChangedBy
// of every ScimUser, ScimGroup and ScimMemberSlice that is written anyway.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

func originOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// mark says on o which request changed it last, and with which credential. What no request changes, but a janitor, keeps the
// marks that it has.
func mark(ctx context.Context, o client.Object) {
	from := originOf(ctx)
	if from.RequestID != "" {
		setAnnotation(o, v1alpha1.AnnotationRequestID, from.RequestID)
	}
	if from.TokenKeyID != "" {
		setAnnotation(o, v1alpha1.AnnotationChangedBy, from.TokenKeyID)
	}
}

func setAnnotation(o client.Object, key, value string) {
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	o.SetAnnotations(annotations)
}

// outlive returns a context that does not end with that of a request, but still knows where it came from. What is done under it is
// in no Changes: the request is answered.
func outlive(ctx context.Context) context.Context {
	return WithOrigin(context.Background(), originOf(ctx))
}
