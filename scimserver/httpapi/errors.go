// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// retryAfter is what clients are asked to wait after a failure of ours. Most of them end in a second.
const retryAfter = time.Second

// toldOf is what the client is told of err. An error that nobody thought of is a failure of ours: 503, never 401 or 404,
// which make identity providers stop or forget.
func toldOf(err error) *scim.Error {
	var known *scim.Error
	var refusal *auth.Refusal
	switch {
	case errors.As(err, &known):
		if known.Status >= http.StatusInternalServerError && known.Status != http.StatusNotImplemented && known.RetryAfter == 0 {
			return errUnavailable(known.Detail)
		}
		return known
	case errors.As(err, &refusal):
		return scim.Errorf(http.StatusUnauthorized, "", "a valid bearer token of this directory is required")
	case errors.Is(err, auth.ErrUnavailable):
		return errUnavailable("authentication is not available now")
	default:
		return errUnavailable("internal error")
	}
}

// challengeOf is the WWW-Authenticate header of RFC 6750 §3: an error code only for who presented something.
func challengeOf(err error) string {
	var refusal *auth.Refusal
	if !errors.As(err, &refusal) {
		return ""
	}
	if refusal.Presented {
		return `Bearer realm="scim", error="invalid_token"`
	}
	return `Bearer realm="scim"`
}

// refusedKeyID is the key id of a well-formed token that was refused.
func refusedKeyID(err error) string {
	var refusal *auth.Refusal
	if errors.As(err, &refusal) {
		return refusal.KeyID
	}
	return ""
}

// refusedAs is the kind of a failed authentication, empty if err is none.
func refusedAs(err error) RefusedAs {
	var refusal *auth.Refusal
	switch {
	case !errors.As(err, &refusal):
		return ""
	case !refusal.Presented:
		return RefusedNothing
	case refusal.KeyID == "":
		return RefusedUnknown
	default:
		return RefusedToken
	}
}

// reason says for the log why something of ours failed, in words that cannot hold anything of the request: the API server
// repeats field values in its errors, and URLs hold filters.
func reason(err error) string {
	var errno syscall.Errno
	var timeout net.Error
	switch {
	case err == nil:
		return "panic"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline exceeded"
	case apierrors.ReasonForError(err) != "":
		return "API server: " + string(apierrors.ReasonForError(err))
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "network timeout"
	}
	return told(err)
}

// told is our own sentence about err, or the type of an error that has none.
func told(err error) string {
	var known *scim.Error
	switch {
	case errors.As(err, &known):
		return known.Detail
	case errors.Is(err, auth.ErrUnavailable):
		return err.Error()
	}
	return fmt.Sprintf("%T", err)
}

func errUnavailable(detail string) *scim.Error {
	e := scim.Errorf(http.StatusServiceUnavailable, "", "%s; try again", detail)
	e.RetryAfter = retryAfter
	return e
}

func errTooLarge(limit int64) *scim.Error {
	return scim.Errorf(http.StatusRequestEntityTooLarge, "", "the body is longer than %d bytes", limit)
}

func errMediaType() *scim.Error {
	return scim.Errorf(http.StatusUnsupportedMediaType, "", "the body must be %s or %s, not compressed", scim.MediaType, mediaTypeJSON)
}

func errNoSuchPath() *scim.Error {
	return scim.Errorf(http.StatusNotFound, "", "there is nothing at this path; the base URL is in the status of the ScimDirectory")
}

func errMethod() *scim.Error {
	return scim.Errorf(http.StatusMethodNotAllowed, "", "this path does not take this method; see the Allow header")
}

// suspendedFor is what clients of a suspended directory are asked to wait. Nobody knows how long it will be.
const suspendedFor = time.Minute

func errSuspended() *scim.Error {
	e := scim.Errorf(http.StatusServiceUnavailable, "", "this directory is suspended: spec.suspended of the ScimDirectory; try again later")
	e.RetryAfter = suspendedFor
	return e
}

func errSwitchedOff(name string) *scim.Error {
	return scim.Errorf(http.StatusNotImplemented, "", "%s are off in this directory: spec.operations.%s of the ScimDirectory", name, name)
}

func errNotImplemented(what string) *scim.Error {
	return scim.Errorf(http.StatusNotImplemented, "", "%s is not supported", what)
}
