// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const (
	firstDelay = 10 * time.Millisecond
	longest    = 400 * time.Millisecond
	attempts   = 60 // with the delays above about 15 s, well inside the deadline of a request
)

// retry runs try until it is done or fails, with growing, jittered pauses. Running out of attempts or of time is 503.
func (s *Store) retry(ctx context.Context, try func() (done bool, err error)) error {
	delay := firstDelay
	for range attempts {
		done, err := try()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay/2 + rand.N(delay)): //nolint:gosec // jitter needs no secrecy
		}
		delay = min(2*delay, longest)
	}
	return busy("too many changes of the same resource at once")
}

// failure turns whatever went wrong into what a SCIM client is told. The text of the API server never reaches the client.
func failure(err error) error {
	var known *scim.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case refused(err):
		return scim.Errorf(http.StatusBadRequest, scim.ErrorInvalidValue, "the resource cannot be stored: %s", refusedFields(err)).WithCause(err)
	default:
		return busy("the API server did not answer as it should").WithCause(err)
	}
}

// refused reports whether the API server said no to the object itself, and surely did not store it.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// refusedFields names the fields that the API server did not like; their values stay unsaid.
func refusedFields(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return "it is too large or malformed"
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Field != "" && cause.Field != "<nil>" { // the schema as a whole has no name
			fields = append(fields, strings.TrimPrefix(cause.Field, "spec."))
		}
	}
	return "wrong value of " + strings.Join(fields, ", ")
}

// busy is a failure of ours that passes: the client shall try again.
func busy(detail string) *scim.Error {
	e := scim.Errorf(http.StatusServiceUnavailable, "", "%s; try again", detail)
	e.RetryAfter = time.Second
	return e
}

func (k kind) errNotFound() error {
	return scim.Errorf(http.StatusNotFound, "", "there is no such %s in this directory", strings.ToLower(k.resource.Name))
}

func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}
