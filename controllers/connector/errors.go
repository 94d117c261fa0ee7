// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind says what the reconciler should do about an error. The comment of each is the whole policy.
type Kind string

const (
	// KindInvalid means that this account cannot be represented (a bad name, an unknown role). Retrying is useless until the
	// account or the application changes.
	KindInvalid Kind = "Invalid"
	// KindConflict means that somebody else's account is where ours should be. Retrying is useless until somebody decides.
	KindConflict Kind = "Conflict"
	// KindDenied means that our credential is refused or may not do this. All accounts of the application are affected.
	KindDenied Kind = "Denied"
	// KindUnavailable means that the system cannot do it now; try again after [RetryAfter].
	KindUnavailable Kind = "Unavailable"
	// KindUnknown is every other error: a bug, or something that nobody thought of. Retry with back-off.
	KindUnknown Kind = "Error"
)

// maxMessages bounds what [Message] lists, since it ends in a condition that people read.
const maxMessages = 5

// Error is an error of a known kind. Its text is Message alone: the cause may quote what a downstream system said,
// with names or worse in it, so it is there for errors.Is and errors.As and is never printed.
type Error struct {
	// Kind is what the reconciler acts on.
	Kind Kind
	// Message is written for people and ends in a condition. It holds no secrets and no personal data (no userName),
	// and is the same every time the same thing is wrong.
	Message string
	// RetryAfter is when to try again, for KindUnavailable only. Zero leaves it to the caller's back-off.
	RetryAfter time.Duration

	cause error
}

// Invalidf returns an error of KindInvalid with that message.
func Invalidf(format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Message: fmt.Sprintf(format, args...)}
}

// Conflictf returns an error of KindConflict with that message.
func Conflictf(format string, args ...any) *Error {
	return &Error{Kind: KindConflict, Message: fmt.Sprintf(format, args...)}
}

// Deniedf returns an error of KindDenied with that message.
func Deniedf(format string, args ...any) *Error {
	return &Error{Kind: KindDenied, Message: fmt.Sprintf(format, args...)}
}

// Unavailablef returns an error of KindUnavailable with that message, to be retried after the given time (zero: the
// caller's back-off).
func Unavailablef(retryAfter time.Duration, format string, args ...any) *Error {
	return &Error{Kind: KindUnavailable, Message: fmt.Sprintf(format, args...), RetryAfter: retryAfter}
}

// Because returns the error with a cause, which errors.Is and errors.As find and nobody reads.
func (e *Error) Because(cause error) *Error {
	caused := *e
	caused.cause = cause
	return &caused
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of err, KindUnknown if it has none, and "" for nil. Of joined errors it is the one that is
// retried most readily (Unavailable, Error, Denied, Conflict, Invalid): a removal that was cut short must not wait
// because an addition beside it can never work.
func KindOf(err error) Kind {
	readiest := Kind("")
	for _, found := range leaves(err) {
		if readiest == "" || readiness(found.Kind) < readiness(readiest) {
			readiest = found.Kind
		}
	}
	return readiest
}

// RetryAfter returns how long to wait before trying again: the longest that an Unavailable error in err asks for, zero
// if none does.
func RetryAfter(err error) time.Duration {
	var longest time.Duration
	for _, found := range leaves(err) {
		longest = max(longest, found.RetryAfter)
	}
	return longest
}

// Message returns the text for a condition: the messages in err, sorted, each once, at most five of them. Errors without a kind
// contribute nothing, for nobody vouches for what they contain. It is "" for nil.
func Message(err error) string {
	var messages []string
	for _, found := range leaves(err) {
		if found.Kind != KindUnknown {
			messages = append(messages, found.Message)
		}
	}
	slices.Sort(messages)
	messages = slices.Compact(messages)
	if more := len(messages) - maxMessages; more > 0 {
		messages = append(messages[:maxMessages], fmt.Sprintf("and %d more", more))
	}
	if len(messages) == 0 && err != nil {
		return "unexpected error"
	}
	return strings.Join(messages, "; ")
}

// leaves returns the errors that err is made of. One without a kind becomes KindUnknown without a message. Causes are
// not looked into: the connector that wrapped them has said what they mean.
func leaves(err error) []*Error {
	if err == nil {
		return nil
	}
	if known, ok := err.(*Error); ok { //nolint:errorlint // this walk visits every layer itself
		return []*Error{known}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // see above
		var all []*Error
		for _, e := range joined.Unwrap() {
			all = append(all, leaves(e)...)
		}
		return all
	}
	if inner := errors.Unwrap(err); inner != nil {
		return leaves(inner)
	}
	return []*Error{{Kind: KindUnknown}}
}

func readiness(k Kind) int {
	return slices.Index([]Kind{KindUnavailable, KindUnknown, KindDenied, KindConflict, KindInvalid}, k)
}
