// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
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

// Server serves one handler until it is told to stop, and then lets every request end.
type Server struct {
	// Handler answers the requests.
	Handler http.Handler
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
	go func() { ended <- server.Serve(listener) }()
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
		MaxHeaderBytes:               maxHeaderBytes,
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
