// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// The times and sizes of a connection. The write time-out is below the 60 s after which Okta and most Ingresses give up; a
// request has its own, shorter deadline (Limits.Request).
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 55 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 16 << 10
)

// The bounds of an HTTP/2 connection. A ping finds out whether a client that says nothing is still there.
const (
	maxStreams  = 100
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// Server serves one handler until it is told to stop, and then lets every request end.
type Server struct {
	// Handler answers the requests.
	Handler http.Handler
	// Certificate is what the server presents, asked for each connection; nil is plain HTTP.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Log gets what net/http has to say, such as a failed accept.
	Log *slog.Logger
	// Delay is how long the server goes on serving after it was told to stop, until no load balancer sends anything more.
	Delay time.Duration
	// Drain is how long requests under way may take after that.
	Drain time.Duration
	// Stopping, if set, is called once at the beginning of Delay.
	Stopping func()
}

// Serve serves listener until ctx ends, then for Delay more, with "Connection: close" on every response so that clients move
// elsewhere by themselves, and then waits up to Drain for the requests under way. It returns nil if they all ended. Requests
// do not inherit ctx: stopping cancels none.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	var stopping atomic.Bool
	server := s.httpServer(&stopping)
	ended := make(chan error, 1)
	go func() { ended <- s.accept(server, listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stopping.Store(true)
	if s.Stopping != nil {
		s.Stopping()
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-time.After(s.Delay):
	}
	return s.shutDown(context.WithoutCancel(ctx), server)
}

func (s *Server) accept(server *http.Server, listener net.Listener) error {
	if s.Certificate == nil {
		return server.Serve(listener)
	}
	server.TLSConfig = tlsConfig(s.Certificate)
	return server.ServeTLS(listener, "", "")
}

// tlsConfig is TLS 1.3, and 1.2 for Entra ID, which speaks nothing newer; of its suites those that Go and Mozilla
// ("intermediate") recommend: forward secrecy and authenticated encryption.
func tlsConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: certificate,
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

func (s *Server) shutDown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, s.Drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain requests: %w", err), server.Close())
	}
	return nil
}

func (s *Server) httpServer(stopping *atomic.Bool) *http.Server {
	return &http.Server{
		Handler:                      closeWhen(stopping, s.Handler),
		ReadHeaderTimeout:            readHeaderTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		ConnState:                    newWaiting(maxWaiting).note,
		MaxHeaderBytes:               maxHeaderBytes,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableGeneralOptionsHandler: true, // OPTIONS * is authenticated like everything else
		ErrorLog:                     slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
}

func closeWhen(stopping *atomic.Bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
