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
	var missing *auth.MissingScope
	switch {
	case errors.As(err, &known):
		if known.Status >= http.StatusInternalServerError && known.Status != http.StatusNotImplemented && known.RetryAfter == 0 {
			return errUnavailable(known.Detail)
		}
		return known
	case errors.As(err, &refusal) && refusal.Malformed:
		return scim.Errorf(http.StatusBadRequest, "", "a request must have one credential, in one Authorization header of at most %d bytes", auth.MaxAuthorizationBytes)
	case errors.As(err, &refusal):
		return scim.Errorf(http.StatusUnauthorized, "", "a valid credential of this directory is required")
	case errors.As(err, &missing):
		return scim.Errorf(http.StatusForbidden, "", "the credential may not be used for this, which takes the scope %s", missing.Scope)
	case errors.Is(err, auth.ErrUnavailable):
		return errUnavailable("authentication is not available now")
	default:
		return errUnavailable("internal error")
	}
}

// challengesOf are the WWW-Authenticate headers: what is accepted, and of RFC 6750 §3 an error code for who presented something.
// They depend on what was presented only.
func challengesOf(err error) []string {
	var refusal *auth.Refusal
	var missing *auth.MissingScope
	switch {
	case errors.As(err, &missing):
		return []string{fmt.Sprintf(`Bearer realm="scim", error="insufficient_scope", scope=%q`, missing.Scope)}
	case !errors.As(err, &refusal):
		return nil
	case refusal.Malformed:
		return []string{`Bearer realm="scim", error="invalid_request"`}
	case refusal.Presented:
		return []string{`Bearer realm="scim", error="invalid_token"`, basicChallenge}
	}
	return []string{`Bearer realm="scim"`, basicChallenge}
}

const basicChallenge = `Basic realm="scim", charset="UTF-8"` // RFC 7617 §2.1

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

// failurePause is what is asked of who fails to authenticate too often, whoever it is.
const failurePause = 10 * time.Second

func errManyFailures() *scim.Error {
	return errTooMany(failurePause, "too many credentials are refused")
}

func errTooFast(wait time.Duration) *scim.Error {
	return errTooMany(wait, "this credential asks faster than spec.limits of the ScimDirectory lets it")
}

func errManyAtOnce() *scim.Error {
	return errTooMany(retryAfter, "too many requests of this credential are under way")
}

func errTooMany(wait time.Duration, detail string) *scim.Error {
	e := scim.Errorf(http.StatusTooManyRequests, "", "%s; try again later", detail)
	e.RetryAfter = wait
	return e
}

func errManyBodies() *scim.Error { return errUnavailable("too many long bodies are being read") }

func errElsewhere() *scim.Error {
	return scim.Errorf(http.StatusForbidden, "", "this address is not one that requests may come from: spec.authentication.allowedCIDRs of the ScimDirectory")
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
