// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"sync/atomic"
)

// Readiness says whether this process should get requests. The zero value is not ready. It is safe for concurrent use.
type Readiness struct {
	started  atomic.Bool
	stopping atomic.Bool
}

// Start makes the process ready, for good: a server that lost the API server still answers 503 and tells why, which is more
// than a load balancer without a backend does.
func (r *Readiness) Start() { r.started.Store(true) }

// Stop makes the process not ready, for good.
func (r *Readiness) Stop() { r.stopping.Store(true) }

// Ready says whether the process should get requests.
func (r *Readiness) Ready() bool { return r.started.Load() && !r.stopping.Load() }

// NewHealthHandler returns the handler of the health listener: /healthz says that the process runs, /readyz whether it
// should get requests (503 if not). Nothing there is authenticated, so nothing there says more.
func NewHealthHandler(readiness *Readiness) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answerPlain(w, http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if readiness.Ready() {
			answerPlain(w, http.StatusOK)
			return
		}
		answerPlain(w, http.StatusServiceUnavailable)
	})
	return mux
}

func answerPlain(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(http.StatusText(status) + "\n"))
}
