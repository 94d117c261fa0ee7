// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/scim-operator/scim-operator/scimserver/auth"
)

// exchange is what one request has become so far: the writer that counts, and what the log line says at the end.
// It belongs to the goroutine of its request.
type exchange struct {
	http.ResponseWriter
	requestID string
	source    netip.Addr // where the request comes from; not valid if the connection does not say
	route     string     // template of the matched path, empty before routing
	identity  auth.Identity
	err       error
	more      []slog.Attr // of the log line
	hushed    hushed
	// settle is called once, with the status of the answer, right before it leaves; nil if nobody wants to know.
	settle func(status int)
	status int // 0 until the header is written
	bytes  int64
}

type exchangeKey struct{}

// exchangeOf returns the exchange that survive made.
func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

func (x *exchange) attach(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
		x.settled(status)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(b []byte) (int, error) {
	n, err := x.ResponseWriter.Write(b)
	x.bytes += int64(n)
	return n, err
}

// settled tells settle, which is not asked again if it panics.
func (x *exchange) settled(status int) {
	if settle := x.settle; settle != nil {
		x.settle = nil
		settle(status)
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }
