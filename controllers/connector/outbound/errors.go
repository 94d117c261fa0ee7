// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

const (
	// refusedWait is when to try again what only people can change.
	refusedWait = time.Minute
	// maxRetryAfter bounds what an application may ask for: a leaver must not wait for a day.
	maxRetryAfter = 10 * time.Minute
)

// explain turns a failure to get an answer into an error of a kind. What net/http says is never quoted: it holds the URL.
func explain(ctx context.Context, what string, err error) error {
	var certificate *tls.CertificateVerificationError
	var peer *net.OpError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case errors.Is(err, egress.ErrForbidden):
		return connector.Deniedf("%s: the address is not one that connectors may connect to; see --allow-egress of scim-controller", what).Because(err)
	case errors.As(err, &certificate):
		return connector.Deniedf("%s: the application's certificate is not trusted; put its authority into the Secret's %s", what, KeyAuthorities).Because(err)
	case errors.As(err, &peer) && peer.Op == "remote error": // crypto/tls says so of an alert
		return connector.Deniedf("%s: the application ends TLS; it may want another client certificate (%s, %s)", what, KeyCertificate, KeyPrivateKey).Because(err)
	case errors.Is(err, errProxy):
		return connector.Unavailablef(refusedWait, "%s: the proxy does not let it through", what).Because(err)
	case isTimeout(err):
		return connector.Unavailablef(0, "%s: the application does not answer in time", what).Because(err)
	}
	return connector.Unavailablef(0, "%s: the application does not answer", what).Because(err)
}

// Err says what an answer means where the connector knows no better, nil for a 2xx. It quotes nothing of it.
//
//	answer             kind
//	401, 403, 407      Denied
//	409                Conflict
//	3xx                Unavailable, in a minute: redirects are not followed
//	408, 425, 429, 5xx Unavailable, when Retry-After says (at most ten minutes) or by back-off
//	404, other 4xx     Invalid
func (r Response) Err(what string) error {
	switch {
	case r.Status >= 200 && r.Status < 300:
		return nil
	case r.Status == http.StatusUnauthorized:
		return connector.Deniedf("%s: the application refuses the credential (401)", what)
	case r.Status == http.StatusForbidden:
		return connector.Deniedf("%s: the credential may not do this (403)", what)
	case r.Status == http.StatusProxyAuthRequired:
		return connector.Deniedf("%s: the proxy wants a credential (407)", what)
	case r.Status == http.StatusConflict:
		return connector.Conflictf("%s: the application says that it conflicts with something (409)", what)
	case r.Status < http.StatusBadRequest:
		return connector.Unavailablef(refusedWait, "%s: the application redirects elsewhere, which is not followed (%d)", what, r.Status)
	case r.Status >= http.StatusInternalServerError || isLater(r.Status):
		return connector.Unavailablef(retryAfter(r.Header), "%s: the application cannot do it now (%d)", what, r.Status)
	}
	return connector.Invalidf("%s: the application does not accept it (%d)", what, r.Status)
}

func isLater(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3); zero if there is none that makes sense.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return bounded(time.Duration(min(max(seconds, 0), int(maxRetryAfter/time.Second))) * time.Second)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return bounded(time.Until(at))
}

func bounded(wait time.Duration) time.Duration { return min(max(wait, 0), maxRetryAfter) }

// isTimeout reports whether a time-out ended err, ours or the system's.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
