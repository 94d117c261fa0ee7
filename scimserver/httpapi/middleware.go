// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
)

// survive gives the request an id of ours and its source, and turns a panic into a 503. When half a response has left already, it aborts the
// connection instead, so that the client cannot take it for a whole one.
func (s *server) survive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: w, requestID: newRequestID(), source: sourceOf(r, s.TrustedProxies)}
		r = x.attach(r)
		defer func() {
			if cause := recover(); cause != nil {
				s.panicked(x, r, cause)
			}
		}()
		next.ServeHTTP(x, r)
	})
}

// newRequestID returns an id that also tells when the request came (RFC 9562 §5.7). It travels with what the request changes, so that
// scim-controller can say how long that took to arrive.
func newRequestID() string {
	if id, err := uuid.NewV7(); err == nil {
		return id.String()
	}
	return uuid.NewString()
}

func (s *server) panicked(x *exchange, r *http.Request, cause any) {
	s.logPanic(x, cause)
	if x.status != 0 {
		panic(http.ErrAbortHandler)
	}
	respond(x, r, reply{}, errUnavailable("internal error"))
}

// logPanic logs a panic, unless it is the one by which a handler ends a connection: that goes on.
func (s *server) logPanic(x *exchange, cause any) {
	if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it like that
		panic(cause)
	}
	s.Log.Error("Handler panicked", "requestID", x.requestID, "cause", panicText(cause), "stack", string(debug.Stack()))
}

// panicText leaves out what a panic may carry of a request: only the runtime's own texts are known to be harmless.
func panicText(cause any) string {
	if err, ok := cause.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", cause)
}

// logLine writes one line per request when it is over, unless there are too many of its kind (see hushed).
func (s *server) logLine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, start := exchangeOf(r), s.Now()
		if s.Began != nil {
			s.Began()
		}
		defer func() { s.logExchange(r, x, s.Now().Sub(start)) }()
		next.ServeHTTP(w, r)
	})
}

func (s *server) logExchange(r *http.Request, x *exchange, took time.Duration) {
	status := x.status
	if status == 0 { // a panic is passing by on its way to survive
		status = http.StatusServiceUnavailable
	}
	s.Served(Served{
		Namespace: x.identity.Directory.Namespace, Directory: x.identity.Directory.Name,
		Method: knownMethod(r.Method), Route: x.route, Status: status, Took: took,
		Refused: refusedAs(x.err), Received: max(0, r.ContentLength), Sent: x.bytes,
	})
	if summary := s.quiet.summary(s.elapsed()); summary != nil {
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "Requests without a log line of their own", summary...)
	}
	if x.hushed != loud {
		s.quiet.count(x.hushed)
		return
	}
	s.logServed(r, x, status, took)
}

func (s *server) logServed(r *http.Request, x *exchange, status int, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("requestID", x.requestID),
		slog.String("method", knownMethod(r.Method)),
		slog.String("route", x.route),
		slog.Int("status", status),
		slog.Float64("seconds", took.Seconds()),
		slog.Int64("bytes", x.bytes),
		slog.String("namespace", x.identity.Directory.Namespace),
		slog.String("directory", x.identity.Directory.Name),
		slog.String("tokenKeyID", x.identity.TokenKeyID),
	}
	attrs = append(attrs, x.more...)
	level := slog.LevelInfo
	if isFailure(status, x) {
		level = slog.LevelError
		attrs = append(attrs, slog.String("reason", reason(x.err)))
	}
	s.Log.LogAttrs(r.Context(), level, "Request served", attrs...)
}

// isFailure says whether an answer is a failure of ours. That nothing is done which nobody offers, or which somebody suspended,
// is none.
func isFailure(status int, x *exchange) bool {
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented && !x.identity.Directory.Settings().Suspended
}

// knownMethod keeps whatever else a stranger sends as method out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return "other"
}

// answerTime is kept back from the time of a request, to write the answer in.
const answerTime = time.Second

// limitTime gives the work its deadline, and the connection one a little later, by which the answer has left or never does.
func (s *server) limitTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.Limits.Request-answerTime)
		defer cancel()
		// A writer without a deadline (in a test) is bounded by the context alone.
		_ = http.NewResponseController(w).SetWriteDeadline(s.Now().Add(s.Limits.Request))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// refuseSuspended answers for a directory that is suspended, whatever the request is.
func refuseSuspended(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if exchangeOf(r).identity.Directory.Settings().Suspended {
			respond(w, r, reply{}, errSuspended())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitBody refuses a body that says it is too long, and cuts off one that turns out to be.
func (s *server) limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := s.Limits.BodyBytes
		if takesGroup(r.URL.Path) {
			limit = s.Limits.GroupBytes
		}
		if r.ContentLength > limit {
			respond(w, r, reply{}, errTooLarge(limit))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// requireJSON refuses a body that is not, or is not plainly, JSON.
func requireJSON(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 && !isJSON(r.Header) {
			respond(w, r, reply{}, errMediaType())
			return
		}
		next.ServeHTTP(w, r)
	})
}
