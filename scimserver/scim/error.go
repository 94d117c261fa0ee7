// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// MediaType is the content type of every SCIM body (RFC 7644 §3.8).
const MediaType = "application/scim+json"

const errorURN = "urn:ietf:params:scim:api:messages:2.0:Error"

// ErrorType is the scimType of RFC 7644 §3.12, Table 9; empty where the table
// has none.
type ErrorType string

// The error types of RFC 7644 §3.12, and the last three of RFC 9865 §2.1. All
// belong to status 400, except ErrorUniqueness (409) and ErrorSensitive (403).
const (
	ErrorUniqueness    ErrorType = "uniqueness"
	ErrorInvalidFilter ErrorType = "invalidFilter"
	ErrorTooMany       ErrorType = "tooMany"
	ErrorMutability    ErrorType = "mutability"
	ErrorInvalidSyntax ErrorType = "invalidSyntax"
	ErrorInvalidPath   ErrorType = "invalidPath"
	ErrorNoTarget      ErrorType = "noTarget"
	ErrorInvalidValue  ErrorType = "invalidValue"
	ErrorInvalidVers   ErrorType = "invalidVers"
	ErrorSensitive     ErrorType = "sensitive"
	ErrorInvalidCursor ErrorType = "invalidCursor"
	ErrorExpiredCursor ErrorType = "expiredCursor"
	ErrorInvalidCount  ErrorType = "invalidCount"
)

// Error is a SCIM error response. Detail is sent to the client and logged, so
// it never holds input values.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Type is the scimType; empty where RFC 7644 defines none.
	Type ErrorType
	// Detail is one sentence for people.
	Detail string
	// RetryAfter, if positive, becomes a Retry-After header. It is not part of
	// the body.
	RetryAfter time.Duration

	cause error
}

// Errorf returns an error with the given status, type and detail. The
// arguments must not be input values: name attributes and limits only.
func Errorf(status int, typ ErrorType, format string, a ...any) *Error {
	return &Error{Status: status, Type: typ, Detail: fmt.Sprintf(format, a...)}
}

// WithCause returns a copy of e that unwraps to cause. The cause is never
// rendered, neither by Error nor in the body.
func (e *Error) WithCause(cause error) *Error {
	out := *e
	out.cause = cause
	return &out
}

// Error is the text for logs: status, type and detail, without the cause.
func (e *Error) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("scim %d: %s", e.Status, e.Detail)
	}
	return fmt.Sprintf("scim %d %s: %s", e.Status, e.Type, e.Detail)
}

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// MarshalJSON renders the body of RFC 7644 §3.12; status is a string there.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Schemas []string  `json:"schemas"`
		Status  string    `json:"status"`
		Type    ErrorType `json:"scimType,omitempty"`
		Detail  string    `json:"detail,omitempty"`
	}{[]string{errorURN}, strconv.Itoa(e.Status), e.Type, e.Detail})
}

// badRequest is Errorf with status 400, which most of this package's errors have.
func badRequest(typ ErrorType, format string, a ...any) *Error {
	return Errorf(400, typ, format, a...)
}

// within puts where in front of the detail of err.
func within(where string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Detail = where + out.Detail
	return &out
}
